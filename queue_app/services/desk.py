"""Waiting sessions are tried again on every change that could help, and by a sweep."""

from __future__ import annotations

import datetime as dt
import logging

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from channels_app.models import OpenChannel
from queue_app.models import (
    AssignmentOutcome,
    DutyState,
    LineOperator,
    Operator,
    Session,
    SessionState,
    WaitReason,
)
from queue_app.services.locks import line_lock, session_lock
from queue_app.services.queues import line_operators_sync
from queue_app.services.routing import session_distribute, session_hand_back

logger = logging.getLogger(__name__)

BATCH = 200


def line_distribute(*, open_channel_id: int, now: dt.datetime, limit: int = BATCH) -> int:
    """Distribute the sessions of a line that wait for an operator. Returns how many got one.

    Oldest first, one transaction each, until one finds nobody: nobody is overtaken.
    """
    offered = 0
    for _ in range(limit):
        session_id = _oldest_waiting(open_channel_id)
        if session_id is None:
            break
        session = session_distribute(session_id=session_id, now=now)
        if session.state == SessionState.OFFERED:
            offered += 1
        elif session.no_operator_since is not None:
            break
    return offered


@transaction.atomic
def _oldest_waiting(open_channel_id: int) -> int | None:
    """The first of those who wait for an operator.

    Read under the line's lock: a session that is about to wait, having seen the queue before our
    change was committed, is seen here.
    """
    line_lock(open_channel_id)
    return (
        Session.objects.filter(open_channel_id=open_channel_id, no_operator_since__isnull=False)
        .order_by("no_operator_since", "pk")
        .values_list("pk", flat=True)
        .first()
    )


def line_new_rounds(*, open_channel_id: int, now: dt.datetime, limit: int = BATCH) -> int:
    """Begin a new round for the sessions everybody let pass: somebody came who may take them.

    Returns how many were offered.
    """
    waiting = (
        Session.objects.filter(
            open_channel_id=open_channel_id,
            closed_at__isnull=True,
            state=SessionState.WAITING,
            wait_reason=WaitReason.ROUND_OVER,
        )
        .order_by("started_at", "pk")
        .values_list("pk", flat=True)
    )
    offered = 0
    for session_id in list(waiting[:limit]):
        session = session_distribute(session_id=session_id, now=now, new_round=True)
        offered += session.state == SessionState.OFFERED
    return offered


def operator_duty_settle(*, operator_id: int, now: dt.datetime) -> int:
    """An operator came on duty or left. Returns how many chats changed hands.

    What waits on his lines is offered; what he did not accept is taken back. His duty is read
    now, because he may have changed it again since.
    """
    operator = Operator.objects.select_related("user").get(pk=operator_id)
    if operator.duty != DutyState.ON or not operator.user.is_active:
        why = "paused" if operator.duty == DutyState.PAUSE else "off_duty"
        return offers_return(
            operator_id=operator_id, why=why, now=now, everywhere=not operator.user.is_active
        )
    lines = LineOperator.objects.filter(
        operator_id=operator_id, position__isnull=False
    ).values_list("open_channel_id", flat=True)
    return sum(_waiting_offer(line, now) for line in list(lines))


def _waiting_offer(open_channel_id: int, now: dt.datetime) -> int:
    """Offer what waits on a line: first those who found nobody, then new rounds."""
    return line_distribute(open_channel_id=open_channel_id, now=now) + line_new_rounds(
        open_channel_id=open_channel_id, now=now
    )


def place_freed(*, session_id: int, now: dt.datetime) -> int:
    """A chat ended: whoever waits on the lines of its operator is tried. Returns offers made."""
    session = Session.objects.only("operator_id", "open_channel_id").get(pk=session_id)
    if session.operator_id is None:
        return 0
    lines = LineOperator.objects.filter(
        operator_id=session.operator_id, position__isnull=False
    ).values_list("open_channel_id", flat=True)
    return sum(line_distribute(open_channel_id=line, now=now) for line in list(lines))


def line_resettle(*, open_channel_id: int, now: dt.datetime) -> int:
    """The queue or the settings of a line changed: redistribute what is not accepted.

    Offers to people who may no longer hold them are taken back; what waits is tried again, one
    session a transaction. Returns offers made.
    """
    line = OpenChannel.objects.get(pk=open_channel_id)
    return _line_sweep(line, now) + (
        line_new_rounds(open_channel_id=line.pk, now=now) if line.is_open_for_work else 0
    )


def line_reopened(*, open_channel_id: int, now: dt.datetime) -> int:
    """The line is active again: sessions that came while it was closed are distributed."""
    closed = Session.objects.filter(
        open_channel_id=open_channel_id,
        closed_at__isnull=True,
        wait_reason=WaitReason.LINE_CLOSED,
    ).order_by("started_at", "pk")
    offered = 0
    for session_id in list(closed.values_list("pk", flat=True)[:BATCH]):
        session = session_distribute(session_id=session_id, now=now)
        offered += session.state == SessionState.OFFERED
    return offered


def offers_return(*, operator_id: int, why: str, now: dt.datetime, everywhere: bool) -> int:
    """Take back what was offered to an operator and not accepted. Returns how many chats.

    On lines that check availability, or `everywhere` (his account was switched off).
    """
    held = Session.objects.filter(
        operator_id=operator_id, closed_at__isnull=True, state=SessionState.OFFERED
    )
    if not everywhere:
        held = held.filter(open_channel__check_availability=True)
    count = 0
    for session_id in list(held.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        if session_return(session_id=session_id, operator_id=operator_id, why=why, now=now):
            session_distribute(session_id=session_id, now=now)
            count += 1
    return count


@transaction.atomic
def session_return(*, session_id: int, operator_id: int, why: str, now: dt.datetime) -> bool:
    """Take an offered session back from an operator who still holds it."""
    conversation, session = session_lock(session_id)
    if session.state != SessionState.OFFERED or session.operator_id != operator_id:
        return False
    session_hand_back(
        session=session, conversation=conversation, outcome=AssignmentOutcome.RETURNED,
        event="returned", now=now, data={"why": why},
    )  # fmt: skip
    return True


def desk_sweep(*, now: dt.datetime) -> int:
    """Notice what changed outside our pages, and try again what waits. Returns offers made.

    Accounts and groups may be changed by a script or a directory: the queues are spread out
    anew, and offers to people who may not hold them are taken back.
    """
    offered = 0
    for line in OpenChannel.objects.filter(archived_at__isnull=True):
        try:
            line_operators_sync(open_channel=line)
            offered += _line_sweep(line, now)
        except Exception:
            logger.exception("The sweep of a line failed")
    return offered


def _line_sweep(line: OpenChannel, now: dt.datetime) -> int:
    if not line.is_open_for_work:
        return 0
    in_queue = LineOperator.objects.filter(
        open_channel=line, operator=OuterRef("operator"), position__isnull=False
    )
    held = Session.objects.filter(
        open_channel=line, closed_at__isnull=True, state=SessionState.OFFERED
    )
    gone = ~Exists(in_queue) | Q(operator__user__is_active=False)
    if line.check_availability:
        gone |= ~Q(operator__duty=DutyState.ON)
    for session_id, operator_id in list(held.filter(gone).values_list("pk", "operator_id")[:BATCH]):
        if session_return(session_id=session_id, operator_id=operator_id, why="removed", now=now):
            session_distribute(session_id=session_id, now=now)
    return line_distribute(open_channel_id=line.pk, now=now) + line_reopened(
        open_channel_id=line.pk, now=now
    )
