"""Nobody answers: what is done when a round is over, or the line's time for an answer.

A round is over when every member who could have had the chat let it pass; with an offer to
everybody, when the response time has passed.
"""

from __future__ import annotations

import datetime as dt
from functools import partial

from channels_app.models import Conversation, NoAnswerAction, OpenChannel, TextKind
from queue_app.arrival import line_is_open
from queue_app.distribution import Candidate, Decision, distribute
from queue_app.models import (
    Assignment,
    AssignmentOutcome,
    NoticeKind,
    Session,
    SessionEvent,
    SessionState,
    Timer,
    TimerKind,
    WaitReason,
)
from queue_app.schedule import next_opening, working_deadline
from queue_app.services.deadlines import timers_set
from queue_app.services.events import event_build, event_write
from queue_app.services.form_links import form_address, form_sentence
from queue_app.services.handover import session_unhold
from queue_app.services.line_rules import line_rules
from queue_app.services.locks import line_lock
from queue_app.services.notices import line_notice_begin
from queue_app.services.offer_sql import Deadline
from queue_app.services.offers import (
    line_candidates,
    line_conditions,
    response_deadline,
    session_wait,
    turns_open,
)
from queue_app.services.session_sql import session_save
from queue_app.services.texts import service_text_send
from queue_app.state_machine import state_after

# So often a chat goes through its queue; then it waits, and the supervisors are told.
MAX_ROUNDS = 20
MOST_RECOMPUTED = 1000
TELLING = {NoAnswerAction.TEXT, NoAnswerAction.FORM}


def round_begin(session: Session) -> None:
    """The queue is asked from its top again. The caller saves the session."""
    session.round += 1
    session.round_began_at = None


def round_over(
    *,
    session: Session,
    conversation: Conversation,
    decision: Decision,
    now: dt.datetime,
    events: list[SessionEvent],
) -> None:
    """Everybody let a locked session pass: do what the line says, and write down that it waits."""
    line = session.open_channel
    events.append(
        event_build(
            session=session, conversation=conversation, kind="round_over", now=now,
            data={"round": session.round, "action": line.no_answer_action},
        )
    )  # fmt: skip
    SessionEvent.objects.bulk_create(events)
    events.clear()
    no_answer_tell(session=session, conversation=conversation, now=now, why="round_over")
    if not line_is_open(line_rules(line).hours, now):
        # One round at most out of hours.
        opening_wait(
            session=session, conversation=conversation, now=now, events=events, decision=decision
        )
        return
    session_wait(
        session=session, conversation=conversation, reason=WaitReason.ROUND_OVER,
        decision=decision, now=now, events=events,
    )  # fmt: skip
    _requeue(session, now)


def _requeue(session: Session, now: dt.datetime) -> None:
    """Set the next round, at least a response time after the last one began."""
    line = session.open_channel
    if line.no_answer_action != NoAnswerAction.REQUEUE:
        return
    if session.round >= MAX_ROUNDS:
        line_notice_begin(open_channel=line, kind=NoticeKind.ROUNDS_OVER, now=now)
        return
    began = session.round_began_at or now
    due_at = max(now, began + dt.timedelta(minutes=line.response_minutes))
    timers_set(session_id=session.pk, timers=[(TimerKind.ROUTE, due_at)])


def opening_wait(
    *,
    session: Session,
    conversation: Conversation,
    now: dt.datetime,
    events: list[SessionEvent],
    decision: Decision | None = None,
) -> None:
    """A locked session waits for the line to open; the timer wakes it."""
    hours = line_rules(session.open_channel).hours
    opens_at = None if hours is None else next_opening(hours, now)
    session_wait(
        session=session, conversation=conversation, reason=WaitReason.HOURS, decision=decision,
        now=now, events=events,
        data={"opens_at": opens_at.isoformat() if opens_at is not None else None},
    )  # fmt: skip
    if opens_at is not None:
        timers_set(session_id=session.pk, timers=[(TimerKind.OPENING, opens_at)])


def everybody_round_over(*, session: Session, conversation: Conversation, now: dt.datetime) -> None:
    """The response time of a locked offer to everybody has passed.

    Put back in the queue: it is rung again, and made to whoever can have it by now. Otherwise it
    waits, and everybody who sees it may take it.
    """
    line = session.open_channel
    is_open = line_is_open(line_rules(line).hours, now)
    rings = line.no_answer_action == NoAnswerAction.REQUEUE and session.round < MAX_ROUNDS
    if not (rings and is_open):
        everybody_give_up(session=session, conversation=conversation, now=now)
        return
    event_write(
        session=session, conversation=conversation, kind="round_over", now=now,
        data={"round": session.round, "action": line.no_answer_action},
    )  # fmt: skip
    round_begin(session)
    added = everybody_extend(session=session, now=now)
    event_write(
        session=session, conversation=conversation, kind="rung", now=now,
        data={"round": session.round, "added": added},
    )  # fmt: skip
    session.state = state_after(session.state, "offer")
    session.offered_at = session.round_began_at = now
    session_save(session)
    timers_set(session_id=session.pk, timers=[response_deadline(session, now)])


