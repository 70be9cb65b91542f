"""Waiting sessions are tried again on every change that could help, and by a sweep."""

from __future__ import annotations

import datetime as dt
import logging

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from channels_app.models import OpenChannel
from openlines_project.lib.tasks import enqueue_after_commit
from queue_app import tasks
from queue_app.distribution import is_on_leave
from queue_app.models import (
    Assignment,
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

    Oldest first, one transaction each, until one finds nobody: nobody is overtaken. More than
    `limit` are left to a job of their own.
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
    else:
        enqueue_after_commit(tasks.line_distribute, open_channel_id)
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


def line_new_rounds(
    *, open_channel_id: int, now: dt.datetime, limit: int = BATCH, not_tried: int | None = None
) -> int:
    """Begin a new round for the sessions everybody let pass: somebody came who may take them.

    `not_tried` narrows them to those this operator did not have in their last round. Returns how
    many were offered. Call `line_distribute` before: it waits for a choice that has not seen him.
    """
    waiting = Session.objects.filter(
        open_channel_id=open_channel_id,
        closed_at__isnull=True,
        state=SessionState.WAITING,
        wait_reason=WaitReason.ROUND_OVER,
    )
    if not_tried is not None:
        had_it = Assignment.objects.filter(
            session=OuterRef("pk"), round=OuterRef("round"), operator_id=not_tried
        )
        waiting = waiting.exclude(Exists(had_it))
    offered = 0
    ordered = waiting.order_by("started_at", "pk").values_list("pk", flat=True)
    for session_id in list(ordered[:limit]):
        session = session_distribute(session_id=session_id, now=now, new_round=True)
        offered += session.state == SessionState.OFFERED
    return offered


def operator_duty_settle(*, operator_id: int, now: dt.datetime) -> int:
    """An operator came on duty or left, or his leave changed. Returns how many chats moved.

    What he may hold no longer is taken back; while he works, what waits on his lines is offered.
    His duty is read now, because he may have changed it again since.
    """
    moved = offers_return(operator_id=operator_id, now=now)
    operator = Operator.objects.select_related("user").get(pk=operator_id)
    if operator.user.is_active and away(operator, now) is None:
        for line in _lines_of(operator_id):
            moved += line_distribute(open_channel_id=line, now=now)
            moved += line_new_rounds(open_channel_id=line, now=now)
    return moved


def _lines_of(operator_id: int) -> list[int]:
    lines = LineOperator.objects.filter(operator_id=operator_id, position__isnull=False)
    return list(lines.order_by("open_channel_id").values_list("open_channel_id", flat=True))


def place_freed(*, session_id: int, now: dt.datetime, operator_id: int | None = None) -> int:
    """A chat ended: whoever waits on the lines of its operator is tried. Returns offers made.

    `operator_id` is whose place it was, when the session is somebody else's by now. Rounds that
    were over because he was full begin anew.
    """
    if operator_id is None:
        operator_id = Session.objects.values_list("operator_id", flat=True).get(pk=session_id)
    operator = Operator.objects.select_related("user").filter(pk=operator_id).first()
    if operator is None:
        return 0
    offered = 0
    works = operator.user.is_active and away(operator, now) is None
    for line in _lines_of(operator.pk):
        offered += line_distribute(open_channel_id=line, now=now)
        if works:
            offered += line_new_rounds(open_channel_id=line, now=now, not_tried=operator.pk)
    return offered


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


def offers_return(*, operator_id: int, now: dt.datetime) -> int:
    """Take back what an operator holds an offer for and may hold no longer, and pass it on.

    Returns how many chats.
    """
    held = Session.objects.filter(
        operator_id=operator_id, closed_at__isnull=True, state=SessionState.OFFERED
    ).order_by("pk")
    return sum(
        _pass_on(session_id, operator_id, now)
        for session_id in list(held.values_list("pk", flat=True)[:BATCH])
    )


def _pass_on(session_id: int, operator_id: int, now: dt.datetime) -> bool:
    if not session_return(session_id=session_id, operator_id=operator_id, now=now):
        return False
    session_distribute(session_id=session_id, now=now)
    return True


@transaction.atomic
def session_return(*, session_id: int, operator_id: int, now: dt.datetime) -> bool:
    """Take an offered session back from this operator when he may hold it no longer.

    Everything is looked at again under the lock: he may have accepted it, or come back.
    """
    conversation, session = session_lock(session_id)
    if session.state != SessionState.OFFERED or session.operator_id != operator_id:
        return False
    why = holder_gone(session=session, now=now)
    if why is None:
        return False
    session_hand_back(
        session=session, conversation=conversation, step="return",
        outcome=AssignmentOutcome.RETURNED, event="returned", now=now, data={"why": why},
    )  # fmt: skip
    return True


def holder_gone(*, session: Session, now: dt.datetime) -> str | None:
    """Why whoever holds an offer may hold it no longer (a `why` of "returned"), None if he may.

    His account and his place in the queue count on every line, duty and leave where the line
    checks availability. On a closed line nothing is taken back.
    """
    line, operator = session.open_channel, session.operator
    if operator is None or not line.is_open_for_work:
        return None
    if not operator.user.is_active:
        return "inactive"
    if _by_hand(session):
        # Whom a colleague asked may be of no queue and off duty. Leaving is an answer.
        left = operator.duty_changed_at is not None and operator.duty_changed_at >= (
            session.offered_at or now
        )
        return away(operator, now) if line.check_availability and left else None
    in_queue = LineOperator.objects.filter(
        open_channel=line, operator=operator, position__isnull=False
    )
    if not in_queue.exists():
        return "removed"
    return away(operator, now) if line.check_availability else None


def _by_hand(session: Session) -> bool:
    """Whether the offer is a transfer: no counter of the line has made it."""
    return Assignment.objects.filter(
        session=session, operator=session.operator_id, ended_at__isnull=True, turn__isnull=True
    ).exists()


def away(operator: Operator, now: dt.datetime) -> str | None:
    """Why an operator takes no chats just now, None when he does."""
    if operator.duty == DutyState.PAUSE:
        return "paused"
    if operator.duty != DutyState.ON:
        return "off_duty"
    if is_on_leave(operator.leave_from, operator.leave_until, now=now):
        return "on_leave"
    return None


def desk_sweep(*, now: dt.datetime) -> int:
    """Notice what changed outside our pages, and try again what waits. Returns offers made.

    Accounts and groups may be changed by a script or a directory, and leave begins by itself:
    the queues are spread out anew, and offers to people who may not hold them are taken back.
    """
    offered = 0
    for line in OpenChannel.objects.filter(archived_at__isnull=True):
        try:
            is_changed = line_operators_sync(open_channel=line)
            offered += _line_sweep(line, now)
            if is_changed and line.is_open_for_work:
                offered += line_new_rounds(open_channel_id=line.pk, now=now)
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
        begun = Q(operator__leave_from__lte=now) | Q(operator__leave_from__isnull=True)
        over = Q(operator__leave_until__lte=now)
        planned = Q(operator__leave_from__isnull=False) | Q(operator__leave_until__isnull=False)
        gone |= ~Q(operator__duty=DutyState.ON) | (planned & begun & ~over)
    for session_id, operator_id in list(held.filter(gone).values_list("pk", "operator_id")[:BATCH]):
        _pass_on(session_id, operator_id, now)
    return line_distribute(open_channel_id=line.pk, now=now) + line_reopened(
        open_channel_id=line.pk, now=now
    )
