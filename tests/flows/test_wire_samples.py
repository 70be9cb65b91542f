"""Samples of Viber, VK, LINE and Twilio over HTTP, read back from the database."""

from __future__ import annotations

import datetime as dt
import json
import random
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from channels_app.models import Attachment, Connector, Conversation, InboundEvent, Message
from channels_app.services.pending import inbound_sweep
from queue_app.models import Session
from tests.channels_app.drivers.wires import NO_SHARED, OURS, SHARED, is_repeat
from tests.factories import OpenChannelFactory, OperatorFactory
from tests.factories.wires import KINDS, SECRETS, wire_connector
from tests.flows.wires import wire_post

pytestmark = pytest.mark.django_db
Sample = tuple[Path, list[dict[str, Any]]]
# What each platform wants to hear.
ANSWERS = {
    "viber": b"",
    "vk": b"ok",
    "twilio": b'<?xml version="1.0" encoding="UTF-8"?><Response/>',
}
MESSAGES = {"message": "in", "postback": "in", "echo": "out"}
# Of a message that is not here: they wait for it.
WAITING = {"edit", "delete", "delivery", "read", "failed", "sent"}


def samples(folder: Path, kind: str) -> list[Sample]:
    path = folder / "EXPECT.json"
    if not path.is_file():
        return []
    start = "" if folder.name == kind else f"{kind}/"
    return [
        (folder / sample["file"], sample["events"])
        for sample in json.loads(path.read_text())["samples"]
        if sample["file"].startswith(start)
    ]


def named(folder_of: Any) -> list[Any]:
    return [
        pytest.param(kind, *sample, id=f"{kind}/{sample[0].stem}")
        for kind in KINDS
        for sample in samples(folder_of(kind), kind)
    ]


def secrets_for(kind: str, path: Path) -> dict[str, str]:
    """VK's secret is in the body, so the connector has that of the sample."""
    if kind != "vk":
        return SECRETS[kind]
    return SECRETS[kind] | {"secret": json.loads(path.read_bytes())["secret"]}


def connected(kind: str, path: Path) -> Connector:
    line = OpenChannelFactory(operators=[OperatorFactory()])
    return wire_connector(kind, open_channel=line, secrets=secrets_for(kind, path))


def is_message(event: dict[str, Any]) -> bool:
    """Whether a message comes of it. A button of ours tells its service instead."""
    return event["kind"] in MESSAGES and not (event.get("payload") or "").startswith("ol:")


def expected_messages(events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (
            event["chat"],
            MESSAGES[event["kind"]],
            event.get("text") or "",
            event.get("message_id"),
            [attachment["type"] for attachment in event.get("attachments", [])],
        )
        for event in events
        if is_message(event)
    ]


def stored_messages() -> list[tuple[Any, ...]]:
    return [
        (
            message.conversation.external_chat_id,
            message.direction,
            message.text,
            message.external_id,
            [attachment.type for attachment in message.attachments.all()],
        )
        for message in Message.objects.select_related("conversation").order_by("pk")
    ]


def assert_taken(answer: Any, kind: str, path: Path) -> None:
    assert answer.status_code == 200
    if path.stem == "confirmation":
        assert answer.content == b"5a1c9f2e"
    elif kind in ANSWERS:
        assert answer.content == ANSWERS[kind]


def deliver_twice_and_compare(
    client: Client, kind: str, path: Path, events: list[dict[str, Any]]
) -> None:
    connector = connected(kind, path)
    raw = path.read_bytes()
    known = is_repeat(events)
    if known:
        # The sample repeats another: deliver that one first.
        first = "message_new_text.json" if kind == "vk" else "text.json"
        assert_taken(wire_post(client, connector, path.with_name(first).read_bytes()), kind, path)
    before = stored_messages()
    for _ in range(2):
        assert_taken(wire_post(client, connector, raw), kind, path)
        assert stored_messages() == before + expected_messages(events)
    waiting = [event for event in events if event["kind"] in WAITING]
    assert InboundEvent.objects.filter(state="pending").count() == len(waiting)
    assert not InboundEvent.objects.filter(state__in=["dead", "ignored"]).exists()
    written = [event for event in events if is_message(event)]
    customers = {event["chat"] for event in written if event["kind"] != "echo"}
    assert Session.objects.count() == len(customers) + known
    for event in written:
        conversation = Conversation.objects.get(external_chat_id=event["chat"])
        assert conversation.external_user_id == event["user"]
        if event.get("name"):
            assert conversation.display_name == event["name"]
        if event.get("phone"):
            assert conversation.profile["phone"] == event["phone"]
    files = Attachment.objects.filter(pending_at__isnull=False).exclude(type="sticker")
    refs = [
        attachment["ref"]
        for event in written
        for attachment in event.get("attachments", [])
        if attachment.get("ref") not in (None, "message-content")
        and attachment["type"] != "sticker"
    ]
    stored = [file.platform_ref for file in files.order_by("pk")]
    assert [ref for ref in stored if ref in refs] == refs


