"""The outbox: the head of each conversation's line is claimed, sent, and its end written down.

A claim is a conditional update with a lease. The platform is called outside any transaction. A
worker that dies leaves a lease behind: when it runs out, the message is `unknown`, because the
platform may have it; only channels that recognise a repeat get it again by themselves.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
import uuid

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app import tasks
from channels_app.drivers.base import (
    Driver,
    DriverError,
    Outgoing,
    OutgoingFile,
    PostbackEvent,
    SendResult,
)
from channels_app.models import (
    AttachmentState,
    Connector,
    ConnectorStatus,
    Conversation,
    Direction,
    Message,
    MessageState,
)
from channels_app.services.connectors import connector_driver
from channels_app.services.conversations import (
    conversation_lock,
    conversation_reachability,
    conversation_touch,
)
from channels_app.services.errors import ConflictError
from channels_app.services.media import attachment_open
from channels_app.signals import connector_changed, delivery_changed
from openlines_project.lib.tasks import enqueue, enqueue_after_commit

logger = logging.getLogger(__name__)

# Longer than the outbound door's deadline for one call with its redirects and uploads.
LEASE = dt.timedelta(seconds=120)
BACKOFF = (5, 15, 60, 180, 600, 900)  # seconds after each failed try
RETRY_FOR = dt.timedelta(hours=1)
# Where a repeat is recognised there is no harm in going on for longer.
RETRY_FOR_DEDUPLICATED = dt.timedelta(hours=24)
MARK_EVERY = dt.timedelta(minutes=1)


def conversation_deliver(*, conversation_id: int, now: dt.datetime | None = None) -> int:
    """Send what is due in one conversation, in order. Returns how many messages were sent.

    `now` is for tests; each message otherwise takes the time of its own attempt.
    """
    sent = 0
    while True:
        moment = now or timezone.now()
        message = _head_claim(conversation_id, moment)
        if message is None:
            return sent
        if not _message_send(message, moment):
            return sent
        sent += 1


def _head_claim(conversation_id: int, now: dt.datetime) -> Message | None:
    """Claim the first message of the line, None when nothing is due or somebody has it."""
    waiting = Message.objects.filter(
        conversation_id=conversation_id, queued_at__isnull=False
    ).order_by("seq")
    for head in waiting.select_related("conversation__connector__open_channel"):
        if head.state == MessageState.SENDING:
            if head.lease_until is None or head.lease_until > now:
                return None
            if not _lease_over(head, now):
                return None
            continue
        if head.next_attempt_at is not None and head.next_attempt_at > now:
            return None
        if waiting.filter(state=MessageState.SENDING, lease_until__gt=now).exists():
            return None  # a message sent again by hand waits for the one under way
        token = uuid.uuid4()
        claimed = Message.objects.filter(
            pk=head.pk, state=MessageState.QUEUED, queued_at__isnull=False
        ).update(
            state=MessageState.SENDING,
            lease_until=now + LEASE,
            lease_token=token,
            attempts=F("attempts") + 1,
        )
        if not claimed:
            return None
        head.state, head.lease_token = MessageState.SENDING, token
        head.attempts += 1
        return head
    return None


def _lease_over(message: Message, now: dt.datetime) -> bool:
    """A worker died while sending: nobody knows whether the platform has the message.

    Returns whether the line may go on.
    """
    driver = connector_driver(message.conversation.connector)
    if driver.capabilities.deduplicates:
        Message.objects.filter(
            pk=message.pk, state=MessageState.SENDING, lease_token=message.lease_token
        ).update(state=MessageState.QUEUED, lease_until=None, lease_token=None)
        enqueue_after_commit(tasks.deliver_conversation, message.conversation_id)
        return False
    return _end(
        message, now, state=MessageState.UNKNOWN, code="unknown",
        text=_("Sending was interrupted. It may have arrived; check before you resend."),
    )  # fmt: skip


def _outgoing(message: Message) -> Outgoing:
    conversation = message.conversation
    files = [
        OutgoingFile(
            type=attachment.type,  # type: ignore[arg-type]
            name=attachment.name,
            content_type=attachment.content_type,
            size=attachment.size or 0,
            open=lambda attachment=attachment: attachment_open(attachment),
        )
        for attachment in message.attachments.filter(state=AttachmentState.STORED)
        if attachment.storage_key
    ]
    return Outgoing(
        message_id=message.pk,
        delivery_id=str(message.delivery_id),
        conversation_id=conversation.pk,
        chat_id=conversation.external_chat_id,
        thread=conversation.external_thread,
        user_id=conversation.external_user_id,
        text=message.text,
        files=files,
        buttons=message.buttons,
        reply_to=message.reply_to_external_id,
        reply_context=conversation.reply_context,
    )


def _message_send(message: Message, now: dt.datetime) -> bool:
    """Send a claimed message. Returns whether the line may go on."""
    connector = message.conversation.connector
    driver = connector_driver(connector)
    if connector.status in {ConnectorStatus.DISABLED, ConnectorStatus.BROKEN}:
        error = DriverError(_("The channel is not connected."), error_class="retry")
        return _failed(message, driver, error, now)
    try:
        result = driver.send(_outgoing(message))
    except DriverError as error:
        return _failed(message, driver, error, now)
    except Exception:
        # The driver promises DriverError only; its fault must not hold the line for ever.
        logger.exception("A driver failed")
        error = DriverError(_("The message could not be sent."), error_class="unknown")
        return _failed(message, driver, error, now)
    _sent(message, result, now)
    _connector_sent(connector, now)
    return True


def _sent(message: Message, result: SendResult, now: dt.datetime) -> None:
    """Write down that the platform took it. An echo that was faster gives way to our row."""
    external_id = result.external_id[:200] or None
    with transaction.atomic():
        conversation = conversation_lock(message.conversation_id)
        if external_id is not None:
            Message.objects.filter(
                conversation=conversation, direction=Direction.OUT, external_id=external_id
            ).exclude(pk=message.pk).delete()
        version = conversation_touch(conversation=conversation, now=now)
        still_ours = Message.objects.filter(
            pk=message.pk, state=MessageState.SENDING, lease_token=message.lease_token
        ).update(
            state=MessageState.SENT, sent_at=now, external_id=external_id, version=version,
            queued_at=None, lease_until=None, lease_token=None, next_attempt_at=None,
            error_code="", error_text="",
        )  # fmt: skip
        if not still_ours:
            # A receipt or an echo has moved it on already; it may still lack its id.
            Message.objects.filter(pk=message.pk, external_id__isnull=True).update(
                external_id=external_id, queued_at=None, version=version
            )
        message.refresh_from_db()
        delivery_changed.send(sender=Message, conversation=conversation, message=message, now=now)


def _failed(message: Message, driver: Driver, error: DriverError, now: dt.datetime) -> bool:
    """Act on a failure by its class. Returns whether the line may go on."""
    connector = message.conversation.connector
    error_class = error.error_class
    if error_class == "unknown" and driver.capabilities.deduplicates:
        error_class = "retry"
    if error_class == "retry":
        limit = RETRY_FOR_DEDUPLICATED if driver.capabilities.deduplicates else RETRY_FOR
        _connector_trouble(connector, error, now)
        queued_at = message.queued_at or now
        if now - queued_at < limit:
            _put_off(message, error, now)
            return False
        return _end(
            message, now, state=MessageState.FAILED, code="retry",
            text=_("Not delivered: %s") % error,
        )  # fmt: skip
    if error_class == "auth":
        _connector_broken(connector, error, now)
    if error_class == "contact":
        with transaction.atomic():
            conversation = conversation_lock(message.conversation_id)
            conversation_reachability(conversation=conversation, reachable=False, now=now)
    state = MessageState.UNKNOWN if error_class == "unknown" else MessageState.FAILED
    return _end(message, now, state=state, code=error_class, text=str(error))


def _put_off(message: Message, error: DriverError, now: dt.datetime) -> None:
    seconds = float(BACKOFF[min(message.attempts, len(BACKOFF)) - 1])
    seconds *= random.uniform(0.8, 1.2)  # noqa: S311  so that a crowd does not come back at once
    seconds = max(seconds, error.retry_after or 0.0)
    Message.objects.filter(
        pk=message.pk, state=MessageState.SENDING, lease_token=message.lease_token
    ).update(
        state=MessageState.QUEUED,
        next_attempt_at=now + dt.timedelta(seconds=seconds),
        lease_until=None,
        lease_token=None,
        error_code=error.error_class,
        error_text=str(error)[:300],
    )


def _end(message: Message, now: dt.datetime, *, state: str, code: str, text: str) -> bool:
    """The message leaves the outbox without being known as sent. Shown in the thread."""
    with transaction.atomic():
        conversation = conversation_lock(message.conversation_id)
        version = conversation_touch(conversation=conversation, now=now)
        ended = Message.objects.filter(
            pk=message.pk, state=MessageState.SENDING, lease_token=message.lease_token
        ).update(
            state=state, version=version, queued_at=None, lease_until=None, lease_token=None,
            next_attempt_at=None, error_code=code, error_text=text[:300],
        )  # fmt: skip
        if ended:
            message.refresh_from_db()
            delivery_changed.send(
                sender=Message, conversation=conversation, message=message, now=now
            )
    return bool(ended)


def _connector_sent(connector: Connector, now: dt.datetime) -> None:
    recent = connector.last_sent_at is not None and now - connector.last_sent_at < MARK_EVERY
    if recent and connector.status != ConnectorStatus.DEGRADED:
        return
    Connector.objects.filter(pk=connector.pk).update(last_sent_at=now)
    healed = Connector.objects.filter(pk=connector.pk, status=ConnectorStatus.DEGRADED).update(
        status=ConnectorStatus.CONNECTED, last_error="", last_error_at=None
    )
    if healed:
        connector_changed.send(sender=Connector, connector=connector, fields=["status"])


def _connector_trouble(connector: Connector, error: DriverError, now: dt.datetime) -> None:
    Connector.objects.filter(
        pk=connector.pk, status__in=[ConnectorStatus.CONNECTED, ConnectorStatus.DEGRADED]
    ).update(status=ConnectorStatus.DEGRADED, last_error=str(error)[:2000], last_error_at=now)


def _connector_broken(connector: Connector, error: DriverError, now: dt.datetime) -> None:
    broken = (
        Connector.objects.filter(pk=connector.pk)
        .exclude(status__in=[ConnectorStatus.BROKEN, ConnectorStatus.DISABLED])
        .update(status=ConnectorStatus.BROKEN, last_error=str(error)[:2000], last_error_at=now)
    )
    if broken:
        connector.refresh_from_db()
        connector_changed.send(sender=Connector, connector=connector, fields=["status"])


def delivery_sweep(*, now: dt.datetime, limit: int = 200) -> int:
    """Wake the deliverer for every conversation with something due; send here without a broker.

    Returns the number of conversations.
    """
    due = (
        Message.objects.filter(queued_at__isnull=False)
        .filter(Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now))
        .filter(Q(lease_until__isnull=True) | Q(lease_until__lte=now))
        .order_by("queued_at")
        .values_list("conversation_id", flat=True)[:limit]
    )
    conversations = list(dict.fromkeys(due))
    for conversation_id in conversations:
        if not enqueue(tasks.deliver_conversation, conversation_id):
            conversation_deliver(conversation_id=conversation_id)
    return len(conversations)


@transaction.atomic
def message_resend(*, message: Message, now: dt.datetime) -> Message:
    """Send a failed or unconfirmed message again, because a person says so.

    It gets a new delivery id: this is a new try, not a repeat. Raises `ConflictError`.
    """
    conversation = conversation_lock(message.conversation_id)
    version = conversation_touch(conversation=conversation, now=now)
    again = Message.objects.filter(
        pk=message.pk,
        direction=Direction.OUT,
        state__in=[MessageState.FAILED, MessageState.UNKNOWN],
        deleted_at__isnull=True,
    ).update(
        state=MessageState.QUEUED, queued_at=now, next_attempt_at=None, attempts=0,
        delivery_id=uuid.uuid4(), error_code="", error_text="", version=version,
    )  # fmt: skip
    if not again:
        raise ConflictError("not_resendable", _("This message is sent or being sent."))
    enqueue_after_commit(tasks.deliver_conversation, conversation.pk)
    message.refresh_from_db()
    return message


@transaction.atomic
def message_discard(*, message: Message, now: dt.datetime) -> Message:
    """Give a message up: take it out of the thread, leaving a trace. Raises `ConflictError`."""
    conversation = conversation_lock(message.conversation_id)
    version = conversation_touch(conversation=conversation, now=now)
    gone = Message.objects.filter(
        pk=message.pk,
        direction=Direction.OUT,
        state__in=[MessageState.FAILED, MessageState.UNKNOWN, MessageState.QUEUED],
        deleted_at__isnull=True,
    ).update(deleted_at=now, queued_at=None, state=MessageState.FAILED, version=version)
    if not gone:
        raise ConflictError("not_discardable", _("This message is sent or being sent."))
    message.refresh_from_db()
    return message


def callback_acknowledge(*, connector_id: int, callback_id: str) -> None:
    """Tell a platform that a button press arrived. Best effort."""
    connector = Connector.objects.filter(pk=connector_id).first()
    if connector is None:
        return
    try:
        connector_driver(connector).acknowledge(PostbackEvent(callback_id=callback_id))
    except DriverError as error:
        logger.info("A button press was not acknowledged: %s", error.error_class)


def typing_send(*, conversation_id: int) -> None:
    """Show the customer that an operator is writing. Best effort."""
    conversation = (
        Conversation.objects.select_related("connector").filter(pk=conversation_id).first()
    )
    if conversation is None:
        return
    try:
        connector_driver(conversation.connector).typing(
            chat_id=conversation.external_chat_id, reply_context=conversation.reply_context
        )
    except DriverError as error:
        logger.info("Typing was not shown: %s", error.error_class)
