"""What the tests of the outbox share: chats, times and how a message ended."""

from __future__ import annotations

import datetime as dt
import random

import pytest

from channels_app.models import Conversation, Message
from channels_app.services.delivery import LEASE, conversation_deliver
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    TelegramConnectorFactory,
    moment,
)

__all__ = ["OVER", "at", "bot_chat", "custom_chat", "deliver", "end_of", "even_backoff"]

# When the lease of what was claimed at `moment()` is over.
OVER = moment() + LEASE


@pytest.fixture
def bot_chat() -> Conversation:
    """A Telegram chat: a repeat is not recognised there."""
    chat: Conversation = ConversationFactory(
        connector=TelegramConnectorFactory(), external_chat_id="u1"
    )
    return chat


@pytest.fixture
def custom_chat() -> Conversation:
    """A custom channel's chat: a repeat is recognised by its delivery id."""
    chat: Conversation = ConversationFactory(connector=ConnectorFactory(), external_chat_id="u1")
    return chat


@pytest.fixture(autouse=True)
def even_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda _least, _most: 1.0)


def at(seconds: float) -> dt.datetime:
    return moment() + dt.timedelta(seconds=seconds)


def deliver(chat: Conversation, *, now: dt.datetime | None = None) -> int:
    return conversation_deliver(conversation_id=chat.pk, now=now or moment())


def end_of(message: Message) -> tuple[str, str, str]:
    message.refresh_from_db()
    return message.state, message.error_code, message.error_text


def is_out_of_the_outbox(message: Message) -> bool:
    message.refresh_from_db()
    return (message.queued_at, message.lease_until, message.lease_token) == (None, None, None)
