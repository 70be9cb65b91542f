"""Sending again and giving up, because a person says so."""

from __future__ import annotations

import pytest

from channels_app.drivers.telegram import TelegramDriver
from channels_app.models import Conversation, Message
from channels_app.services.delivery import conversation_deliver
from channels_app.services.errors import ConflictError
from channels_app.services.outbox import message_discard, message_resend
from tests.channels_app.services.outside import Platform, queued, refusal
from tests.factories import (
    ConversationFactory,
    MessageFactory,
    TelegramConnectorFactory,
    moment,
)

pytestmark = pytest.mark.django_db
SENT_OR_BEING_SENT = ["sending", "sent", "delivered", "read"]


@pytest.fixture
def chat() -> Conversation:
    chat: Conversation = ConversationFactory(connector=TelegramConnectorFactory())
    return chat


def unchanged(message: Message) -> bool:
    before = {name: value for name, value in vars(message).items() if not name.startswith("_")}
    message.refresh_from_db()
    return before == {
        name: value for name, value in vars(message).items() if not name.startswith("_")
    }


@pytest.mark.parametrize("state", ["failed", "unknown"])
def test_a_failed_or_unconfirmed_message_is_sent_again_as_a_new_try(
    chat: Conversation, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    platform = Platform(monkeypatch, TelegramDriver)
    message = queued(
        chat, state=state, queued_at=None, attempts=4, error_code="content", error_text="No.",
        next_attempt_at=moment(500),
    )  # fmt: skip
    first_delivery_id = message.delivery_id
    again = message_resend(message=message, now=moment(90))
    assert (again.state, again.queued_at, again.attempts) == ("queued", moment(90), 0)
    assert (again.error_code, again.error_text, again.next_attempt_at) == ("", "", None)
    assert again.delivery_id != first_delivery_id
    assert conversation_deliver(conversation_id=chat.pk, now=moment(90)) == 1
    assert [outgoing.delivery_id for outgoing in platform.sent] == [str(again.delivery_id)]
    message.refresh_from_db()
    assert message.state == "sent"


def test_a_resent_message_has_its_whole_time_again(
    chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    Platform(monkeypatch, TelegramDriver, refusal("retry"))
    message = queued(chat, state="failed", queued_at=None)
    message_resend(message=message, now=moment(600))
    conversation_deliver(conversation_id=chat.pk, now=moment(601))
    message.refresh_from_db()
    assert message.state == "queued"


def test_a_resent_message_waits_for_the_one_under_way(
    chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = Platform(monkeypatch, TelegramDriver)
    failed = queued(chat, "first", state="failed", queued_at=None)
    queued(chat, "under way", state="sending", lease_until=moment(2))
    message_resend(message=failed, now=moment())
    assert conversation_deliver(conversation_id=chat.pk, now=moment(1)) == 0
    assert platform.sent == []
    conversation_deliver(conversation_id=chat.pk, now=moment(2))
    assert platform.texts == ["first"]


@pytest.mark.parametrize("state", [*SENT_OR_BEING_SENT, "queued"])
def test_what_is_sent_or_waits_is_not_sent_again(chat: Conversation, state: str) -> None:
    message = queued(chat, state=state)
    with pytest.raises(ConflictError) as refused:
        message_resend(message=message, now=moment(1))
    assert (refused.value.code, refused.value.status) == ("not_resendable", 409)
    assert unchanged(message)
    version = chat.version
    chat.refresh_from_db()
    assert chat.version == version


def test_a_customers_message_is_not_sent(chat: Conversation) -> None:
    message = MessageFactory(conversation=chat, state="failed")
    for act in (message_resend, message_discard):
        with pytest.raises(ConflictError):
            act(message=message, now=moment(1))
    assert unchanged(message)


@pytest.mark.parametrize("state", ["failed", "unknown", "queued"])
def test_a_message_that_is_not_sent_can_be_given_up(
    chat: Conversation, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    platform = Platform(monkeypatch, TelegramDriver)
    message = queued(chat, state=state, queued_at=moment() if state == "queued" else None)
    following = queued(chat, "next")
    gone = message_discard(message=message, now=moment(1))
    assert (gone.state, gone.deleted_at, gone.queued_at) == ("failed", moment(1), None)
    assert conversation_deliver(conversation_id=chat.pk, now=moment(1)) == 1
    assert platform.texts == ["next"]
    following.refresh_from_db()
    assert following.state == "sent"
    with pytest.raises(ConflictError):
        message_resend(message=message, now=moment(2))
    with pytest.raises(ConflictError):
        message_discard(message=message, now=moment(2))


@pytest.mark.parametrize("state", SENT_OR_BEING_SENT)
def test_what_is_sent_cannot_be_given_up(chat: Conversation, state: str) -> None:
    message = queued(chat, state=state)
    with pytest.raises(ConflictError) as refused:
        message_discard(message=message, now=moment(1))
    assert refused.value.code == "not_discardable"
    assert unchanged(message)


def test_both_are_visible_changes(chat: Conversation) -> None:
    message = queued(chat, state="failed", queued_at=None)
    version = chat.version
    message_resend(message=message, now=moment(1))
    message_discard(message=message, now=moment(2))
    chat.refresh_from_db()
    message.refresh_from_db()
    assert chat.version == message.version == version + 2


def test_a_message_is_listed_as_failed_until_somebody_settles_it(
    chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    Platform(monkeypatch, TelegramDriver, refusal("content"), refusal("unknown"))
    first, second = queued(chat, "first"), queued(chat, "second")
    conversation_deliver(conversation_id=chat.pk, now=moment(5))
    listed = Message.objects.filter(failed_at=moment(5)).order_by("seq")
    assert [message.pk for message in listed] == [first.pk, second.pk]
    message_resend(message=listed[0], now=moment(6))
    message_discard(message=listed[1], now=moment(6))
    assert not Message.objects.filter(failed_at__isnull=False).exists()
