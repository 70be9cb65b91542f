"""Every sample of Meta's messengers through the webhook, each delivered twice: one effect."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from channels_app.models import Attachment, Connector, Conversation, InboundEvent, Message
from queue_app.models import Session
from tests.factories import MetaConnectorFactory, OpenChannelFactory, OperatorFactory
from tests.flows.wire import meta_post

ROOT = Path(__file__).parents[2]
OURS = ROOT / "tests" / "samples"
SHARED = ROOT.parent / "shared" / "payloads"
KINDS = ("whatsapp", "messenger", "instagram")
MESSAGES = {"message": "in", "postback": "in", "echo": "out"}
# What waits for a while when the message it speaks of is not there.
WAITING = {"edit", "delete", "reaction"}
LINKS = {"story_mention": "link"}
# The accounts the samples speak of.
ACCOUNTS = {
    "whatsapp": ["109000000000001", "109000000000002", "1122334455667", "106540352242922"],
    "messenger": ["310000000000001", "310000000000002", "404217156637689"],
    "instagram": ["17841400000000001", "17841400000000002", "17841405822304914"],
}

pytestmark = pytest.mark.django_db
Sample = tuple[str, Path, list[dict[str, Any]]]


def ours(kind: str) -> list[Sample]:
    found = json.loads((OURS / kind / "EXPECT.json").read_text())["samples"]
    return [(kind, OURS / kind / one["file"], one["events"]) for one in found]


def shared() -> list[Sample]:
    path = SHARED / "EXPECT.json"
    if not path.is_file():
        return []
    return [
        (one["channel"], SHARED / one["file"], one["events"])
        for one in json.loads(path.read_text())["samples"]
        if one["channel"] in KINDS
    ]


def named(samples: Iterable[Sample]) -> list[Any]:
    return [pytest.param(*one, id=f"{one[0]}-{one[1].stem}") for one in samples]


def connected(kind: str) -> list[Connector]:
    """A line with a connector for each account; all are delivered to by the first one's address."""
    line = OpenChannelFactory(operators=[OperatorFactory()])
    return [
        MetaConnectorFactory(open_channel=line, kind=kind, account_id=account)
        for account in ACCOUNTS[kind]
    ]


