"""Reading side of the desk. Whatever a person may see goes through the `*_visible_to` here."""

from __future__ import annotations

from typing import Literal

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet

from channels_app.models import Conversation, OpenChannel
from queue_app.explanations import WhyLine, why_lines
from queue_app.models import (
    LineOperator,
    Operator,
    Session,
    SessionEvent,
    SessionState,
    Timer,
    TimerKind,
)

View = Literal["mine", "offered", "waiting", "all"]


def _lines_of(user: User | AnonymousUser) -> QuerySet[LineOperator]:
    return LineOperator.objects.filter(operator__user_id=user.pk, position__isnull=False)


def open_channels_visible_to(user: User | AnonymousUser) -> QuerySet[OpenChannel]:
    """The lines he is a member of; superusers all."""
    if not user.is_active:
        return OpenChannel.objects.none()
    if user.is_superuser:
        return OpenChannel.objects.all()
    return OpenChannel.objects.filter(
        Exists(_lines_of(user).filter(open_channel_id=OuterRef("pk")))
    )


def sessions_visible_to(user: User | AnonymousUser) -> QuerySet[Session]:
    """Sessions of his lines, and those offered or assigned to him; superusers all.

    Every list, page, counter, live update, file and API answer starts here.
    """
    if not user.is_active:
        return Session.objects.none()
    if user.is_superuser:
        return Session.objects.all()
    return Session.objects.filter(
        Q(open_channel_id__in=_lines_of(user).values("open_channel_id"))
        | Q(operator__user_id=user.pk)
    )


def conversations_visible_to(user: User | AnonymousUser) -> QuerySet[Conversation]:
    """Conversations with a session he may see, and those of connectors on his lines."""
    if not user.is_active:
        return Conversation.objects.none()
    if user.is_superuser:
        return Conversation.objects.all()
    lines = _lines_of(user).values("open_channel_id")
    return Conversation.objects.filter(
        Q(connector__open_channel_id__in=lines)
        | Exists(
            Session.objects.filter(conversation_id=OuterRef("pk")).filter(
                Q(open_channel_id__in=lines) | Q(operator__user_id=user.pk)
            )
        )
    )


def inbox_counts(user: User) -> dict[str, int]:
    """`{"mine", "offered", "waiting", "unread"}`: open sessions by what they ask of him."""
    mine = Q(state=SessionState.ACTIVE, operator__user_id=user.pk)
    offered = Q(state=SessionState.OFFERED, operator__user_id=user.pk)
    counts = (
        sessions_visible_to(user)
        .filter(closed_at__isnull=True)
        .aggregate(
            mine=Count("pk", filter=mine),
            offered=Count("pk", filter=offered),
            waiting=Count("pk", filter=Q(state=SessionState.WAITING)),
            unread=Count("pk", filter=mine & Q(unread__gt=0)),
        )
    )
    return dict(counts)


def inbox_sessions(
    user: User,
    view: View,
    *,
    open_channel_id: int | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Session]:
    """Open sessions of one view with all a list row shows, in a constant number of queries.

    "mine" has those who wait for him first, longest wait first; "offered" the oldest offer
    first; "waiting" the oldest first; "all" the newest first. `before` is the id of the last row
    of the page before.
    """
    sessions = sessions_visible_to(user).filter(closed_at__isnull=True)
    if open_channel_id is not None:
        sessions = sessions.filter(open_channel_id=open_channel_id)
    if view == "mine":
        sessions = sessions.filter(state=SessionState.ACTIVE, operator__user_id=user.pk)
    elif view == "offered":
        sessions = sessions.filter(state=SessionState.OFFERED, operator__user_id=user.pk)
    elif view == "waiting":
        sessions = sessions.filter(state=SessionState.WAITING)
    ascending = view in {"offered", "waiting"}
    if before is not None:
        sessions = sessions.filter(pk__gt=before) if ascending else sessions.filter(pk__lt=before)
    sessions = sessions.order_by("pk" if ascending else "-pk")
    return list(
        sessions.select_related(
            "conversation__connector", "open_channel", "operator__user"
        ).prefetch_related(
            Prefetch(
                "timers",
                queryset=Timer.objects.filter(kind=TimerKind.RESPONSE),
                to_attr="response_timers",
            )
        )[:limit]
    )


def session_why(session: Session) -> list[WhyLine]:
    """How the session came to whom it came, in words of the reader's language."""
    events = list(
        SessionEvent.objects.filter(
            session=session,
            kind__in=["offered", "waiting", "expired", "returned", "accepted"],
        )
        .order_by("-seq")
        .select_related("operator__user")[:10]
    )
    ids = {item["operator"] for event in events for item in event.data.get("choice", [])}
    names = {
        operator.pk: operator.name
        for operator in Operator.objects.filter(pk__in=ids).select_related("user")
    }
    return why_lines(list(reversed(events)), names=names, line=session.open_channel)


def line_operators(open_channel: OpenChannel) -> QuerySet[LineOperator]:
    """The people of a line's queue in its order."""
    return (
        LineOperator.objects.filter(open_channel=open_channel, position__isnull=False)
        .select_related("operator__user")
        .order_by("position")
    )
