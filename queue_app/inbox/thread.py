"""The open chat: messages and events in one column."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from django.contrib.auth.models import User
from django.db.models import Min, QuerySet
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from channels_app.drivers.registry import kind_label
from channels_app.models import Conversation, Direction, Message
from channels_app.selectors import messages_changed_since, thread_messages
from openlines_project.lib.people import person_name
from queue_app.event_words import EventLine, event_lines
from queue_app.inbox.bubbles import Bubble, bubbles_of
from queue_app.inbox.words import day_name
from queue_app.models import Session, SessionEvent
from queue_app.selectors import event_names, sessions_visible_to

PAGE = 50
# A delta repeats the newest events: the page knows them by their key, and none is missed.
RECENT_EVENTS = 20
MAX_EVENTS = 200
MAX_EARLIER = 10


@dataclass(slots=True)
class Row:
    """One entry of the thread. `rank` orders rows of the same moment."""

    kind: Literal["message", "event", "day", "new"]
    key: str
    at: dt.datetime
    rank: int = 1
    message: Bubble | None = None
    event: EventLine | None = None
    label: str = ""

    @property
    def at_ms(self) -> int:
        return int(self.at.timestamp() * 1000)


@dataclass(slots=True)
class ThreadPage:
    """Some rows of a thread, oldest first; `earlier_seq` asks for those before them."""

    rows: list[Row]
    earlier_seq: int | None


# --- rows ---------------------------------------------------------------------------------


def thread_page(
    *, session: Session, reader: User, before_seq: int | None = None, mark_new: bool = False
) -> ThreadPage:
    """The newest messages before `before_seq`, with the events between them.

    `mark_new` puts a line above the messages the reader has not read yet.
    """
    conversation = session.conversation
    found = thread_messages(conversation=conversation, before_seq=before_seq, limit=PAGE + 1)
    has_earlier, messages = len(found) > PAGE, found[-PAGE:]
    events = _events(conversation, reader)
    if has_earlier:
        events = events.filter(at__gte=messages[0].created_at)
    if before_seq is not None:
        later = Message.objects.filter(conversation=conversation, seq__gte=before_seq)
        until = later.aggregate(at=Min("created_at"))["at"]
        events = events.filter(at__lt=until) if until else events
    newest = sorted(events.order_by("-at", "-pk")[:MAX_EVENTS], key=_event_order)
    rows = _rows(messages, newest, conversation, reader)
    if mark_new:
        _mark_new(rows, session.unread)
    return ThreadPage(rows, messages[0].seq if has_earlier else None)


def thread_delta(*, session: Session, reader: User, since: int) -> list[Row]:
    """What changed after version `since`, and the newest events."""
    conversation = session.conversation
    messages = messages_changed_since(conversation=conversation, version=since)
    recent = _events(conversation, reader).order_by("-at", "-pk")[:RECENT_EVENTS]
    return _rows(messages, sorted(recent, key=_event_order), conversation, reader)


def session_end_seq(session: Session) -> int | None:
    """The first message after an ended session, None when there is none."""
    if session.closed_at is None:
        return None
    # A note beside an ended chat, or that its sender was blocked, belongs to it.
    later = Message.objects.filter(
        conversation=session.conversation_id, created_at__gt=session.closed_at,
        direction__in=[Direction.IN, Direction.OUT],
    )  # fmt: skip
    first: int | None = later.aggregate(seq=Min("seq"))["seq"]
    return first


def _event_order(event: SessionEvent) -> tuple[dt.datetime, int, int]:
    return event.at, event.session_id, event.seq


def _events(conversation: Conversation, reader: User) -> QuerySet[SessionEvent]:
    sessions = sessions_visible_to(reader).filter(conversation=conversation).order_by()
    return SessionEvent.objects.filter(session__in=sessions.values("pk")).select_related(
        "operator__user", "actor"
    )


def _rows(
    messages: Sequence[Message],
    events: Sequence[SessionEvent],
    conversation: Conversation,
    reader: User,
) -> list[Row]:
    bubbles = bubbles_of([m for m in messages if m.direction != Direction.SYSTEM], conversation)
    lines = event_lines(events, event_names(events), reader=reader)
    rows: list[Row] = []
    waiting = iter(sorted(lines, key=lambda line: line.at))
    line = next(waiting, None)
    for message in messages:
        row = _message_row(message, bubbles, conversation)
        while line is not None and (line.at, 1) < (row.at, row.rank):
            rows.append(_event_row(line))
            line = next(waiting, None)
        rows.append(row)
    rest = itertools.chain([line] if line is not None else [], waiting)
    rows += [_event_row(line) for line in rest]
    return list(_with_days(rows))


def _message_row(message: Message, bubbles: dict[int, Bubble], conversation: Conversation) -> Row:
    key = f"m{message.pk}"
    if message.direction == Direction.SYSTEM:
        icon, text = _system_words(message, conversation)
        fields = [(str(one["label"]), str(one["value"])) for one in message.data.get("fields", [])]
        line = EventLine(key, message.created_at, icon, text, fields)
        return Row("event", key, message.created_at, 0, event=line)
    # What happened at the same moment stands after the customer's words and before ours.
    rank = 0 if message.direction == Direction.IN else 2
    return Row("message", key, message.created_at, rank, message=bubbles[message.pk])


def _event_row(line: EventLine) -> Row:
    return Row("event", line.key, line.at, event=line)


def _system_words(message: Message, conversation: Conversation) -> tuple[str, SafeString]:
    channel = kind_label(conversation.connector.kind)
    words = {
        "gap": ("warn", _("A message could not be read yet and is missing here.")),
        "blocked": ("warn", _("The customer blocked us on %(channel)s.")),
        "unblocked": ("check", _("The customer can be reached on %(channel)s again.")),
        "shut": ("lock", _("%(name)s blocked this sender.")),
        "let_in": ("check", _("%(name)s let this sender in again.")),
        "ceiling": ("warn", _("The customer waited %(days)s days for an answer.")),
        "form": ("form", _("The customer filled in the form.")),
        "new_address": ("info", _("The customer has a new number on %(channel)s.")),
    }
    icon, text = words.get(message.kind, ("info", message.text))
    text = text.replace("%(name)s", person_name(message.author))
    text = text.replace("%(days)s", str(message.data.get("days", "")))
    return icon, format_html("{}", text.replace("%(channel)s", channel))


def _with_days(rows: list[Row]) -> Iterator[Row]:
    day: dt.date | None = None
    for row in rows:
        local = timezone.localtime(row.at)
        if local.date() != day:
            day = local.date()
            start = local.replace(hour=0, minute=0, second=0, microsecond=0)
            yield Row("day", f"d{day.isoformat()}", start, -1, label=day_name(day))
        yield row


def _mark_new(rows: list[Row], unread: int) -> None:
    if not unread:
        return
    incoming = [
        index for index, row in enumerate(rows) if row.message and row.message.style == "in"
    ]
    if incoming:
        index = incoming[-min(unread, len(incoming))]
        rows.insert(index, Row("new", "new", rows[index].at, -1))


def earlier_sessions(*, session: Session, reader: User) -> list[Session]:
    """Other sessions of the same conversation the reader may see, newest first."""
    return list(
        sessions_visible_to(reader)
        .filter(conversation=session.conversation)
        .exclude(pk=session.pk)
        .order_by("-started_at")[:MAX_EARLIER]
    )
