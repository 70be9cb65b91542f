"""Events that could not be processed: kept with their raw bytes, tried again, at last given up."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence

from django.db import Error, connection, transaction
from django.db.models import F
from django.utils.translation import gettext_noop

from channels_app.drivers.base import (
    DeleteEvent,
    EditEvent,
    Event,
    FieldErrors,
    MessageEvent,
    ParseError,
    Person,
)
from channels_app.models import Connector, Conversation, EventState, InboundEvent
from channels_app.services import receipts
from channels_app.services.connectors import connector_driver
from channels_app.services.conversations import (
    conversation_lock,
    conversation_lock_of,
    conversation_person_update,
    person_columns,
)
from channels_app.services.gaps import older_first
from channels_app.services.identities import chat_resolve
from channels_app.services.intake_effect import event_effect, event_find
from channels_app.services.intake_sql import event_key_insert
from channels_app.services.received import (
    HeldBackError,
    NotYetError,
    Received,
    SenderBlockedError,
)
from openlines_project.lib.text import clean_text, error_words

logger = logging.getLogger(__name__)

RETRY_AFTER = (
    dt.timedelta(seconds=5),
    dt.timedelta(seconds=30),
    dt.timedelta(minutes=2),
    dt.timedelta(minutes=10),
)
THEN_EVERY = dt.timedelta(hours=1)
GIVE_UP_AFTER = dt.timedelta(days=3)
# An edit or a receipt waits for its message this often: 5 s, 30 s, 5 min.
MISSING_AFTER = (dt.timedelta(seconds=5), dt.timedelta(seconds=30), dt.timedelta(minutes=5))
KEEP_RAW = dt.timedelta(days=14)
KEEP_KEYS = dt.timedelta(days=90)
CLEAN_BATCH = 200
ERROR_LENGTH = 2000
SENDER_BLOCKED = gettext_noop("the sender is blocked")


def event_keep(
    *,
    connector: Connector,
    key: str,
    raw: bytes,
    state: str,
    error: str,
    now: dt.datetime,
    event: Event | None = None,
) -> int | None:
    """Keep an event with its raw bytes. Returns its id, None when it is known already.

    A pending message marks its conversation, making it when the first message is what failed.
    """
    with transaction.atomic():
        # The key first, as in the intake: the same locks in the same order.
        event_id = event_key_insert(connector_id=connector.pk, key=key, now=now)
        if event_id is None:
            return None
        is_pending = state == EventState.PENDING
        InboundEvent.objects.filter(pk=event_id).update(
            state=state,
            conversation=_conversation_mark(connector, event, now) if is_pending else None,
            raw=raw,
            error=clean_text(error, max_length=ERROR_LENGTH),
            pending_at=now + RETRY_AFTER[0] if is_pending else None,
        )
        return event_id


def _conversation_mark(
    connector: Connector, event: Event | None, now: dt.datetime
) -> Conversation | None:
    """A message's conversation, flagged and made if need be. Only messages hold others back."""
    if not isinstance(event, MessageEvent) or not event.chat_id:
        return None
    key = {
        "connector": connector,
        "external_chat_id": event.chat_id,
        "external_thread": event.thread,
    }
    user_id, name, profile = person_columns(event.user)
    Conversation.objects.bulk_create(
        [
            Conversation(
                **key,
                external_user_id=user_id,
                display_name=name,
                profile=profile,
                changed_at=now,
                created_at=now,
            )
        ],
        ignore_conflicts=True,
    )
    Conversation.objects.filter(**key).update(has_pending=True)
    return Conversation.objects.get(**key)


def inbound_sweep(*, now: dt.datetime, limit: int = 200) -> int:
    """Try the pending events that are due, oldest first. Returns how many were done."""
    due = list(
        InboundEvent.objects.filter(pending_at__isnull=False, pending_at__lte=now)
        .order_by("pk")
        .values_list("pk", flat=True)[:limit]
    )
    done = 0
    for event_id in due:
        received = event_retry(event_id=event_id, now=now)
        done += received.outcome == "done"
    return done


