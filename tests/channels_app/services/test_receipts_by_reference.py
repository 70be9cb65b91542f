"""Receipts and echoes that name our own reference, or a moment, instead of the platform's id."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from channels_app.drivers.base import ContactEvent, Person
from channels_app.models import Conversation, Message
from channels_app.services.receipts import keyless_apply
from tests.channels_app.services.outside import echoed, queued, receipt, receive
from tests.factories import ConversationFactory, MetaConnectorFactory, moment

pytestmark = pytest.mark.django_db


@pytest.fixture
def chat() -> Conversation:
    chat: Conversation = ConversationFactory(
        connector=MetaConnectorFactory(), external_chat_id="u1"
    )
    return chat


def reference(message: Message) -> str:
    return f"{message.pk}.{message.delivery_id}"


def apply(chat: Conversation, *arguments: Any, **values: Any) -> bool:
    event = receipt(*arguments, chat_id="u1", **values)
    return keyless_apply(connector=chat.connector, event=event, now=moment(5))


def sent(chat: Conversation, minute: int, **values: Any) -> Message:
    return queued(
        chat, state="sent", queued_at=None, sent_at=moment(minute),
        external_id=f"out-{minute}", **values,
    )  # fmt: skip


def states(*messages: Message) -> list[str]:
    for message in messages:
        message.refresh_from_db()
    return [message.state for message in messages]


# --- our reference ------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["sending", "unknown", "queued"])
def test_a_receipt_that_is_faster_than_the_answer_finds_its_message(
    chat: Conversation, state: str
) -> None:
    message = queued(chat, state=state)
    assert apply(chat, "wamid.1", "delivered", reference=reference(message))
    message.refresh_from_db()
    assert (message.state, message.external_id, message.queued_at) == ("delivered", "wamid.1", None)


def test_an_id_that_is_known_is_not_written_over(chat: Conversation) -> None:
    message = sent(chat, 1)
    assert apply(chat, "wamid.other", "read", reference=reference(message))
    message.refresh_from_db()
    assert (message.state, message.external_id) == ("read", "out-1")


@pytest.mark.parametrize("changed", ["resent", "elsewhere", "nonsense", "no number"])
def test_a_reference_of_another_try_or_connector_says_nothing(
    chat: Conversation, changed: str
) -> None:
    message = queued(chat, state="unknown")
    named = {
        "resent": f"{message.pk}.{uuid.uuid4()}",
        "elsewhere": reference(queued(ConversationFactory(), state="unknown")),
        "nonsense": "abc",
        "no number": "²." + str(message.delivery_id),
    }[changed]
    assert not apply(chat, "wamid.1", "delivered", reference=named)
    assert states(message) == ["unknown"]


@pytest.mark.parametrize("state", ["sending", "unknown", "queued", "failed"])
def test_an_echo_with_our_reference_is_ours_whatever_its_text(
    chat: Conversation, state: str
) -> None:
    message = queued(chat, "Olá", state=state)
    receive(chat.connector, echoed("m1", "Olá (edited by Meta)", reference=reference(message)))
    message.refresh_from_db()
    assert (message.state, message.external_id, message.queued_at) == ("sent", "m1", None)
    assert Message.objects.count() == 1


def test_an_echo_of_a_message_that_was_read_takes_nothing_back(chat: Conversation) -> None:
    message = queued(chat, state="read", queued_at=None)
    receive(chat.connector, echoed("m1", "other", reference=reference(message)))
    message.refresh_from_db()
    assert (message.state, message.external_id) == ("read", "m1")


def test_an_echo_with_a_strange_reference_is_somebody_elses(chat: Conversation) -> None:
    message = queued(chat, "Olá", state="unknown")
    receive(chat.connector, echoed("m1", "Bom dia", reference="campaign-7"))
    assert states(message) == ["unknown"]
    assert Message.objects.get(external_id="m1").author_kind == "outside"


# --- a moment -----------------------------------------------------------------------------


def test_everything_sent_up_to_a_moment_is_read(chat: Conversation) -> None:
    old, last, later = sent(chat, 1), sent(chat, 2), sent(chat, 4)
    elsewhere = sent(ConversationFactory(external_chat_id="u1"), 1)
    assert apply(chat, "", "read", until=moment(3))
    assert states(old, last, later, elsewhere) == ["read", "read", "sent", "sent"]


def test_delivered_up_to_a_moment_takes_no_read_back(chat: Conversation) -> None:
    read, plain = sent(chat, 1), sent(chat, 2)
    apply(chat, "", "read", until=moment(1))
    assert apply(chat, "", "delivered", until=moment(3))
    assert states(read, plain) == ["read", "delivered"]


def test_what_is_unconfirmed_or_failed_is_not_moved_by_a_moment(chat: Conversation) -> None:
    unknown = queued(chat, state="unknown", queued_at=None)
    failed = sent(chat, 1)
    Message.objects.filter(pk=failed.pk).update(state="failed")
    assert apply(chat, "", "read", until=moment(3))
    assert states(unknown, failed) == ["unknown", "failed"]


def test_while_something_is_being_sent_the_moment_is_asked_again(chat: Conversation) -> None:
    message = queued(chat, state="sending", created_at=moment(1))
    assert not apply(chat, "", "read", until=moment(2))
    assert apply(chat, "", "read", until=moment(0))
    Message.objects.filter(pk=message.pk).update(state="sent", sent_at=moment(1))
    assert apply(chat, "", "read", until=moment(2))
    assert states(message) == ["read"]


# --- where somebody came from -------------------------------------------------------------


def test_a_referral_is_kept_on_the_conversation_and_opens_none(chat: Conversation) -> None:
    def referred(chat_id: str) -> bool:
        event = ContactEvent(chat_id=chat_id, user=Person(external_id=chat_id), referral="flyer-7")
        return keyless_apply(connector=chat.connector, event=event, now=moment())

    assert referred("u1")
    assert referred("stranger")
    chat.refresh_from_db()
    assert chat.profile["referral"] == "flyer-7"
    assert Conversation.objects.count() == 1
    assert Message.objects.count() == 0
