"""Reading conversations, and the connectors that are kept for a moment."""

from __future__ import annotations

import time

import pytest

from channels_app import selectors
from channels_app.models import Attachment, Connector, Conversation
from channels_app.selectors import (
    connector_by_public_id,
    connector_cache_clear,
    messages_changed_since,
    thread_messages,
)
from channels_app.services.connectors import connector_update
from channels_app.services.open_channels import open_channel_update
from tests.factories import ConnectorFactory, ConversationFactory, MessageFactory, moment

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    connector_cache_clear()


@pytest.fixture
def connector() -> Connector:
    connector: Connector = ConnectorFactory(name="Before")
    return connector


@pytest.fixture
def chat() -> Conversation:
    chat: Conversation = ConversationFactory()
    for number in range(1, 8):
        MessageFactory(conversation=chat, text=f"{number}")
    return chat


def clock_at(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: seconds)


def name_of(connector: Connector) -> str:
    found = connector_by_public_id(connector.public_id)
    assert found is not None
    return found.name


def test_a_connector_is_remembered_for_five_seconds(
    connector: Connector, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: object
) -> None:
    clock_at(monkeypatch, 1000.0)
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert name_of(connector) == "Before"
    Connector.objects.update(name="After")
    clock_at(monkeypatch, 1004.9)
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert name_of(connector) == "Before"
    clock_at(monkeypatch, 1005.0)
    assert name_of(connector) == "After"


def test_a_change_made_in_this_process_counts_at_once(connector: Connector) -> None:
    assert name_of(connector) == "Before"
    connector_update(connector=connector, name="After", now=moment())
    assert name_of(connector) == "After"
    open_channel_update(
        open_channel=connector.open_channel, changes={"is_active": False}, now=moment()
    )
    found = connector_by_public_id(connector.public_id)
    assert found is not None
    assert found.open_channel.is_active is False


def test_what_is_unknown_is_not_remembered(connector: Connector) -> None:
    assert connector_by_public_id("unknown") is None
    Connector.objects.update(public_id="unknown")
    assert connector_by_public_id("unknown") == connector


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch, connector: Connector) -> None:
    clock_at(monkeypatch, 1000.0)
    for number in range(1001):
        selectors._connectors[f"id-{number}"] = (1000.0, connector)
    connector_by_public_id(connector.public_id)
    assert len(selectors._connectors) == 1


def test_a_thread_is_read_from_its_end_oldest_first(chat: Conversation) -> None:
    newest = thread_messages(conversation=chat, limit=3)
    assert [message.text for message in newest] == ["5", "6", "7"]
    earlier = thread_messages(conversation=chat, before_seq=5, limit=3)
    assert [message.text for message in earlier] == ["2", "3", "4"]
    assert thread_messages(conversation=chat, before_seq=1) == []


def test_a_thread_costs_the_same_however_long_it_is(
    chat: Conversation, django_assert_num_queries: object
) -> None:
    for message in chat.messages.all():
        Attachment.objects.create(message=message, type="image", state="stored")
    with django_assert_num_queries(2):  # type: ignore[operator]
        for message in thread_messages(conversation=chat):
            assert len(message.attachments.all()) == 1
            assert message.author is None


def test_changes_are_told_by_version_in_the_order_of_the_thread(chat: Conversation) -> None:
    first = chat.messages.get(seq=1)
    first.version = 8
    first.save(update_fields=["version"])
    changed = messages_changed_since(conversation=chat, version=6)
    assert [(message.seq, message.version) for message in changed] == [(1, 8), (7, 7)]
    assert messages_changed_since(conversation=chat, version=8) == []
    assert len(messages_changed_since(conversation=chat, version=0, limit=2)) == 2
