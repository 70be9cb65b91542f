"""Receipts, reactions, typing and contact data: idempotent by nature, so they need no key.

A receipt only moves a message forward: sent, delivered, read. `failed` counts only while the
message is not known to have arrived.
"""

from __future__ import annotations

import datetime as dt

from django.db.models import F, QuerySet

from channels_app.drivers.base import (
    ContactEvent,
    Event,
    ReactionEvent,
    ReceiptEvent,
    TypingEvent,
)
from channels_app.models import Connector, Conversation, Direction, Message, MessageState
from channels_app.services.conversations import (
    conversation_lock,
    conversation_lock_of,
    conversation_person_update,
    conversation_touch,
    conversation_typing,
)
from channels_app.signals import delivery_changed, message_changed
from openlines_project.lib.live import ring_after_commit
from openlines_project.lib.text import clean_text

REFERRAL_LENGTH = 200
# A watermark speaks of all that went before; what it can still move is recent.
WATERMARK_MESSAGES = 200
KEYLESS = (ReceiptEvent, ReactionEvent, TypingEvent, ContactEvent)

_UNCONFIRMED = [MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN]
# From which states a receipt may lead to its own.
FORWARD: dict[str, list[str]] = {
    MessageState.SENT: [*_UNCONFIRMED],
    MessageState.DELIVERED: [*_UNCONFIRMED, MessageState.SENT],
    MessageState.READ: [*_UNCONFIRMED, MessageState.SENT, MessageState.DELIVERED],
    MessageState.FAILED: [*_UNCONFIRMED, MessageState.SENT],
}


def keyless_apply(*, connector: Connector, event: Event, now: dt.datetime) -> bool:
    """Apply a keyless event inside the caller's transaction.

    Returns whether all it speaks of is known; what is not may come yet.
    """
    if isinstance(event, TypingEvent):
        conversation_typing(
            connector=connector, chat_id=event.chat_id, thread=event.thread, now=now
        )
        return True
    if isinstance(event, ContactEvent):
        return _contact_apply(connector, event)
    if isinstance(event, ReactionEvent):
        return _reaction_apply(connector, event, now)
    if isinstance(event, ReceiptEvent):
        return _receipt_apply(connector, event, now)
    raise TypeError(type(event).__name__)


def _contact_apply(connector: Connector, event: ContactEvent) -> bool:
    conversation = conversation_lock_of(connector=connector, event=event)
    if conversation is not None:
        conversation_person_update(conversation=conversation, user=event.user, reply_context={})
        referral = clean_text(event.referral, max_length=REFERRAL_LENGTH)
        if referral and conversation.profile.get("referral") != referral:
            conversation.profile = {**conversation.profile, "referral": referral}
            conversation.save(update_fields=["profile"])
    return True


def _reaction_apply(connector: Connector, event: ReactionEvent, now: dt.datetime) -> bool:
    message = Message.objects.filter(
        conversation__connector=connector,
        conversation__external_chat_id=event.chat_id,
        conversation__external_thread=event.thread,
        external_id=event.message_id,
    ).first()
    if message is None:
        return False
    conversation = conversation_lock(message.conversation_id)
    message.refresh_from_db()
    emoji = clean_text(event.emoji, max_length=16)
    if message.data.get("reaction", "") == emoji:
        return True
    message.data["reaction"] = emoji
    message.version = conversation_touch(conversation=conversation, now=now)
    message.save(update_fields=["data", "version"])
    message_changed.send(
        sender=Message, conversation=conversation, message=message, change="reaction", now=now
    )
    return True


def _receipt_apply(connector: Connector, event: ReceiptEvent, now: dt.datetime) -> bool:
    messages = Message.objects.filter(conversation__connector=connector, direction=Direction.OUT)
    if event.reference and _referred_apply(messages, event, now):
        return True
    if event.chat_id:
        messages = messages.filter(conversation__external_chat_id=event.chat_id)
    if event.until is not None:
        return _watermark_apply(messages, event, event.until, now)
    # The platform's own id first: its numbers and ours may well be the same.
    message = messages.filter(external_id=event.message_id).order_by("-pk").first()
    if message is None and event.message_id.isdecimal() and len(event.message_id) < 19:
        message = messages.filter(pk=int(event.message_id)).first()
    if message is None:
        return False
    message_state_forward(
        message=message, state=event.status, now=now, error=event.error, at=event.at
    )
    return True


def message_by_reference(messages: QuerySet[Message], reference: str) -> Message | None:
    """The message of ours that was sent with this reference (`Outgoing.reference`), in this try."""
    number, _dot, delivery_id = reference.partition(".")
    if not number.isdecimal() or not number.isascii() or len(number) > 18:
        return None
    message = messages.filter(pk=int(number)).first()
    return message if message is not None and str(message.delivery_id) == delivery_id else None


def _referred_apply(messages: QuerySet[Message], event: ReceiptEvent, now: dt.datetime) -> bool:
    """A receipt that names our reference: also for a message whose id we were never told."""
    message = message_by_reference(messages, event.reference)
    if message is None:
        return False
    if message.external_id is None and event.message_id:
        Message.objects.filter(pk=message.pk, external_id__isnull=True).update(
            external_id=event.message_id
        )
    message_state_forward(
        message=message, state=event.status, now=now, error=event.error, at=event.at
    )
    return True


def _watermark_apply(
    messages: QuerySet[Message], event: ReceiptEvent, until: dt.datetime, now: dt.datetime
) -> bool:
    """Everything sent up to a moment has arrived, or was read.

    False while one of them is still being sent: its end is not known yet.
    """
    movable = set(FORWARD[event.status]) - set(_UNCONFIRMED)
    sent = messages.filter(state__in=movable, sent_at__lte=until).order_by("-seq")
    for message in reversed(sent[:WATERMARK_MESSAGES]):
        message_state_forward(message=message, state=event.status, now=now, at=event.at)
    return not messages.filter(state=MessageState.SENDING, created_at__lte=until).exists()


def message_state_forward(
    *,
    message: Message,
    state: str,
    now: dt.datetime,
    error: str = "",
    at: dt.datetime | None = None,
) -> bool:
    """Move an outgoing message forward, never back. Returns whether it moved."""
    if message.state not in FORWARD[state]:
        return False
    # The conversation first, as everywhere; then only if nobody was further in between.
    Conversation.objects.filter(pk=message.conversation_id).update(
        version=F("version") + 1, changed_at=now
    )
    conversation = Conversation.objects.get(pk=message.conversation_id)
    moved = Message.objects.filter(pk=message.pk, state__in=FORWARD[state]).update(
        state=state,
        version=conversation.version,
        queued_at=None,
        lease_until=None,
        failed_at=now if state == MessageState.FAILED else None,
        error_code="failed" if state == MessageState.FAILED else "",
        error_text=clean_text(error, max_length=300) if state == MessageState.FAILED else "",
        **({"sent_at": at or now} if message.sent_at is None else {}),
    )
    if not moved:
        return False

    # Read before the lock: the sender may have been faster by a moment, and then it is said twice.
    arrived = message.state in _UNCONFIRMED and state != MessageState.FAILED
    ring_after_commit(conversation.pk, conversation.version)
    message.refresh_from_db()
    delivery_changed.send(
        sender=Message, conversation=conversation, message=message, arrived=arrived, now=now
    )
    return True