def event_retry(*, event_id: int, now: dt.datetime, by_hand: bool = False) -> Received:
    """Try one kept event again; its key is taken already, so the effect happens at most once.

    What waits for a message that never comes is at last stored (an edit) or dropped.
    """
    skip_locked = connection.features.has_select_for_update_skip_locked and not by_hand
    try:
        with transaction.atomic():
            row = (
                InboundEvent.objects.select_for_update(
                    no_key=True, of=("self",), skip_locked=skip_locked
                )
                .select_related("connector__open_channel")
                .filter(pk=event_id, raw__isnull=False)
                .first()
            )
            if row is None or row.raw is None or (row.pending_at is None and not by_hand):
                return Received("", "duplicate")
            if not by_hand:
                older_first(inbound_event=row, now=now)
            events = event_find(connector_driver(row.connector), bytes(row.raw), row.key)
            if not events:
                raise ParseError(gettext_noop("The event is not in the kept delivery."))
            ids: tuple[int | None, int | None] = (None, None)
            for event in events:
                last_try = by_hand or (
                    isinstance(event, (EditEvent, DeleteEvent, *receipts.KEYLESS))
                    and row.attempts + 1 >= len(MISSING_AFTER)
                )
                ids = _effect_or_receipt(row.connector, event, now, last_try)
            event_done(event_id=row.pk, now=now)
            _flag_clear(row.conversation_id)
            return Received(row.key, "done", *ids)
    except (ParseError, FieldErrors) as error:
        return _put_off(event_id, str(error), now, hopeless=True)
    except NotYetError as error:
        return _put_off(event_id, str(error), now, schedule=MISSING_AFTER)
    except SenderBlockedError:
        return _ignore(event_id, now)
    except HeldBackError:
        InboundEvent.objects.filter(pk=event_id, pending_at__isnull=False).update(
            pending_at=now + RETRY_AFTER[0]
        )
        return Received("", "pending")
    except Exception as error:
        logger.exception("A pending event failed again")
        return _put_off(event_id, error_words(error), now)


def event_done(*, event_id: int, now: dt.datetime) -> None:
    """A kept event has had its effect: its raw bytes are needed no more."""
    InboundEvent.objects.filter(pk=event_id).update(
        state=EventState.DONE, pending_at=None, done_at=now, raw=None, error=""
    )


def replay_note(*, event_id: int, error: str) -> str:
    """Note that a try by hand failed again; what is not pending stays as it is. Its state."""
    row = InboundEvent.objects.get(pk=event_id)
    InboundEvent.objects.filter(pk=event_id, raw__isnull=False).update(
        attempts=F("attempts") + 1, error=clean_text(error, max_length=ERROR_LENGTH)
    )
    return row.state


def _effect_or_receipt(
    connector: Connector, event: Event, now: dt.datetime, last_try: bool
) -> tuple[int | None, int | None]:
    event = chat_resolve(connector=connector, event=event)
    if isinstance(event, receipts.KEYLESS):
        known = receipts.keyless_apply(connector=connector, event=event, now=now)
        if not known and not last_try:
            raise NotYetError(gettext_noop("the message of this receipt is not known yet"))
        return None, None
    return event_effect(connector=connector, event=event, now=now, last_try=last_try, held=False)


def _put_off(
    event_id: int,
    error: str,
    now: dt.datetime,
    *,
    hopeless: bool = False,
    schedule: Sequence[dt.timedelta] | None = None,
) -> Received:
    """Write down the failure and when to try again, or that it is given up."""
    try:
        with transaction.atomic():
            row = (
                InboundEvent.objects.select_for_update(no_key=True)
                .filter(pk=event_id, raw__isnull=False)
                .first()
            )
            if row is None:
                return Received("", "duplicate")  # somebody else was luckier meanwhile
            if row.state != EventState.PENDING:
                return Received(row.key, replay_note(event_id=row.pk, error=error))  # type: ignore[arg-type]
            row.attempts += 1
            row.error = clean_text(error, max_length=ERROR_LENGTH)
            steps = schedule or RETRY_AFTER
            if row.attempts < len(steps):
                row.pending_at = now + steps[row.attempts]
            else:
                row.pending_at = now + THEN_EVERY
            given_up = hopeless or now - row.received_at >= GIVE_UP_AFTER
            if given_up:
                row.state, row.done_at = EventState.DEAD, now
                row.pending_at = None
            row.save(update_fields=["attempts", "error", "pending_at", "state", "done_at"])
            if given_up:
                _flag_clear(row.conversation_id)
        return Received(row.key, "dead" if given_up else "pending")
    except Error:
        logger.exception("A pending event could not be put off")
        return Received("", "unsaved")


