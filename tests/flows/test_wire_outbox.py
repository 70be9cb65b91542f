"""The outbox against stand-ins of Viber, VK, LINE and Twilio: accepted once, or visibly unknown."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from channels_app.models import Connector, ConnectorStatus, Conversation, Message, MessageState
from channels_app.services.delivery import LEASE, conversation_deliver
from tests.channels_app.drivers.wires import CHATS, OURS, SETTINGS
from tests.channels_app.services.outside import queued
from tests.factories import ConversationFactory, moment
from tests.factories.wires import KINDS
from tests.flows.wire_standins import SEND, STANDINS, connected, quick_and_even, standins
from tests.flows.wires import wire_post
from tests.standins import line_api, twilio_api, viber_api, vk_api
from tests.standins.server import (
    DROP,
    DROP_ACCEPTED,
    HANG,
    HANG_ACCEPTED,
    Answer,
    Scripted,
)

__all__ = ["quick_and_even", "standins"]
pytestmark = pytest.mark.django_db

# They recognise a repeat: VK by a number of ours, LINE by a key.
RECOGNISES = {"vk", "line"}


def chat_of(connector: Connector) -> Conversation:
    chat: Conversation = ConversationFactory(
        connector=connector, external_chat_id=CHATS[connector.kind]
    )
    return chat


def deliver(chat: Conversation, *, after: float = 0.0) -> None:
    now = moment() + dt.timedelta(seconds=after)
    conversation_deliver(conversation_id=chat.pk, now=now)


def state_of(message: Message) -> str:
    message.refresh_from_db()
    return message.state


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_is_accepted_once(kind: str, standins: Callable[[str], Any]) -> None:
    stand_in = standins(kind)
    chat = chat_of(connected(kind, stand_in))
    messages = [queued(chat, text) for text in ("one", "two", "three")]
    deliver(chat)
    deliver(chat)
    assert [state_of(message) for message in messages] == ["sent"] * 3
    assert len(stand_in.accepted) == 3
    assert len({message.external_id for message in messages}) == 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        (Answer(b"", status=429, headers={"Retry-After": "30"}), 30),
        (Answer(b"", status=500), 5),
        (Answer(b"", status=503), 5),
    ],
    ids=["429", "500", "503"],
)
def test_a_platform_in_trouble_gets_it_later_and_once(
    kind: str, answer: Scripted, pause: int, standins: Callable[[str], Any]
) -> None:
    stand_in = standins(kind)
    connector = connected(kind, stand_in)
    chat = chat_of(connector)
    message = queued(chat)
    stand_in.script(SEND[kind], answer)
    deliver(chat)
    assert state_of(message) == "queued"
    assert message.next_attempt_at == moment() + dt.timedelta(seconds=pause)
    connector.refresh_from_db()
    assert connector.status == ConnectorStatus.DEGRADED
    deliver(chat, after=pause - 1)
    assert stand_in.accepted == []
    deliver(chat, after=pause)
    assert state_of(message) == "sent"
    assert len(stand_in.accepted) == 1
    connector.refresh_from_db()
    assert connector.status == ConnectorStatus.CONNECTED


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_connection_it_is_tried_later(kind: str, standins: Callable[[str], Any]) -> None:
    with STANDINS[kind]() as gone:
        connector = connected(kind, gone)
    chat = chat_of(connector)
    message = queued(chat)
    deliver(chat)
    assert state_of(message) == "queued"
    back = standins(kind)
    Connector.objects.update(config=connector.config | {"api_base_url": back.url})
    deliver(chat, after=5)
    assert state_of(message) == "sent"
    assert len(back.accepted) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("silence", "accepted"),
    [(HANG, 0), (DROP, 0), (HANG_ACCEPTED, 1), (DROP_ACCEPTED, 1)],
    ids=repr,
)
def test_a_lost_answer_ends_once_or_visibly_unknown(
    kind: str, silence: Scripted, accepted: int, standins: Callable[[str], Any]
) -> None:
    stand_in = standins(kind)
    chat = chat_of(connected(kind, stand_in))
    message = queued(chat)
    stand_in.script(SEND[kind], silence)
    deliver(chat)
    assert len(stand_in.accepted) == accepted
    for seconds in (60, 600, 3000):
        deliver(chat, after=seconds)
    if kind in RECOGNISES:
        assert state_of(message) == "sent"
        assert message.external_id
        assert len(stand_in.accepted) == 1
    else:
        assert state_of(message) == "unknown"
        assert message.failed_at is not None  # shown, with a button to send it again
        assert len(stand_in.accepted) == accepted


@pytest.mark.parametrize("kind", KINDS)
def test_a_messenger_is_tried_for_an_hour(kind: str, standins: Callable[[str], Any]) -> None:
    stand_in = standins(kind)
    chat = chat_of(connected(kind, stand_in))
    message = queued(chat)
    stand_in.script(SEND[kind], *[Answer(b"", status=500)] * 20)
    for minutes in range(0, 75, 5):
        deliver(chat, after=minutes * 60)
    assert state_of(message) == "failed"
    assert message.failed_at == moment() + dt.timedelta(minutes=60)
    assert stand_in.accepted == []


@pytest.mark.parametrize(
    ("kind", "answer", "status"),
    [
        ("viber", viber_api.status(2, "invalidAuthToken"), "broken"),
        ("vk", vk_api.error(5, "User authorization failed"), "broken"),
        ("line", line_api.refused(401, "Authentication failed"), "broken"),
        ("twilio", twilio_api.refused(401, 20003, "Authenticate"), "broken"),
        ("viber", Answer({"status": 3, "status_message": "badData"}, status=400), "connected"),
        ("vk", vk_api.error(914, "Message is too long"), "connected"),
        ("line", line_api.refused(400, "Length must be"), "connected"),
        ("twilio", twilio_api.refused(400, 21617, "exceeds"), "connected"),
    ],
)
def test_a_refusal_is_told_and_not_repeated(
    kind: str, answer: Scripted, status: str, standins: Callable[[str], Any]
) -> None:
    stand_in = standins(kind)
    connector = connected(kind, stand_in)
    chat = chat_of(connector)
    message = queued(chat)
    stand_in.script(SEND[kind], answer)
    deliver(chat)
    deliver(chat, after=4000)
    assert state_of(message) == "failed"
    assert message.error_text
    assert len(stand_in.calls) == 1
    assert stand_in.accepted == []
    connector.refresh_from_db()
    assert connector.status == status


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("viber", viber_api.status(6, "receiverNotSubscribed")),
        ("vk", vk_api.error(901, "without permission")),
        ("line", line_api.refused(403, "Not available")),
        ("twilio", twilio_api.refused(400, 21610, "unsubscribed")),
    ],
)
def test_who_cannot_be_reached_is_marked(
    kind: str, answer: Scripted, standins: Callable[[str], Any]
) -> None:
    stand_in = standins(kind)
    chat = chat_of(connected(kind, stand_in))
    message = queued(chat)
    stand_in.script(SEND[kind], answer)
    deliver(chat)
    chat.refresh_from_db()
    assert (state_of(message), message.error_code) == ("failed", "contact")
    assert chat.unreachable_at == moment()


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_that_dies_leaves_no_blind_repeat(
    kind: str, standins: Callable[[str], Any]
) -> None:
    """The platform took it, and the worker was gone before it could write that down."""
    stand_in = standins(kind)
    chat = chat_of(connected(kind, stand_in))
    message = queued(chat)
    deliver(chat)
    assert len(stand_in.accepted) == 1
    Message.objects.filter(pk=message.pk).update(
        state=MessageState.SENDING, queued_at=moment(), lease_until=moment() + LEASE,
        external_id=None,
    )  # fmt: skip
    deliver(chat, after=LEASE.total_seconds())
    deliver(chat, after=LEASE.total_seconds() + 1)
    # LINE would recognise a push, but not a reply, and which of them it was is not known.
    assert state_of(message) == ("sent" if kind == "vk" else "unknown")
    assert len(stand_in.accepted) == 1


# --- what the platform says of a message --------------------------------------------------


def test_delivered_and_seen_move_vibers_message_forward(
    client: Client, standins: Callable[[str], Any]
) -> None:
    stand_in = standins("viber")
    connector = connected("viber", stand_in)
    chat = chat_of(connector)
    message = queued(chat)
    deliver(chat)

    def told(event: str) -> str:
        raw = (
            f'{{"event": "{event}", "timestamp": 1717243200123, "user_id": "{CHATS["viber"]}",'
            f' "message_token": {stand_in.last_token}}}'
        ).encode()
        assert wire_post(client, connector, raw).status_code == 200
        return state_of(message)

    # Both carry the token of the message, and both count, in any order.
    assert [told("seen"), told("delivered"), told("seen")] == ["read"] * 3


@pytest.mark.parametrize(
    ("states", "end"),
    [
        (["sent", "delivered", "read"], "read"),
        (["delivered", "sent"], "delivered"),
        (["queued", "sending"], "sent"),
        (["sent", "undelivered&ErrorCode=30005"], "failed"),
    ],
)
def test_twilios_states_move_a_message_forward(
    client: Client, states: list[str], end: str, standins: Callable[[str], Any]
) -> None:
    connector = connected("twilio", standins("twilio"))
    chat = chat_of(connector)
    message = queued(chat)
    deliver(chat)
    message.refresh_from_db()
    for state in states:
        raw = (
            f"MessageSid={message.external_id}&MessageStatus={state}"
            f"&To=%2B351910000002&From=%2B15005550006"
        ).encode()
        assert wire_post(client, connector, raw).status_code == 200
    assert state_of(message) == end
    if end == "failed":
        assert message.error_text == "There is no such number in service (30005)."


def test_vks_echo_of_our_own_message_is_that_message(
    client: Client, standins: Callable[[str], Any]
) -> None:
    connector = connected("vk", standins("vk"))
    chat = chat_of(connector)
    message = queued(chat, "Yes, we have it")
    deliver(chat)
    message.refresh_from_db()
    peer, number = message.external_id.split("_")  # type: ignore[union-attr]
    raw = (
        '{"type": "message_reply", "event_id": "e1", "group_id": 123456,'
        f' "secret": "{SETTINGS["vk"]["secret"]}", "object": {{"date": 1717243200, "out": 1,'
        f' "from_id": -123456, "peer_id": {peer}, "conversation_message_id": {number},'
        ' "text": "Yes, we have it", "attachments": [], "random_id": 5}}'
    ).encode()
    assert wire_post(client, connector, raw).status_code == 200
    assert Message.objects.filter(conversation=chat).count() == 1


def test_line_says_nothing_twice_when_the_customer_writes_between_two_tries(
    client: Client, standins: Callable[[str], Any]
) -> None:
    """His message brings a token that would let the same answer in a second time."""
    stand_in = standins("line")
    connector = connected("line", stand_in)
    chat = chat_of(connector)
    message = queued(chat)
    stand_in.script("push", DROP_ACCEPTED)
    deliver(chat)
    assert (state_of(message), len(stand_in.accepted)) == ("queued", 1)
    body = json.loads((OURS / "line" / "text.json").read_bytes())
    body["events"][0]["timestamp"] = round(timezone.now().timestamp() * 1000)
    assert wire_post(client, connector, json.dumps(body).encode()).status_code == 200
    chat.refresh_from_db()
    assert chat.reply_context["reply_token"]
    deliver(chat, after=60)
    assert state_of(message) == "sent"
    assert [sent["text"] for sent in stand_in.accepted].count(message.text) == 1
