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
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, TypeVar

from django.db import (
    DatabaseError,
    Error,
    IntegrityError,
    OperationalError,
    connection,
    transaction,
)
from django.utils.translation import gettext_noop as _

from channels_app.drivers.base import (
    Event,
    FieldErrors,
    IgnoredEvent,
    MessageEvent,
    ParseError,
)
from channels_app.models import Connector, ConnectorStatus, InboundEvent
from channels_app.services import intake_apply, pending, receipts
from channels_app.services.accounts import events_of
from channels_app.services.connector_health import connector_notice
from channels_app.services.connectors import connector_driver
from channels_app.services.identities import chat_resolve
from channels_app.services.intake_effect import event_effect, event_key
from channels_app.services.intake_sql import event_key_insert
from channels_app.services.received import (
    HeldBackError,
    NotYetError,
    Outcome,
    Received,
    SenderBlockedError,
)
from openlines_project.lib.db import is_lock_timeout, is_worth_repeating
from openlines_project.lib.text import error_words

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
MAX_TRIES = 3
# Once something of a delivery could not be saved, its rest is tried for so long at most: the
# platform waits, and delivers all of it again.
SAVING_SECONDS = 2.0


class DatabaseAwayError(Exception):
    """No connection could be opened. Nothing else is worth trying."""


def delivery_receive(*, connector: Connector, raw: bytes, now: dt.datetime) -> list[Received]:
    """Take a verified delivery. Returns one `Received` per event that has a key.

    One event that fails does not lose its neighbours. Raises `FieldErrors`, with nothing stored,
    when the driver's sender can read an answer.
    """
    driver = connector_driver(connector)
    if connector.status == ConnectorStatus.DISABLED:
        return [_whole_keep(connector, raw, state="ignored", error=_("switched off"), now=now)]
    try:
        events = driver.parse(raw)
    except FieldErrors:
        raise
    except ParseError as error:
        return [_whole_keep(connector, raw, state="dead", error=str(error), now=now)]
    except Exception as error:
        # A fault of the driver: when it is mended, the delivery can be replayed.
        logger.exception("A driver could not read a delivery")
        return [_whole_keep(connector, raw, state="dead", error=error_words(error), now=now)]
    mine = events_of(connector=connector, driver=driver, events=events)
    return _events_take(connector, mine, raw, now)


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
    except Error:
        logger.exception("A delivery could not be kept")
        return Received(key, "unsaved")
    return Received(key, "duplicate" if kept is None else state)  # type: ignore[arg-type]


def _events_take(
    connector: Connector, events: Sequence[Event], raw: bytes, now: dt.datetime
) -> list[Received]:
    """The events of a delivery, in order, each by itself."""
    received: list[Received] = []
    unsaved: set[tuple[str, str]] = set()
    until = time.monotonic() + SAVING_SECONDS
    for event in events:
        place = (event.chat_id, event.thread)
        if unsaved and (place in unsaved or time.monotonic() > until):
            # It comes again with the one before it, which must be first.
            received.append(Received(event_key(event), "unsaved"))
            continue
        item = _event_take(connector, event, raw, now)
        if item is None:
            continue
        received.append(item)
        if item.outcome == "unsaved":
            unsaved.add(place)
    return received


def _event_take(
    connector: Connector, event: Event, raw: bytes, now: dt.datetime
) -> Received | None:
    """One event through its fall-backs. None for events that leave no key."""
    if isinstance(event, IgnoredEvent):
        notice = event.notice
        if notice:
            _quietly(lambda: connector_notice(connector=connector, notice=notice))
        return None
    key = event_key(event)
    error: Exception
    try:
        event = _repeated(partial(chat_resolve, connector=connector, event=event))
        if isinstance(event, receipts.KEYLESS):
            return _keyless_take(connector, event, key, raw, now)
        return _repeated(lambda: _event_apply(connector, event, key, now, mode="route"))
    except DatabaseAwayError:
        logger.exception("The database is away")
        return Received(key, "unsaved")
    except SenderBlockedError:
        return _ignored_keep(connector, event, key, raw, now)
    except HeldBackError:
        return _pending_keep(connector, event, key, raw, _("waits behind an earlier event"), now)
    except NotYetError as not_yet:
        return _pending_keep(connector, event, key, raw, str(not_yet), now)
    except IntegrityError as caught:
        known = intake_apply.message_known(connector=connector, event=event)
        if known is not None:
            # The same message under another key, or after its key was forgotten.
            return Received(key, "duplicate", *known)
        error = caught
    except Exception as caught:  # noqa: BLE001  whatever it is, the message is kept
        error = caught
    logger.error("An event could not be processed", exc_info=error)
    if is_lock_timeout(error):
        return Received(key, "unsaved")  # the fall-backs would wait behind the same lock
    if isinstance(event, MessageEvent) and not isinstance(error, OperationalError):
        try:
            return _event_apply(connector, event, key, now, mode="park")
        except Exception:
            logger.exception("A message could not be stored without its routing")
    return _pending_keep(connector, event, key, raw, error_words(error), now)


