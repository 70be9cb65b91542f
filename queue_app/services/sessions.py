"""What a person does with a session: accept it, read it."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from channels_app.services.errors import ConflictError, ForbiddenError
from channels_app.services.messages import capabilities_of
from channels_app.tasks import deliver_seen
from openlines_project.lib.tasks import enqueue_after_commit
from queue_app.models import AssignmentOutcome, LineOperator, Operator, Session, SessionState
from queue_app.services.events import seconds_between
from queue_app.services.handover import has_offer, is_holder, session_give
from queue_app.services.locks import session_lock
from queue_app.services.operators import operator_for_user
from queue_app.services.versions import session_show


def session_accept(*, session_id: int, operator: Operator, now: dt.datetime) -> Session:
    """Take a session: one that was offered to him, or one that waits. The first commit wins.

    Raises `ConflictError`: "taken" by somebody else, "closed", "ending", "full" at the limit;
    `ForbiddenError` "offered_to_another", "permission".
    """
    with transaction.atomic():
        conversation, session = session_lock(session_id)
        if session.state == SessionState.ACTIVE and session.operator_id == operator.pk:
            return session  # pressed twice
        _acceptable(session, operator)
        session_give(
            session=session, conversation=conversation, operator=operator, step="accept",
            event="accepted", now=now, actor=operator.user, others=AssignmentOutcome.LOST,
            data={
                "reaction_s": seconds_between(session.started_at, now),
                "by_hand": not is_holder(session, operator),
            },
        )  # fmt: skip
        session_show(session=session, conversation=conversation, now=now)
        session.refresh_from_db()
    return session


def _acceptable(session: Session, operator: Operator) -> None:
    if session.state == SessionState.CLOSED:
        raise ConflictError("closed", _("This chat is closed."))
    if session.state == SessionState.CLOSING:
        raise ConflictError("ending", _("This chat has been ended."))
    holder = session.operator
    if holder is None:
        _may_take(session, operator)
        return
    if holder.pk == operator.pk:
        return
    if session.state == SessionState.ACTIVE:
        raise ConflictError("taken", _("Taken by %(name)s") % {"name": holder.name})
    raise ForbiddenError(
        "offered_to_another", _("This chat is offered to %(name)s.") % {"name": holder.name}
    )


def _may_take(session: Session, operator: Operator) -> None:
    """Whoever is asked, the people of the line, and who may take chats over; seeing it is not
    enough."""
    on_line = LineOperator.objects.filter(
        open_channel_id=session.open_channel_id, operator=operator, position__isnull=False
    )
    if on_line.exists() or has_offer(session, operator):
        return
    if not operator.user.has_perm("queue_app.intercept_session"):
        raise ForbiddenError("permission", _("You are not in the queue of this line."))


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
