"""The offer: under the line's lock, choose an operator and hand him the session.

Called last in a transaction that holds the conversation and the session.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from channels_app.models import Conversation, OpenChannel
from openlines_project.lib.db import sql_rows
from openlines_project.lib.tasks import enqueue_after_commit
from queue_app import tasks
from queue_app.distribution import Candidate, Decision, distribute
from queue_app.models import Session, SessionEvent, SessionState, TimerKind, WaitReason
from queue_app.services.events import event_build
from queue_app.services.locks import line_lock
from queue_app.services.offer_sql import Offer, offer_write
from queue_app.services.session_sql import session_save
from queue_app.state_machine import state_after

# The last column is the same in every row: whether somebody waits for an operator of this line
# longer than the session at hand. Nobody overtakes.
_CANDIDATES = """
SELECT lo.id, lo.operator_id, lo.position, lo.turn, lo.last_offer_at, lo.open_chats,
       op.open_chats, op.max_chats, op.duty, u.is_active, op.leave_from, op.leave_until,
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


def session_offer(
    *,
    session: Session,
    conversation: Conversation,
    open_channel: OpenChannel,
    now: dt.datetime,
    tried: Collection[int] = (),
    events: list[SessionEvent] | None = None,
) -> Decision:
    """Offer a waiting session to the next operator, or write down why it waits.

    `tried` are the operators who let it pass in this round. `events` are earlier events of the
    same transaction, saved together with ours. A retry that changes nothing writes nothing.
    """
    events = events if events is not None else []
    turn = line_lock(open_channel.pk)
    candidates, others_first = line_candidates(open_channel.pk, session)
    if others_first:
        decision = Decision(None, (), round_over=False)
        _wait(session, conversation, WaitReason.NO_OPERATOR, decision, now, events)
        enqueue_after_commit(tasks.line_distribute, open_channel.pk)
        return decision
    passed_over: set[int] = set()
    while True:
        decision = distribute(
            open_channel.distribution,  # type: ignore[arg-type]
            candidates,
            tried=tried,
            check_availability=open_channel.check_availability,
            max_chats=open_channel.max_chats,
            now=now,
            passed_over=passed_over,
        )
        if decision.chosen is None:
            reason = WaitReason.ROUND_OVER if decision.round_over else WaitReason.NO_OPERATOR
            _wait(session, conversation, reason, decision, now, events)
            return decision
        before = (session.wait_reason, session.no_operator_since, session.event_seq)
        offer = _offer_build(session, conversation, open_channel, decision, turn, now, events)
        if offer_write(offer):
            return decision
        # He filled up on another line since he was read: his row said no. Nothing was written.
        passed_over.add(decision.chosen.operator_id)
        session.state, session.operator_id, session.offered_at = SessionState.WAITING, None, None
        session.holds_place = False
        session.wait_reason, session.no_operator_since, session.event_seq = before


def line_candidates(open_channel_id: int, session: Session) -> tuple[list[Candidate], bool]:
    """The people of a line's queue in its order, as they stand now: read, not locked.

    And whether somebody else waits for one of them longer than `session` does.
    """
    since = session.no_operator_since or _LAST
    rows = sql_rows(_CANDIDATES, [open_channel_id, session.pk, since, session.pk, open_channel_id])
    candidates = [
        Candidate(
            line_operator_id=row[0], operator_id=row[1], position=row[2], turn=row[3],
            last_offer_at=_aware(row[4]), line_chats=row[5], open_chats=row[6],
            max_open_chats=row[7], duty=row[8], is_active=bool(row[9]),
            leave_from=_aware(row[10]), leave_until=_aware(row[11]),
        )
        for row in rows
    ]  # fmt: skip
    return candidates, bool(rows and rows[0][12])


def _aware(value: dt.datetime | str | None) -> dt.datetime | None:
    """SQLite hands raw times out as text in UTC."""
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    if value is not None and value.tzinfo is None:
        return value.replace(tzinfo=dt.UTC)
    return value


def _offer_build(
    session: Session,
    conversation: Conversation,
    open_channel: OpenChannel,
    decision: Decision,
    turn: int,
    now: dt.datetime,
    events: list[SessionEvent],
) -> Offer:
    chosen = decision.chosen
    assert chosen is not None  # noqa: S101  the caller has chosen
    session.state = state_after(session.state, "offer")
    session.wait_reason = WaitReason.NONE
    session.no_operator_since = None
    session.operator_id = chosen.operator_id
    session.holds_place = True
    session.offered_at = now
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
        timers=[(TimerKind.RESPONSE, now + dt.timedelta(minutes=open_channel.response_minutes))],
        now=now,
    )


def _wait(
    session: Session,
    conversation: Conversation,
    reason: str,
    decision: Decision,
    now: dt.datetime,
    events: list[SessionEvent],
) -> None:
    unchanged = session.state == SessionState.WAITING and session.wait_reason == reason
    if not unchanged:
        events.append(
            event_build(
                session=session, conversation=conversation, kind="waiting", now=now,
                data={"reason": reason, **decision.as_json()},
            )
        )  # fmt: skip
    session.state = state_after(session.state, "wait")
    session.wait_reason = reason
    session.operator_id = None
    if reason != WaitReason.NO_OPERATOR:
        session.no_operator_since = None
    elif session.no_operator_since is None:
        session.no_operator_since = now
    if events:
        SessionEvent.objects.bulk_create(events)
        session_save(session)
    elif not unchanged:
        session_save(session)
