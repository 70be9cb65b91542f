"""What a customer's message sets going on a line: a plan, without a database.

The intake carries it out, and the preview on the line's page tells it: both from here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from queue_app.schedule import Hours, closed_period, is_open, next_opening

Link = Literal["", "consent", "form"]


class LineSettings(Protocol):
    """The settings of a line that an arrival asks for."""

    welcome_when: str
    closed_action: str
    distribute_closed: bool


@dataclass(frozen=True, slots=True)
class PlannedText:
    """An automatic text to send: its kind, its words, and the link that stands below them.

    `occurrence` tells apart what may come again within one session.
    """

    kind: str
    text: str
    occurrence: str = ""
    link: Link = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """`texts` in their order. `opens_at` is set while the line is closed and will open again;
    `distribute` is false when the chat waits for that."""

    is_open: bool
    texts: tuple[PlannedText, ...]
    distribute: bool
    opens_at: dt.datetime | None

    @property
    def tells_closed(self) -> bool:
        """Whether the customer is told that the line is closed."""
        return any(text.kind == "closed" for text in self.texts)


def arrival_plan(
    *,
    line: LineSettings,
    hours: Hours | None,
    texts: Mapping[str, str],
    is_new_conversation: bool,
    now: dt.datetime,
) -> Arrival:
    """What the first message of a session sets going: welcome, consent, out of hours."""
    planned: list[PlannedText] = []
    if "welcome" in texts and (is_new_conversation or line.welcome_when == "every"):
        planned.append(PlannedText("welcome", texts["welcome"]))
    if "consent" in texts and is_new_conversation:
        planned.append(PlannedText("consent", texts["consent"], link="consent"))
    if line_is_open(hours, now):
        return Arrival(is_open=True, texts=tuple(planned), distribute=True, opens_at=None)
    closed = closed_text(line=line, hours=hours, texts=texts, now=now)
    if closed is not None:
        planned.append(closed)
    return Arrival(
        is_open=False,
        texts=tuple(planned),
        distribute=line.distribute_closed,
        opens_at=None if hours is None else next_opening(hours, now),
    )


def line_is_open(hours: Hours | None, now: dt.datetime) -> bool:
    """Whether a line with these hours, None for none, is open."""
    return hours is None or is_open(hours, now)


def closed_text(
    *, line: LineSettings, hours: Hours | None, texts: Mapping[str, str], now: dt.datetime
) -> PlannedText | None:
    """What a customer is told who writes at `now`, when the line is closed; None for nothing.

    It is told once per closed period.
    """
    if hours is None or is_open(hours, now) or line.closed_action == "nothing":
        return None
    link: Link = "form" if line.closed_action == "form" else ""
    return PlannedText("closed", texts.get("closed", ""), closed_period(hours, now), link)