@pytest.mark.parametrize(("kind", "path", "events"), named(lambda kind: OURS / kind))
def test_each_sample_has_its_effect_once(
    client: Client, kind: str, path: Path, events: list[dict[str, Any]]
) -> None:
    deliver_twice_and_compare(client, kind, path, events)


@pytest.mark.skipif(not SHARED.is_dir(), reason=NO_SHARED)
@pytest.mark.parametrize(("kind", "path", "events"), named(lambda _kind: SHARED))
def test_each_shared_sample_has_its_effect_once(
    client: Client, kind: str, path: Path, events: list[dict[str, Any]]
) -> None:
    if path.stem == "wrong_secret":
        connector = wire_connector("vk")
        assert wire_post(client, connector, path.read_bytes()).status_code == 401
        assert not Message.objects.exists()
        assert not InboundEvent.objects.exists()
        return
    deliver_twice_and_compare(client, kind, path, events)


# --- all of a platform together ------------------------------------------------------------


def end_state(connector: Connector) -> dict[str, Any]:
    """What is left of it all, without the order of arrival."""
    return {
        "messages": sorted(
            (
                message.conversation.external_chat_id,
                message.direction,
                message.text,
                message.external_id or "",
                sorted(message.attachments.values_list("type", "platform_ref")),
            )
            for message in Message.objects.select_related("conversation").filter(
                conversation__connector=connector, direction__in=["in", "out"]
            )
        ),
        "conversations": sorted(
            Conversation.objects.filter(connector=connector).values_list(
                "external_chat_id", "external_user_id", "display_name"
            )
        ),
        "sessions": sorted(
            Session.objects.filter(conversation__connector=connector).values_list(
                "conversation__external_chat_id", flat=True
            )
        ),
        "keys": sorted(
            InboundEvent.objects.filter(connector=connector, state="done").values_list(
                "key", flat=True
            )
        ),
    }


# Whether a person can be reached depends on what was told last.
IN_ORDER = {
    "subscribed", "unsubscribed", "allowed", "denied", "follow", "unfollow", "stop", "start",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_the_order_the_end_is_the_same(client: Client, kind: str) -> None:
    bodies = [
        path.read_bytes() for path, _events in samples(OURS / kind, kind)
        if path.stem not in IN_ORDER
    ]  # fmt: skip
    ends = []
    for seed in range(3):
        connector = connected(kind, OURS / kind / "text.json")
        order = bodies * 2
        if seed:
            random.Random(seed).shuffle(order)
        for raw in order:
            assert wire_post(client, connector, raw).status_code == 200
        # What came before its message is tried again.
        for minutes in range(1, 30, 7):
            inbound_sweep(now=timezone.now() + dt.timedelta(minutes=minutes))
        ends.append(end_state(connector))
        for conversation in Conversation.objects.all():
            seqs = conversation.messages.order_by("seq").values_list("seq", flat=True)
            assert list(seqs) == list(range(1, conversation.last_seq + 1))
    assert ends[0]["messages"]
    assert ends[1:] == ends[:1] * 2
    assert not InboundEvent.objects.filter(state="dead").exists()


def test_an_edit_and_a_removal_find_their_message(client: Client) -> None:
    vk = connected("vk", OURS / "vk" / "text.json")
    text = json.loads((OURS / "vk" / "text.json").read_bytes())
    text["object"]["message"]["conversation_message_id"] = 2100
    wire_post(client, vk, json.dumps(text).encode())
    wire_post(client, vk, (OURS / "vk" / "edited.json").read_bytes())
    assert Message.objects.get(direction="in").text == "Есть 43-й размер?"
    line = connected("line", OURS / "line" / "text.json")
    wire_post(client, line, (OURS / "line" / "text.json").read_bytes())
    wire_post(client, line, (OURS / "line" / "unsend.json").read_bytes())
    removed = Message.objects.get(conversation__connector=line, direction="in")
    assert (removed.text, removed.deleted_at is not None) == ("", True)


@pytest.mark.parametrize(
    ("kind", "off", "on"),
    [
        ("viber", "unsubscribed", "subscribed"),
        ("vk", "denied", "allowed"),
        ("line", "unfollow", "follow"),
        ("twilio", "stop.form", "start.form"),
    ],
)
def test_who_leaves_cannot_be_written_to_until_he_comes_back(
    client: Client, kind: str, off: str, on: str
) -> None:
    first = "sms.form" if kind == "twilio" else "text.json"
    connector = connected(kind, OURS / kind / first)

    def post(name: str) -> bool:
        path = OURS / kind / (name if "." in name else f"{name}.json")
        assert wire_post(client, connector, path.read_bytes()).status_code == 200
        return Conversation.objects.get().unreachable_at is None

    assert post(first)
    assert not post(off)
    assert post(on)
    assert Message.objects.filter(direction="in").count() == 1


def test_a_subscription_without_a_message_opens_nothing(client: Client) -> None:
    for kind, name in (("viber", "subscribed"), ("viber", "opened"), ("line", "follow"),
                       ("vk", "allowed")):  # fmt: skip
        path = OURS / kind / f"{name}.json"
        assert wire_post(client, connected(kind, path), path.read_bytes()).status_code == 200
    assert not Conversation.objects.exists()
    assert not Session.objects.exists()
