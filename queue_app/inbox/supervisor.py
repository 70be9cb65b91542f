"""The supervisor's board: what is late, what is about to be passed on, who waits, who works."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Count, Min, Q, QuerySet
from django.urls import reverse

from channels_app.drivers.registry import kind_label
from channels_app.models import OpenChannel
from openlines_project.lib.people import avatar_number, initials, person_name
from queue_app.distribution import is_on_leave
from queue_app.explanations import wait_words
from queue_app.inbox.items import SOON_SHARE
from queue_app.inbox.words import conversation_avatar, customer_name, preview, wait_length
from queue_app.models import (
    DutyState,
    LineOperator,
    Operator,
    Session,
    SessionState,
    Timer,
    TimerKind,
)
from queue_app.notice_words import notice_words
from queue_app.selectors import line_notices_open, open_channels_supervised_by
from queue_app.services.presence import is_connected

MAX_CHATS = 20
MAX_PEOPLE = 200
# What an operator's cap is when nobody has set one.
NO_CAP = 1000


@dataclass(frozen=True, slots=True)
class Chat:
    """One chat of the board: the customer, and what is to be known of his chat."""

    session: Session
    name: str
    initials: str
    avatar: int
    kind: str
    channel: str
    line: str
    text: str
    href: str
    holder: str  # who has it or is offered it, why it waits where nobody is


@dataclass(frozen=True, slots=True)
class Passing:
    """An offer nobody accepted yet, or a chat without its first reply, with its time."""

    chat: Chat
    due_at: dt.datetime
    total_s: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A customer who waits for us. Beyond `late_s` seconds he waits too long."""

    chat: Chat
    since: dt.datetime
    wait: str
    soon_s: int
    late_s: int
    waited_s: float

    @property
    def is_late(self) -> bool:
        return self.waited_s >= self.late_s

    @property
    def is_soon(self) -> bool:
        return self.soon_s <= self.waited_s < self.late_s


@dataclass(frozen=True, slots=True)
class Member:
    """One of the team. `limit` is 0 without one; `share` is his load in per cent."""

    operator: Operator
    name: str
    initials: str
    avatar: int
    connected: bool
    on_leave: bool
    chats: int
    limit: int
    share: int
    waiting_since: dt.datetime | None
    wait: str
    last_offer_at: dt.datetime | None

    @property
    def is_full(self) -> bool:
        return bool(self.limit) and self.chats >= self.limit


@dataclass(frozen=True, slots=True)
class Figures:
    """`late` counts customers who wait longer than their line's response time."""

    open: int
    waiting: int
    no_operator: int
    late: int
    longest: Waiting | None
    passing: int
    next_due_at: dt.datetime | None
    on_duty: int
    paused: int
    people: int


@dataclass(frozen=True, slots=True)
class Board:
    """All of the page, in a number of queries that does not depend on how much is going on."""

    lines: list[OpenChannel]
    line: OpenChannel | None
    figures: Figures
    passing: list[Passing]
    waiting: list[Waiting]
    team: list[Member]
    notices: list[str]

    @property
    def full(self) -> list[str]:
        return [member.name for member in self.team if member.is_full]

    @property
    def query(self) -> str:
        return f"?line={self.line.pk}" if self.line else ""


def board_read(*, reader: User, line_id: int | None, now: dt.datetime) -> Board | None:
    """The board of the lines the reader supervises, of one of them with `line_id`.

    None when he supervises none, or not that one.
    """
    if not reader.has_perm("queue_app.supervise_desk"):
        return None
    lines = list(open_channels_supervised_by(reader))
    chosen = next((line for line in lines if line.pk == line_id), None)
    if line_id is not None and chosen is None:
        return None
    shown = [chosen] if chosen else lines
    sessions = Session.objects.filter(closed_at__isnull=True, open_channel__in=shown)
    timers = Timer.objects.filter(kind=TimerKind.RESPONSE, session__in=sessions)
    team = _team(shown, sessions, now)
    passing = _passing(timers)
    return Board(
        lines=lines,
        line=chosen,
        figures=_figures(shown, sessions, timers, passing, team, now),
        passing=passing,
        waiting=_waiting(sessions, now),
        team=team[:MAX_PEOPLE],
        notices=[notice_words(notice) for notice in line_notices_open(shown)],
    )


