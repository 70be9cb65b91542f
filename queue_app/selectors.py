"""Reading side of the desk. Whatever a person may see goes through the `*_visible_to` here."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Exists, OuterRef, Q, QuerySet

from channels_app.models import Conversation, OpenChannel
from queue_app.explanations import WhyLine, why_lines
from queue_app.models import (
    LineNotice,
    LineOperator,
    Operator,
    Session,
    SessionEvent,
)


def _lines_of(user: User | AnonymousUser) -> QuerySet[LineOperator]:
    user_id = user.pk or 0  # 0: nobody, for a visitor who has not signed in
    return LineOperator.objects.filter(operator__user_id=user_id, position__isnull=False)


def sees_every_line(user: User | AnonymousUser) -> bool:
    """Whether he sees the chats of all lines, and not only those he is a member of."""
    return user.has_perm("queue_app.view_all_sessions")


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
    """Sessions of his lines, and those offered or assigned to him; with the right to them, all.

    Every list, page, counter, live update, file and API answer starts here.
    """
    if not user.is_active:
        return Session.objects.none()
    if sees_every_line(user):
        return Session.objects.all()
    return Session.objects.filter(
        Q(open_channel_id__in=_lines_of(user).values("open_channel_id"))
        | Q(operator__user_id=user.pk)
    )


def conversations_visible_to(user: User | AnonymousUser) -> QuerySet[Conversation]:
    """Conversations with a session he may see, and those of connectors on his lines."""
    if not user.is_active:
        return Conversation.objects.none()
    if sees_every_line(user):
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
