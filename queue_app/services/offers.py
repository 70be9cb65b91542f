"""The offer: under the line's lock, choose an operator and hand him the session.

Called last in a transaction that holds the conversation and the session.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from channels_app.models import Conversation, Distribution, OpenChannel
from openlines_project.lib.db import from_sql_time, sql_rows
from openlines_project.lib.tasks import enqueue_after_commit
from queue_app import tasks
from queue_app.distribution import Candidate, Conditions, Decision, distribute
from queue_app.models import (
    Assignment,
    Session,
    SessionEvent,
    SessionState,
    TimerKind,
    WaitReason,
)
from queue_app.services.deadlines import timers_set
from queue_app.services.events import event_build
from queue_app.services.locks import line_lock
from queue_app.services.offer_sql import Deadline, Offer, offer_write
from queue_app.services.session_sql import session_save
from queue_app.state_machine import state_after

# The last column is the same in every row: whether somebody waits for an operator of this line
# longer than the session at hand. Nobody overtakes.
_CANDIDATES = """
SELECT lo.id, lo.operator_id, lo.position, lo.turn, lo.last_offer_at, lo.open_chats,
       op.open_chats, op.max_chats, op.duty, u.is_active, op.leave_from, op.leave_until,
       op.seen_at,
       EXISTS (SELECT 1 FROM queue_app_session s
               WHERE s.open_channel_id = %s AND s.no_operator_since IS NOT NULL
                 AND s.id <> %s AND (s.no_operator_since, s.id) < (%s, %s))
