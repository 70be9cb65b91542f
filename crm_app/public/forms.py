"""A CRM form as a customer meets it: its fields, and what he typed, checked field by field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from crm_app.models import CrmForm, CrmFormField, FieldKind
from crm_app.normalization import PhoneError, PhoneFault, email_normalize, phone_parse
from openlines_project.lib.text import clean_text

TEXT_LENGTH = 300
LONG_TEXT_LENGTH = 5000
# Longer than any field takes: what was typed is shown again, and not more.
SHOWN_LENGTH = 6000
CONSENT = "consent"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff\ufffd]")
AUTOCOMPLETE = {FieldKind.NAME: "name", FieldKind.PHONE: "tel", FieldKind.EMAIL: "email"}


class ContactForm(forms.Form):
    """The form of one link. After `is_valid()`, `values` has what goes to the service.

    Browsers check nothing (`novalidate`): every sentence is ours, in the form's language.
    """

    # No key of a field meets a name of ours.
    prefix = "f"

    def __init__(
        self,
        data: Mapping[str, str] | None,
        *,
        crm_form: CrmForm,
        fields: Sequence[CrmFormField],
        country: str,
    ) -> None:
        super().__init__(data)
        self.crm_form = crm_form
        self.country = crm_form.default_country or country
        for field in fields:
            self.fields[field.key] = _form_field(field, self.country)
        if crm_form.asks_consent:
            self.fields[CONSENT] = forms.BooleanField(
                error_messages={"required": _("Tick this box, or we may not keep your details.")}
            )
        self.ways = [field.key for field in fields if field.kind in {"phone", "email"}]
        # Of these one has to be given, though none by itself.
        one_needed = crm_form.needs_contact and not any(self.fields[k].required for k in self.ways)
        self.one_of = self.ways if one_needed else []

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        untouched = not any(self.errors.get(key) or data.get(key) for key in self.ways)
        if self.crm_form.needs_contact and self.ways and untouched:
            self.add_error(self.ways[0], _("Leave a phone number or an e-mail address."))
        return data

    @property
    def values(self) -> dict[str, str]:
        """The checked values by key, without the empty ones."""
        return {key: value for key, value in self.cleaned_data.items() if value and key != CONSENT}

    @property
    def has_consented(self) -> bool:
        return bool(self.cleaned_data.get(CONSENT))

    @property
    def rows(self) -> list[forms.BoundField]:
        """The fields to be filled in, in their order; the consent stands apart."""
        return [self[name] for name in self.fields if name != CONSENT]

    @property
    def consent_row(self) -> forms.BoundField | None:
        return self[CONSENT] if CONSENT in self.fields else None


def clean_post(data: Mapping[str, str]) -> dict[str, str]:
    """What was sent, as it may be shown again: the first 6,000 characters, NUL made visible."""
    return {name: clean_text(value, max_length=SHOWN_LENGTH) for name, value in data.items()}


class _TextField(forms.CharField):
    """A text of a customer: trimmed, in one line, refused when it cannot be stored."""

    def to_python(self, value: Any) -> str:
        text = str(super().to_python(value) or "")
        if _UNSTORABLE.search(text):
            raise forms.ValidationError(
                _("There is a character here that we cannot store. Type it once more."),
                code="character",
            )
        return text


class _PhoneField(_TextField):
    def __init__(self, *, country: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.country = country

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if not text:
            return ""
        try:
            return phone_parse(text, country=self.country)
        except PhoneError as error:
            raise forms.ValidationError(_phone_sentence(error.fault), code="phone") from None


class _EmailField(_TextField):
    def clean(self, value: Any) -> str:
        text = super().clean(value)
        address = email_normalize(text) if text else ""
        if address is None:
            raise forms.ValidationError(
                _("This is no e-mail address. Write it in full, with its domain."), code="email"
            )
        return address


class _ChoiceField(forms.ChoiceField):
    """A list that begins with nothing chosen."""

    def __init__(self, *, choices: Sequence[str], **kwargs: Any) -> None:
        listed = [("", _("Choose")), *((choice, choice) for choice in choices)]
        super().__init__(choices=listed, **kwargs)


def _phone_sentence(fault: PhoneFault) -> str:
    return {
        PhoneFault.SHORT: _("This number is too short. Include the area code."),
        PhoneFault.LONG: _("This number is too long. Give one number only."),
        PhoneFault.COUNTRY: _("Begin with + and the country code, such as +55."),
        PhoneFault.UNKNOWN: _("There is no such phone number. Check its digits and the area code."),
    }[fault]


def _form_field(field: CrmFormField, country: str) -> forms.Field:
    kind = FieldKind(field.kind)
    attrs = {"class": "input"}
    if kind in AUTOCOMPLETE:
        attrs["autocomplete"] = AUTOCOMPLETE[kind]
    common: dict[str, Any] = {
        "label": field.shown_label,
        "help_text": field.help_text,
        "required": field.is_required,
        "error_messages": {"required": _("Fill this in.")},
    }
    if kind == FieldKind.CHOICE:
        return _ChoiceField(
            choices=field.choice_list,
            widget=forms.Select(attrs={"class": "select"}),
            **common
            | {
                "error_messages": {
                    "required": _("Choose one."),
                    "invalid_choice": _("Choose one of the list."),
                }
            },
        )
    length = LONG_TEXT_LENGTH if kind == FieldKind.LONG_TEXT else TEXT_LENGTH
    common["max_length"] = length
    common["error_messages"]["max_length"] = _("This is too long: at most %(most)s characters.") % {
        "most": length
    }
    if kind == FieldKind.PHONE:
        tel = forms.TextInput(attrs | {"type": "tel", "inputmode": "tel"})
        return _PhoneField(country=country, widget=tel, **common)
    if kind == FieldKind.EMAIL:
        address = forms.EmailInput(attrs | {"autocapitalize": "none", "spellcheck": "false"})
        return _EmailField(widget=address, **common)
    if kind == FieldKind.LONG_TEXT:
        return _TextField(widget=forms.Textarea({"class": "textarea", "rows": "4"}), **common)
    return _TextField(widget=forms.TextInput(attrs), **common)
