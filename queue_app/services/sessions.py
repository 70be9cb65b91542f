"""What a person does with a session: accept it, read it, end it."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from channels_app.services.errors import ConflictError, ForbiddenError
from channels_app.services.messages import capabilities_of
from channels_app.tasks import deliver_seen
from openlines_project.lib.tasks import enqueue_after_commit
from queue_app import tasks
from queue_app.models import (
    Assignment,
    AssignmentOutcome,
    CloseReason,
    LineOperator,
    Operator,
    Session,
    SessionState,
    WaitReason,
)
from queue_app.services.deadlines import timer_cancel
from queue_app.services.events import event_write, seconds_between
from queue_app.services.locks import line_lock, session_lock
from queue_app.services.operators import operator_for_user
from queue_app.services.places import place_free, place_take
from queue_app.services.routing import session_show
from queue_app.signals import session_closed
from queue_app.state_machine import state_after


def session_accept(*, session_id: int, operator: Operator, now: dt.datetime) -> Session:
    """Take a session: one that was offered to him, or one that waits. The first commit wins.

    Raises `ConflictError`: "taken" by somebody else, "closed", "full" at the limit;
    `ForbiddenError` "offered_to_another".
    """
    with transaction.atomic():
        conversation, session = session_lock(session_id)
        if session.state == SessionState.ACTIVE and session.operator_id == operator.pk:
            return session  # pressed twice
        _acceptable(session, operator)
        by_hand = session.state == SessionState.WAITING
        if by_hand:
            _place_by_hand(session, operator)
            Assignment.objects.create(
                session=session, operator=operator, turn=None, round=session.round,
                offered_at=now, ended_at=now, outcome=AssignmentOutcome.ACCEPTED,
            )  # fmt: skip
        else:
            Assignment.objects.filter(session=session, ended_at__isnull=True).update(
                ended_at=now, outcome=AssignmentOutcome.ACCEPTED
            )
        session.state = state_after(session.state, "accept")
        session.operator = operator
        event_write(
            session=session, conversation=conversation, kind="accepted", now=now,
            operator_id=operator.pk, actor=operator.user,
            data={"reaction_s": seconds_between(session.started_at, now), "by_hand": by_hand},
        )  # fmt: skip
        Session.objects.filter(pk=session.pk).update(
            state=session.state, operator=operator, wait_reason=WaitReason.NONE,
            no_operator_since=None, accepted_at=session.accepted_at or now,
            event_seq=session.event_seq,
        )  # fmt: skip
        timer_cancel(session_id=session.pk)
        session_show(session=session, conversation=conversation, now=now)
        session.refresh_from_db()
    return session


def _acceptable(session: Session, operator: Operator) -> None:
    if session.state == SessionState.CLOSED:
        raise ConflictError("closed", _("This chat is closed."))
    holder = session.operator
    if holder is None or holder.pk == operator.pk:
        return
    if session.state == SessionState.ACTIVE:
        raise ConflictError("taken", _("Taken by %(name)s") % {"name": holder.name})
    raise ForbiddenError(
        "offered_to_another", _("This chat is offered to %(name)s.") % {"name": holder.name}
    )


def _place_by_hand(session: Session, operator: Operator) -> None:
    """Accepting by hand above a limit is refused, with the number.

    The line's lock is taken, so that no offer on this line fills him up meanwhile.
    """
    line_lock(session.open_channel_id)
    limit = session.open_channel.max_chats
    row = LineOperator.objects.filter(
        open_channel_id=session.open_channel_id, operator=operator
    ).first()
    held = row.open_chats if row else 0
    if limit and held >= limit:
        raise _full(held, limit)
    if not place_take(operator_id=operator.pk, open_channel_id=session.open_channel_id):
        operator.refresh_from_db(fields=["open_chats", "max_chats"])
        raise _full(operator.open_chats, operator.max_chats)


def _full(held: int, limit: int) -> ConflictError:
    return ConflictError(
        "full",
        _("You have %(held)d of %(limit)d chats. End one first.") % {"held": held, "limit": limit},
    )


def session_close(*, session_id: int, actor: User, now: dt.datetime) -> Session:
    """End a session. Ending a closed one changes nothing.

    Whoever holds it may, a superuser may, and a session nobody holds may be ended by everybody
    who sees it. Raises `ForbiddenError`. The freed place is given away after the commit.
    """
    with transaction.atomic():
        conversation, session = session_lock(session_id)
        if session.state == SessionState.CLOSED:
            return session
        operator = operator_for_user(actor)
        holder = session.operator
        if holder is not None and holder.pk != operator.pk and not actor.is_superuser:
            raise ForbiddenError(
                "not_yours", _("This chat belongs to %(name)s.") % {"name": holder.name}
            )
        Assignment.objects.filter(session=session, ended_at__isnull=True).update(
            ended_at=now, outcome=AssignmentOutcome.WITHDRAWN
        )
        timer_cancel(session_id=session.pk)
        session.state = state_after(session.state, "close")
        event_write(
            session=session, conversation=conversation, kind="closed", now=now,
            operator_id=session.operator_id, actor=actor,
            data={
                "reason": CloseReason.OPERATOR,
                "resolution_s": seconds_between(session.started_at, now),
                "answered": session.first_reply_at is not None,
            },
        )  # fmt: skip
        Session.objects.filter(pk=session.pk).update(
            state=session.state, closed_at=now, close_reason=CloseReason.OPERATOR,
            wait_reason=WaitReason.NONE, no_operator_since=None, unread=0,
            waiting_since=None, event_seq=session.event_seq,
        )  # fmt: skip
        session_show(session=session, conversation=conversation, now=now)
        place_free(session=session)
        session.refresh_from_db()
        session_closed.send(sender=Session, session=session, now=now)
        enqueue_after_commit(tasks.place_freed, session.pk)
    return session


def session_read(*, session_id: int, user: User, now: dt.datetime) -> None:
    """Whoever holds the session has seen its messages."""
    operator = operator_for_user(user)
    unread = Session.objects.filter(pk=session_id, operator=operator, unread__gt=0)
    if not unread.exists():
        return
    with transaction.atomic():
        conversation, session = session_lock(session_id)
        if unread.update(unread=0):
            session_show(session=session, conversation=conversation, now=now)
            if capabilities_of(conversation).seen:
                enqueue_after_commit(deliver_seen, conversation.pk)
