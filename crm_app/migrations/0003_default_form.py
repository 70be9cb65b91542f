"""One form to begin with: name, phone, e-mail and consent, in whatever language is spoken."""

from django.db import migrations

FIELDS = (("name", True), ("phone", False), ("email", False))


def form_make(apps, schema_editor):
    CrmForm = apps.get_model("crm_app", "CrmForm")
    CrmFormField = apps.get_model("crm_app", "CrmFormField")
    if CrmForm.objects.filter(language="", is_default=True).exists():
        return
    form = CrmForm.objects.create(name="Contact details", is_default=True)
    CrmFormField.objects.bulk_create(
        CrmFormField(form=form, position=position, key=kind, kind=kind, is_required=is_required)
        for position, (kind, is_required) in enumerate(FIELDS, start=1)
    )


def form_remove(apps, schema_editor):
    """Only one that was never used and not changed: the tables go with the next step back."""
    CrmForm = apps.get_model("crm_app", "CrmForm")
    CrmForm.objects.filter(
        name="Contact details", is_default=True, title="", submissions__isnull=True
    ).delete()


class Migration(migrations.Migration):

    dependencies = [("crm_app", "0002_forms")]

    operations = [migrations.RunPython(form_make, form_remove)]
