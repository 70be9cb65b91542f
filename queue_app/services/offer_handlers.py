"""What is done when a deadline of a session that nobody has yet has come.

Each is called with the conversation and the session locked and the timer deleted, and looks at
the world again before it acts. What it returns is called after the commit, because it is a
transaction of its own.
"""

from __future__ import annotations

import datetime as dt
from functools import partial

from channels_app.models import Conversation, NoAnswerAction, ResponseMeans
from queue_app.models import (
    Assignment,
    AssignmentOutcome,
    Session,
    SessionState,
    Timer,
    TimerKind,
    WaitReason,
)
from queue_app.services.deadlines import PUT_OFF, timer_set
from queue_app.services.events import seconds_between
from queue_app.services.rounds import everybody_round_over, is_unaccepted, no_answer_tell
from queue_app.services.routing import session_distribute, session_hand_back
from queue_app.services.timer_handlers import Then
from queue_app.services.versions import session_show


def response_over(session: Session, conversation: Conversation, now: dt.datetime) -> Then:
    """The operator did not accept in time, or did not write where he has to: the next one."""
    line = session.open_channel
    is_offer = session.state == SessionState.OFFERED
    owes_reply = (
        session.state == SessionState.ACTIVE
        and session.answered_at is None
        and line.response_means == ResponseMeans.REPLYING
    )
    if not (is_offer or owes_reply):
        return None
    if not line.is_open_for_work:
        # Nothing is redirected on a closed line: his time begins anew, until it is open again.
        due_at = now + dt.timedelta(minutes=line.response_minutes)
        timer_set(session_id=session.pk, kind=TimerKind.RESPONSE, due_at=due_at)
        return None
    if session.to_everybody:
        everybody_round_over(session=session, conversation=conversation, now=now)
        session_show(session=session, conversation=conversation, now=now)
        return None
    since = session.offered_at
    if owes_reply and session.operator is not None:
        since = _accepted_at(session)
        # His accepted turn has ended: this one tells that he let it pass, for the round.
        Assignment.objects.create(
            session=session, operator=session.operator, round=session.round,
            offered_at=since or now, ended_at=now, outcome=AssignmentOutcome.EXPIRED,
        )  # fmt: skip
    session_hand_back(
        session=session,
        conversation=conversation,
        step="expire",
        outcome=AssignmentOutcome.EXPIRED,
        event="expired",
        now=now,
        data={
            "waited_s": seconds_between(since, now),
            **({"replying": True} if owes_reply else {}),
        },
    )
    return partial(session_distribute, session_id=session.pk, now=now)


def _accepted_at(session: Session) -> dt.datetime | None:
    """When the operator of an active session got it."""
    turns = Assignment.objects.filter(session=session, operator=session.operator_id)
    return turns.order_by("-pk").values_list("ended_at", flat=True).first()


def route(session: Session, conversation: Conversation, now: dt.datetime) -> Then:  # noqa: ARG001
    """A session that was not distributed yet: after a fault, between two operators or rounds."""
    if session.state != SessionState.WAITING:
        return None
    is_next_round = session.wait_reason == WaitReason.ROUND_OVER
    if is_next_round and session.open_channel.no_answer_action != NoAnswerAction.REQUEUE:
        return None
    # Until it has succeeded the timer must be there: distributing deletes it.
    Timer.objects.bulk_create(
        [Timer(session=session, kind=TimerKind.ROUTE, due_at=now + PUT_OFF)],
        ignore_conflicts=True,
    )
    return partial(session_distribute, session_id=session.pk, now=now, new_round=is_next_round)


def opening(session: Session, conversation: Conversation, now: dt.datetime) -> Then:  # noqa: ARG001
    """The line has opened: what waited for that is distributed, from the top of the queue."""
    if session.state != SessionState.WAITING or session.wait_reason != WaitReason.HOURS:
        return None
    Timer.objects.bulk_create(
        [Timer(session=session, kind=TimerKind.OPENING, due_at=now + PUT_OFF)],
        ignore_conflicts=True,
    )
    return partial(session_distribute, session_id=session.pk, now=now, new_round=True)


def no_answer(session: Session, conversation: Conversation, now: dt.datetime) -> Then:
    """The line's time for an answer has passed and nobody has accepted."""
    if not is_unaccepted(session) or not session.open_channel.is_open_for_work:
        return None
    why = "no_operator" if session.wait_reason == WaitReason.NO_OPERATOR else "minutes"
    if no_answer_tell(session=session, conversation=conversation, now=now, why=why):
        session_show(session=session, conversation=conversation, now=now)
    return None
