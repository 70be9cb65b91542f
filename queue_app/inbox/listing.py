"""The list pane: which chats, in which order, with the offers on top."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal, get_args

from django.contrib.auth.models import User
from django.db.models import (
    Case,
    Count,
    Exists,
    IntegerField,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    When,
)
from django.db.models.functions import Coalesce
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy, pgettext_lazy

from channels_app.models import OpenChannel
from queue_app.inbox.items import Item, ListedSessions, items_of, listed
from queue_app.inbox.offers import sessions_offered
from queue_app.models import Session, SessionHelper, SessionState, Turn
from queue_app.selectors import open_channels_visible_to, sessions_visible_to

ViewName = Literal["mine", "offered", "waiting", "all"]
VIEWS: tuple[ViewName, ...] = get_args(ViewName)
TITLES = {
    "mine": pgettext_lazy("a list of chats", "Mine"),
    "offered": pgettext_lazy("a list of chats", "Offered to me"),
    "waiting": pgettext_lazy("a list of chats", "Waiting"),
    "all": pgettext_lazy("a list of chats", "All"),
}
# The parts of one's own list, in their order.
RANKS = {
    1: ("operator", gettext_lazy("Your turn")),
    2: ("customer", gettext_lazy("Customer's turn")),
    3: ("helping", gettext_lazy("You help")),
    4: ("ending", gettext_lazy("Ending")),
    5: ("snoozed", gettext_lazy("Snoozed")),
}
PAGE = 50
MAX_PAGES = 10
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


# A part of one's own list, a moment, and an id: where a page ended.
Mark = tuple[int, dt.datetime, int]


@dataclass(slots=True)
class Group:
    """Chats under one heading."""

    key: str
    title: str
    count: int | None
    items: list[Item]
    is_continued: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """The figures of the navigation.

    `unread_chats` counts the reader's chats with something new, `news` the new messages in
    them, and `attention` is what the window's title says.
    """

    your_turn: int
    customers_turn: int
    helping: int
    ending: int
    snoozed: int
    unread_chats: int
    news: int
    offered: int
    waiting: int
    waiting_since: dt.datetime | None

    @property
    def mine(self) -> int:
        return self.your_turn + self.customers_turn + self.helping + self.ending + self.snoozed

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
    """The figures of the navigation, in three queries."""
    awake = Q(helps=False, state=SessionState.ACTIVE, snoozed_until__isnull=True)
    own = Q(helps=False, state=SessionState.ACTIVE)
    held = (
        _held(Session.objects.filter(closed_at__isnull=True), reader)
        .order_by()
        .aggregate(
            your_turn=Count("pk", filter=awake & Q(turn=Turn.OPERATOR)),
            customers_turn=Count("pk", filter=awake & Q(turn=Turn.CUSTOMER)),
            helping=Count("pk", filter=Q(helps=True)),
            ending=Count("pk", filter=Q(helps=False, state=SessionState.CLOSING)),
            snoozed=Count("pk", filter=own & Q(snoozed_until__isnull=False)),
            unread_chats=Count("pk", filter=own & Q(unread__gt=0)),
            news=Coalesce(Sum("unread", filter=own), 0),
        )
    )
    waiting = (
        open_sessions(reader)
        .filter(state=SessionState.WAITING)
        .order_by()
        .aggregate(waiting=Count("pk"), waiting_since=Min("started_at"))
    )
    return Counts(**held, **waiting, offered=sessions_offered(reader).count())


def _held(sessions: QuerySet[Session], reader: User) -> QuerySet[Any]:
    """The chats the reader has or helps in (`helps`); those offered to him are not yet his."""
    helped = SessionHelper.objects.filter(operator__user=reader)
    own = Q(operator__user=reader, state__in=[SessionState.ACTIVE, SessionState.CLOSING])
    return sessions.filter(own | Q(pk__in=helped.values("session_id"))).annotate(
        helps=Exists(helped.filter(session_id=OuterRef("pk")))
    )


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
        sessions = _behind(sessions, filters.view, mark)
    found = list(sessions[: size + 1])
    shown = found[:size]
    next_mark = _mark_write(shown[-1], filters.view) if len(found) > size else ""
    groups = _groups(shown, reader, filters, counts)
    if mark is not None and groups and filters.view == "mine":
        groups[0].is_continued = groups[0].key == RANKS.get(mark[0], ("",))[0]
    return ListPage(groups, next_mark)


def next_waiting(reader: User) -> list[Session]:
    """The chats that have waited longest, for somebody who takes the next one."""
    return list(
        open_sessions(reader).filter(state=SessionState.WAITING).order_by("started_at", "pk")[:5]
    )


def _of_view(reader: User, filters: Filters) -> ListedSessions:
    sessions = listed(open_sessions(reader))
    if filters.line_id is not None:
        sessions = sessions.filter(open_channel=filters.line_id)
    if filters.view == "mine":
        return _ranked(_held(sessions, reader)).order_by("rank", "-newest_at", "-pk")
    if filters.view == "offered":
        return sessions.filter(pk__in=sessions_offered(reader)).order_by("started_at", "pk")
    if filters.view == "waiting":
        # Who waits longest stands first.
        return sessions.filter(state=SessionState.WAITING).order_by("started_at", "pk")
    return sessions.order_by("-newest_at", "-pk")


def _ranked(sessions: ListedSessions) -> ListedSessions:
    """With `rank`, the part of one's own list a chat stands in."""
    return sessions.annotate(
        rank=Case(
            When(helps=True, then=3),
            When(state=SessionState.CLOSING, then=4),
            When(snoozed_until__isnull=False, then=5),
            When(turn=Turn.OPERATOR, then=1),
            default=2,
            output_field=IntegerField(),
        )
    )


