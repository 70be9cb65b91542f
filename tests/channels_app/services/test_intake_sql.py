"""The statements written by hand name every column the database needs a value for."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.db.models import NOT_PROVIDED, Model
from django.test.utils import CaptureQueriesContext

from channels_app.models import Conversation, InboundEvent, Message
from channels_app.services.intake_sql import conversation_advance, event_key_insert
from queue_app.models import Timer
from queue_app.services.deadlines import timer_set
from tests.factories import ConnectorFactory, ConversationFactory, SessionFactory, moment

pytestmark = pytest.mark.django_db
MODELS = {model._meta.db_table: model for model in (InboundEvent, Conversation, Message, Timer)}
INSERT = re.compile(r'INSERT INTO "?(\w+)"? \(([^)]*)\)', re.DOTALL)
NAMES = re.compile(r"\w+")


def needed(model: type[Model]) -> set[str]:
    """The columns that are neither null nor filled by the database itself."""
    return {
        str(field.column)
        for field in model._meta.concrete_fields
        if not field.null and not field.primary_key and field.db_default is NOT_PROVIDED
    }


def advance(connector: Any, chat_id: str = "u1", **values: Any) -> Conversation:
    return conversation_advance(
        **{
            "connector": connector, "chat_id": chat_id, "thread": "", "user_id": "u1",
            "display_name": "Ana", "profile": {"phone": "+55"}, "reply_context": {"a": 1},
            "direction": "in", "kind": "text", "text": "Hello", "now": moment(), **values,
        }
    )  # fmt: skip


def test_every_insert_names_the_columns_without_a_default_of_the_databases() -> None:
    connector = ConnectorFactory()
    session = SessionFactory()
    with CaptureQueriesContext(
        connection,
    ) as seen:
        event_key_insert(connector_id=connector.pk, key="k", now=moment())
        advance(connector)
        timer_set(session_id=session.pk, kind="route", due_at=moment())
    inserts = [match for query in seen for match in INSERT.findall(query["sql"])]
    assert {table for table, _ in inserts} == {
        "channels_app_inboundevent", "channels_app_conversation", "queue_app_timer",
    }  # fmt: skip
    for table, columns in inserts:
        assert needed(MODELS[table]) - set(NAMES.findall(columns)) == set(), table


def test_a_key_is_taken_once() -> None:
    connector = ConnectorFactory()
    first = event_key_insert(connector_id=connector.pk, key="k", now=moment())
    assert first == InboundEvent.objects.get().pk
    assert event_key_insert(connector_id=connector.pk, key="k", now=moment(1)) is None
    row = InboundEvent.objects.get()
    assert (row.state, row.received_at, row.raw, row.pending_at) == ("done", moment(), None, None)
    assert (row.error, row.attempts) == ("", 0)


def test_a_conversation_is_made_and_then_advanced() -> None:
    connector = ConnectorFactory()
    made = advance(connector)
    assert (made.last_seq, made.version, made.has_pending, made.is_new) == (1, 1, False, True)
    again = advance(connector, text="  Two\n words ", direction="out", now=moment(1))
    assert (again.pk, again.last_seq, again.version, again.is_new) == (made.pk, 2, 2, False)
    row = Conversation.objects.get()
    assert (row.last_text, row.last_direction, row.last_message_at, row.changed_at) == (
        "Two words", "out", moment(1), moment(1),
    )  # fmt: skip
    assert (row.created_at, row.display_name, row.profile) == (moment(), "Ana", {"phone": "+55"})
    for field in Conversation._meta.concrete_fields:
        # SQLite hands out a raw time without its zone, and nobody reads this one.
        if field.name not in {"typing_at", "created_at"}:
            assert getattr(again, field.attname) == getattr(row, field.attname), field.name


def test_the_shown_text_is_cut() -> None:
    assert len(advance(ConnectorFactory(), text="x" * 500).last_text) == 160


def test_a_pending_conversation_tells_so_when_it_is_advanced() -> None:
    chat = ConversationFactory(
        has_pending=True, typing_at=moment(), unreachable_at=moment(), last_seq=4, version=9
    )
    advanced = advance(chat.connector, chat.external_chat_id)
    assert (advanced.has_pending, advanced.last_seq, advanced.version) == (True, 5, 10)
    chat.refresh_from_db()
    assert (chat.typing_at, chat.unreachable_at) == (None, None)
    # What the platform tells of the person is written elsewhere.
    assert chat.display_name != "Ana"
