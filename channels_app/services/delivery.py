"""The outbox: the head of each conversation's line is claimed, sent, and its end written down.

A claim is a conditional update with a lease. The platform is called outside any transaction. A
worker that dies leaves a lease behind: when it runs out, the message is `unknown`, because the
platform may have it; only channels that recognise a repeat get it again by themselves.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
import time
import uuid
from collections.abc import Callable
from typing import BinaryIO

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app import tasks
from channels_app.drivers.base import (
    DriverError,
    Outgoing,
    OutgoingFile,
    SendResult,
)
from channels_app.drivers.registry import UnknownKind
from channels_app.models import (
    Attachment,
    AttachmentState,
    ConnectorStatus,
    Direction,
    Message,
    MessageState,
)
from channels_app.services.connector_health import (
    connector_broken,
    connector_sent,
    connector_trouble,
)
from channels_app.services.connectors import connector_driver
from channels_app.services.conversations import (
    conversation_lock,
    conversation_reachability,
    conversation_touch,
)
from channels_app.services.media import attachment_open, signed_file_url
from channels_app.services.messages import capabilities_of, customer_wrote_at, template_of
from channels_app.signals import delivery_changed
from openlines_project.lib.db import is_worth_repeating
from openlines_project.lib.tasks import enqueue, enqueue_after_commit

logger = logging.getLogger(__name__)

# Longer than the longest call: an upload of 60 s, tried again in another form.
LEASE = dt.timedelta(seconds=150)
BACKOFF = (5, 15, 60, 180, 600, 900)  # seconds after each failed try
# However long a platform asks us to wait.
LONGEST_WAIT = dt.timedelta(hours=24)
# A worker's task may take 90 s, and one more file must fit in.
TASK_SECONDS = 20.0
WRITE_TRIES = 3


def conversation_deliver(*, conversation_id: int, now: dt.datetime | None = None) -> int:
    """Send what is due in one conversation, in order. Returns how many messages were sent.

    A long line is left to another task after a while. `now` is for tests; each message otherwise
    takes the time of its own attempt.
    """
    sent = 0
    until = time.monotonic() + TASK_SECONDS
    while True:
        moment = now or timezone.now()
        message = _head_claim(conversation_id, moment)
        if message is None:
            return sent
        if not _message_send(message, moment):
            return sent
        sent += message.state not in {MessageState.FAILED, MessageState.UNKNOWN}
        if time.monotonic() > until and enqueue(tasks.deliver_conversation, conversation_id):
            return sent


def _head_claim(conversation_id: int, now: dt.datetime) -> Message | None:
    """Claim the first message of the line, None when nothing is due or somebody has it."""
    waiting = Message.objects.filter(
        conversation_id=conversation_id, queued_at__isnull=False
    ).order_by("seq")
    # Only an interrupted message is passed by, and there are never many.
    for head in waiting.select_related("conversation__connector__open_channel")[:10]:
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
        # Somebody may have tried and put it off since it was read: then `attempts` has risen.
        claimed = Message.objects.filter(
            pk=head.pk,
            state=MessageState.QUEUED,
            queued_at__isnull=False,
            attempts=head.attempts,
            delivery_id=head.delivery_id,
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
    if capabilities_of(message.conversation).deduplicates:
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
    has_window = capabilities_of(conversation).reply_window_hours > 0
    files = [
        OutgoingFile(
            type=attachment.type,  # type: ignore[arg-type]
            name=attachment.name,
            content_type=attachment.content_type,
            size=attachment.size or 0,
            open=_opener(attachment),
            url=signed_file_url(attachment) if settings.PUBLIC_URL else "",
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
        customer_wrote_at=customer_wrote_at(conversation) if has_window else None,
        is_automatic=message.author_kind == "system",
        template=template_of(message),
        attempt=message.attempts,
    )


def _opener(attachment: Attachment) -> Callable[[], BinaryIO]:
    return lambda: attachment_open(attachment)


def _message_send(message: Message, now: dt.datetime) -> bool:
    """Send a claimed message. Returns whether the line may go on."""
    connector = message.conversation.connector
    try:
        driver = connector_driver(connector)
        if connector.status in {ConnectorStatus.DISABLED, ConnectorStatus.BROKEN}:
            raise _not_connected()
        result = driver.send(_outgoing(message))
    except UnknownKind:
        # The driver's package was removed; it may come back.
        return _failed(message, _not_connected(), now)
    except DriverError as error:
        return _failed(message, error, now)
    except Exception:
        # The driver promises DriverError only; its fault must not hold the line for ever.
        logger.exception("A driver failed")
        fault = DriverError(_("The message could not be sent."), error_class="unknown")
        return _failed(message, fault, now)
    _sent(message, result, now)
    connector_sent(connector=connector, now=now)
    return True


def _not_connected() -> DriverError:
    return DriverError(_("The channel is not connected."), error_class="retry")


def _sent(message: Message, result: SendResult, now: dt.datetime) -> None:
    """Write down that the platform took it, once more after a deadlock: it cannot be unsent."""
    for tries_left in reversed(range(WRITE_TRIES)):
        try:
            _sent_write(message, result.external_id[:200] or None, now)
            return
        except OperationalError as error:
            if not (tries_left and is_worth_repeating(error)):
                raise


@transaction.atomic
def _sent_write(message: Message, external_id: str | None, now: dt.datetime) -> None:
    conversation = conversation_lock(message.conversation_id)
    if external_id is not None:
        others = Message.objects.filter(
            conversation=conversation, direction=Direction.OUT, external_id=external_id
        ).exclude(pk=message.pk)
        # An echo that was faster gives way to our row. Another row of ours with this id means
        # that the platform gives one id twice: then it tells nothing.
        others.filter(author_kind="outside").delete()
        if others.exists():
            external_id = None
    version = conversation_touch(conversation=conversation, now=now)
    ours = Message.objects.filter(pk=message.pk)
    arrived = {
        "state": MessageState.SENT, "sent_at": now, "external_id": external_id,
        "version": version, "queued_at": None, "lease_until": None, "lease_token": None,
        "next_attempt_at": None, "failed_at": None, "error_code": "", "error_text": "",
    }  # fmt: skip
    still_ours = ours.filter(
        # Also when our lease ran out while the platform took its time: it has arrived.
        Q(state=MessageState.SENDING, lease_token=message.lease_token)
        | Q(state__in=[MessageState.QUEUED, MessageState.UNKNOWN], deleted_at__isnull=True)
    ).update(**arrived)
    if not still_ours:
        # A receipt or an echo has moved it on already; it may still lack its id.
        ours.filter(external_id__isnull=True).exclude(state=MessageState.SENDING).update(
            external_id=external_id, version=version
        )
    message.refresh_from_db()
    delivery_changed.send(
        sender=Message, conversation=conversation, message=message, arrived=bool(still_ours),
        now=now,
    )  # fmt: skip


def _failed(message: Message, error: DriverError, now: dt.datetime) -> bool:
    """Act on a failure by its class. Returns whether the line may go on."""
    connector = message.conversation.connector
    capabilities = capabilities_of(message.conversation)
    error_class = error.error_class
    if error_class == "unknown" and capabilities.deduplicates:
        error_class = "retry"
    if error_class == "retry":
        limit = dt.timedelta(hours=capabilities.retry_hours)
        connector_trouble(connector=connector, error=error, now=now)
        queued_at = message.queued_at or now
        if now - queued_at < limit:
            _put_off(message, error, now)
            return False
        return _end(message, now, state=MessageState.FAILED, code="retry", text=str(error))
    if error_class == "auth":
        connector_broken(connector=connector, error=error, now=now)
    if error_class == "contact":
        with transaction.atomic():
            conversation = conversation_lock(message.conversation_id)
            conversation_reachability(conversation=conversation, reachable=False, now=now)
    state = MessageState.UNKNOWN if error_class == "unknown" else MessageState.FAILED
    return _end(message, now, state=state, code=error_class, text=str(error))


def _put_off(message: Message, error: DriverError, now: dt.datetime) -> None:
    seconds = float(BACKOFF[min(message.attempts, len(BACKOFF)) - 1])
    seconds *= random.uniform(0.8, 1.2)  # noqa: S311  so that a crowd does not come back at once
    seconds = min(max(seconds, error.retry_after or 0.0), LONGEST_WAIT.total_seconds())
    Message.objects.filter(
        pk=message.pk, state=MessageState.SENDING, lease_token=message.lease_token
    ).update(
        state=MessageState.QUEUED,
        next_attempt_at=now + dt.timedelta(seconds=seconds),
        lease_until=None,
        lease_token=None,
        error_code="retry",
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
            next_attempt_at=None, failed_at=now, error_code=code, error_text=text[:300],
        )  # fmt: skip
        if ended:
            message.refresh_from_db()
            delivery_changed.send(
                sender=Message, conversation=conversation, message=message, arrived=False, now=now
            )
    return bool(ended)


def delivery_sweep(*, now: dt.datetime, limit: int = 200) -> int:
    """Wake the deliverer for every conversation with something due; send here without a broker.

    Returns the number of conversations.
    """
    # The head of each line only: what waits behind a head in back-off is not due, however much.
    earlier = Message.objects.filter(
        conversation=OuterRef("conversation"), queued_at__isnull=False, seq__lt=OuterRef("seq")
    )
    due = (
        Message.objects.filter(~Exists(earlier), queued_at__isnull=False)
        .filter(
            Q(state=MessageState.SENDING, lease_until__lte=now)
            | Q(state=MessageState.QUEUED, next_attempt_at__isnull=True)
            | Q(state=MessageState.QUEUED, next_attempt_at__lte=now)
        )
        .order_by("queued_at")
        .values_list("conversation_id", flat=True)[:limit]
    )
    conversations = list(due)
    for conversation_id in conversations:
        if not enqueue(tasks.deliver_conversation, conversation_id):
            try:
                conversation_deliver(conversation_id=conversation_id)
            except Exception:
                logger.exception("A conversation's outbox failed; the others go on")
    return len(conversations)