def written(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of which a message comes. A button of ours tells its service instead."""
    return [
        event
        for event in events
        if event["kind"] in MESSAGES and not (event.get("payload") or "").startswith("ol:")
    ]


def expected_messages(events: Iterable[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted(
        (
            event["chat"],
            MESSAGES[event["kind"]],
            event["text"] or "",
            event["message_id"] or "",
            [LINKS.get(one["type"], one["type"]) for one in event["attachments"]],
        )
        for event in written(events)
    )


def account_of(event: dict[str, Any]) -> str:
    return event.get("line") or event.get("account") or ""


def stored_messages() -> list[tuple[Any, ...]]:
    found = Message.objects.filter(direction__in=["in", "out"]).select_related("conversation")
    return sorted(
        (
            message.conversation.external_chat_id,
            message.direction,
            message.text,
            message.external_id or "",
            [one.type for one in message.attachments.order_by("position")],
        )
        for message in found
    )


def deliver_twice_and_compare(
    client: Client, kind: str, path: Path, events: list[dict[str, Any]]
) -> None:
    first = connected(kind)[0]
    before: list[tuple[Any, ...]] = []
    if "duplicate" in events[0].get("reason", ""):
        # The sample repeats a message: deliver that one first.
        assert meta_post(client, first, path.with_name("text.json").read_bytes()).status_code == 200
        before = stored_messages()
        assert len(before) == 1
    for _ in range(2):
        assert meta_post(client, first, path.read_bytes()).status_code == 200
        assert stored_messages() == sorted(before + expected_messages(events))
    pending = InboundEvent.objects.filter(state="pending").count()
    named_receipts = [
        event
        for event in events
        if event["kind"] in ("receipt", "sent", "delivery", "read", "failed")
        and (event.get("message_id") or event.get("ref_message") or event.get("ref_messages"))
    ]
    waiting = [event for event in events if event["kind"] in WAITING]
    assert pending == len(waiting) + len(named_receipts)
    assert not InboundEvent.objects.filter(state__in=["dead", "ignored"]).exists()
    customers = {
        (account_of(event), event["chat"]) for event in written(events) if event["kind"] != "echo"
    }
    assert Session.objects.count() == len(customers) + len(before)
    for event in written(events):
        conversation = Conversation.objects.get(
            external_chat_id=event["chat"],
            connector__account_id=account_of(event) or ACCOUNTS[kind][2],
        )
        assert conversation.external_user_id == event["user"]
        if "name" in event and event["kind"] != "echo":
            assert conversation.display_name == (event["name"] or "")
        if "phone" in event:
            assert conversation.profile.get("phone") == event["phone"]
        other_id = event.get("other_id") or event.get("bsuid")
        if other_id:
            assert conversation.profile["other_id"] == other_id
        message = conversation.messages.get(
            direction=MESSAGES[event["kind"]], external_id=event["message_id"]
        )
        moment = message.sent_at
        said = moment.strftime("%Y-%m-%dT%H:%M:%S") if moment else ""
        assert said == (event["timestamp"] or "")[:19]
        assert message.reply_to_external_id == (event.get("reply_to") or "")
        for name in ("payload", "referral", "story", "forwarded"):
            if event.get(name) and event["kind"] == "message":
                assert message.data[name] == event[name]
    refs = {
        one["ref"] for event in written(events) for one in event["attachments"] if one.get("ref")
    }
    assert (
        set(Attachment.objects.exclude(platform_ref="").values_list("platform_ref", flat=True))
        == refs
    )


@pytest.mark.parametrize(
    ("kind", "path", "events"), named(one for kind in KINDS for one in ours(kind))
)
def test_each_sample_has_its_effect_once(
    client: Client, kind: str, path: Path, events: list[dict[str, Any]]
) -> None:
    deliver_twice_and_compare(client, kind, path, events)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared samples are not here")
@pytest.mark.parametrize(("kind", "path", "events"), named(shared()))
def test_each_shared_sample_has_its_effect_once(
    client: Client, kind: str, path: Path, events: list[dict[str, Any]]
) -> None:
    deliver_twice_and_compare(client, kind, path, events)


def end_state() -> list[tuple[Any, ...]]:
    """What is there in the end, whatever came first."""
    return sorted(
        (
            message.conversation.connector.account_id,
            message.conversation.external_chat_id,
            message.direction,
            message.external_id or "",
            message.text,
            message.data.get("reaction", ""),
            message.deleted_at is not None,
            sorted(one.type for one in message.attachments.all()),
        )
        for message in Message.objects.filter(direction__in=["in", "out"])
        .select_related("conversation__connector")
        .prefetch_related("attachments")
    )


# What changes a person's address, or another message, depends on what came before it.
ORDERED = {"edit", "delete", "reaction", "identity", "contact", "system", "receipt"}


@pytest.mark.parametrize("kind", KINDS)
def test_shuffled_and_delivered_twice_the_end_is_the_same(client: Client, kind: str) -> None:
    samples = [
        path
        for _kind, path, events in ours(kind)
        if not ORDERED & {event["kind"] for event in events}
    ]
    assert len(samples) > 15
    ends = []
    for seed in (None, 1, 2):
        order = list(samples) * 2
        if seed is not None:
            random.Random(seed).shuffle(order)
        line = connected(kind)
        for path in order:
            assert meta_post(client, line[0], path.read_bytes()).status_code == 200
        ends.append(end_state())
        assert len(end_state()) == len(
            expected_messages(
                event for _kind, path, events in ours(kind) if path in samples for event in events
            )
        )
        _wipe()
    assert ends[0] == ends[1] == ends[2]


def _wipe() -> None:
    from channels_app.selectors import connector_cache_clear
    from queue_app.models import SessionEvent

    SessionEvent.objects.all().delete()
    Session.objects.all().delete()
    Conversation.objects.all().delete()
    Connector.objects.all().delete()
    connector_cache_clear()
