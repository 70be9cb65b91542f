"""What a customer's message means to the desk: the open session goes on, or a new one begins."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Literal

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q

from channels_app.models import ClosedAction, Conversation, PlaceFreed
from openlines_project.lib.tasks import enqueue_after_commit
from queue_app import tasks
from queue_app.arrival import line_is_open
from queue_app.models import (
    Assignment,
    AssignmentOutcome,
    LineQueue,
    Session,
    SessionEvent,
    SessionState,
    Timer,
    TimerKind,
    Turn,
    WaitReason,
)
from queue_app.services.arrivals import arrival_make, closed_tell, consent_record
from queue_app.services.deadlines import timer_cancel, timer_set, timers_set
from queue_app.services.endings import session_resume
from queue_app.services.events import EventKind, event_build
from queue_app.services.handover import session_unhold
from queue_app.services.holders import holder_gone
from queue_app.services.line_rules import line_rules
from queue_app.services.locks import session_lock
from queue_app.services.offer_sql import Deadline
from queue_app.services.offers import NOBODY, session_offer, session_wait
from queue_app.services.places import place_take_again
from queue_app.services.rounds import (
    no_answer_deadlines,
    opening_wait,
    round_begin,
    round_over,
)
from queue_app.services.session_sql import OpenSession, session_customer_turn, session_save
from queue_app.services.silence import SILENCE_TIMERS
from queue_app.services.snoozes import snooze_lift
from queue_app.services.versions import session_show

Mode = Literal["route", "park"]

# What is written of a session that a fault kept from its routing: that it began, and waits.
PARKED_EVENTS = 2
# Waiting for these, a session is distributed as soon as the customer writes again.
WOKEN_BY_CUSTOMER = {WaitReason.ANSWERED_OUTSIDE, WaitReason.LINE_CLOSED}
# These are over by what somebody does, not by asking the queue again.
WAITS_FOR_OTHERS = {WaitReason.ANSWERED_OUTSIDE, WaitReason.RESPONSIBLE}


def message_route(*, conversation: Conversation, mode: Mode, now: dt.datetime) -> None:
    """Called inside the intake's transaction, with the conversation locked.

    `park` is the way out after a fault: the message gets a waiting session and a timer that is
    due at once, and nothing that could fail again.
    """
    # A thread that has just begun has no session: nothing to ask.
    found = None
    if not conversation.is_new:
        found = session_customer_turn(
            conversation_id=conversation.pk, version=conversation.version, now=now
        )
    if found is None:
        _begin(conversation, mode=mode, now=now)
    elif not found.only_counts:
        _go_on(found, conversation, mode=mode, now=now)
    if conversation.consent_asked_at is not None and conversation.consented_at is None:
        consent_record(conversation=conversation, now=now)


def _begin(conversation: Conversation, *, mode: Mode, now: dt.datetime) -> None:
    session, events = session_open(conversation=conversation, now=now)
    if mode == "park":
        _park(session, conversation, events, now)
    else:
        _arrive(session, conversation, events, is_new=conversation.is_new, now=now)


def _arrive(
    session: Session,
    conversation: Conversation,
    events: list[SessionEvent],
    *,
    is_new: bool,
    now: dt.datetime,
) -> None:
    """A session that has just begun: its texts, its deadlines, its operator."""
    if session.open_channel.is_open_for_work:
        arrival_make(
            session=session, conversation=conversation, now=now, events=events,
            is_new_conversation=is_new,
        )  # fmt: skip
    session_route(
        session=session, conversation=conversation, now=now, events=events,
        timers=_first_deadlines(session, now),
    )  # fmt: skip


def _first_deadlines(session: Session, now: dt.datetime) -> list[Deadline]:
    """What runs from the start of a session: its longest wait, and the time for an answer."""
    line = session.open_channel
    deadlines: list[Deadline] = [(TimerKind.CEILING, now + dt.timedelta(days=line.ceiling_days))]
    if line.no_answer_minutes is not None:
        deadlines += no_answer_deadlines(session, start=now, minutes=line.no_answer_minutes)
    return deadlines


def _go_on(found: OpenSession, conversation: Conversation, *, mode: Mode, now: dt.datetime) -> None:
    """The customer wrote into a session where more follows from it than a count."""
    if found.begins_wait:
        timer_cancel(session_id=found.id, kinds=SILENCE_TIMERS)
    waits = found.state == SessionState.WAITING
    if waits and found.wait_reason not in WOKEN_BY_CUSTOMER:
        return
    if mode == "park":
        # The sweep sees that he wrote.
        if found.wait_reason == WaitReason.ANSWERED_OUTSIDE:
            Session.objects.filter(pk=found.id).update(
                wait_reason=WaitReason.UNROUTED, round=F("round") + 1, round_began_at=None
            )
        kind = TimerKind.GRACE if found.state == SessionState.CLOSING else TimerKind.ROUTE
        timer_set(session_id=found.id, kind=kind, due_at=now)
        return
    if found.only_begins_wait and not _wait_asks_more(found, conversation, now):
        return
    _, session = session_lock(found.id)
    if waits:
        if session.wait_reason == WaitReason.ANSWERED_OUTSIDE:
            session.wait_reason = WaitReason.UNROUTED
            round_begin(session)
            closed_tell(session=session, conversation=conversation, now=now)
        session_route(session=session, conversation=conversation, now=now)
        return
    if session.state == SessionState.CLOSING:
        session_resume(session=session, conversation=conversation, now=now)
        if session.state == SessionState.WAITING:
            session_route(session=session, conversation=conversation, now=now)
            return
    if session.snoozed_until is not None:
        snooze_lift(session=session, conversation=conversation, now=now, why="customer")
    if found.begins_wait:
        place_take_again(session=session)
        closed_tell(session=session, conversation=conversation, now=now)
    why = holder_gone(session=session, now=now)
    if why is not None:
        session_hand_back(
            session=session, conversation=conversation, step="return",
            outcome=AssignmentOutcome.RETURNED, event="returned", now=now, data={"why": why},
        )  # fmt: skip
        enqueue_after_commit(tasks.session_distribute, session.pk)


def _wait_asks_more(found: OpenSession, conversation: Conversation, now: dt.datetime) -> bool:
    """Whether a wait that begins in an active chat changes more than its timers: a place to take
    again, or a customer to tell that the line is closed. It is asked of each answered customer's
    message, so without the session's lock, of the line that the intake knows already."""
    line = conversation.connector.open_channel
    if found.open_channel_id != line.pk:
        return True  # it was transferred to another line, whose settings count
    if not found.holds_place and line.place_freed == PlaceFreed.EVERY_REPLY:
        return True
    tells = line.closed_action != ClosedAction.NOTHING
    return tells and not line_is_open(line_rules(line).hours, now)


