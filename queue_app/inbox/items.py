"""One chat of the list: who, what, how long, and why it stands where it stands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from channels_app.drivers.registry import kind_label
from channels_app.models import Direction
from openlines_project.lib.people import initials, person_name
from queue_app.explanations import coming_words, wait_words
from queue_app.inbox.words import (
    conversation_avatar,
    customer_name,
    preview,
    typing_until,
    wait_length,
)
from queue_app.models import Session, SessionState, Timer, TimerKind, Turn, WaitReason

# A customer who waits for this share of the line's response time is shown as soon late.
SOON_SHARE = 0.6
# Whose place among those who wait is told; behind so many others it says little.
PLACES_TOLD = 500

Dues = Mapping[tuple[int, str], dt.datetime]


@dataclass(slots=True)
class Item:
    """One chat of the list. `note` says in words why it stands there."""

    session: Session
    href: str
    name: str
    initials: str
    avatar: int
    kind: str
    channel: str
    line: str
    at: dt.datetime
    text: str
    ours: bool
    holder: str
    since: dt.datetime | None
    wait: str
    note: str = ""
    until: str = ""  # how long it is snoozed
    is_helped: bool = False
    typing_until: dt.datetime | None = None
    soon_s: int = 0
    late_s: int = 0

    @property
    def is_unread(self) -> bool:
        return self.session.unread > 0

    @property
    def is_late(self) -> bool:
        return bool(self.late_s) and self.waited_s >= self.late_s

    @property
    def is_soon(self) -> bool:
        return bool(self.soon_s) and self.soon_s <= self.waited_s < self.late_s

    @property
    def waited_s(self) -> float:
        return (timezone.now() - self.since).total_seconds() if self.since else 0.0


# With the column `newest_at`: the typing plugin knows annotations only where they are made.
ListedSessions = Any


def listed(sessions: QuerySet[Session]) -> ListedSessions:
    """Sessions with all that a list shows of them."""
    return (
        sessions.select_related("conversation__connector", "open_channel", "operator__user")
        # A list decrypts nothing.
        .defer("conversation__connector__secrets", "conversation__connector__config")
        .annotate(newest_at=Coalesce(F("conversation__last_message_at"), F("started_at")))
    )


def items_of(
    sessions: Sequence[Session], reader: User, query: str, *, helped: Collection[int] = ()
) -> list[Item]:
    """The chats as the list shows them. In at most two queries, however many."""
    due = _dues(sessions)
    places = _places(sessions)
    return [_item(session, reader, query, due, places, helped) for session in sessions]


def dues_of(sessions: Sequence[Session], kinds: Collection[str]) -> Dues:
    """When these deadlines of sessions are due."""
    if not sessions:
        return {}
    timers = Timer.objects.filter(session__in=sessions, kind__in=kinds)
    return {(pk, kind): at for pk, kind, at in timers.values_list("session_id", "kind", "due_at")}


def _dues(sessions: Sequence[Session]) -> Dues:
    told = [
        session
        for session in sessions
        if session.state == SessionState.CLOSING or session.wait_reason == WaitReason.HOURS
    ]
    return dues_of(told, [TimerKind.OPENING, TimerKind.GRACE])


def _places(sessions: Sequence[Session]) -> Mapping[int, int]:
    """How many wait longer for somebody of their line, by session."""
    lines = {session.open_channel_id for session in sessions if session.no_operator_since}
    if not lines:
        return {}
    waiting = (
        Session.objects.filter(open_channel_id__in=lines, no_operator_since__isnull=False)
        .order_by("no_operator_since", "pk")
        .values_list("pk", "open_channel_id")[:PLACES_TOLD]
    )
    before: dict[int, int] = dict.fromkeys(lines, 0)
    places = {}
    for pk, line_id in waiting:
        places[pk] = before[line_id]
        before[line_id] += 1
    return places


def waiting_words(session: Session, *, opens_at: dt.datetime | None, before: int) -> str:
    """Why a session waits, and how many wait longer for somebody of its line."""
    words = wait_words(session.wait_reason, opens_at=opens_at)
    if session.wait_reason != WaitReason.NO_OPERATOR or not before:
        return words
    longer = ngettext(
        "%(number)d customer waits longer", "%(number)d customers wait longer", before
    )
    return f"{words}, {longer % {'number': before}}"


def _item(
    session: Session,
    reader: User,
    query: str,
    due: Dues,
    places: Mapping[int, int],
    helped: Collection[int],
) -> Item:
    conversation, line = session.conversation, session.open_channel
    name = customer_name(conversation)
    holder = session.operator.user if session.operator else None
    since, our_turn = _since(session)
    target = line.response_minutes * 60 if our_turn else 0
    return Item(
        session=session,
        href=f"{reverse('inbox:session-detail', args=[session.pk])}?{query}",
        name=name,
        initials=initials(name),
        avatar=conversation_avatar(conversation),
        kind=conversation.connector.kind,
        channel=kind_label(conversation.connector.kind),
        line=line.name,
        at=conversation.last_message_at or session.started_at,
        text=preview(conversation),
        ours=conversation.last_direction == Direction.OUT,
        holder=person_name(holder) if holder is not None and holder.pk != reader.pk else "",
        since=since,
        wait=wait_length(timezone.now() - since) if since else "",
        note=_note(session, reader, due, places),
        until=coming_words(session.snoozed_until) if session.snoozed_until else "",
        is_helped=session.pk in helped,
        typing_until=typing_until(conversation),
        soon_s=int(target * SOON_SHARE),
        late_s=target,
    )


def _since(session: Session) -> tuple[dt.datetime | None, bool]:
    """Since when somebody waits, and whether it is for us. None when nobody does."""
    if session.state == SessionState.CLOSING or session.snoozed_until is not None:
        return None, False
    if session.state == SessionState.ACTIVE:
        if session.turn == Turn.CUSTOMER:
            return session.replied_at, False
        # Without it: it was given to him, or came back, and no customer waits.
        return session.waiting_since, True
    return session.waiting_since or session.started_at, True


def _note(session: Session, reader: User, due: Dues, places: Mapping[int, int]) -> str:
    if session.state == SessionState.WAITING:
        opens_at = due.get((session.pk, TimerKind.OPENING))
        return waiting_words(session, opens_at=opens_at, before=places.get(session.pk, 0))
    if session.state == SessionState.OFFERED:
        if session.operator is None:
            return _("offered to everybody")
        is_his = session.operator.user_id == reader.pk
        return "" if is_his else _("offered to %(name)s") % {"name": session.operator.name}
    if session.state == SessionState.CLOSING:
        closes_at = due.get((session.pk, TimerKind.GRACE))
        if closes_at is None:
            return _("ends")
        return _("ends at %(time)s") % {"time": coming_words(closes_at)}
    return ""
