"""The statements on a session's row that every message, offer and hand-over runs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import connection

from openlines_project.lib.db import from_sql_time, sql_row
from queue_app.models import Session, SessionState

# Whether the operator of an active chat works no longer: his account, his place in the queue, and,
# where the line checks availability, his duty and his leave, as services/holders.py says. A pause
# leaves him the chats he has accepted.
_HOLDER_GONE = """
    state = 'active' AND NOT EXISTS (
        SELECT 1 FROM queue_app_operator op
        JOIN auth_user u ON u.id = op.user_id
        JOIN channels_app_openchannel line ON line.id = queue_app_session.open_channel_id
        LEFT JOIN queue_app_lineoperator lo
            ON lo.operator_id = op.id AND lo.open_channel_id = line.id
        WHERE op.id = queue_app_session.operator_id AND u.is_active
          AND (queue_app_session.outside_queue OR lo.position IS NOT NULL)
          AND (NOT line.check_availability
              OR (queue_app_session.outside_queue
                  AND (op.duty_changed_at IS NULL
                       OR op.duty_changed_at < queue_app_session.offered_at))
              OR (op.duty <> 'off' AND NOT (
                  (op.leave_from IS NOT NULL OR op.leave_until IS NOT NULL)
                  AND (op.leave_from IS NULL OR op.leave_from <= %s)
                  AND (op.leave_until IS NULL OR op.leave_until > %s)))))
"""
_CUSTOMER_TURN = """
UPDATE queue_app_session
SET unread = unread + 1, version = %s, turn = 'operator',
    waiting_since = CASE WHEN turn = 'customer' OR waiting_since IS NULL THEN %s
                         ELSE waiting_since END
WHERE conversation_id = %s AND closed_at IS NULL
RETURNING id, state, wait_reason, waiting_since, snoozed_until, open_channel_id, holds_place
"""
_TURN_AND_GONE = f"{_CUSTOMER_TURN}, {_HOLDER_GONE}"
_IS_GONE = f"SELECT {_HOLDER_GONE} FROM queue_app_session WHERE id = %s"  # noqa: S608 constants


@dataclass(frozen=True, slots=True)
class OpenSession:
    """The open session of a conversation, as a customer's message found it.

    `begins_wait`: until now we waited for him. `holds_place`: it counts for its operator's limit.
    `holder_gone`: its operator works no longer.
    """

    id: int
    state: str
    wait_reason: str
    begins_wait: bool
    is_snoozed: bool
    open_channel_id: int
    holds_place: bool
    holder_gone: bool

    @property
    def only_counts(self) -> bool:
        """Whether nothing follows from the message but that it is there."""
        if self.state in {SessionState.WAITING, SessionState.CLOSING}:
            return False
        return not (self.begins_wait or self.is_snoozed or self.holder_gone)

    @property
    def only_begins_wait(self) -> bool:
        """Whether its operator has it as before, and all that changed is whose turn it is."""
        return self.state == SessionState.ACTIVE and not (self.is_snoozed or self.holder_gone)


def session_customer_turn(
    *, conversation_id: int, version: int, now: dt.datetime
) -> OpenSession | None:
    """It is the operator's turn now: count the message as unread. None without an open session.

    The wait is measured from the first message of the customer's burst.
    """
    params = [version, now, conversation_id]
    if connection.vendor == "postgresql":
        row = sql_row(_TURN_AND_GONE, [*params, now, now])
    else:
        # SQLite's RETURNING gets expressions wrong here (seen with 3.40): plain columns only.
        row = sql_row(_CUSTOMER_TURN, params)
        if row is not None:
            row = (*row, *(sql_row(_IS_GONE, [now, now, row[0]]) or [False]))
    if row is None:
        return None
    return OpenSession(
        id=row[0],
        state=row[1],
        wait_reason=row[2],
        begins_wait=from_sql_time(row[3]) == now,
        is_snoozed=row[4] is not None,
        open_channel_id=row[5],
        holds_place=bool(row[6]),
        holder_gone=bool(row[7]),
    )


def session_save(session: Session) -> None:
    """Write what routing changes of a session."""
    Session.objects.filter(pk=session.pk).update(
        state=session.state,
        wait_reason=session.wait_reason,
        operator_id=session.operator_id,
        to_everybody=session.to_everybody,
        holds_place=session.holds_place,
        round=session.round,
        round_began_at=session.round_began_at,
        event_seq=session.event_seq,
        version=session.version,
        no_operator_since=session.no_operator_since,
        offered_at=session.offered_at,
        from_crm=session.from_crm,
        outside_queue=session.outside_queue,
        born_out_of_hours=session.born_out_of_hours,
        told_at=session.told_at,
    )
