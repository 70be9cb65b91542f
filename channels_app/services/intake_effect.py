"""Events with a key: what makes each unique, and what each does."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Any, Literal

from channels_app.drivers.base import (
    DeleteEvent,
    Driver,
    EchoEvent,
    EditEvent,
    Event,
    IdentityEvent,
    IgnoredEvent,
    MessageEvent,
    PostbackEvent,
    ReachabilityEvent,
)
from channels_app.models import Connector
from channels_app.services import intake_apply
from channels_app.services.identities import identity_apply
from openlines_project.lib.text import clean_text


def event_key(event: Event) -> str:
    """The key that makes an event unique on its connector; made from its content if need be."""
    if event.key and clean_text(event.key, max_length=200) == event.key:
        return event.key
    at = event.at.isoformat() if event.at else ""
    user = event.user.external_id if event.user else ""
    content = [
        getattr(event, name, "")
        for name in ("message_id", "text", "status", "emoji", "payload", "reachable")
    ]
    files = [item.ref for item in getattr(event, "attachments", ())]
    parts = [type(event).__name__, event.key, event.chat_id, event.thread, user, at, content, files]
    return "sha256:" + hashlib.sha256(repr(parts).encode("utf-8", "replace")).hexdigest()


def event_find(driver: Driver, raw: bytes, key: str) -> Sequence[Event]:
    """The events with this key in a kept delivery. Raises what the driver's `parse` raises."""
    return [
        event
        for event in driver.parse(raw)
        if not isinstance(event, IgnoredEvent) and event_key(event) == key
    ]


def event_effect(
    *,
    connector: Connector,
    event: Event,
    now: dt.datetime,
    mode: Literal["route", "park"] = "route",
    last_try: bool = False,
    held: bool = True,
) -> tuple[int | None, int | None]:
    """What an event with a key does, inside the caller's transaction.

    Returns `(conversation id, message id)`. `last_try` takes what is there instead of waiting for
    what has not come; `held` lets earlier pending events hold this one back. Raises `NotYetError`
    and `HeldBackError`.
    """
    common: dict[str, Any] = {"connector": connector, "now": now}
    if isinstance(event, EchoEvent):
        return intake_apply.echo_apply(event=event, **common)
    if isinstance(event, PostbackEvent) and event.payload.startswith("ol:"):
        return intake_apply.own_postback_apply(event=event, **common)
    if isinstance(event, MessageEvent):
        return intake_apply.message_apply(event=event, mode=mode, held=held, **common)
    if isinstance(event, EditEvent):
        return intake_apply.edit_apply(event=event, last_try=last_try, **common)
    if isinstance(event, DeleteEvent):
        return intake_apply.delete_apply(event=event, last_try=last_try, **common)
    if isinstance(event, ReachabilityEvent):
        return intake_apply.reachability_apply(event=event, **common)
    if isinstance(event, IdentityEvent):
        return identity_apply(event=event, **common)
    raise TypeError(type(event).__name__)
