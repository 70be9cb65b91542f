"""That we read, and that we write: told to platforms that show it, best effort."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from channels_app.models import Conversation
from channels_app.services.gestures import seen_send, typing_send
from tests.channels_app.services.outside import queued
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    MessageFactory,
    MetaConnectorFactory,
)
from tests.standins.graph_api import ACCOUNTS, GraphStandIn, graph_api, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def graph(settings: Any) -> Iterator[GraphStandIn]:
    settings.PRIVATE_TARGETS = ["127.0.0.1:*"]
    with graph_api() as stand_in:
        yield stand_in


@pytest.fixture
def chat(graph: GraphStandIn) -> Conversation:
    """A WhatsApp chat: two messages of the customer, and one of ours after them."""
    config = {"phone_number_id": ACCOUNTS["whatsapp"], "api_base_url": graph.url}
    chat: Conversation = ConversationFactory(connector=MetaConnectorFactory(config=config))
    for number in (1, 2):
        MessageFactory(conversation=chat, external_id=f"wamid.{number}")
    queued(chat, state="sent", queued_at=None, external_id="wamid.OURS")
    return chat


def test_his_last_message_is_shown_as_read(chat: Conversation, graph: GraphStandIn) -> None:
    seen_send(conversation_id=chat.pk)
    (call,) = graph.calls
    assert (call.json["status"], call.json["message_id"]) == ("read", "wamid.2")
    assert "typing_indicator" not in call.json


def test_writing_is_shown_with_his_last_message(chat: Conversation, graph: GraphStandIn) -> None:
    typing_send(conversation_id=chat.pk)
    (call,) = graph.calls
    assert call.json["message_id"] == "wamid.2"
    assert call.json["typing_indicator"] == {"type": "text"}


def test_a_refusal_is_nobodys_trouble(chat: Conversation, graph: GraphStandIn) -> None:
    graph.script("messages", refused(400, 131009), refused(500))
    seen_send(conversation_id=chat.pk)
    typing_send(conversation_id=chat.pk)
    chat.connector.refresh_from_db()
    assert (chat.connector.status, chat.connector.last_error) == ("connected", "")


def test_a_platform_that_shows_no_reading_is_not_told(graph: GraphStandIn) -> None:
    chat = ConversationFactory(connector=ConnectorFactory())
    seen_send(conversation_id=chat.pk)
    seen_send(conversation_id=0)
    assert graph.calls == []