FROM queue_app_lineoperator lo
JOIN queue_app_operator op ON op.id = lo.operator_id
JOIN auth_user u ON u.id = op.user_id
WHERE lo.open_channel_id = %s AND lo.position IS NOT NULL
ORDER BY lo.position
"""
_LAST = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
NOBODY = Decision((), (), round_over=False)


def line_conditions(open_channel: OpenChannel) -> Conditions:
    """What the line asks of those who get its chats. An open page counts with availability."""
    return Conditions(
        check_availability=open_channel.check_availability,
        demand_connection=open_channel.check_availability and open_channel.demand_connection,
        max_chats=open_channel.max_chats,
    )


def session_offer(
    *,
    session: Session,
    conversation: Conversation,
    open_channel: OpenChannel,
    now: dt.datetime,
    tried: Collection[int] = (),
    preferred: int | None = None,
    events: list[SessionEvent] | None = None,
    timers: Sequence[Deadline] = (),
) -> Decision:
    """Offer a waiting session by the line's rule. Without anybody chosen, nothing is written:
    the caller writes down why it waits, with `session_wait`.

    `tried` are the operators who let it pass in this round, `preferred` the one asked first.
    `events` and `timers` are earlier ones of the same transaction, saved together with ours.
    """
    events = events if events is not None else []
    turn = line_lock(open_channel.pk)
    candidates, others_first = line_candidates(open_channel.pk, session)
    if others_first:
        enqueue_after_commit(tasks.line_distribute, open_channel.pk)
        return NOBODY
    passed_over: set[int] = set()
    while True:
        decision = distribute(
            open_channel.distribution,  # type: ignore[arg-type]
            candidates,
            line_conditions(open_channel),
            tried=tried,
            now=now,
            passed_over=passed_over,
            preferred=preferred,
        )
        if not decision.chosen:
            return decision
        to_everybody = open_channel.distribution == Distribution.EVERYBODY and not any(
            one.operator_id == preferred for one in decision.chosen
        )
        if to_everybody:
            _offer_to_everybody(session, conversation, decision, turn, now, events, timers)
            return decision
        (chosen,) = decision.chosen
        before = _standing(session)
        offer = _offer_build(session, conversation, decision, turn, now, events, timers)
        if offer_write(offer):
            return decision
        # He filled up on another line since he was read: his row said no. Nothing was written.
        passed_over.add(chosen.operator_id)
        for name, value in before.items():
            setattr(session, name, value)


def line_candidates(open_channel_id: int, session: Session) -> tuple[list[Candidate], bool]:
    """The people of a line's queue in its order, as they stand now: read, not locked.

    And whether somebody else waits for one of them longer than `session` does.
    """
    since = session.no_operator_since or _LAST
    session_id = session.pk or 0
    rows = sql_rows(_CANDIDATES, [open_channel_id, session_id, since, session_id, open_channel_id])
    candidates = [
        Candidate(
            line_operator_id=row[0], operator_id=row[1], position=row[2], turn=row[3],
            last_offer_at=from_sql_time(row[4]), line_chats=row[5], open_chats=row[6],
            max_open_chats=row[7], duty=row[8], is_active=bool(row[9]),
            leave_from=from_sql_time(row[10]), leave_until=from_sql_time(row[11]),
            seen_at=from_sql_time(row[12]),
        )
        for row in rows
    ]  # fmt: skip
    return candidates, bool(rows and rows[0][13])


# What an offer changes of the session: kept, because the chosen one may have no place after all.
_OFFERED = (
    "state", "wait_reason", "no_operator_since", "operator_id", "holds_place", "to_everybody",
    "from_crm", "outside_queue", "offered_at", "round_began_at", "event_seq",
)  # fmt: skip


def _standing(session: Session) -> dict[str, object]:
    return {name: getattr(session, name) for name in _OFFERED}


def _session_offered(session: Session, operator_id: int | None, now: dt.datetime) -> None:
    session.state = state_after(session.state, "offer")
    session.wait_reason = WaitReason.NONE
    session.no_operator_since = None
    session.operator_id = operator_id
    session.holds_place = operator_id is not None
    session.to_everybody = operator_id is None
    session.from_crm = session.outside_queue = False
    session.offered_at = now
    if session.round_began_at is None:
        session.round_began_at = now


def response_deadline(session: Session, now: dt.datetime) -> Deadline:
    """Until when an offer made now stands."""
    minutes = session.open_channel.response_minutes
    return TimerKind.RESPONSE, now + dt.timedelta(minutes=minutes)


def _offer_build(
    session: Session,
    conversation: Conversation,
    decision: Decision,
    turn: int,
    now: dt.datetime,
    events: list[SessionEvent],
    timers: Sequence[Deadline],
) -> Offer:
    (chosen,) = decision.chosen
    _session_offered(session, chosen.operator_id, now)
    offered = event_build(
        session=session, conversation=conversation, kind="offered", now=now,
        operator_id=chosen.operator_id,
        data={**decision.as_json(), "turn": turn, "round": session.round},
    )  # fmt: skip
    return Offer(
        session=session,
        operator_id=chosen.operator_id,
        line_operator_id=chosen.line_operator_id,
        turn=turn,
        events=[*events, offered],
        timers=[response_deadline(session, now), *timers],
        now=now,
    )


def _offer_to_everybody(
    session: Session,
    conversation: Conversation,
    decision: Decision,
    turn: int,
    now: dt.datetime,
    events: list[SessionEvent],
    timers: Sequence[Deadline],
) -> None:
    """One open turn for each who can have it; it takes nobody's place until one accepts."""
    _session_offered(session, None, now)
    events.append(
        event_build(
            session=session, conversation=conversation, kind="offered", now=now,
            data={**decision.as_json(), "turn": turn, "round": session.round},
        )
    )  # fmt: skip
    turns_open(session=session, candidates=decision.chosen, turn=turn, now=now)
    SessionEvent.objects.bulk_create(events)
    session_save(session)
    timers_set(session_id=session.pk, timers=[response_deadline(session, now), *timers])


def turns_open(
    *, session: Session, candidates: Sequence[Candidate], turn: int, now: dt.datetime
) -> None:
    """Write an open turn with a locked session for each of these people."""
    Assignment.objects.bulk_create(
        Assignment(
            session=session, operator_id=one.operator_id, turn=turn, round=session.round,
            offered_at=now,
        )
        for one in candidates
    )  # fmt: skip


def session_wait(
    *,
    session: Session,
    conversation: Conversation,
    reason: str,
    decision: Decision | None,
    now: dt.datetime,
    events: list[SessionEvent],
    data: dict[str, object] | None = None,
) -> None:
    """Write down why a locked session holds no offer. A retry that changes nothing writes nothing.

    `events` are earlier ones of the same transaction, saved together with ours.
    """
    unchanged = session.state == SessionState.WAITING and session.wait_reason == reason
    if not unchanged:
        told = decision.as_json() if decision is not None else {}
        events.append(
            event_build(
                session=session, conversation=conversation, kind="waiting", now=now,
                data={"reason": str(reason), **told, **(data or {})},
            )
        )  # fmt: skip
    session.state = state_after(session.state, "wait")
    session.wait_reason = reason
    session.operator_id = None
    session.to_everybody = False
    if reason != WaitReason.NO_OPERATOR:
        session.no_operator_since = None
    elif session.no_operator_since is None:
        session.no_operator_since = now
    if events or not unchanged:
        SessionEvent.objects.bulk_create(events)
        session_save(session)
