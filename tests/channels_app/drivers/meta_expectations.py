"""Events of Meta's drivers put into the words of our EXPECT.json, so that both can be compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from channels_app.drivers.base import (
    ContactEvent,
    DeleteEvent,
    EchoEvent,
    EditEvent,
    Event,
    IdentityEvent,
    IgnoredEvent,
    InboundAttachment,
    MessageEvent,
    PostbackEvent,
    ReactionEvent,
    ReceiptEvent,
)
from tests.channels_app.drivers.expectations import time_text

SAMPLES = Path(__file__).parents[2] / "samples"
KINDS: tuple[tuple[type[Event], str], ...] = (
    # The special ones stand before what they are a kind of.
    (PostbackEvent, "postback"),
    (EchoEvent, "echo"),
    (MessageEvent, "message"),
    (EditEvent, "edit"),
    (DeleteEvent, "delete"),
    (ReactionEvent, "reaction"),
    (ReceiptEvent, "receipt"),
    (ContactEvent, "contact"),
    (IdentityEvent, "identity"),
    (IgnoredEvent, "ignored"),
)


def samples_of(kind: str) -> list[Any]:
    """Our samples of a kind, as parameters of a test: `(file, expected events)`."""
    folder = SAMPLES / kind
    expected = json.loads((folder / "EXPECT.json").read_text())["samples"]
    return [
        pytest.param(folder / one["file"], one["events"], id=one["file"].removesuffix(".json"))
        for one in expected
    ]


def kind_of(event: Event) -> str:
    return next(word for cls, word in KINDS if isinstance(event, cls))


def wanted_of(expected: Mapping[str, Any]) -> dict[str, Any]:
    """What is expected; what a message is not said to have it has not."""
    if expected["kind"] in ("message", "echo", "postback"):
        return {"data": {}, "reply_to": None, **expected}
    return dict(expected)


def concluded(event: Event, expected: Mapping[str, Any]) -> dict[str, Any]:
    """What the event says of each thing that is expected."""
    user = event.user
    said: dict[str, Any] = {
        "kind": kind_of(event),
        "user": user.external_id if user else None,
        "name": (user.name if user else "") or None,
        "phone": (user.phone if user else "") or None,
        "other_id": (user.other_id if user else "") or None,
        "chat": event.chat_id,
        "account": event.account_id,
        "timestamp": time_text(event.at),
        "until": time_text(getattr(event, "until", None)),
        "message_id": getattr(event, "message_id", "") or None,
        "text": getattr(event, "text", "") or None,
        "reply_to": getattr(event, "reply_to", "") or None,
        "data": dict(getattr(event, "data", {})),
    }
    for name in ("emoji", "payload", "status", "referral", "error"):
        said[name] = getattr(event, name, None)
    if isinstance(event, PostbackEvent):
        said["ref_message"], said["message_id"] = said["message_id"], None
    if isinstance(event, IgnoredEvent):
        assert event.reason
        said["notice"] = expected["notice"] if expected.get("notice", "-") in event.notice else ""
    if "error" in expected:
        # Our own sentence may stand above the platform's words.
        said["error"] = said["error"].split("\n")[-1]
    found: list[InboundAttachment] = list(getattr(event, "attachments", ()))
    wanted = expected.get("attachments", [])
    said["attachments"] = [_attachment(*pair) for pair in zip(found, wanted, strict=False)]
    said["attachments"] += [one.type for one in found[len(wanted) :]]
    return {name: said[name] for name in wanted_of(expected)}


def _attachment(found: InboundAttachment, wanted: Mapping[str, Any]) -> dict[str, Any]:
    said = {
        "type": found.type,
        "ref": found.ref,
        "name": found.name,
        "content_type": found.content_type,
        "lat": found.latitude,
        "lon": found.longitude,
        "phone": found.phone,
    }
    return {name: said[name] for name in wanted}
