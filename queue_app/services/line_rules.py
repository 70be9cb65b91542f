"""A line's hours and automatic texts, as the desk's rules take them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from channels_app.models import (
    Holiday,
    HoursException,
    OpenChannel,
    ServiceText,
    TextKind,
    WorkInterval,
)
from queue_app.schedule import Exceptional, Hours, Interval

MOST_LINES = 1000


@dataclass(frozen=True, slots=True)
class Reminder:
    """A text sent `minutes` after our answer when the customer is silent. Numbered from 1."""

    position: int
    minutes: int
    text: str


@dataclass(frozen=True, slots=True)
class LineRules:
    """`hours` is None when the line is always open; `texts` has those that are sent, by kind."""

    hours: Hours | None
    texts: Mapping[str, str]
    reminders: tuple[Reminder, ...]


_lock = threading.Lock()
_known: dict[tuple[int, int], LineRules] = {}


def line_rules(open_channel: OpenChannel) -> LineRules:
    """The rules of a line, kept in the process by the version that every change raises."""
    key = (open_channel.pk, open_channel.version)
    found = _known.get(key)
    if found is None:
        found = _read(open_channel)
        with _lock:
            if len(_known) >= MOST_LINES:
                _known.clear()
            _known[key] = found
    return found


def line_rules_forget() -> None:
    """For tests, whose lines get the numbers of others."""
    with _lock:
        _known.clear()


def _read(open_channel: OpenChannel) -> LineRules:
    texts: dict[str, str] = {}
    reminders: list[Reminder] = []
    for row in ServiceText.objects.filter(open_channel=open_channel).order_by("position"):
        if row.kind == TextKind.REMINDER:
            reminders.append(Reminder(row.position, row.minutes or 1, row.text))
        else:
            texts[row.kind] = row.text
    hours = line_hours(open_channel) if open_channel.has_hours else None
    return LineRules(hours, texts, tuple(reminders))


def line_hours(open_channel: OpenChannel) -> Hours:
    """The hours as they are stored, whether or not they are switched on."""
    holidays = list(Holiday.objects.filter(open_channel=open_channel))
    return Hours(
        zone=ZoneInfo(open_channel.time_zone),
        intervals=tuple(
            Interval(row.weekday, row.opens, row.closes)
            for row in WorkInterval.objects.filter(open_channel=open_channel)
        ),
        holidays=frozenset(row.date for row in holidays if not row.every_year),
        yearly=frozenset((row.date.month, row.date.day) for row in holidays if row.every_year),
        country=open_channel.holiday_country,
        subdivision=open_channel.holiday_subdivision,
        exceptions=tuple(
            Exceptional(row.date, row.opens, row.closes)
            for row in HoursException.objects.filter(open_channel=open_channel)
        ),
    )
