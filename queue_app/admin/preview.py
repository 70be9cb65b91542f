"""What the settings page of a line asks the desk: what would happen, and when the line is open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from channels_app.models import Connector, Conversation, OpenChannel
from queue_app.schedule import is_open, next_change
from queue_app.services.line_rules import line_rules
from queue_app.services.preview import PreviewLine, arrival_preview, preview_moment


def preview_lines(
    *,
    open_channel: OpenChannel,
    connector: Connector,
    at: dt.datetime,
    conversation: Conversation | None = None,
) -> Sequence[PreviewLine]:
    """What a message of somebody new, or of a conversation's customer, would bring about."""
    return arrival_preview(
        open_channel=open_channel, connector=connector, at=at, conversation=conversation
    )


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
    until = preview_moment(change, at, open_channel) if change else ""
    return OpenState(is_open(hours, at), until)
