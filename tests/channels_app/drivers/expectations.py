"""Events put into the words of an EXPECT.json, so that both can be compared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from channels_app.drivers.base import (
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
)


def kind_of(event: Event) -> str:
    if isinstance(event, ReachabilityEvent):
        return "subscribe" if event.reachable else "unsubscribe"
    # The special ones stand before what they are a kind of.
    for cls, kind in (
        (PostbackEvent, "postback"),
        (EchoEvent, "echo"),
        (MessageEvent, "message"),
        (EditEvent, "edit"),
        (DeleteEvent, "delete"),
        (ReactionEvent, "reaction"),
        (IgnoredEvent, "ignored"),
    ):
        if isinstance(event, cls):
            return kind
    raise AssertionError(f"{event} has no word")


def concluded(event: Event, expected: Mapping[str, Any]) -> dict[str, Any]:
    """What the event says of each thing that is expected."""
    ignored = isinstance(event, IgnoredEvent)
    said: dict[str, Any] = {
        "kind": kind_of(event),
        "ignored": ignored,
        "user": event.user.external_id if event.user else None,
        "name": (event.user.name if event.user else "") or None,
        "phone": (event.user.phone if event.user else "") or None,
        "chat": event.chat_id or None,
        "business_connection_id": event.thread or None,
        "timestamp": time_text(event.at),
        "dedup": event.key.replace("update_id:", "update_id=") or None,
        "message_id": getattr(event, "message_id", "") or None,
        "text": getattr(event, "text", "") or None,
        "reply_to": getattr(event, "reply_to", "") or None,
        "data": dict(getattr(event, "data", {})),
        "forwarded": getattr(event, "data", {}).get("forwarded"),
        "attachments": list(getattr(event, "attachments", ())),
        "edited_at": time_text(getattr(event, "edited_at", None)),
        "emoji": getattr(event, "emoji", None),
        "payload": getattr(event, "payload", None),
        "callback_id": getattr(event, "callback_id", None),
        "notice": getattr(event, "notice", None),
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
    found: list[InboundAttachment] = said["attachments"]
    wanted = expected.get("attachments", [])
    if not ignored and len(found) == len(wanted):
        said["attachments"] = [_attachment(*pair) for pair in zip(found, wanted, strict=True)]
    return {key: said[key] for key in expected}


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
    return {key: said[key] for key in wanted}


def time_text(moment: dt.datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