def ignored_count(*, connector: Connector, event: Event) -> None:
    """One more event of a blocked sender that is kept as ignored, in the caller's transaction.

    His second id is written down all the same: he stays blocked when he hides the first.
    """
    Conversation.objects.filter(
        connector=connector, external_chat_id=event.chat_id, external_thread=event.thread
    ).update(ignored_count=F("ignored_count") + 1)
    other_id = event.user.other_id if event.user else ""
    if not other_id:
        return
    conversation = conversation_lock_of(connector=connector, event=event)
    if conversation is not None:
        conversation_person_update(
            conversation=conversation, reply_context={},
            user=Person(external_id=conversation.external_user_id, other_id=other_id),
        )  # fmt: skip


def _ignore(event_id: int, now: dt.datetime) -> Received:
    """A kept event's sender is blocked by now. One that is ignored already, replayed, stays so."""
    try:
        with transaction.atomic():
            row = (
                InboundEvent.objects.select_for_update(no_key=True)
                .filter(pk=event_id, raw__isnull=False)
                .first()
            )
            if row is None:
                return Received("", "duplicate")
            if row.state == EventState.IGNORED:
                return Received(row.key, "ignored")
            row.state, row.error = EventState.IGNORED, SENDER_BLOCKED
            row.pending_at, row.done_at = None, now
            row.save(update_fields=["state", "error", "pending_at", "done_at"])
            if row.conversation_id is not None:
                Conversation.objects.filter(pk=row.conversation_id).update(
                    ignored_count=F("ignored_count") + 1
                )
                _flag_clear(row.conversation_id)
        return Received(row.key, "ignored")
    except Error:
        logger.exception("An event of a blocked sender could not be put away")
        return Received("", "unsaved")


def _flag_clear(conversation_id: int | None) -> None:
    """Take the conversation's flag away when nothing of it is pending any more.

    The conversation is locked before the look, so that no event joins in between.
    """
    if conversation_id is None:
        return
    conversation_lock(conversation_id)
    waiting = InboundEvent.objects.filter(conversation_id=conversation_id, pending_at__isnull=False)
    if not waiting.exists():
        Conversation.objects.filter(pk=conversation_id).update(has_pending=False)


def inbound_clean(*, now: dt.datetime) -> int:
    """Forget raw bytes after 14 days and keys after 90, a few rows a transaction."""
    cleaned = 0
    old_raw = InboundEvent.objects.filter(
        raw__isnull=False, pending_at__isnull=True, received_at__lt=now - KEEP_RAW
    )
    old_keys = InboundEvent.objects.filter(pending_at__isnull=True, received_at__lt=now - KEEP_KEYS)
    while ids := list(old_raw.values_list("pk", flat=True)[:CLEAN_BATCH]):
        cleaned += InboundEvent.objects.filter(pk__in=ids).update(raw=None)
    while ids := list(old_keys.values_list("pk", flat=True)[:CLEAN_BATCH]):
        cleaned += InboundEvent.objects.filter(pk__in=ids).delete()[0]
    return cleaned


def event_give_up(*, inbound_event: InboundEvent, now: dt.datetime) -> bool:
    """Stop trying a pending event, by hand; it stays and can be replayed.

    Returns whether it was pending. Later events of its conversation are held back no longer.
    """
    with transaction.atomic():
        given_up = InboundEvent.objects.filter(
            pk=inbound_event.pk, state=EventState.PENDING, raw__isnull=False
        ).update(state=EventState.DEAD, pending_at=None, done_at=now)
        if given_up:
            _flag_clear(inbound_event.conversation_id)
    return bool(given_up)
