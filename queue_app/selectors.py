"""Reading side of the desk. Whatever a person may see goes through the `*_visible_to` here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Exists, OuterRef, Q, QuerySet

from channels_app.models import Conversation, OpenChannel
from openlines_project.lib.people import person_name
from queue_app.act_words import Names
from queue_app.distribution import is_on_leave
from queue_app.explanations import WhyLine, why_lines
from queue_app.models import (
    Assignment,
    LineNotice,
    LineOperator,
    Operator,
    Session,
    SessionEvent,
    SessionHelper,
)


def _lines_of(user: User | AnonymousUser) -> QuerySet[LineOperator]:
    user_id = user.pk or 0  # 0: nobody, for a visitor who has not signed in
    return LineOperator.objects.filter(operator__user_id=user_id, position__isnull=False)


def sees_every_line(user: User | AnonymousUser) -> bool:
    """Whether he sees the chats of all lines, and not only those he is a member of."""
    return user.has_perm("queue_app.view_all_sessions")


def _sessions_of(user: User | AnonymousUser) -> Q:
    """Sessions of his lines, his own, those he is asked to take, and those he helps in.

    Each part is a list of ids of its own, found by an index: joined, one row would come thrice.
    """
    user_id = user.pk or 0  # 0: nobody, for a visitor who has not signed in
    asked = Assignment.objects.filter(operator__user_id=user_id, ended_at__isnull=True)
    helped = SessionHelper.objects.filter(operator__user_id=user_id)
    return (
        Q(open_channel_id__in=_lines_of(user).values("open_channel_id"))
        | Q(operator__user_id=user_id)
        | Q(pk__in=asked.values("session_id"))
        | Q(pk__in=helped.values("session_id"))
    )


def open_channels_visible_to(user: User | AnonymousUser) -> QuerySet[OpenChannel]:
    """The lines he is a member of; all of them with the right to every line's chats."""
    if not user.is_active:
        return OpenChannel.objects.none()
    if sees_every_line(user):
        return OpenChannel.objects.all()
    return OpenChannel.objects.filter(
        Exists(_lines_of(user).filter(open_channel_id=OuterRef("pk")))
    )


def sessions_visible_to(user: User | AnonymousUser) -> QuerySet[Session]:
    """Sessions of his lines, and those he has, is asked to take or helps in; with the right, all.

    Every list, page, counter, live update, file and API answer starts here.
    """
    if not user.is_active:
        return Session.objects.none()
    if sees_every_line(user):
        return Session.objects.all()
    return Session.objects.filter(_sessions_of(user))


def conversations_visible_to(user: User | AnonymousUser) -> QuerySet[Conversation]:
    """Conversations with a session he may see, and those of connectors on his lines."""
    if not user.is_active:
        return Conversation.objects.none()
    if sees_every_line(user):
        return Conversation.objects.all()
    lines = _lines_of(user).values("open_channel_id")
    return Conversation.objects.filter(
        Q(connector__open_channel_id__in=lines)
        | Exists(Session.objects.filter(conversation_id=OuterRef("pk")).filter(_sessions_of(user)))
    )


def open_channels_supervised_by(user: User | AnonymousUser) -> QuerySet[OpenChannel]:
    """The lines whose desk he may look after: of those he sees, with the right to supervise."""
    if not user.has_perm("queue_app.supervise_desk"):
        return OpenChannel.objects.none()
    return open_channels_visible_to(user).filter(archived_at__isnull=True)


def line_notices_open(
    open_channels: QuerySet[OpenChannel] | Sequence[OpenChannel],
) -> list[LineNotice]:
    """What is wrong with these lines just now, the oldest first; each knows its line."""
    return list(
        LineNotice.objects.filter(ended_at__isnull=True, open_channel__in=open_channels)
        .select_related("open_channel")
        .order_by("began_at", "pk")
    )


