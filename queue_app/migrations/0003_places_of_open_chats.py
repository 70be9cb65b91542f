"""Chats that were offered or accepted before hold a place; answered ones stay answered."""

from django.db import migrations
from django.db.models import F


def fill(apps, schema_editor):
    Session = apps.get_model("queue_app", "Session")
    Session.objects.filter(state__in=["offered", "active"]).update(holds_place=True)
    Session.objects.filter(state="active", answered_at__isnull=True).update(
        answered_at=F("first_reply_at")
    )


class Migration(migrations.Migration):
    dependencies = [("queue_app", "0002_desk")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
