"""The intake: what platforms deliver becomes conversations, messages and, above, sessions.

Each event is one transaction: its key, the conversation, the message and all that
`message_received` makes of it. When that fails, the message is kept by the first of these that
commits: the same once more; the message without the routing; the event as pending, with its raw
bytes. Only when none of them could commit is the event `unsaved`, and the platform is asked to
deliver again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from django.db import DatabaseError, OperationalError, transaction

from channels_app.drivers.base import (
    ContactEvent,
    DeleteEvent,
    Driver,
    EchoEvent,
    EditEvent,
    Event,
    FieldErrors,
    IgnoredEvent,
    MessageEvent,
    ParseError,
    PostbackEvent,
    ReachabilityEvent,
    ReactionEvent,
    ReceiptEvent,
    TypingEvent,
)
from channels_app.models import Connector, ConnectorStatus, InboundEvent
from channels_app.services import intake_apply, pending, receipts
from channels_app.services.connectors import connector_driver, connector_notice
from channels_app.services.intake_sql import event_key_insert
from openlines_project.lib.db import LOCK_TIMEOUT, is_worth_repeating, sqlstate

logger = logging.getLogger(__name__)

Outcome = Literal["done", "duplicate", "pending", "dead", "ignored", "unsaved"]
MAX_TRIES = 3


@dataclass(frozen=True, slots=True)
class Received:
    """What became of one event. Everything but `unsaved` is committed."""

    key: str
    outcome: Outcome
    conversation_id: int | None = None
    message_id: int | None = None


def event_key(event: Event) -> str:
    """The key that makes an event unique on its connector; made from its content if need be."""
    if event.key:
        if len(event.key) <= 200:
            return event.key
        return "sha256:" + hashlib.sha256(event.key.encode("utf-8", "replace")).hexdigest()
    at = event.at.isoformat() if event.at else ""
    user = event.user.external_id if event.user else ""
    parts = (
        type(event).__name__, event.chat_id, event.thread, user, at,
        getattr(event, "message_id", ""), getattr(event, "text", ""),
    )  # fmt: skip
    digest = hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()
    return f"sha256:{digest}"


def delivery_receive(*, connector: Connector, raw: bytes, now: dt.datetime) -> list[Received]:
    """Take a verified delivery. Returns one `Received` per event that has a key.

    One event that fails does not lose its neighbours. Raises `FieldErrors`, with nothing stored,
    when the driver's sender can read an answer.
    """
    driver = connector_driver(connector)
    if connector.status == ConnectorStatus.DISABLED:
        return [_whole_keep(connector, raw, state="ignored", error="switched off", now=now)]
    try:
        events = driver.parse(raw)
    except FieldErrors:
        raise
    except ParseError as error:
        return [_whole_keep(connector, raw, state="dead", error=str(error), now=now)]
    received = [_event_take(connector, event, raw, now) for event in events]
    return [item for item in received if item is not None]


def event_receive(*, connector: Connector, event: Event, raw: bytes, now: dt.datetime) -> Received:
    """Take one event that our own page delivered (live chat): the same path, without a parse.

    `raw` is what the driver's `parse` turns into this event again, for a later try.
    """
    received = _event_take(connector, event, raw, now)
    assert received is not None  # noqa: S101  a message has a key
    return received


def _whole_keep(
    connector: Connector, raw: bytes, *, state: str, error: str, now: dt.datetime
) -> Received:
    """Keep a delivery nothing was made of, so that it can be looked at and replayed."""
    key = "raw:" + hashlib.sha256(raw).hexdigest()
    try:
        kept = pending.event_keep(
            connector=connector, key=key, raw=raw, state=state, error=error, now=now
        )
    except DatabaseError:
        logger.exception("A delivery could not be kept")
        return Received(key, "unsaved")
    return Received(key, "duplicate" if kept is None else state)  # type: ignore[arg-type]


def _event_take(
    connector: Connector, event: Event, raw: bytes, now: dt.datetime
) -> Received | None:
    """One event through its fall-backs. None for events that leave no key."""
    if isinstance(event, IgnoredEvent):
        if event.notice:
            _quietly(lambda: connector_notice(connector=connector, notice=event.notice))
        return None
    if isinstance(event, ReceiptEvent | ReactionEvent | TypingEvent | ContactEvent):
        return _keyless_take(connector, event, raw, now)
    key = event_key(event)
    error: Exception
    for tries_left in reversed(range(MAX_TRIES)):
        try:
            return _event_apply(connector, event, key, now, mode="route")
        except pending.HeldBackError:
            return _pending_keep(connector, event, key, raw, "waits behind an earlier event", now)
        except intake_apply.NotYetError as not_yet:
            return _pending_keep(connector, event, key, raw, str(not_yet), now)
        except Exception as caught:  # noqa: BLE001  whatever it is, the message is kept
            error = caught
            if not (tries_left and is_worth_repeating(caught)):
                break
    logger.error("An event could not be processed", exc_info=error)
    if sqlstate(error) == LOCK_TIMEOUT:
        return Received(key, "unsaved")  # the fall-backs would wait behind the same lock
    if isinstance(event, MessageEvent) and not isinstance(error, OperationalError):
        try:
            return _event_apply(connector, event, key, now, mode="park")
        except Exception:
            logger.exception("A message could not be stored without its routing")
    return _pending_keep(connector, event, key, raw, f"{type(error).__name__}: {error}", now)


def _event_apply(
    connector: Connector,
    event: Event,
    key: str,
    now: dt.datetime,
    *,
    mode: Literal["route", "park"],
) -> Received:
    with transaction.atomic():
        if event_key_insert(connector_id=connector.pk, key=key, now=now) is None:
            found = intake_apply.ids_of(connector=connector, event=event)
            return Received(key, "duplicate", *found)
        conversation_id, message_id = event_effect(
            connector=connector, event=event, now=now, mode=mode
        )
    return Received(key, "done", conversation_id, message_id)


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
    common = {"connector": connector, "now": now}
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
    raise TypeError(type(event).__name__)


def _keyless_take(
    connector: Connector, event: Event, raw: bytes, now: dt.datetime
) -> Received | None:
    """Receipts, reactions, typing, contact data: idempotent by nature, so no key is needed.

    One for a message we do not have (yet) is kept for a short while under a key of its content.
    """
    try:
        with transaction.atomic():
            known = receipts.keyless_apply(connector=connector, event=event, now=now)
    except DatabaseError:
        logger.exception("A receipt could not be stored")
        return Received(event_key(event), "unsaved")
    if known:
        return None
    return _pending_keep(connector, event, event_key(event), raw, "message not known yet", now)


def _pending_keep(
    connector: Connector, event: Event, key: str, raw: bytes, error: str, now: dt.datetime
) -> Received:
    try:
        kept = pending.event_keep(
            connector=connector, key=key, raw=raw, state="pending", error=error, now=now,
            event=event,
        )  # fmt: skip
    except DatabaseError:
        logger.exception("An event could not be kept")
        return Received(key, "unsaved")
    return Received(key, "duplicate" if kept is None else "pending")


def _quietly(action: Callable[[], object]) -> None:
    try:
        action()
    except DatabaseError:
        logger.exception("A notice could not be stored")


def event_find(driver: Driver, raw: bytes, key: str) -> Sequence[Event]:
    """The event with this key in a kept delivery; all of them when the delivery itself was kept.

    Raises `ParseError`.
    """
    events = [event for event in driver.parse(raw) if not isinstance(event, IgnoredEvent)]
    if key.startswith("raw:"):
        return events
    return [event for event in events if event_key(event) == key]


def event_replay(*, inbound_event: InboundEvent, now: dt.datetime) -> Received:
    """Try a pending, dead or ignored event again, by hand. Its effect happens once."""
    return pending.event_retry(
        event_id=inbound_event.pk, now=now, by_hand=True, find=event_find, effect=event_effect
    )


def inbound_sweep(*, now: dt.datetime, limit: int = 200) -> int:
    """Try the pending events that are due, oldest first. Returns how many were done."""
    return pending.pending_sweep(now=now, limit=limit, find=event_find, effect=event_effect)