def session_open(
    *, conversation: Conversation, now: dt.datetime
) -> tuple[Session, list[SessionEvent]]:
    """Begin a session on the connector's line. Returns it with its first event, not yet saved.

    However old the message's platform time: the wait begins when it came to us.
    """
    open_channel = conversation.connector.open_channel
    is_first = conversation.is_new or not (
        Session.objects.filter(conversation=conversation, open_channel=open_channel).exists()
    )
    session = Session(
        conversation=conversation,
        open_channel=open_channel,
        state=SessionState.WAITING,
        wait_reason=WaitReason.UNROUTED,
        turn=Turn.OPERATOR,
        unread=1,
        is_first=is_first,
        version=conversation.version,
        started_at=now,
        waiting_since=now,
    )
    session.save(force_insert=True)
    started = event_build(
        session=session, conversation=conversation, kind="started", now=now,
        data={"first": is_first},
    )  # fmt: skip
    return session, [started]


def session_route(
    *,
    session: Session,
    conversation: Conversation,
    now: dt.datetime,
    events: list[SessionEvent] | None = None,
    timers: Sequence[Deadline] = (),
) -> bool:
    """Find an operator for a locked, waiting session. Returns whether it is offered now.

    `events` and `timers` are earlier ones of the same transaction, saved together with ours.
    """
    events = events if events is not None else []
    line = session.open_channel
    if not line.is_open_for_work:
        timers_set(session_id=session.pk, timers=timers)
        session_wait(
            session=session, conversation=conversation, reason=WaitReason.LINE_CLOSED,
            decision=None, now=now, events=events,
        )  # fmt: skip
        return False
    # The place of the CRM step: a known client goes to his responsible before the queue is asked.
    if not line.distribute_closed and not line_is_open(line_rules(line).hours, now):
        timers_set(session_id=session.pk, timers=timers)
        opening_wait(session=session, conversation=conversation, now=now, events=events)
        return False
    # A session that has just begun was tried by nobody: no need to ask.
    decision = session_offer(
        session=session, conversation=conversation, open_channel=line, now=now,
        tried=set() if _is_new(session) else operators_tried(session),
        preferred=last_operator(session, conversation), events=events, timers=timers,
    )  # fmt: skip
    if decision.chosen:
        return True
    timers_set(session_id=session.pk, timers=timers)
    if decision.round_over:
        round_over(
            session=session, conversation=conversation, decision=decision, now=now, events=events
        )
        return False
    if session.wait_reason != WaitReason.NO_OPERATOR and line.no_answer_minutes is None:
        # Nobody at all is not a round: the customer is told after one response time.
        minutes = line.response_minutes
        timers_set(
            session_id=session.pk,
            timers=no_answer_deadlines(session, start=now, minutes=minutes),
        )
    session_wait(
        session=session, conversation=conversation, reason=WaitReason.NO_OPERATOR,
        decision=decision, now=now, events=events,
        data={"behind": True} if decision is NOBODY else None,
    )  # fmt: skip
    return False


