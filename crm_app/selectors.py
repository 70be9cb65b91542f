"""Reading the card index."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from crm_app.models import PHONE, Contact, ContactPoint, CrmForm
from crm_app.normalization import email_normalize

# Fewer digits are a part of too many numbers to mean one.
FEWEST_DIGITS = 5
MOST_WORDS = 6


def crm_form_default(*, language: str) -> CrmForm | None:
    """The form to send where no other is named: that of the language, else the general one."""
    found = CrmForm.objects.filter(
        is_default=True, is_active=True, language__in=[language, ""]
    ).order_by("-language")
    return found.first()


def contacts_current() -> QuerySet[Contact]:
    """The cards there are: without those merged into another one and without erased ones."""
    return Contact.objects.filter(merged_into__isnull=True, erased_at__isnull=True)


def contacts_search(contacts: QuerySet[Contact], words: str) -> QuerySet[Contact]:
    """Those with the words in name or company, or with this phone, e-mail or identity.

    A phone is found in any spelling: by its digits, with or without the country code, and
    without the digit that is dialled before an area code at home (0, in Russia 8).
    """
    words = words.strip()
    if not words:
        return contacts
    by_name = Q()
    for word in words.split()[:MOST_WORDS]:
        by_name &= Q(name__icontains=word) | Q(company__icontains=word)
    values = Q(value=words) | Q(value=email_normalize(words) or words.lower())
    for digits in _spellings(words):
        values |= Q(kind=PHONE, value__contains=digits)
    points = ContactPoint.objects.filter(values, contact=OuterRef("pk"))
    return contacts.filter(by_name | Exists(points))


def _spellings(words: str) -> set[str]:
    """The digits of what may be a phone, as they stand in E.164."""
    if any(character.isalpha() for character in words):
        return set()
    words = words.replace("(0)", "")
    digits = "".join(str(int(character)) for character in words if character.isdecimal())
    if len(digits) < FEWEST_DIGITS:
        return set()
    found = {digits.lstrip("0")}
    if digits.startswith("8") and len(digits) == 11:
        found.add(digits[1:])
    return {spelling for spelling in found if len(spelling) >= FEWEST_DIGITS}