def _figures(
    lines: Sequence[OpenChannel],
    sessions: QuerySet[Session],
    timers: QuerySet[Timer],
    passing: Sequence[Passing],
    team: Sequence[Member],
    now: dt.datetime,
) -> Figures:
    late = Q(pk__in=[])
    for minutes in {line.response_minutes for line in lines}:
        late |= Q(
            open_channel__response_minutes=minutes,
            waiting_since__lte=now - dt.timedelta(minutes=minutes),
        )
    waits = Q(state=SessionState.WAITING)
    counted = sessions.aggregate(
        open=Count("pk"),
        waiting=Count("pk", filter=waits),
        no_operator=Count("pk", filter=waits & Q(no_operator_since__isnull=False)),
        late=Count("pk", filter=late),
    )
    longest = _listed(sessions.filter(waiting_since__isnull=False)).first()
    return Figures(
        **counted,
        longest=_wait(longest, now) if longest else None,
        passing=timers.count(),
        next_due_at=passing[0].due_at if passing else None,
        on_duty=sum(member.operator.duty == DutyState.ON for member in team),
        paused=sum(member.operator.duty == DutyState.PAUSE for member in team),
        people=len(team),
    )


def _passing(timers: QuerySet[Timer]) -> list[Passing]:
    rows = timers.select_related(
        "session__conversation__connector", "session__open_channel", "session__operator__user"
    ).defer("session__conversation__connector__secrets", "session__conversation__connector__config")
    return [
        Passing(
            chat=_chat(timer.session),
            due_at=timer.due_at,
            total_s=timer.session.open_channel.response_minutes * 60,
        )
        for timer in rows.order_by("due_at", "pk")[:MAX_CHATS]
    ]


def _waiting(sessions: QuerySet[Session], now: dt.datetime) -> list[Waiting]:
    """Who waits longest. What is offered stands in the list above, with its time."""
    waits = sessions.filter(waiting_since__isnull=False).exclude(state=SessionState.OFFERED)
    return [_wait(session, now) for session in _listed(waits)[:MAX_CHATS]]


def _listed(sessions: QuerySet[Session]) -> QuerySet[Session]:
    return (
        sessions.select_related("conversation__connector", "open_channel", "operator__user")
        # A list decrypts nothing.
        .defer("conversation__connector__secrets", "conversation__connector__config")
        .order_by("waiting_since", "pk")
    )


def _wait(session: Session, now: dt.datetime) -> Waiting:
    since = session.waiting_since or session.started_at
    target = session.open_channel.response_minutes * 60
    return Waiting(
        chat=_chat(session),
        since=since,
        wait=wait_length(now - since),
        soon_s=int(target * SOON_SHARE),
        late_s=target,
        waited_s=(now - since).total_seconds(),
    )


def _chat(session: Session) -> Chat:
    conversation = session.conversation
    name = customer_name(conversation)
    if session.operator is not None:
        holder = session.operator.name
    elif session.state == SessionState.WAITING:
        holder = wait_words(session.wait_reason)
    else:
        holder = ""
    return Chat(
        session=session,
        name=name,
        initials=initials(name),
        avatar=conversation_avatar(conversation),
        kind=conversation.connector.kind,
        channel=kind_label(conversation.connector.kind),
        line=session.open_channel.name,
        text=preview(conversation),
        href=f"{reverse('inbox:session-detail', args=[session.pk])}?view=all",
        holder=holder,
    )


def _team(
    lines: Sequence[OpenChannel], sessions: QuerySet[Session], now: dt.datetime
) -> list[Member]:
    """The people of the lines, the most loaded first."""
    places: dict[Operator, list[LineOperator]] = defaultdict(list)
    for row in LineOperator.objects.filter(
        open_channel__in=lines, position__isnull=False, operator__user__is_active=True
    ).select_related("operator__user"):
        places[row.operator].append(row)
    since = dict(
        sessions.filter(operator__isnull=False, waiting_since__isnull=False)
        .order_by()
        .values("operator")
        .annotate(since=Min("waiting_since"))
        .values_list("operator", "since")
    )
    most = max((operator.open_chats for operator in places), default=0)
    team = [
        _member(operator, rows, lines, since.get(operator.pk), most, now)
        for operator, rows in places.items()
    ]
    return sorted(
        team, key=lambda member: (not member.is_full, -member.share, -member.chats, member.name)
    )


def _member(
    operator: Operator,
    rows: Sequence[LineOperator],
    lines: Sequence[OpenChannel],
    waiting_since: dt.datetime | None,
    most: int,
    now: dt.datetime,
) -> Member:
    chats = operator.open_chats
    limit = operator.max_chats if operator.max_chats < NO_CAP else 0
    if len(lines) == 1 and lines[0].max_chats:
        # Of one line alone its own limit tells more.
        chats, limit = rows[0].open_chats, lines[0].max_chats
    name = person_name(operator.user)
    offers = [row.last_offer_at for row in rows if row.last_offer_at is not None]
    return Member(
        operator=operator,
        name=name,
        initials=initials(name),
        avatar=avatar_number(operator.user_id),
        connected=is_connected(operator, now),
        on_leave=is_on_leave(operator.leave_from, operator.leave_until, now=now),
        chats=chats,
        limit=limit,
        share=min(100, round(100 * chats / (limit or max(most, 1)))),
        waiting_since=waiting_since,
        wait=wait_length(now - waiting_since) if waiting_since else "",
        last_offer_at=max(offers, default=None),
    )
