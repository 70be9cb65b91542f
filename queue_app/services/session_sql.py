"""The statements on a session's row that every message, offer and hand-over runs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from openlines_project.lib.db import sql_row
from queue_app.models import Session

_CUSTOMER_TURN = """
UPDATE queue_app_session
SET unread = unread + 1, version = %s, turn = 'operator',
    waiting_since = CASE WHEN turn = 'customer' OR waiting_since IS NULL THEN %s
                         ELSE waiting_since END
WHERE conversation_id = %s AND closed_at IS NULL
RETURNING id, state, wait_reason
"""


@dataclass(frozen=True, slots=True)
class OpenSession:
    """The open session of a conversation, as a customer's message found it."""

    id: int
    state: str
    wait_reason: str


def session_customer_turn(
    *, conversation_id: int, version: int, now: dt.datetime
) -> OpenSession | None:
    """It is the operator's turn now: count the message as unread. None without an open session.

    The wait is measured from the first message of the customer's burst.
    """
    row = sql_row(_CUSTOMER_TURN, [version, now, conversation_id])
    return None if row is None else OpenSession(*row)


def session_save(session: Session) -> None:
    """Write what routing changes of a session."""
    Session.objects.filter(pk=session.pk).update(
        state=session.state,
        wait_reason=session.wait_reason,
        operator_id=session.operator_id,
        round=session.round,
        event_seq=session.event_seq,
        version=session.version,
        no_operator_since=session.no_operator_since,
        offered_at=session.offered_at,
        to_everybody=session.to_everybody,
        round_began_at=session.round_began_at,
        holds_place=session.holds_place,
        from_crm=session.from_crm,
        born_out_of_hours=session.born_out_of_hours,
        told_at=session.told_at,
    )
