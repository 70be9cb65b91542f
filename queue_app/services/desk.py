"""Waiting sessions are tried again on every change that could help, and by a sweep."""

from __future__ import annotations

import datetime as dt
import logging

from django.db import transaction
from django.db.models import Exists, OuterRef

from channels_app.models import Conversation, Distribution, OpenChannel
from openlines_project.lib.tasks import enqueue_after_commit
from queue_app import tasks
from queue_app.models import (
    Assignment,
    AssignmentOutcome,
    LineOperator,
    Operator,
    Session,
    SessionState,
    WaitReason,
)
from queue_app.services.events import event_write
from queue_app.services.holders import (
    away,
    gone_holders,
    holder_gone,
    operator_gone,
    returns_now,
)
from queue_app.services.locks import line_lock, session_lock
from queue_app.services.queues import line_operators_sync
from queue_app.services.rounds import deadlines_recompute, everybody_extend
from queue_app.services.routing import session_distribute, session_hand_back
from queue_app.services.versions import session_show

logger = logging.getLogger(__name__)

BATCH = 200
HELD = (SessionState.OFFERED, SessionState.ACTIVE)


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


def line_extend(*, open_channel_id: int, now: dt.datetime) -> int:
    """Make the offers to everybody of a line also to whoever can have them by now.

    Returns how many were made to somebody more.
    """
    ringing = Session.objects.filter(
        open_channel_id=open_channel_id, closed_at__isnull=True, to_everybody=True
    ).order_by("pk")
    return sum(
        session_extend(session_id=session_id, now=now)
        for session_id in list(ringing.values_list("pk", flat=True)[:BATCH])
    )


@transaction.atomic
def session_extend(*, session_id: int, now: dt.datetime) -> bool:
    """Make one offer to everybody also to whoever can have it by now. Returns whether anybody."""
    conversation, session = session_lock(session_id)
    if session.state != SessionState.OFFERED or not session.to_everybody:
        return False
    if session.open_channel.distribution != Distribution.EVERYBODY:
        return False
    if not everybody_extend(session=session, now=now):
        return False
    session_show(session=session, conversation=conversation, now=now)
    return True


def operator_duty_settle(*, operator_id: int, now: dt.datetime) -> int:
    """An operator came on duty or left, or his leave changed. Returns how many chats moved.

    What he may hold no longer is taken back; while he works, what waits on his lines is offered.
    His duty is read now, because he may have changed it again since.
    """
    moved = holdings_return(operator_id=operator_id, now=now)
    operator = Operator.objects.select_related("user").get(pk=operator_id)
    if operator.user.is_active and away(operator, now) is None:
        for line in _lines_of(operator_id):
            moved += line_distribute(open_channel_id=line, now=now)
            moved += line_new_rounds(open_channel_id=line, now=now)
            moved += line_extend(open_channel_id=line, now=now)
    return moved


def _lines_of(operator_id: int) -> list[int]:
    lines = LineOperator.objects.filter(operator_id=operator_id, position__isnull=False)
    return list(lines.order_by("open_channel_id").values_list("open_channel_id", flat=True))


def place_freed(*, session_id: int, now: dt.datetime, operator_id: int | None = None) -> int:
    """A chat ended or was answered: whoever waits on the lines of its operator is tried.

    `operator_id` is whose place it was, when the session is somebody else's by now. Returns
    offers made.
    """
    if operator_id is None:
        operator_id = Session.objects.values_list("operator_id", flat=True).get(pk=session_id)
    return 0 if operator_id is None else operator_freed(operator_id=operator_id, now=now)


def operator_freed(*, operator_id: int, now: dt.datetime) -> int:
    """An operator holds one chat less: whoever waits on his lines is tried. Returns offers made.

    Rounds that were over because he was full begin anew.
    """
    operator = Operator.objects.select_related("user").get(pk=operator_id)
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
    if not line.is_open_for_work:
        return 0
    rule_changed = _other_rule_return(line, now)
    deadlines_recompute(open_channel=line, now=now)
    return (
        rule_changed
        + _line_sweep(line, now)
        + _waiting_distribute(line, WaitReason.HOURS, now, new_round=True)
        + line_new_rounds(open_channel_id=line.pk, now=now)
    )


def _other_rule_return(line: OpenChannel, now: dt.datetime) -> int:
    """Offers made by another rule than the line's: to everybody, or to one where all are asked."""
    offered = Session.objects.filter(
        open_channel=line, closed_at__isnull=True, state=SessionState.OFFERED, from_crm=False
    )
    to_all = line.distribution == Distribution.EVERYBODY
    other = offered.filter(to_everybody=not to_all, outside_queue=False).order_by("pk")
    moved = 0
    for session_id in list(other.values_list("pk", flat=True)[:BATCH]):
        if session_withdraw(session_id=session_id, to_everybody=not to_all, now=now):
            session = session_distribute(session_id=session_id, now=now)
            moved += session.state == SessionState.OFFERED
    return moved


