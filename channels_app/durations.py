"""Lengths of time that people set: whole minutes, told in the largest unit that fits."""

from __future__ import annotations

from django.utils.translation import ngettext

# Minutes in a unit, the largest first.
UNITS = {"days": 24 * 60, "hours": 60, "minutes": 1}


def duration_split(minutes: int) -> tuple[int, str]:
    """240 -> (4, "hours"); 90 -> (90, "minutes"); 0 -> (0, "minutes")."""
    for unit, length in UNITS.items():
        if minutes and minutes % length == 0:
            return minutes // length, unit
    return minutes, "minutes"


def duration_words(minutes: int) -> str:
    """240 -> "4 hours"."""
    number, unit = duration_split(minutes)
    if unit == "days":
        words = ngettext("%(n)d day", "%(n)d days", number)
    elif unit == "hours":
        words = ngettext("%(n)d hour", "%(n)d hours", number)
    else:
        words = ngettext("%(n)d minute", "%(n)d minutes", number)
    return words % {"n": number}
