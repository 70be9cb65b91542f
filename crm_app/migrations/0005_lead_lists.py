"""The statuses and the source that leads begin with. Without names: they speak each language."""

from django.db import migrations

STAGES = ("new", "in_work", "converted", "junk")


def lists_make(apps, schema_editor):
    LeadStatus = apps.get_model("crm_app", "LeadStatus")
    LeadSource = apps.get_model("crm_app", "LeadSource")
    for position, stage in enumerate(STAGES, start=1):
        if not LeadStatus.objects.filter(stage=stage).exists():
            LeadStatus.objects.create(stage=stage, position=position)
    if not LeadSource.objects.filter(key="open_channel").exists():
        LeadSource.objects.create(key="open_channel", position=1)


def lists_remove(apps, schema_editor):
    """Only what nobody used or renamed: the tables go with the next step back."""
    apps.get_model("crm_app", "LeadStatus").objects.filter(name="", leads__isnull=True).delete()
    apps.get_model("crm_app", "LeadSource").objects.filter(
        key="open_channel", name="", leads__isnull=True
    ).delete()


class Migration(migrations.Migration):

    dependencies = [("crm_app", "0004_contacts_leads_timeline")]

    operations = [migrations.RunPython(lists_make, lists_remove)]
