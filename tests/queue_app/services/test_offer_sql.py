"""The offer's one statement writes exactly what its ORM form writes."""

from typing import Any

import pytest
from django.db import connection, transaction

from queue_app.models import (
    Assignment,
    LineOperator,
    Operator,
    Session,
    SessionEvent,
    Timer,
)
from queue_app.services.events import EventKind, event_build
from queue_app.services.offer_sql import Offer, offer_write_orm, offer_write_postgresql
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    OpenChannelFactory,
    OperatorFactory,
    SessionFactory,
    moment,
)

pytestmark = [pytest.mark.django_db]

KINDS: tuple[EventKind, ...] = ("started", "waiting", "offered")


def offer_make(*, events: int, open_chats: int = 0, max_chats: int = 10) -> Offer:
    operator = OperatorFactory(open_chats=open_chats, max_chats=max_chats)
    line = OpenChannelFactory(operators=[operator])
    conversation = ConversationFactory(connector=ConnectorFactory(open_channel=line))
    session = SessionFactory(conversation=conversation, started_at=moment(0))
    written = [
        event_build(
            session=session,
            conversation=conversation,
            kind=kind,
            now=moment(0, number),
            operator_id=operator.pk if kind == "offered" else None,
            actor=operator.user if number == 1 else None,
            data={"number": number, "text": "it's \\ «ö»"},
        )
        for number, kind in enumerate(KINDS[:events])
    ]
    session.state, session.operator_id = "offered", operator.pk
    session.offered_at, session.wait_reason = moment(1), ""
    session.holds_place = True
    return Offer(
        session=session,
        operator_id=operator.pk,
        line_operator_id=LineOperator.objects.get(operator=operator).pk,
        turn=7,
        events=written,
        timers=[("response", moment(6))],
        now=moment(1),
    )


def rows(offer: Offer) -> dict[str, Any]:
    """Everything the offer may write, as it stands in the database, without ids."""

    def plain(row: Any) -> dict[str, Any]:
        columns = (field.attname for field in row._meta.concrete_fields)
        return {name: getattr(row, name) for name in columns if name != "id"}

    session = offer.session
    return {
        "session": plain(Session.objects.get(pk=session.pk)),
        "operator": plain(Operator.objects.get(pk=offer.operator_id)),
        "line": plain(LineOperator.objects.get(pk=offer.line_operator_id)),
        "assignments": [plain(row) for row in Assignment.objects.filter(session=session)],
        "events": [
            plain(row) for row in SessionEvent.objects.filter(session=session).order_by("seq")
        ],
        "timers": [plain(row) for row in Timer.objects.filter(session=session)],
    }


def both_ways(offer: Offer) -> tuple[tuple[bool, Any], tuple[bool, Any]]:
    """Each form from the same state, undone in between."""
    found = []
    for write in (offer_write_orm, offer_write_postgresql):
        with transaction.atomic():
            found.append((write(offer), rows(offer)))
            transaction.set_rollback(True)
        for event in offer.events:
            event.pk = None
            event._state.adding = True
    return found[0], found[1]


@pytest.mark.postgresql
@pytest.mark.parametrize("events", [1, 2, 3])
def test_both_forms_write_the_same_rows(events: int) -> None:
    offer = offer_make(events=events)
    orm, sql = both_ways(offer)
    assert orm == sql
    assert orm[0] is True
    assert orm[1]["session"]["state"] == "offered"
    assert orm[1]["operator"]["open_chats"] == orm[1]["line"]["open_chats"] == 1
    assert orm[1]["line"]["turn"] == 7
    assert len(orm[1]["assignments"]) == len(orm[1]["timers"]) == 1
    assert len(orm[1]["events"]) == events


@pytest.mark.postgresql
def test_both_forms_move_a_timer_that_is_set_already() -> None:
    offer = offer_make(events=1)
    Timer.objects.create(
        session=offer.session, kind="response", due_at=moment(2), attempts=3, error="late"
    )
    orm, sql = both_ways(offer)
    assert orm == sql
    (timer,) = orm[1]["timers"]
    assert (timer["due_at"], timer["attempts"], timer["error"]) == (moment(6), 0, "")


@pytest.mark.postgresql
def test_both_forms_write_nothing_for_a_full_operator() -> None:
    offer = offer_make(events=2, open_chats=3, max_chats=3)
    before = rows(offer)
    orm, sql = both_ways(offer)
    assert orm == sql == (False, before)
    assert before["events"] == before["assignments"] == before["timers"] == []


def test_the_orm_form_writes_nothing_for_a_full_operator() -> None:
    offer = offer_make(events=2, open_chats=3, max_chats=3)
    before = rows(offer)
    assert offer_write_orm(offer) is False
    assert rows(offer) == before


@pytest.mark.postgresql
def test_the_statement_names_every_column_that_has_no_default() -> None:
    """A column added to one of the tables must be given here or have a default."""
    from queue_app.services import offer_sql

    written = {
        "queue_app_assignment": "session_id, operator_id, turn, round, offered_at",
        "queue_app_timer": "session_id, kind, due_at",
        "queue_app_sessionevent": (
            "session_id, seq, kind, at, actor_id, operator_id, open_channel_id, connector_kind,"
            " contact_id, data"
        ),
    }
    for table, columns in written.items():
        squeezed = " ".join(offer_sql._OFFER.split()).replace("( ", "(")
        assert f"INSERT INTO {table} ({columns})" in squeezed
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
                " AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'",
                [table],
            )
            needed = {row[0] for row in cursor.fetchall()}
        assert needed <= set(columns.split(", "))