@transaction.atomic
def session_withdraw(*, session_id: int, to_everybody: bool, now: dt.datetime) -> bool:
    """Take back an offer that was made by another rule. Returns whether there was one."""
    conversation, session = session_lock(session_id)
    if session.state != SessionState.OFFERED or session.to_everybody != to_everybody:
        return False
    session_hand_back(
        session=session, conversation=conversation, step="return",
        outcome=AssignmentOutcome.WITHDRAWN, event="returned", now=now, data={"why": "rule"},
    )  # fmt: skip
    return True


def line_reopened(*, open_channel_id: int, now: dt.datetime) -> int:
    """The line is active again: sessions that came while it was closed are distributed."""
    line = OpenChannel.objects.get(pk=open_channel_id)
    return _waiting_distribute(line, WaitReason.LINE_CLOSED, now)


def _waiting_distribute(
    line: OpenChannel, reason: WaitReason, now: dt.datetime, *, new_round: bool = False
) -> int:
    waiting = Session.objects.filter(
        open_channel=line, closed_at__isnull=True, wait_reason=reason
    ).order_by("started_at", "pk")
    offered = 0
    for session_id in list(waiting.values_list("pk", flat=True)[:BATCH]):
        session = session_distribute(session_id=session_id, now=now, new_round=new_round)
        offered += session.state == SessionState.OFFERED
    return offered


def holdings_return(*, operator_id: int, now: dt.datetime) -> int:
    """Take back what an operator holds and may hold no longer, and pass it on.

    Returns how many chats.
    """
    held = Session.objects.filter(operator_id=operator_id, closed_at__isnull=True).filter(
        state__in=[SessionState.OFFERED, SessionState.ACTIVE]
    )
    asked = Assignment.objects.filter(
        operator_id=operator_id, ended_at__isnull=True, session__to_everybody=True
    )
    ids = [
        *held.order_by("pk").values_list("pk", flat=True)[:BATCH],
        *asked.order_by("session_id").values_list("session_id", flat=True)[:BATCH],
    ]
    return sum(_pass_on(session_id, operator_id, now) for session_id in ids)


def _pass_on(session_id: int, operator_id: int, now: dt.datetime) -> bool:
    if not session_return(session_id=session_id, operator_id=operator_id, now=now):
        return False
    session_distribute(session_id=session_id, now=now)
    return True


@transaction.atomic
def session_return(*, session_id: int, operator_id: int, now: dt.datetime) -> bool:
    """Take a session back from this operator when he may hold it no longer.

    Everything is looked at again under the lock: he may have accepted it, or come back. Of an
    offer to everybody only his own turn ends.
    """
    conversation, session = session_lock(session_id)
    if session.to_everybody:
        return _turn_return(session, conversation, operator_id, now)
    if session.state not in HELD or session.operator_id != operator_id:
        return False
    why = holder_gone(session=session, now=now)
    if why is None or not returns_now(session):
        return False
    session_hand_back(
        session=session, conversation=conversation, step="return",
        outcome=AssignmentOutcome.RETURNED, event="returned", now=now, data={"why": why},
    )  # fmt: skip
    return True


def _turn_return(
    session: Session, conversation: Conversation, operator_id: int, now: dt.datetime
) -> bool:
    turns = Assignment.objects.filter(session=session, ended_at__isnull=True)
    mine = turns.filter(operator_id=operator_id).select_related("operator__user").first()
    if mine is None:
        return False
    why = operator_gone(session=session, operator=mine.operator, is_offer=True, now=now)
    if why is None:
        return False
    if turns.count() == 1:
        session_hand_back(
            session=session, conversation=conversation, step="return",
            outcome=AssignmentOutcome.RETURNED, event="returned", now=now, data={"why": why},
        )  # fmt: skip
        return True
    Assignment.objects.filter(pk=mine.pk).update(ended_at=now, outcome=AssignmentOutcome.RETURNED)
    event_write(
        session=session, conversation=conversation, kind="returned", now=now,
        operator_id=operator_id, data={"why": why},
    )  # fmt: skip
    Session.objects.filter(pk=session.pk).update(event_seq=session.event_seq)
    session_show(session=session, conversation=conversation, now=now)
    return False


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
    for session_id, operator_id in gone_holders(line, now=now, limit=BATCH):
        _pass_on(session_id, operator_id, now)
    line_extend(open_channel_id=line.pk, now=now)
    return line_distribute(open_channel_id=line.pk, now=now) + line_reopened(
        open_channel_id=line.pk, now=now
    )
