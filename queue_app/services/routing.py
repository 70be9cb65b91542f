"""What a customer's message means to the desk: the open session goes on, or a new one begins."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from django.contrib.auth.models import User
from django.db import transaction

from channels_app.models import Conversation, Message
from channels_app.services.conversations import conversation_touch
from queue_app.models import (
    Assignment,
    AssignmentOutcome,
    LineQueue,
    Session,
    SessionEvent,
    SessionState,
    TimerKind,
    Turn,
    WaitReason,
)
from queue_app.services.deadlines import timer_cancel, timer_set
from queue_app.services.endings import session_resume
from queue_app.services.events import EventKind, event_build, event_write
from queue_app.services.handover import session_unhold
from queue_app.services.locks import session_lock
from queue_app.services.offers import session_offer
from queue_app.services.places import place_free
from queue_app.services.session_sql import session_customer_turn, session_save
from queue_app.state_machine import state_after

# Waiting for these, a session is distributed as soon as the customer writes again.
WOKEN_BY_CUSTOMER = {WaitReason.ANSWERED_OUTSIDE, WaitReason.LINE_CLOSED}


def message_route(
    *,
    conversation: Conversation,
    mode: Literal["route", "park"],
    now: dt.datetime,
) -> None:
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
    if found is not None:
        if found.state == SessionState.CLOSING:
            _resume(found.id, conversation, mode=mode, now=now)
        elif found.state == SessionState.WAITING and found.wait_reason in WOKEN_BY_CUSTOMER:
            _wake(found.id, conversation, mode=mode, now=now)
        return
    session, events = session_open(conversation=conversation, now=now)
    if mode == "park":
        _park(session, conversation, events, now)
    else:
        session_route(session=session, conversation=conversation, now=now, events=events)


def _wake(
    session_id: int, conversation: Conversation, *, mode: Literal["route", "park"], now: dt.datetime
) -> None:
    """The customer wrote again: what waited for that goes to the queue, from its top."""
    _, session = session_lock(session_id)
    if session.wait_reason == WaitReason.ANSWERED_OUTSIDE:
        session.wait_reason = WaitReason.UNROUTED
        session.round += 1
    if mode == "park":
        session_save(session)
        timer_set(session_id=session.pk, kind=TimerKind.ROUTE, due_at=now)
    else:
        session_route(session=session, conversation=conversation, now=now)


def _resume(
    session_id: int, conversation: Conversation, *, mode: Literal["route", "park"], now: dt.datetime
) -> None:
    """The customer wrote while the chat was ending: it goes on."""
    if mode == "park":
        # The sweep sees that he wrote.
        timer_set(session_id=session_id, kind=TimerKind.GRACE, due_at=now)
        return
    _, session = session_lock(session_id)
    session_resume(session=session, conversation=conversation, now=now)
    if session.state == SessionState.WAITING:
        session_route(session=session, conversation=conversation, now=now)


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
) -> bool:
    """Find an operator for a waiting session. Returns whether one has the offer now.

    The place of the CRM step: a known client goes to his responsible before the queue is asked.
    """
    events = events if events is not None else []
    open_channel = session.open_channel
    if not open_channel.is_open_for_work:
        if session.wait_reason != WaitReason.LINE_CLOSED:
            session.wait_reason = WaitReason.LINE_CLOSED
            session.no_operator_since = None
            events.append(
                event_build(
                    session=session, conversation=conversation, kind="waiting", now=now,
                    data={"reason": WaitReason.LINE_CLOSED},
                )
            )  # fmt: skip
        SessionEvent.objects.bulk_create(events)
        session_save(session)
        return False
    # A session that has just begun was tried by nobody: no need to ask.
    tried = set() if _is_new(session) else operators_tried(session)
    decision = session_offer(
        session=session,
        conversation=conversation,
        open_channel=open_channel,
        now=now,
        tried=tried,
        events=events,
    )
    return decision.chosen is not None


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
            data={"reason": WaitReason.UNROUTED},
        )
    )  # fmt: skip
    SessionEvent.objects.bulk_create(events)
    session_save(session)
    timer_set(session_id=session.pk, kind=TimerKind.ROUTE, due_at=now)


@transaction.atomic
def session_distribute(*, session_id: int, now: dt.datetime, new_round: bool = False) -> Session:
    """Try to find an operator for a waiting session, in a transaction of its own.

    `new_round` starts the queue from its top when the last round is over. A session that waits
    no longer is left alone. The thread's version rises only when something became visible.
    """
    conversation, session = session_lock(session_id)
    if session.state != SessionState.WAITING or session.wait_reason == WaitReason.ANSWERED_OUTSIDE:
        return session
    timer_cancel(session_id=session.pk, kinds=[TimerKind.ROUTE])
    before = (session.state, session.wait_reason, session.event_seq)
    if session.wait_reason == WaitReason.ROUND_OVER:
        if not new_round:
            return session
        session.round += 1
    session_route(session=session, conversation=conversation, now=now)
    if before != (session.state, session.wait_reason, session.event_seq):
        session_show(session=session, conversation=conversation, now=now)
    return session


def session_show(*, session: Session, conversation: Conversation, now: dt.datetime) -> None:
    """Make a change of a locked session visible: the conversation's version rises."""
    session.version = conversation_touch(conversation=conversation, now=now)
    Session.objects.filter(pk=session.pk).update(version=session.version)


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


def echo_route(*, conversation: Conversation, message: Message, now: dt.datetime) -> None:
    """Somebody answered in the platform's own app.

    In `active` it counts as the operator's reply; an offer ends, and the session waits for the
    customer's next message.
    """
    session_id = (
        Session.objects.filter(conversation=conversation, closed_at__isnull=True)
        .values_list("pk", flat=True)
        .first()
    )
    if session_id is None:
        return
    conversation, session = session_lock(session_id)
    waits = session.state in {SessionState.WAITING, SessionState.OFFERED}
    session.state = state_after(session.state, "answered_outside")
    if waits:
        Assignment.objects.filter(session=session, ended_at__isnull=True).update(
            ended_at=now, outcome=AssignmentOutcome.WITHDRAWN
        )
        place_free(session=session)
        session.wait_reason = WaitReason.ANSWERED_OUTSIDE
        session.no_operator_since = None
        session.operator_id = None
        session.offered_at = None
        timer_cancel(session_id=session.pk)
    event_write(
        session=session, conversation=conversation, kind="answered_outside", now=now,
        data={"seq": message.seq},
    )  # fmt: skip
    session_save(session)
    Session.objects.filter(pk=session.pk).update(
        turn=Turn.CUSTOMER,
        waiting_since=None,
        first_reply_at=session.first_reply_at or now,
        replied_at=now,
        unread=0,
        version=conversation.version,
    )


def line_queue_make(open_channel_id: int) -> None:
    """Make the line's lock with the line itself, so that no first message has to."""
    LineQueue.objects.bulk_create(
        [LineQueue(open_channel_id=open_channel_id)], ignore_conflicts=True
    )