@dataclass(frozen=True, slots=True)
class TransferTarget:
    """A colleague a chat may be given to, as he stands just now.

    `chats` of `limit` is what refuses him first: the line's limit, or his own over all lines.
    """

    operator: Operator
    is_member: bool
    duty: str
    is_on_leave: bool
    chats: int
    limit: int

    @property
    def is_full(self) -> bool:
        return self.chats >= self.limit


@dataclass(frozen=True, slots=True)
class TransferTargets:
    """Where a chat may go: people, those of its line first, and other lines open for work."""

    people: list[TransferTarget]
    lines: list[OpenChannel]


def transfer_targets(session: Session, user: User, *, now: dt.datetime) -> TransferTargets:
    """To whom, and to which line, `user` may transfer a session. In three queries."""
    line = session.open_channel
    rows = {
        row.operator_id: row
        for row in LineOperator.objects.filter(open_channel=line).only(
            "operator_id", "position", "open_chats"
        )
    }
    operators = (
        Operator.objects.filter(user__is_active=True)
        .exclude(user_id=user.pk)
        .exclude(pk=session.operator_id or 0)
        .select_related("user")
    )
    people = [
        _transfer_target(operator, rows.get(operator.pk), line, now) for operator in operators
    ]
    people.sort(key=lambda one: (not one.is_member, one.operator.name.casefold(), one.operator.pk))
    lines = OpenChannel.objects.filter(is_active=True, archived_at__isnull=True)
    return TransferTargets(people, list(lines.exclude(pk=line.pk).order_by("name", "pk")))


def _transfer_target(
    operator: Operator, row: LineOperator | None, line: OpenChannel, now: dt.datetime
) -> TransferTarget:
    on_line = row.open_chats if row else 0
    is_line_first = line.max_chats and on_line >= line.max_chats
    all_first = operator.open_chats >= operator.max_chats and not is_line_first
    use_cap = all_first or not line.max_chats
    return TransferTarget(
        operator=operator,
        is_member=row is not None and row.position is not None,
        duty=operator.duty,
        is_on_leave=is_on_leave(operator.leave_from, operator.leave_until, now=now),
        chats=operator.open_chats if use_cap else on_line,
        limit=operator.max_chats if use_cap else line.max_chats,
    )


# What tells how a session came to whom it came.
_WHY = (
    "started", "offered", "waiting", "expired", "skipped", "returned", "accepted", "transferred",
    "intercepted",
)  # fmt: skip


def session_why(session: Session) -> list[WhyLine]:
    """How the session came to whom it came, in words of the reader's language. In two queries."""
    events = list(
        SessionEvent.objects.filter(session=session, kind__in=_WHY)
        .order_by("-seq")
        .select_related("operator__user", "actor")[:10]
    )
    ids = {item["operator"] for event in events for item in event.data.get("choice", [])}
    names = {pk: person_name(user) for pk, user in _people(ids | _named_in(events)).items()}
    return why_lines(list(reversed(events)), names=names, line=session.open_channel)


def event_names(events: Sequence[SessionEvent]) -> Names:
    """The names these events need: at most two queries, none for most threads."""
    lines = {event.data["to_line"] for event in events if event.data.get("to_line") is not None}
    named = OpenChannel.objects.filter(pk__in=lines).values_list("pk", "name") if lines else ()
    return Names(people=_people(_named_in(events)), lines=dict(named))


def _named_in(events: Sequence[SessionEvent]) -> set[int]:
    """The operators the events name beside their own."""
    told = [event.data for event in events if event.kind in {"transferred", "intercepted"}]
    return {data.get("to") or data.get("by") for data in told} - {None}


def _people(operators: Collection[int]) -> dict[int, User]:
    if not operators:
        return {}
    rows = Operator.objects.filter(pk__in=operators).select_related("user")
    return {row.pk: row.user for row in rows}


def session_helpers(session: Session) -> list[Operator]:
    """The colleagues who have joined a chat, who came first before the others."""
    rows = SessionHelper.objects.filter(session=session).select_related("operator__user")
    return [row.operator for row in rows.order_by("joined_at", "pk")]