def _repeated(action: Callable[[], Result]) -> Result:
    """Run a transaction; again when a deadlock or a lost connection ended it.

    Raises `DatabaseAwayError` after one try to connect: the platform waits for our answer.
    """
    for tries_left in reversed(range(MAX_TRIES)):
        try:
            connection.ensure_connection()
        except Error as error:
            raise DatabaseAwayError from error
        try:
            return action()
        except OperationalError as error:
            if not (tries_left and is_worth_repeating(error)):
                raise
    raise AssertionError("unreachable")


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


def _keyless_take(
    connector: Connector, event: Event, key: str, raw: bytes, now: dt.datetime
) -> Received | None:
    """Receipts, reactions, typing, contact data: idempotent by nature, so no key is needed.

    One for a message we do not have (yet) is kept for a short while under a key of its content.
    """

    def apply() -> bool:
        with transaction.atomic():
            return receipts.keyless_apply(connector=connector, event=event, now=now)

    if _repeated(apply):
        return None
    return _pending_keep(connector, event, key, raw, _("message not known yet"), now)


def _ignored_keep(
    connector: Connector, event: Event, key: str, raw: bytes, now: dt.datetime
) -> Received:
    """What a blocked sender writes is kept, so that it can be replayed, counted, and no more."""
    try:
        with transaction.atomic():
            kept = pending.event_keep(
                connector=connector, key=key, raw=raw, state="ignored",
                error=pending.SENDER_BLOCKED, now=now,
            )  # fmt: skip
            if kept is not None:
                pending.ignored_count(connector=connector, event=event)
    except Error:
        logger.exception("An event of a blocked sender could not be kept")
        return Received(key, "unsaved")
    return Received(key, "duplicate" if kept is None else "ignored")


def _pending_keep(
    connector: Connector, event: Event, key: str, raw: bytes, error: str, now: dt.datetime
) -> Received:
    # The event's conversation itself may be what cannot be stored: then without it.
    for marked in (event, None):
        try:
            kept = pending.event_keep(
                connector=connector, key=key, raw=raw, state="pending", error=error, now=now,
                event=marked,
            )  # fmt: skip
        except OperationalError:
            logger.exception("An event could not be kept")
            break
        except Exception:
            logger.exception("An event could not be kept with its conversation")
        else:
            return Received(key, "duplicate" if kept is None else "pending")
    return Received(key, "unsaved")


def _quietly(action: Callable[[], object]) -> None:
    try:
        action()
    except DatabaseError:
        logger.exception("A notice could not be stored")


def event_replay(*, inbound_event: InboundEvent, now: dt.datetime) -> Received:
    """Try a pending, dead or ignored event again, by hand. Its effect happens once."""
    if inbound_event.key.startswith("raw:"):
        return _delivery_replay(inbound_event, now)
    return pending.event_retry(event_id=inbound_event.pk, now=now, by_hand=True)


def _delivery_replay(inbound_event: InboundEvent, now: dt.datetime) -> Received:
    """A delivery kept whole: each of its events has a key of its own, so none counts twice.

    `done` when everything in it was taken, with the ids of its last message.
    """
    row = (
        InboundEvent.objects.select_related("connector__open_channel")
        .filter(pk=inbound_event.pk, raw__isnull=False)
        .first()
    )
    if row is None or row.raw is None:
        return Received(inbound_event.key, "duplicate")
    raw = bytes(row.raw)
    try:
        driver = connector_driver(row.connector)
        events = events_of(connector=row.connector, driver=driver, events=driver.parse(raw))
    except Exception as error:  # noqa: BLE001  what the driver could not read, it cannot read now
        state = pending.replay_note(event_id=row.pk, error=error_words(error))
        return Received(row.key, state)  # type: ignore[arg-type]
    received = _events_take(row.connector, events, raw, now)
    if any(item.outcome == "unsaved" for item in received):
        return Received(row.key, "unsaved")
    pending.event_done(event_id=row.pk, now=now)
    last = received[-1] if received else Received(row.key, "done")
    outcome: Outcome = "done"
    if received and all(item.outcome == "duplicate" for item in received):
        outcome = "duplicate"
    return Received(row.key, outcome, last.conversation_id, last.message_id)
