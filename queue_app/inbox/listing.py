"""The list pane: which chats, in which order, with the offers on top."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal, get_args

from django.contrib.auth.models import User
from django.db.models import Count, F, Min, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from channels_app.drivers.registry import kind_label
from channels_app.models import Direction, OpenChannel
from openlines_project.lib.people import initials, person_name
from queue_app.inbox.words import (
    conversation_avatar,
    customer_name,
    preview,
    wait_length,
)
from queue_app.models import Session, SessionState, Timer, TimerKind, Turn
from queue_app.selectors import open_channels_visible_to, sessions_visible_to

ViewName = Literal["mine", "offered", "waiting", "all"]
VIEWS: tuple[ViewName, ...] = get_args(ViewName)
TITLES = {
    "mine": pgettext_lazy("a list of chats", "Mine"),
    "offered": pgettext_lazy("a list of chats", "Offered to me"),
    "waiting": pgettext_lazy("a list of chats", "Waiting"),
    "all": pgettext_lazy("a list of chats", "All"),
}
PAGE = 50
MAX_PAGES = 10
MAX_OFFERS = 10
# A customer who waits for this share of the line's response time is shown as soon late.
SOON_SHARE = 0.6
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
MAX_DIGITS = 18  # of an id: what a database takes


@dataclass(frozen=True, slots=True)
class Filters:
    """What the reader asked for: a view, and one line of his when he chose one."""

    view: ViewName
    line_id: int | None = None

    @property
    def query(self) -> str:
        """The part of a chat's address that keeps the reader in this list."""
        query: dict[str, str | int] = {"view": self.view}
        if self.line_id is not None:
            query["line"] = self.line_id
        return urlencode(query)


@dataclass(slots=True)
class Item:
    """One chat of the list: who, what, how long."""

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


@dataclass(slots=True)
class Group:
    """Chats under one heading."""

    key: str
    title: str
    count: int | None
    items: list[Item]
    is_continued: bool = False


@dataclass(slots=True)
class Offer:
    """A chat offered to the reader alone, with the time left."""

    item: Item
    due_at: dt.datetime | None
    total_s: int


@dataclass(frozen=True, slots=True)
class Counts:
    """The figures of the navigation.

    `unread_chats` counts the reader's chats with something new, `news` the new messages in
    them, and `attention` is what the window's title says.
    """

    mine: int
    your_turn: int
    unread_chats: int
    news: int
    offered: int
    waiting: int
    waiting_since: dt.datetime | None

    @property
    def customers_turn(self) -> int:
        return self.mine - self.your_turn

    @property
    def attention(self) -> int:
        return self.offered + self.unread_chats


@dataclass(frozen=True, slots=True)
class LineCount:
    """A line the reader works on, and how many open chats he sees there."""

    line: OpenChannel
    count: int


@dataclass(slots=True)
class ListPage:
    """A page of the list; `after` asks for the next one."""

    groups: list[Group]
    after: str


# --- reading ------------------------------------------------------------------------------


def open_sessions(reader: User) -> QuerySet[Session]:
    return sessions_visible_to(reader).filter(closed_at__isnull=True)


def list_counts(reader: User) -> Counts:
    """The figures of the navigation, in two queries."""
    held = Session.objects.filter(closed_at__isnull=True, operator__user=reader).aggregate(
        mine=Count("pk", filter=Q(state=SessionState.ACTIVE)),
        your_turn=Count("pk", filter=Q(state=SessionState.ACTIVE, turn=Turn.OPERATOR)),
        unread_chats=Count("pk", filter=Q(state=SessionState.ACTIVE, unread__gt=0)),
        news=Coalesce(Sum("unread", filter=Q(state=SessionState.ACTIVE)), 0),
        offered=Count("pk", filter=Q(state=SessionState.OFFERED)),
    )
    waiting = (
        open_sessions(reader)
        .filter(state=SessionState.WAITING)
        .order_by()
        .aggregate(waiting=Count("pk"), waiting_since=Min("started_at"))
    )
    return Counts(**held, **waiting)


def list_lines(reader: User) -> list[LineCount]:
    """The reader's lines with their open chats; empty when there is nothing to choose."""
    lines = list(open_channels_visible_to(reader))
    if len(lines) < 2:
        return []
    open_chats = dict(
        open_sessions(reader)
        .order_by()
        .values("open_channel")
        .annotate(number=Count("pk"))
        .values_list("open_channel", "number")
    )
    return [LineCount(line, open_chats.get(line.pk, 0)) for line in lines]


def list_page(
    *, reader: User, filters: Filters, counts: Counts, after: str = "", pages: int = 1
) -> ListPage:
    """Chats behind a mark that the page before it gave; `pages` pages of them at once."""
    size = PAGE * min(max(pages, 1), MAX_PAGES)
    sessions = _of_view(reader, filters)
    mark = _mark_read(after)
    if mark is not None:
        sessions = _behind(sessions, filters.view, *mark)
    found = list(sessions[: size + 1])
    shown = found[:size]
    next_mark = _mark_write(shown[-1], filters.view) if len(found) > size else ""
    groups = _groups(shown, reader, filters, counts)
    if mark is not None and groups and filters.view == "mine":
        groups[0].is_continued = groups[0].key == mark[0]
    return ListPage(groups, next_mark)


