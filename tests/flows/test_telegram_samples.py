"""Every sample of Telegram's updates through the webhook, each delivered twice: one effect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from channels_app.models import Attachment, Connector, Conversation, InboundEvent, Message
from queue_app.models import Session
from tests.factories import OpenChannelFactory, OperatorFactory, TelegramConnectorFactory
from tests.flows.wire import telegram_post

ROOT = Path(__file__).parents[2]
OURS = ROOT / "tests" / "samples" / "telegram"
SHARED = ROOT.parent / "shared" / "payloads"
# What becomes of each kind of event when nothing of its conversation is known.
MESSAGES = {"message": "in", "postback": "in", "echo": "out"}
WAITING = {"edit", "delete", "reaction"}

pytestmark = pytest.mark.django_db
Sample = tuple[Path, list[dict[str, Any]]]


def samples(folder: Path, start: str = "") -> list[Sample]:
    path = folder / "EXPECT.json"
    if not path.is_file():
        return []
    return [
        (folder / sample["file"], sample["events"])
        for sample in json.loads(path.read_text())["samples"]
        if sample["file"].startswith(start)
    ]


def named(found: list[Sample]) -> list[Any]:
    return [pytest.param(*sample, id=sample[0].stem) for sample in found]


@pytest.fixture
def bot() -> Connector:
    line = OpenChannelFactory(operators=[OperatorFactory()])
    bot: Connector = TelegramConnectorFactory(open_channel=line)
    return bot


def is_message(event: dict[str, Any]) -> bool:
    """Whether a message comes of it. A button of ours tells its service instead."""
    return event["kind"] in MESSAGES and not (event.get("payload") or "").startswith("ol:")


def expected_messages(events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (
            event["chat"],
            MESSAGES[event["kind"]],
            event["text"] or "",
            event["message_id"],
            [attachment["type"] for attachment in event["attachments"]],
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


def deliver_twice_and_compare(
    client: Client, bot: Connector, path: Path, events: list[dict[str, Any]]
) -> None:
    raw = path.read_bytes()
    known = "duplicate" in events[0].get("reason", "")
    if known:
        # The sample repeats an update: deliver that one first.
        assert telegram_post(client, bot, path.with_name("text_private.json").read_bytes())
    before = stored_messages()
    for _ in range(2):
        assert telegram_post(client, bot, raw).status_code == 200
        assert stored_messages() == before + expected_messages(events)
    waiting = [event for event in events if event["kind"] in WAITING]
    assert InboundEvent.objects.filter(state="pending").count() == len(waiting)
    assert not InboundEvent.objects.filter(state__in=["dead", "ignored"]).exists()
    written = [event for event in events if is_message(event)]
    chats = {(event["chat"], event.get("business_connection_id") or "") for event in written}
    if not known and "echo" not in {event["kind"] for event in events}:
        stored = Conversation.objects.values_list("external_chat_id", "external_thread")
        assert set(stored) == chats
    # A customer's message opens one chat; what somebody of ours wrote opens none.
    customers = {event["chat"] for event in written if event["kind"] != "echo"}
    assert Session.objects.count() == len(customers) + known
    for event in written:
        conversation = Conversation.objects.get(external_chat_id=event["chat"])
        if event.get("name"):
            assert conversation.display_name == event["name"]
        if event.get("phone"):
            assert conversation.profile["phone"] == event["phone"]
        elif "phone" in event:
            assert "phone" not in conversation.profile
    files = Attachment.objects.filter(pending_at__isnull=False)
    refs = [
        attachment["ref"]
        for event in written
        for attachment in event["attachments"]
        if attachment.get("ref")
    ]
    shown = [attachment["type"] for event in written for attachment in event["attachments"]]
    if "sticker" not in shown:  # of a sticker its picture is fetched
        assert [file.platform_ref for file in files.order_by("pk")] == refs


@pytest.mark.parametrize(("path", "events"), named(samples(OURS)))
def test_each_sample_has_its_effect_once(
    client: Client, bot: Connector, path: Path, events: list[dict[str, Any]]
) -> None:
    deliver_twice_and_compare(client, bot, path, events)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared samples are not here")
@pytest.mark.parametrize(("path", "events"), named(samples(SHARED, "telegram/")))
def test_each_shared_sample_has_its_effect_once(
    client: Client, bot: Connector, path: Path, events: list[dict[str, Any]]
) -> None:
    deliver_twice_and_compare(client, bot, path, events)


def keys_of(known: list[Sample]) -> set[str]:
    return {event["dedup"] for _path, events in known for event in events if is_message(event)}


def written_by_people() -> list[Message]:
    return list(Message.objects.filter(direction__in=["in", "out"]))


def test_all_samples_together_one_after_the_other_and_all_again(
    client: Client, bot: Connector
) -> None:
    known = samples(OURS)
    for path, _events in known * 2:
        assert telegram_post(client, bot, path.read_bytes()).status_code == 200
    assert len(written_by_people()) == len(keys_of(samples(OURS)))
    for conversation in Conversation.objects.all():
        seqs = conversation.messages.order_by("seq").values_list("seq", flat=True)
        assert list(seqs) == list(range(1, conversation.last_seq + 1))
    assert not InboundEvent.objects.filter(state="dead").exists()


def test_all_samples_at_once_as_polling_brings_them(client: Client, bot: Connector) -> None:
    updates = [json.loads(path.read_bytes()) for path, _events in samples(OURS)]
    updates.insert(3, {"update_id": 1, "message": "broken"})
    for _ in range(2):
        assert telegram_post(client, bot, updates).status_code == 200
    assert len(written_by_people()) == len(keys_of(samples(OURS)))
