"""Writing an offer down: one statement on PostgreSQL, the same in the ORM everywhere else.

Both hand the operator a place if he has one, stamp his turn in the line, move the session,
and write the assignment, the events and the response timer; or they do nothing and say so. The
ORM's form is the one to read, and the oracle of the other's test.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from openlines_project.lib.db import sql_row
from queue_app.models import Assignment, LineOperator, Session, SessionEvent
from queue_app.services.deadlines import timers_set
from queue_app.services.places import place_take
from queue_app.services.session_sql import session_save

# A kind of timer and when it is due.
Deadline = tuple[str, dt.datetime]


@dataclass(frozen=True, slots=True)
class Offer:
    """Everything an offer writes. `session` has its new values already; `timers` are the
    deadlines to set, each a `(kind, due_at)`."""

    session: Session
    operator_id: int
    line_operator_id: int
    turn: int
    events: Sequence[SessionEvent]
    timers: Sequence[Deadline]
    now: dt.datetime


def offer_write(offer: Offer) -> bool:
    """Write an offer. False, with nothing written, when the operator has filled up meanwhile."""
    if connection.vendor == "postgresql":
        return offer_write_postgresql(offer)
    return offer_write_orm(offer)


def offer_write_orm(offer: Offer) -> bool:
    """The offer in the ORM's words."""
    session = offer.session
    if not place_take(operator_id=offer.operator_id, open_channel_id=session.open_channel_id):
        return False
    LineOperator.objects.filter(pk=offer.line_operator_id).update(
        turn=offer.turn, last_offer_at=offer.now
    )
    session_save(session)
    Assignment(
        session=session,
        operator_id=offer.operator_id,
        turn=offer.turn,
        round=session.round,
        offered_at=offer.now,
    ).save(force_insert=True)
    SessionEvent.objects.bulk_create(offer.events)
    timers_set(session_id=session.pk, timers=offer.timers)
    return True


# Every part hangs on `place`: without one nothing is written. Foreign keys are checked at commit.
_OFFER = """
WITH place AS (
    UPDATE queue_app_operator SET open_chats = open_chats + 1
    WHERE id = %s AND open_chats < max_chats
    RETURNING id
), line_operator AS (
    UPDATE queue_app_lineoperator lo
    SET open_chats = lo.open_chats + 1, turn = %s, last_offer_at = %s
    FROM place WHERE lo.id = %s
), session AS (
    UPDATE queue_app_session s
    SET state = %s, wait_reason = %s, operator_id = place.id, round = %s, event_seq = %s,
        version = %s, no_operator_since = NULL, offered_at = %s, round_began_at = %s,
        holds_place = TRUE, to_everybody = FALSE, from_crm = %s, outside_queue = %s,
        born_out_of_hours = %s,
        told_at = %s
    FROM place WHERE s.id = %s
), assignment AS (
    INSERT INTO queue_app_assignment (session_id, operator_id, turn, round, offered_at)
    SELECT %s, place.id, %s, %s, %s FROM place
), events AS (
    INSERT INTO queue_app_sessionevent (session_id, seq, kind, at, actor_id, operator_id,
                                        open_channel_id, connector_kind, contact_id, data)
    SELECT v.session_id, v.seq, v.kind, v.at, v.actor_id, v.operator_id, v.open_channel_id,
           v.connector_kind, v.contact_id, v.data
    FROM place, (VALUES {rows})
         AS v (session_id, seq, kind, at, actor_id, operator_id, open_channel_id,
               connector_kind, contact_id, data)
), timer AS (
    INSERT INTO queue_app_timer (session_id, kind, due_at)
    SELECT v.session_id, v.kind, v.due_at
    FROM place, (VALUES {timers}) AS v (session_id, kind, due_at)
    ON CONFLICT (session_id, kind) DO UPDATE
    SET due_at = excluded.due_at, attempts = 0, error = ''
)
SELECT id FROM place
"""
_EVENT_ROW = (
    "(%s::bigint, %s::integer, %s::text, %s::timestamptz, %s::integer, %s::bigint, %s::bigint,"
    " %s::text, %s::bigint, %s::jsonb)"
)
_TIMER_ROW = "(%s::bigint, %s::text, %s::timestamptz)"


def offer_write_postgresql(offer: Offer) -> bool:
    """The offer as one data-modifying statement: a quarter of the round trips and of the time."""
    session, now = offer.session, offer.now
    rows: list[object] = []
    for event in offer.events:
        rows += [
            event.session_id, event.seq, event.kind, event.at, event.actor_id, event.operator_id,
            event.open_channel_id, event.connector_kind, event.contact_id, event.data,
        ]  # fmt: skip
    timers: list[object] = []
    for kind, due_at in offer.timers:
        timers += [session.pk, str(kind), due_at]
    statement = _OFFER.format(
        rows=", ".join([_EVENT_ROW] * len(offer.events)),
        timers=", ".join([_TIMER_ROW] * len(offer.timers)),
    )
    row = sql_row(
        statement,
        [
            offer.operator_id,
            offer.turn, now, offer.line_operator_id,
            session.state, session.wait_reason, session.round, session.event_seq,
            session.version, session.offered_at, session.round_began_at, session.from_crm,
            session.outside_queue, session.born_out_of_hours, session.told_at, session.pk,
            session.pk, offer.turn, session.round, now,
            *rows,
            *timers,
        ],
    )  # fmt: skip
    return row is not None
