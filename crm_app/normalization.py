"""Phones and e-mails in one spelling, so that the same one is found however it was typed. Pure."""

from __future__ import annotations

import unicodedata
from enum import Enum

import phonenumbers

EMAIL_MAX_LENGTH = 254
# The longest number E.164 knows has 15 digits; blanks, brackets and words like "ext." come to it.
PHONE_MAX_LENGTH = 60


class PhoneFault(Enum):
    """What keeps a text from being a phone number."""

    SHORT = "short"
    LONG = "long"
    COUNTRY = "country"
    UNKNOWN = "unknown"


class PhoneError(ValueError):
    """The text is no phone number; `fault` says why."""

    def __init__(self, fault: PhoneFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


def phone_parse(text: str, *, country: str = "") -> str:
    """A phone number in E.164: a plus and digits only.

    `country` is two letters, such as BR; a number without a plus is read by it. Nothing is
    guessed: digits that are no number there may be one elsewhere, and somebody else's.
    Raises `PhoneError`.
    """
    text = text.strip()
    if len(text) > PHONE_MAX_LENGTH:
        raise PhoneError(PhoneFault.LONG)
    try:
        number = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException as error:
        raise PhoneError(_parse_fault(error, country)) from None
    if not phonenumbers.is_valid_number(number):
        raise PhoneError(_length_fault(number))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def phone_normalize(text: str, *, country: str = "") -> str | None:
    """A phone number in E.164 as `phone_parse` gives it, None for a text that is none."""
    try:
        return phone_parse(text, country=country)
    except PhoneError:
        return None


def email_normalize(text: str) -> str | None:
    """An e-mail address in lower case, None for a text that is none.

    Only what can be told without asking anybody is checked: one @, a name before it, a domain
    with a dot behind it, no blanks. Upper and lower case are the same person nearly everywhere,
    so both parts are folded.
    """
    address = unicodedata.normalize("NFC", text.strip()).lower()
    local, at, domain = address.rpartition("@")
    if not at or not local or "@" in local or len(address) > EMAIL_MAX_LENGTH or len(local) > 64:
        return None
    if any(character.isspace() or not character.isprintable() for character in address):
        return None
    if any(character in '<>()[],;:"\\' for character in address):
        return None
    labels = domain.split(".")
    if len(labels) < 2 or not all(_is_label(label) for label in labels):
        return None
    if local.startswith(".") or local.endswith(".") or ".." in local or labels[-1].isdigit():
        return None
    return address


def _is_label(label: str) -> bool:
    letters = label.replace("-", "")
    return (
        0 < len(label) <= 63
        and letters.isalnum()
        and not label.startswith("-")
        and not label.endswith("-")
    )


def _parse_fault(error: phonenumbers.NumberParseException, country: str) -> PhoneFault:
    kinds = phonenumbers.NumberParseException
    if error.error_type == kinds.INVALID_COUNTRY_CODE:
        return PhoneFault.UNKNOWN if country else PhoneFault.COUNTRY
    if error.error_type in {kinds.TOO_SHORT_AFTER_IDD, kinds.TOO_SHORT_NSN}:
        return PhoneFault.SHORT
    return PhoneFault.LONG if error.error_type == kinds.TOO_LONG else PhoneFault.UNKNOWN


def _length_fault(number: phonenumbers.PhoneNumber) -> PhoneFault:
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason in {
        phonenumbers.ValidationResult.TOO_SHORT,
        phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY,
    }:
        return PhoneFault.SHORT
    return (
        PhoneFault.LONG if reason == phonenumbers.ValidationResult.TOO_LONG else PhoneFault.UNKNOWN
    )
