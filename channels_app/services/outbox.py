"""What is done with outgoing messages from outside: sent again, given up, taken back."""

from __future__ import annotations

import datetime as dt
import uuid

from django.db import transaction
from django.utils.translation import gettext as _

from channels_app import tasks
from channels_app.models import Conversation, Direction, Message, MessageState
from channels_app.services.conversations import conversation_lock, conversation_touch
from channels_app.services.errors import ConflictError
from openlines_project.lib.tasks import enqueue_after_commit


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
        delivery_id=uuid.uuid4(), failed_at=None, error_code="", error_text="", version=version,
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
    ).update(
        deleted_at=now, queued_at=None, failed_at=None, state=MessageState.FAILED, version=version
    )  # fmt: skip
    if not gone:
        raise ConflictError("not_discardable", _("This message is sent or being sent."))
    message.refresh_from_db()
    return message


def messages_withdraw(
    *, conversation: Conversation, author_kind: str, now: dt.datetime
) -> list[int]:
    """Take out what this kind of author wrote and no worker has sent, leaving a trace.

    Returns the messages' ids. Called with the conversation locked, in the caller's transaction.
    What is being sent just now cannot be called back.
    """
    waiting = Message.objects.filter(
        conversation=conversation, direction=Direction.OUT, author_kind=author_kind,
        state=MessageState.QUEUED, queued_at__isnull=False, deleted_at__isnull=True,
    )  # fmt: skip
    ids = list(waiting.values_list("pk", flat=True))
    if not ids:
        return []
    version = conversation_touch(conversation=conversation, now=now)
    # One that a worker has claimed since is on its way.
    for message_id in ids:
        Message.objects.filter(pk=message_id, state=MessageState.QUEUED).update(
            deleted_at=now, queued_at=None, failed_at=None, state=MessageState.FAILED,
            version=version,
        )  # fmt: skip
    gone = Message.objects.filter(pk__in=ids, deleted_at=now)
    return list(gone.values_list("pk", flat=True))