def _behind(sessions: ListedSessions, view: ViewName, mark: Mark) -> ListedSessions:
    rank, at, pk = mark
    if view in {"offered", "waiting"}:
        return sessions.filter(Q(started_at__gt=at) | Q(started_at=at, pk__gt=pk))
    behind = Q(newest_at__lt=at) | Q(newest_at=at, pk__lt=pk)
    if view == "mine":
        behind = Q(rank__gt=rank) | Q(behind, rank=rank)
    return sessions.filter(behind)


def _mark_write(session: Any, view: ViewName) -> str:
    at = session.newest_at if view in {"mine", "all"} else session.started_at
    rank = session.rank if view == "mine" else 0
    return f"{rank}.{(at - EPOCH) // MICROSECOND}.{session.pk}"


def _mark_read(text: str) -> Mark | None:
    """A mark as it came in an address: None when it is not one of ours."""
    numbers = text.split(".")
    if len(numbers) != 3 or not all(
        one.isascii() and one.isdecimal() and len(one) <= MAX_DIGITS for one in numbers
    ):
        return None
    rank, micros, pk = map(int, numbers)
    try:
        return rank, EPOCH + micros * MICROSECOND, pk
    except OverflowError:
        return None


def _groups(sessions: Sequence[Any], reader: User, filters: Filters, counts: Counts) -> list[Group]:
    is_mine = filters.view == "mine"
    helped = {session.pk for session in sessions if is_mine and session.helps}
    items = items_of(sessions, reader, filters.query, helped=helped)
    if not is_mine:
        title = str(TITLES[filters.view])
        return [Group(filters.view, title, None, items)] if items else []
    numbers = {
        1: counts.your_turn, 2: counts.customers_turn, 3: counts.helping, 4: counts.ending,
        5: counts.snoozed,
    }  # fmt: skip
    groups = []
    for rank, found in groupby(items, key=lambda item: int(item.session.rank)):  # type: ignore[attr-defined]
        key, title = RANKS[rank]
        count = None if filters.line_id else numbers[rank]
        groups.append(Group(key, str(title), count, list(found)))
    return groups