def last_operator(session: Session, conversation: Conversation) -> int | None:
    """Who had the customer's last chat, where the line asks him first."""
    if not session.open_channel.prefer_last_operator or conversation.is_new:
        return None
    same_person = Q(conversation=conversation)
    if conversation.contact_id is not None:
        same_person |= Q(conversation__contact=conversation.contact_id)
    return (
        Session.objects.filter(same_person, accepted_at__isnull=False, operator__isnull=False)
        .exclude(pk=session.pk)
        .order_by("-pk")
        .values_list("operator_id", flat=True)
        .first()
    )


def _is_new(session: Session) -> bool:
    return session.event_seq <= 1


def operators_tried(session: Session) -> set[int]:
    """Operators who let the session pass in its present round.

    Whoever had it taken back, because he left or somebody answered elsewhere, let nothing pass.
    """
    return set(
        Assignment.objects.filter(
            session=session,
            round=session.round,
            outcome__in=[AssignmentOutcome.EXPIRED, AssignmentOutcome.SKIPPED],
        ).values_list("operator_id", flat=True)
    )


def _park(
    session: Session, conversation: Conversation, events: list[SessionEvent], now: dt.datetime
) -> None:
    events.append(
        event_build(
            session=session, conversation=conversation, kind="waiting", now=now,
            data={"reason": str(WaitReason.UNROUTED)},
        )
    )  # fmt: skip
    SessionEvent.objects.bulk_create(events)
    session_save(session)
    timer_set(session_id=session.pk, kind=TimerKind.ROUTE, due_at=now)


@transaction.atomic
def session_distribute(*, session_id: int, now: dt.datetime, new_round: bool = False) -> Session:
    """Try to find an operator for a waiting session, in a transaction of its own.

    `new_round` asks the queue from its top when the last round is over. A session that waits
    no longer is left alone. The thread's version rises only when something became visible.
    """
    conversation, session = session_lock(session_id)
    if session.state != SessionState.WAITING or session.wait_reason in WAITS_FOR_OTHERS:
        return session
    before = (session.state, session.wait_reason, session.event_seq)
    if session.wait_reason == WaitReason.ROUND_OVER and not new_round:
        return session
    if session.wait_reason == WaitReason.ROUND_OVER or (new_round and operators_tried(session)):
        round_begin(session)
    timer_cancel(session_id=session.pk, kinds=[TimerKind.ROUTE, TimerKind.OPENING])
    if session.wait_reason == WaitReason.UNROUTED and _is_parked(session):
        is_new = not Session.objects.filter(conversation=conversation, pk__lt=session.pk).exists()
        _arrive(session, conversation, [], is_new=is_new, now=now)
    else:
        session_route(session=session, conversation=conversation, now=now)
    if before != (session.state, session.wait_reason, session.event_seq):
        session_show(session=session, conversation=conversation, now=now)
    return session


def _is_parked(session: Session) -> bool:
    """Whether a fault left it without what a session begins with, its longest wait for one."""
    timers = Timer.objects.filter(session=session, kind=TimerKind.CEILING)
    return session.event_seq <= PARKED_EVENTS and not timers.exists()


def session_hand_back(
    *,
    session: Session,
    conversation: Conversation,
    step: Literal["expire", "return", "skip"],
    outcome: AssignmentOutcome,
    event: EventKind,
    now: dt.datetime,
    data: dict[str, object],
    actor: User | None = None,
    event_operator_id: int | None = None,
) -> None:
    """Take a locked session from the operator who holds it; the next one is chosen afterwards.

    The choice is a transaction of its own, because this one holds an operator's row: a timer due
    at once stands in for it should this process die in between.
    """
    session_unhold(
        session=session, conversation=conversation, step=step, outcome=outcome, event=event,
        now=now, data=data, actor=actor, event_operator_id=event_operator_id,
    )  # fmt: skip
    timer_set(session_id=session.pk, kind=TimerKind.ROUTE, due_at=now)
    session_show(session=session, conversation=conversation, now=now)


def line_queue_make(open_channel_id: int) -> None:
    """Make the line's lock with the line itself, so that no first message has to."""
    LineQueue.objects.bulk_create(
        [LineQueue(open_channel_id=open_channel_id)], ignore_conflicts=True
    )
