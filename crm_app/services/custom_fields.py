"""Values of the fields an administrator defined: one check for admin, import and API."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.text import slugify
from django.utils.translation import gettext as _

from crm_app.models import CustomField
from openlines_project.lib.text import clean_text

TEXT_LENGTH = 500
_TRUE, _FALSE = {"true", "yes", "1", "on"}, {"false", "no", "0", "off"}


def custom_field_key(field: CustomField) -> str:
    """A key for a new field, unlike those its record has already."""
    taken = set(CustomField.objects.filter(record=field.record).values_list("key", flat=True))
    base = slugify(field.label)[:32] or "field"
    key, number = base, 2
    while key in taken:
        key, number = f"{base}-{number}", number + 1
    return key


def custom_values_check(
    *, record: str, values: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Values as they are stored, and for those that are wrong a sentence by key.

    `record` is "contact" or "lead". Numbers become text in plain notation, dates ISO 8601, yes
    and no true and false; an empty value becomes None, which empties the field.
    """
    if not values:
        return {}, {}
    fields = {field.key: field for field in CustomField.objects.filter(record=record)}
    stored: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for key, value in values.items():
        if key not in fields:
            faults[key] = _("There is no such field.")
            continue
        try:
            stored[key] = None if value is None or value == "" else _read(fields[key], value)
        except ValueError as error:
            faults[key] = str(error)
    return stored, faults


def _read(field: CustomField, value: Any) -> Any:
    """Raises `ValueError` with a sentence."""
    if isinstance(value, list | dict | tuple):
        raise ValueError(_("One value only."))
    text = clean_text(str(value), max_length=TEXT_LENGTH + 1).strip()
    if len(text) > TEXT_LENGTH:
        raise ValueError(_("At most %(most)d characters.") % {"most": TEXT_LENGTH})
    match field.kind:
        case CustomField.Kind.NUMBER:
            return _number(text)
        case CustomField.Kind.DATE:
            try:
                return dt.date.fromisoformat(text).isoformat()
            except ValueError:
                raise ValueError(_("Write the date as 2026-03-31.")) from None
        case CustomField.Kind.YES_NO:
            if text.lower() not in _TRUE | _FALSE:
                raise ValueError(_("Write yes or no."))
            return text.lower() in _TRUE
        case CustomField.Kind.CHOICE:
            if text not in field.choice_list:
                raise ValueError(_("Choose one of the list."))
    return text


def _number(text: str) -> str:
    try:
        number = Decimal(text.replace(",", "."))
    except InvalidOperation:
        raise ValueError(_("Write a number.")) from None
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise ValueError(_("Write a number."))
    return format(number.normalize(), "f")