def list_offers(reader: User) -> list[Offer]:
    """What is offered to the reader just now, the oldest first."""
    offered = (
        _listed(Session.objects.filter(closed_at__isnull=True, operator__user=reader))
        .filter(state=SessionState.OFFERED)
        .order_by("offered_at", "pk")[:MAX_OFFERS]
    )
    sessions = list(offered)
    due = dict(
        Timer.objects.filter(session__in=sessions, kind=TimerKind.RESPONSE).values_list(
            "session_id", "due_at"
        )
        if sessions
        else ()
    )
    return [
        Offer(
            _item(session, reader, Filters("offered").query),
            due.get(session.pk),
            session.open_channel.response_minutes * 60,
        )
        for session in sessions
    ]


def next_waiting(reader: User) -> list[Session]:
    """The chats that have waited longest, for somebody who takes the next one."""
    return list(
        open_sessions(reader).filter(state=SessionState.WAITING).order_by("started_at", "pk")[:5]
    )


# With the column `newest_at`: the typing plugin knows annotations only where they are made.
ListedSessions = Any


def _listed(sessions: QuerySet[Session]) -> ListedSessions:
    return (
        sessions.select_related("conversation__connector", "open_channel", "operator__user")
        # A list decrypts nothing.
        .defer("conversation__connector__secrets", "conversation__connector__config")
        .annotate(newest_at=Coalesce(F("conversation__last_message_at"), F("started_at")))
    )


def _of_view(reader: User, filters: Filters) -> ListedSessions:
    sessions = _listed(open_sessions(reader))
    if filters.line_id is not None:
        sessions = sessions.filter(open_channel=filters.line_id)
    if filters.view == "mine":
        mine = sessions.filter(state=SessionState.ACTIVE, operator__user=reader)
        # "operator" sorts after "customer": his own turn comes first.
        return mine.order_by("-turn", "-newest_at", "-pk")
    if filters.view == "offered":
        offered = sessions.filter(state=SessionState.OFFERED, operator__user=reader)
        return offered.order_by("started_at", "pk")
    if filters.view == "waiting":
        # Who waits longest stands first.
        return sessions.filter(state=SessionState.WAITING).order_by("started_at", "pk")
    return sessions.order_by("-newest_at", "-pk")


def _behind(
    sessions: ListedSessions, view: ViewName, turn: str, at: dt.datetime, pk: int
) -> ListedSessions:
    if view in {"offered", "waiting"}:
        return sessions.filter(Q(started_at__gt=at) | Q(started_at=at, pk__gt=pk))
    behind = Q(newest_at__lt=at) | Q(newest_at=at, pk__lt=pk)
    if view == "mine":
        behind = Q(turn__lt=turn) | Q(behind, turn=turn)
    return sessions.filter(behind)


def _mark_write(session: Session, view: ViewName) -> str:
    at = session.started_at
    if view in {"mine", "all"}:
        at = session.newest_at  # type: ignore[attr-defined]
    return f"{session.turn}.{(at - EPOCH) // MICROSECOND}.{session.pk}"


def _mark_read(text: str) -> tuple[str, dt.datetime, int] | None:
    """A mark as it came in an address: None when it is not one of ours."""
    turn, _dot, rest = text.partition(".")
    micros, _dot, pk = rest.partition(".")
    if turn not in Turn.values or not (micros + pk).isdecimal() or len(pk) > MAX_DIGITS:
        return None
    try:
        return turn, EPOCH + int(micros or 0) * MICROSECOND, int(pk or 0)
    except (ValueError, OverflowError):
        return None


def _groups(
    sessions: Sequence[Session], reader: User, filters: Filters, counts: Counts
) -> list[Group]:
    items = [_item(session, reader, filters.query) for session in sessions]
    if filters.view != "mine":
        title = str(TITLES[filters.view])
        return [Group(filters.view, title, None, items)] if items else []
    headings = {
        Turn.OPERATOR.value: (_("Your turn"), counts.your_turn),
        Turn.CUSTOMER.value: (_("Customer's turn"), counts.customers_turn),
    }
    groups = []
    for turn, found in groupby(items, key=lambda item: item.session.turn):
        title, count = headings[turn]
        groups.append(Group(turn, title, None if filters.line_id else count, list(found)))
    return groups


def _item(session: Session, reader: User, query: str) -> Item:
    conversation, line = session.conversation, session.open_channel
    name = customer_name(conversation)
    holder = session.operator.user if session.operator else None
    our_turn = session.state != SessionState.ACTIVE or session.turn == Turn.OPERATOR
    since = (session.waiting_since or session.started_at) if our_turn else session.replied_at
    if session.state == SessionState.ACTIVE and our_turn and session.waiting_since is None:
        since = None  # it was given to him, or came back: no customer waits
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
        soon_s=int(target * SOON_SHARE),
        late_s=target,
    )
