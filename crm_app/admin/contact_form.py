"""The card of a contact as a form. It never saves: the services do."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm_app.models import EMAIL, PHONE, Contact, CustomField
from crm_app.normalization import email_normalize, phone_normalize
from crm_app.people import Person, Point
from crm_app.services.contacts import (
    contact_create,
    contact_point_remove,
    contact_points_add,
    contact_update,
)
from openlines_project.admin import ModelForm, select_widget, text_widget, textarea_widget

CUSTOM_PREFIX = "custom_"
ORIGIN = "operator"


class ContactForm(ModelForm[Contact]):
    """Name, company, responsible, and the phones and e-mails, one a line.

    The fields an administrator defined come as `custom_<key>`: see `contact_form_class`.
    """

    phones = forms.CharField(
        label=gettext_lazy("Phones"),
        required=False,
        max_length=2000,
        widget=textarea_widget(),
        help_text=gettext_lazy("One a line, with + and the country code."),
    )
    emails = forms.CharField(
        label=gettext_lazy("E-mails"),
        required=False,
        max_length=4000,
        widget=textarea_widget(),
        help_text=gettext_lazy("One a line."),
    )

    class Meta:
        model = Contact
        fields = ("name", "company", "responsible")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["phones"] = "\n".join(_values(self.instance, PHONE))
            self.initial["emails"] = "\n".join(_values(self.instance, EMAIL))
            for key, value in self.instance.custom.items():
                self.initial[f"{CUSTOM_PREFIX}{key}"] = value

    def clean_phones(self) -> list[str]:
        return self._clean_lines("phones", phone_normalize, _("There is no such number: %s"))

    def clean_emails(self) -> list[str]:
        return self._clean_lines("emails", email_normalize, _("This is no address: %s"))

    def _clean_lines(self, name: str, read: Any, sentence: str) -> list[str]:
        lines = [line.strip() for line in self.cleaned_data[name].splitlines() if line.strip()]
        wrong = [line for line in lines if read(line) is None]
        if wrong:
            raise forms.ValidationError([sentence % line for line in wrong])
        return list(dict.fromkeys(read(line) for line in lines))

    def save_by_services(self, *, contact: Contact, is_new: bool, now: dt.datetime) -> list[int]:
        """Write what was typed. The numbers of other cards that have one of the new points."""
        data = self.cleaned_data
        wanted = [Point(PHONE, value) for value in data["phones"]]
        wanted += [Point(EMAIL, value) for value in data["emails"]]
        if is_new:
            made = contact_create(person=Person(name=data["name"]), now=now, origin=ORIGIN)
            contact.pk = made.pk
        else:
            for row in contact.points.filter(is_identity=False):
                if Point(row.kind, row.value) not in wanted:
                    contact_point_remove(point=row)
        # Typed by a person on this card, so it stands here, whoever else has it.
        added = contact_points_add(
            contact=contact, points=wanted, now=now, origin=ORIGIN, may_share=True
        )
        changes: dict[str, Any] = {
            name: data[name] for name in ("name", "company", "responsible") if name in data
        }
        custom = {
            name.removeprefix(CUSTOM_PREFIX): value
            for name, value in data.items()
            if name.startswith(CUSTOM_PREFIX)
        }
        contact_update(contact=contact, changes={**changes, "custom": custom})
        contact.refresh_from_db()
        return [other for _point, other in added.elsewhere]


def custom_fields() -> list[CustomField]:
    """The fields of contacts an administrator defined, in their order."""
    return list(CustomField.objects.filter(record=CustomField.Record.CONTACT))


def contact_form_class(fields: list[CustomField]) -> type[ContactForm]:
    """The form with these fields beside the fixed ones."""
    made = {f"{CUSTOM_PREFIX}{field.key}": _form_field(field) for field in fields}
    return type("ContactFormWithFields", (ContactForm,), made)


def _form_field(field: CustomField) -> forms.Field:
    match field.kind:
        case CustomField.Kind.NUMBER:
            return forms.DecimalField(label=field.label, required=False, widget=text_widget())
        case CustomField.Kind.DATE:
            return forms.DateField(label=field.label, required=False, widget=text_widget())
        case CustomField.Kind.YES_NO:
            choices = [("", "—"), ("true", _("yes")), ("false", _("no"))]
            return _YesNoField(
                label=field.label, required=False, choices=choices,
                widget=select_widget(choices),
            )  # fmt: skip
        case CustomField.Kind.CHOICE:
            choices = [("", "—"), *((choice, choice) for choice in field.choice_list)]
            return forms.ChoiceField(
                label=field.label, required=False, choices=choices, widget=select_widget(choices)
            )
    return forms.CharField(label=field.label, required=False, max_length=500, widget=text_widget())


class _YesNoField(forms.ChoiceField):
    """Yes, no, or not said."""

    def prepare_value(self, value: Any) -> Any:
        return {True: "true", False: "false"}.get(value, value) if value != "" else value


def _values(contact: Contact, kind: str) -> list[str]:
    return list(contact.points.filter(kind=kind, is_identity=False).values_list("value", flat=True))
