"""What the settings page of a line asks the desk: what would happen, and when the line is open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.module_loading import import_string

from channels_app.models import Connector, Conversation, OpenChannel
from queue_app.schedule import is_open, next_change
from queue_app.services.line_rules import line_rules

WEEK = dt.timedelta(days=6)


class PreviewLine(Protocol):
    """One thing that would happen: the name of its icon, and words."""

    icon: str
    text: str


def preview_lines(
    *,
    open_channel: OpenChannel,
    connector: Connector,
    at: dt.datetime,
    conversation: Conversation | None = None,
) -> Sequence[PreviewLine]:
    """What a message of somebody new, or of a conversation's customer, would bring about."""
    preview: Callable[..., Any] = import_string("queue_app.services.preview.arrival_preview")
    lines: Sequence[PreviewLine] = preview(
        open_channel=open_channel, connector=connector, at=at, conversation=conversation
    )
    return lines


@dataclass(frozen=True, slots=True)
class OpenState:
    """Whether a line is open at a moment, and in words until when; "" when that never ends."""

    is_open: bool
    until: str


def open_state(open_channel: OpenChannel, at: dt.datetime) -> OpenState | None:
    """A line's state at a moment, None for one without working hours."""
    hours = line_rules(open_channel).hours
    if hours is None:
        return None
    change = next_change(hours, at)
    return OpenState(is_open(hours, at), _moment(change, at, hours.zone) if change else "")


def _moment(moment: dt.datetime, seen_at: dt.datetime, zone: ZoneInfo) -> str:
    """The clock on the same day, with the weekday within a week, else with the date."""
    there, here = moment.astimezone(zone), seen_at.astimezone(zone)
    if there.date() == here.date():
        return date_format(there, "H:i")
    if moment - seen_at < WEEK:
        return date_format(there, "l H:i")
    return f"{date_format(there, 'DATE_FORMAT')} {there:%H:%M}"
