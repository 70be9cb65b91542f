"""Settings of a line that are rows, as a test names them."""

from __future__ import annotations

import datetime as dt

from channels_app.models import OpenChannel, ServiceText, WorkInterval
from queue_app.services.line_rules import line_rules_forget


def text_set(line: OpenChannel, kind: str, text: str) -> None:
    """One of the line's automatic texts."""
    ServiceText.objects.update_or_create(open_channel=line, kind=kind, defaults={"text": text})
    line_rules_forget()


def reminder_set(line: OpenChannel, *, position: int, minutes: int, text: str) -> None:
    """One of the line's reminders, so many minutes after our answer."""
    ServiceText.objects.update_or_create(
        open_channel=line, kind="reminder", position=position,
        defaults={"text": text, "minutes": minutes},
    )  # fmt: skip
    line_rules_forget()


def hours_set(line: OpenChannel, *intervals: tuple[int, str, str], zone: str = "UTC") -> None:
    """The line's week: `(weekday, opens, closes)`, Monday is 0. The hours are switched on."""
    WorkInterval.objects.filter(open_channel=line).delete()
    for weekday, opens, closes in intervals:
        WorkInterval.objects.create(
            open_channel=line, weekday=weekday, opens=dt.time.fromisoformat(opens),
            closes=dt.time.fromisoformat(closes),
        )  # fmt: skip
    line.has_hours = True
    line.time_zone = zone
    line.save()
    line_rules_forget()
