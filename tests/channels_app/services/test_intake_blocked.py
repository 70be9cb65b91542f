"""A blocked sender: what he writes is kept as ignored and counted, and nothing comes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from channels_app.drivers.base import PostbackEvent
from channels_app.models import Connector, Conversation, InboundEvent, Message
from channels_app.services.conversations import conversation_block_set, conversation_lock
from channels_app.services.intake import delivery_receive, event_replay
from channels_app.services.pending import inbound_sweep
from channels_app.services.received import Received
from queue_app.models import Session
from tests.channels_app.services.kept import Poison, at, deliver, thread
from tests.channels_app.services.outside import deleted, echoed, edited, receive, written
from tests.factories import (
    ConnectorFactory,
    OpenChannelFactory,
    OperatorFactory,
    SuperuserFactory,
    moment,
)
from tests.flows.wire import custom_message, custom_post

pytestmark = pytest.mark.django_db


@pytest.fixture
def connector() -> Connector:
    connector: Connector = ConnectorFactory(
        open_channel=OpenChannelFactory(operators=[OperatorFactory()])
    )
    return connector


def block(*, is_blocked: bool = True) -> None:
    conversation = conversation_lock(Conversation.objects.get().pk)
    assert conversation_block_set(
        conversation=conversation, is_blocked=is_blocked, author=SuperuserFactory(), now=moment()
    )


def rows() -> list[Any]:
    return [
        list(Message.objects.order_by("pk").values()),
        list(Session.objects.order_by("pk").values()),
        list(Conversation.objects.order_by("pk").values()),
    ]


def test_nothing_of_the_conversation_moves_but_the_count(connector: Connector) -> None:
    receive(connector, written("m1"))
    block()
    messages, sessions, (conversation,) = rows()
    received = receive(connector, written("m2", "Buy"))
    assert received == Received("message:m2", "ignored")
    assert rows() == [messages, sessions, [conversation | {"ignored_count": 1}]]
    kept = InboundEvent.objects.get(key="message:m2")
    assert (kept.state, kept.error, kept.pending_at) == ("ignored", "the sender is blocked", None)
    assert bytes(kept.raw or b"") == b"{}"
    assert receive(connector, written("m2", "Buy")).outcome == "duplicate"
    assert Conversation.objects.get().ignored_count == 1


def test_an_edit_and_our_own_button_are_ignored_too(connector: Connector) -> None:
    receive(connector, written("m1", "Hello"))
    block()
    pressed = PostbackEvent(key="p1", chat_id="u1", message_id="x", payload="ol:rate:5")
    assert receive(connector, edited("m1", "Buy")).outcome == "ignored"
    assert receive(connector, pressed).outcome == "ignored"
    assert Message.objects.get(direction="in").text == "Hello"
    assert Conversation.objects.get().ignored_count == 2


def test_what_he_takes_away_is_taken_away(connector: Connector) -> None:
    receive(connector, written("m1", "Hello"))
    block()
    assert receive(connector, deleted("m1")).outcome == "done"
    assert Message.objects.get(direction="in").deleted_at == moment()


def test_our_own_answer_in_the_platforms_app_is_no_message_of_his(connector: Connector) -> None:
    receive(connector, written("m1"))
    block()
    assert receive(connector, echoed("e1", "Stop it")).outcome == "done"
    assert Message.objects.filter(direction="out", text="Stop it").exists()


def test_heard_again_he_writes_as_before_and_what_was_ignored_can_be_replayed(
    connector: Connector,
) -> None:
    deliver(connector, custom_message("m1", "One"), at=moment())
    block()
    assert deliver(connector, custom_message("m2", "Two"), at=at(1)) == ["ignored"]
    kept = InboundEvent.objects.get(state="ignored")
    assert event_replay(inbound_event=kept, now=at(2)).outcome == "ignored"
    block(is_blocked=False)
    assert deliver(connector, custom_message("m3", "Three"), at=at(3)) == ["done"]
    assert event_replay(inbound_event=kept, now=at(4)).outcome == "done"
    assert [text for text in thread() if text not in {"shut", "let_in"}] == [
        "One", "Three", "Two",
    ]  # fmt: skip
    assert Conversation.objects.get().ignored_count == 1


def test_what_waits_to_be_tried_again_is_put_away_when_its_sender_is_blocked(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(connector, custom_message("m1"), at=moment())
    with monkeypatch.context() as patch:
        Poison(patch, "m2")
        assert deliver(connector, custom_message("m2"), at=at(1)) == ["pending"]
    block()
    assert inbound_sweep(now=at(10)) == 0
    kept = InboundEvent.objects.get(key__contains="m2")
    assert (kept.state, kept.pending_at, kept.done_at) == ("ignored", None, at(10))
    conversation = Conversation.objects.get()
    assert (conversation.ignored_count, conversation.has_pending) == (1, False)
    assert "m2" not in thread()


def test_the_sender_of_a_webhook_hears_nothing_of_it(connector: Connector) -> None:
    client = Client()
    custom_post(client, connector, custom_message("m1"))
    block()
    response = custom_post(client, connector, custom_message("m2"))
    assert response.status_code == 200
    (result,) = response.json()["results"]
    assert (result["message_id"], result["duplicate"]) == (None, False)


def test_nobody_else_pays_for_it(connector: Connector) -> None:
    """The condition stands in the statement that is there anyway."""
    receive(connector, written("m1"))
    raw = json.dumps(custom_message("m2", user="u1")).encode()
    with CaptureQueriesContext(connection) as queries:
        delivery_receive(connector=connector, raw=raw, now=moment())
    asked = [query["sql"] for query in queries if "blocked_at" in query["sql"]]
    advances = [sql for sql in asked if sql.lstrip().startswith("UPDATE")]
    assert len(advances) == 1
    assert "last_seq = last_seq + 1" in advances[0]