def everybody_extend(*, session: Session, now: dt.datetime) -> list[int]:
    """Make a locked offer to everybody also to those who can have it by now. Returns whom.

    Who skipped it in this round is not asked again.
    """
    if not _not_asked_yet(session, now):
        return []  # as nearly always: no need for the line's lock
    turn = line_lock(session.open_channel_id)
    chosen = _not_asked_yet(session, now)
    turns_open(session=session, candidates=chosen, turn=turn, now=now)
    return [one.operator_id for one in chosen]


def _not_asked_yet(session: Session, now: dt.datetime) -> tuple[Candidate, ...]:
    candidates, _others_first = line_candidates(session.open_channel_id, session)
    turns = Assignment.objects.filter(session=session)
    asked = set(turns.filter(ended_at__isnull=True).values_list("operator_id", flat=True))
    passed = turns.filter(
        round=session.round, outcome__in=[AssignmentOutcome.SKIPPED, AssignmentOutcome.EXPIRED]
    )
    decision = distribute(
        "everybody", candidates, line_conditions(session.open_channel),
        tried=asked | set(passed.values_list("operator_id", flat=True)), now=now,
    )  # fmt: skip
    return decision.chosen


def everybody_give_up(*, session: Session, conversation: Conversation, now: dt.datetime) -> None:
    """A locked offer to everybody ends: nobody is left who has it, or its time is over."""
    waited_s = (now - (session.offered_at or now)).total_seconds()
    session_unhold(
        session=session, conversation=conversation, step="expire",
        outcome=AssignmentOutcome.EXPIRED, event="expired", now=now,
        data={"waited_s": max(0.0, waited_s)},
    )  # fmt: skip
    round_over(
        session=session, conversation=conversation, now=now, events=[],
        decision=Decision((), (), round_over=True),
    )  # fmt: skip


# --- what the customer is told --------------------------------------------------------------


def no_answer_tell(
    *, session: Session, conversation: Conversation, now: dt.datetime, why: str
) -> bool:
    """Tell the customer of a locked session that nobody can answer. Returns whether he was told.

    By text or with a form for his data, once per session, and not within a wait in which he was
    told that the line is closed.
    """
    line = session.open_channel
    if line.no_answer_action not in TELLING or session.told_at is not None:
        return False
    text = line_rules(line).texts.get(TextKind.NO_ANSWER, "")
    link = None
    if line.no_answer_action == NoAnswerAction.FORM:
        text = text or form_sentence(line.language)
        link = partial(form_address, session=session, conversation=conversation, now=now)
    told = service_text_send(
        session=session, conversation=conversation, kind=TextKind.NO_ANSWER, text=text, now=now,
        link=link,
    )  # fmt: skip
    if told:
        session.told_at = now
        event_write(
            session=session, conversation=conversation, kind="no_answer", now=now,
            data={"action": line.no_answer_action, "why": why},
        )  # fmt: skip
    Session.objects.filter(pk=session.pk).update(
        told_at=session.told_at, event_seq=session.event_seq
    )
    return told


def no_answer_deadlines(session: Session, *, start: dt.datetime, minutes: int) -> list[Deadline]:
    """The timer after which the customer is told that nobody answers, where the line does that.

    `minutes` from `start`, in working time where the line says so: none when it never opens.
    """
    line = session.open_channel
    if line.no_answer_action not in TELLING:
        return []
    length = dt.timedelta(minutes=minutes)
    hours = line_rules(line).hours
    due_at: dt.datetime | None = start + length
    if line.no_answer_in_hours and hours is not None:
        due_at = working_deadline(hours, start, length)
    return [] if due_at is None else [(TimerKind.NO_ANSWER, due_at)]


def deadlines_recompute(*, open_channel: OpenChannel, now: dt.datetime) -> None:
    """The hours of a line changed: its deadlines in working time are counted anew.

    Those of the opening are set when the session is distributed again.
    """
    if not open_channel.no_answer_in_hours:
        return
    waiting = Timer.objects.filter(
        kind=TimerKind.NO_ANSWER, session__open_channel=open_channel, due_at__gt=now
    ).select_related("session")
    for timer in waiting[:MOST_RECOMPUTED]:
        session = timer.session
        session.open_channel = open_channel
        start, minutes = session.started_at, open_channel.no_answer_minutes
        if minutes is None:
            start = session.no_operator_since or start
            minutes = open_channel.response_minutes
        for _kind, due_at in no_answer_deadlines(session, start=start, minutes=minutes):
            # Only while it is there: it may have come meanwhile.
            Timer.objects.filter(pk=timer.pk).update(due_at=due_at)


def is_unaccepted(session: Session) -> bool:
    """Whether nobody has accepted the session, so that "nobody answers" may come true."""
    return session.state in {SessionState.WAITING, SessionState.OFFERED}
