"""A session changes hands: the only places where one becomes an operator's, or nobody's.

Both are called with the conversation and the session locked, and save everything but what the
caller's own event counts (`event_seq` goes with them).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib.auth.models import User

from channels_app.models import Conversation, ResponseMeans
from openlines_project.lib.tasks import enqueue_after_commit
from queue_app import tasks
from queue_app.models import (
    Assignment,
    AssignmentOutcome,
    LineOperator,
    Operator,
    Session,
    SessionHelper,
    SessionState,
    TimerKind,
    Turn,
    WaitReason,
)
from queue_app.services.deadlines import timer_cancel, timer_set
from queue_app.services.events import EventKind, event_write
from queue_app.services.places import place_free, place_move
from queue_app.services.silence import SILENCE_TIMERS, is_silent, silence_begin
from queue_app.state_machine import Event, state_after

# Deadlines of a session that nobody has yet, or that was ending.
UNHELD_TIMERS = (
    TimerKind.ROUTE, TimerKind.RESPONSE, TimerKind.NO_ANSWER, TimerKind.OPENING, TimerKind.GRACE,
    TimerKind.SNOOZE,
)  # fmt: skip


def session_give(
    *,
    session: Session,
    conversation: Conversation,
    operator: Operator,
    step: Event,
    event: EventKind,
    now: dt.datetime,
    actor: User | None,
    others: AssignmentOutcome,
    data: dict[str, Any],
    limited: bool = True,
) -> None:
    """Make a locked session this operator's, from whoever has it or is offered it.

    `step` is the transition ("accept", "transfer", "intercept"), `others` how the open turns of
    other people end. The event names whose the session was; "accepted" whose it is now.
    With `limited` his limits hold: raises `ConflictError` "full", and the caller's transaction
    is to be rolled back. Raises `IllegalTransitionError`.
    """
    state = state_after(session.state, step)
    is_silence_counted = is_silent(session)
    before_id = session.operator_id
    counts_already = session.holds_place and before_id == operator.pk
    if not counts_already:
        place_move(
            session=session, operator=operator, limited=limited,
            by_himself=actor is not None and actor.pk == operator.user_id,
        )  # fmt: skip
    turns = Assignment.objects.filter(session=session, ended_at__isnull=True)
    own = turns.filter(operator=operator).update(ended_at=now, outcome=AssignmentOutcome.ACCEPTED)
    turns.update(ended_at=now, outcome=others)
    if not own:
        Assignment.objects.create(
            session=session, operator=operator, turn=None, round=session.round,
            offered_at=now, ended_at=now, outcome=AssignmentOutcome.ACCEPTED,
        )  # fmt: skip
    session.state = state
    session.operator = operator
    event_write(
        session=session, conversation=conversation, kind=event, now=now, actor=actor,
        operator_id=operator.pk if event == "accepted" else before_id, data=data,
    )  # fmt: skip
    Session.objects.filter(pk=session.pk).update(
        state=state, operator=operator, wait_reason=WaitReason.NONE, no_operator_since=None,
        to_everybody=False, accepted_at=session.accepted_at or now, answered_at=None,
        ended_at=None, snoozed_until=None, event_seq=session.event_seq,
        outside_queue=step != "accept" or session.from_crm or not _is_member(session, operator),
        offered_at=session.offered_at if step == "accept" else now,
    )  # fmt: skip
    # Whose the chat is helps in it no longer.
    SessionHelper.objects.filter(session=session, operator=operator).delete()
    timer_cancel(session_id=session.pk, kinds=UNHELD_TIMERS)
    replying = session.open_channel.response_means == ResponseMeans.REPLYING
    if replying and session.turn == Turn.OPERATOR:
        # "The first reply after each hand-over": his time to write begins with the chat.
        due_at = now + dt.timedelta(minutes=session.open_channel.response_minutes)
        timer_set(session_id=session.pk, kind=TimerKind.RESPONSE, due_at=due_at)
    session.snoozed_until = None
    if not is_silence_counted:
        # Answered before it was his, while it waited or slept: the silence counts from now.
        silence_begin(session=session, now=now)


def session_ask(
    *,
    session: Session,
    conversation: Conversation,
    operator: Operator,
    now: dt.datetime,
    actor: User,
    data: dict[str, Any],
    limited: bool = True,
) -> None:
    """Transfer a locked session to somebody who has to accept it, and to nobody else.

    The offer takes a place, and passes like any other when he does not answer. Its assignment
    has no `turn`: it was made by hand. Raises as `session_give` does.
    """
    state = state_after(session.state, "transfer_offer")
    before_id = session.operator_id
    Assignment.objects.filter(session=session, ended_at__isnull=True).update(
        ended_at=now, outcome=AssignmentOutcome.TRANSFERRED
    )
    place_move(session=session, operator=operator, limited=limited)
    Assignment.objects.create(
        session=session, operator=operator, turn=None, round=session.round, offered_at=now
    )
    session.state = state
    session.operator = operator
    event_write(
        session=session, conversation=conversation, kind="transferred", now=now, actor=actor,
        operator_id=before_id, data=data,
    )  # fmt: skip
    Session.objects.filter(pk=session.pk).update(
        state=state, operator=operator, wait_reason=WaitReason.NONE, no_operator_since=None,
        to_everybody=False, from_crm=False, outside_queue=True, offered_at=now, answered_at=None,
        ended_at=None, snoozed_until=None, event_seq=session.event_seq,
    )  # fmt: skip
    timer_cancel(
        session_id=session.pk,
        kinds=[
            TimerKind.ROUTE, TimerKind.OPENING, TimerKind.GRACE, TimerKind.SNOOZE, *SILENCE_TIMERS,
        ],
    )  # fmt: skip
    due_at = now + dt.timedelta(minutes=session.open_channel.response_minutes)
    timer_set(session_id=session.pk, kind=TimerKind.RESPONSE, due_at=due_at)


def _is_member(session: Session, operator: Operator) -> bool:
    return LineOperator.objects.filter(
        open_channel=session.open_channel_id, operator=operator, position__isnull=False
    ).exists()


def session_unhold(
    *,
    session: Session,
    conversation: Conversation,
    step: Event,
    outcome: AssignmentOutcome,
    event: EventKind,
    now: dt.datetime,
    data: dict[str, Any],
    actor: User | None = None,
    event_operator_id: int | None = None,
) -> None:
    """Take a locked session from whoever holds it or is offered it: it waits, not routed yet.

    The event names whose it was, or `event_operator_id` where it was offered to everybody. The
    caller decides what comes next. It saves the session as it stands in memory.
    Raises `IllegalTransitionError`, having written nothing.
    """
    state = state_after(session.state, step)
    operator_id = event_operator_id or session.operator_id
    Assignment.objects.filter(session=session, ended_at__isnull=True).update(
        ended_at=now, outcome=outcome
    )
    if place_free(session=session) and operator_id is not None:
        # He can take another chat now, whoever gets this one.
        enqueue_after_commit(tasks.operator_freed, operator_id)
    session.state = state
    session.wait_reason = WaitReason.UNROUTED
    session.operator = None
    session.to_everybody = session.from_crm = session.outside_queue = False
    session.offered_at = session.answered_at = session.ended_at = session.snoozed_until = None
    event_write(
        session=session, conversation=conversation, kind=event, now=now,
        operator_id=operator_id, actor=actor, data=data,
    )  # fmt: skip
    Session.objects.filter(pk=session.pk).update(
        state=state, wait_reason=session.wait_reason, operator=None, to_everybody=False,
        from_crm=False, outside_queue=False, offered_at=None, answered_at=None, ended_at=None,
        snoozed_until=None, no_operator_since=None, round=session.round,
        event_seq=session.event_seq,
    )  # fmt: skip
    session.no_operator_since = None
    timer_cancel(
        session_id=session.pk,
        kinds=[
            TimerKind.RESPONSE, TimerKind.AUTO_CLOSE, TimerKind.REMINDER, TimerKind.GRACE,
            TimerKind.SNOOZE,
        ],
    )  # fmt: skip


def turn_ours(*, session: Session) -> None:
    """A locked session was handed over by hand: it is our turn, whoever was awaited.

    Nothing is counted against the customer until we have written. Whether he waits, and since
    when, stays as it was.
    """
    session.turn = Turn.OPERATOR
    Session.objects.filter(pk=session.pk).update(turn=Turn.OPERATOR)
    timer_cancel(session_id=session.pk, kinds=SILENCE_TIMERS)


def is_holder(session: Session, operator: Operator) -> bool:
    """Whether the session is this operator's, or offered to him."""
    if session.operator_id == operator.pk:
        return True
    return (
        session.state == SessionState.OFFERED
        and session.to_everybody
        and has_offer(session, operator)
    )


def has_offer(session: Session, operator: Operator) -> bool:
    """Whether his turn with the session is open."""
    return Assignment.objects.filter(
        session=session, operator=operator, ended_at__isnull=True
    ).exists()
