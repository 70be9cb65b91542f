"""The settings of a line in words: what the page calls them, and their values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from channels_app.admin.tabs.base import TEXT_LABELS
from channels_app.admin.tabs.hours import LIST_LABELS
from channels_app.durations import duration_words
from channels_app.models import OpenChannel, Weekday

MAX_WORDS = 300
DURATIONS = frozenset(
    {"response_minutes", "no_answer_minutes", "auto_close_minutes", "grace_minutes"}
)


def unit_label(unit: str) -> str:
    """What the page calls a unit of change."""
    if unit == "members":
        return _("Members")
    if unit == "reminders":
        return _("Reminders")
    if unit in LIST_LABELS:
        return str(LIST_LABELS[unit])
    if unit.startswith("text_"):
        return str(TEXT_LABELS[unit.removeprefix("text_")])
    label = str(getattr(OpenChannel._meta.get_field(unit), "verbose_name", unit))
    return label[:1].upper() + label[1:]


def unit_in_words(unit: str, value: Any) -> str:
    """A unit's value as the page would say it; "empty" for none."""
    if unit in _ROWS:
        words = ", ".join(_ROWS[unit](row) for row in value)
    elif unit in DURATIONS and value is not None:
        words = duration_words(value)
    elif isinstance(value, bool):
        words = _("on") if value else _("off")
    elif unit.startswith("text_"):
        words = value
    else:
        choices: Any = getattr(OpenChannel._meta.get_field(unit), "flatchoices", None) or ()
        words = str(dict(choices).get(value, "" if value is None else value))
    return (words if len(words) <= MAX_WORDS else f"{words[:MAX_WORDS]}…") or _("empty")


def _interval(row: Mapping[str, Any]) -> str:
    return f"{Weekday(row['weekday']).label} {row['opens']}–{row['closes']}"


def _holiday(row: Mapping[str, Any]) -> str:
    day = dt.date.fromisoformat(row["date"])
    if row["every_year"]:
        return _("%(day)s, every year") % {"day": date_format(day, "MONTH_DAY_FORMAT")}
    return date_format(day, "SHORT_DATE_FORMAT")


def _exception(row: Mapping[str, Any]) -> str:
    day = date_format(dt.date.fromisoformat(row["date"]), "SHORT_DATE_FORMAT")
    if row["opens"] is None:
        return _("%(day)s closed") % {"day": day}
    return f"{day} {row['opens']}–{row['closes']}"


def _reminder(row: Any) -> str:
    minutes, text = row
    return _("after %(time)s: %(text)s") % {"time": duration_words(minutes), "text": text}


_ROWS: Mapping[str, Callable[[Any], str]] = {
    "work_intervals": _interval,
    "holidays": _holiday,
    "hours_exceptions": _exception,
    "reminders": _reminder,
}
