"""Colleagues in a chat: they join and leave, or take it over."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import User
from django.db import transaction

from queue_app.models import AssignmentOutcome, Operator, Session, SessionHelper
from queue_app.services.events import EventKind, event_write
from queue_app.services.followups import place_offer
from queue_app.services.handover import session_give
from queue_app.services.locks import session_lock
from queue_app.services.operators import operator_for_user
from queue_app.services.permits import session_check
from queue_app.services.versions import session_show


@transaction.atomic
def session_join(*, session_id: int, user: User, now: dt.datetime) -> Session:
    """Help in an open chat: he may write in it, its operator stays. Twice is once.

    People of the line may, and who may take chats over. Raises `ConflictError` ("closed",
    "yours") and `ForbiddenError` "permission".
    """
    conversation, session = session_lock(session_id)
    is_open = session.closed_at is None
    if is_open and SessionHelper.objects.filter(session=session, operator__user=user).exists():
        return session
    session_check("join", session=session, user=user, now=now)
    operator = operator_for_user(user)
    SessionHelper(session=session, operator=operator, joined_at=now).save(force_insert=True)
    _write(session, "joined", operator, now=now)
    session_show(session=session, conversation=conversation, now=now)
    return session


@transaction.atomic
def session_leave(*, session_id: int, user: User, now: dt.datetime) -> Session:
    """Help no longer. Raises `ConflictError` ("closed", "not_helping", "owner_stays")."""
    conversation, session = session_lock(session_id)
    session_check("leave", session=session, user=user, now=now)
    operator = operator_for_user(user)
    SessionHelper.objects.filter(session=session, operator=operator).delete()
    _write(session, "left", operator, now=now)
    session_show(session=session, conversation=conversation, now=now)
    return session


@transaction.atomic
def session_intercept(*, session_id: int, user: User, now: dt.datetime) -> Session:
    """Take a chat over from whoever has it. No limit stops that; a line in the thread tells both.

    Raises `ConflictError` ("closed", "yours") and `ForbiddenError` "permission".
    """
    conversation, session = session_lock(session_id)
    session_check("intercept", session=session, user=user, now=now)
    operator = operator_for_user(user)
    before_id, held_place = session.operator_id, session.holds_place
    session_give(
        session=session, conversation=conversation, operator=operator, step="intercept",
        event="intercepted", now=now, actor=user, others=AssignmentOutcome.LOST,
        data={"by": operator.pk}, limited=False,
    )  # fmt: skip
    session_show(session=session, conversation=conversation, now=now)
    place_offer(session=session, operator_id=before_id, held_place=held_place)
    session.refresh_from_db()
    return session


def helpers_dismiss(*, session: Session, now: dt.datetime) -> None:
    """A locked session goes to another line: whoever helped there leaves it."""
    rows = SessionHelper.objects.filter(session=session).select_related("operator__user")
    for row in list(rows.order_by("pk")):
        row.delete()
        _write(session, "left", row.operator, now=now)


def _write(session: Session, kind: EventKind, operator: Operator, *, now: dt.datetime) -> None:
    event_write(
        session=session, conversation=session.conversation, kind=kind, now=now,
        operator_id=operator.pk, actor=operator.user,
    )  # fmt: skip
    Session.objects.filter(pk=session.pk).update(event_seq=session.event_seq)
