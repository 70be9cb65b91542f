"""The visitors of our own live chat: their messages take the same way as everybody else's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from channels_app.drivers.base import InboundAttachment
from channels_app.drivers.livechat import LiveChatDriver
from channels_app.models import Connector, Conversation, Direction, Message, MessageState
from channels_app.services.intake import event_receive
from channels_app.services.media import StoredUpload, upload_store
from channels_app.services.receipts import message_state_forward
from channels_app.services.received import Received
from openlines_project.lib.live import ring_after_commit

# The page says it more often than anybody looks.
TYPING_EVERY = dt.timedelta(seconds=2)
# Older answers than these are not worth a receipt each.
RECEIPTS_AT_ONCE = 100


def visitor_name(visitor_id: str) -> str:
    """What operators call a visitor who gave no name: always the same for the same visitor."""
    code = "".join(letter for letter in visitor_id if letter.isalnum())[:4].upper()
    return _("Visitor %(code)s") % {"code": code}


def visitor_message_receive(
    *,
    connector: Connector,
    visitor_id: str,
    client_id: str,
    now: dt.datetime,
    text: str = "",
    page: Mapping[str, str] | None = None,
    files: Sequence[UploadedFile[Any]] = (),
) -> Received:
    """Take what a visitor sent, with its files. Sent again, it changes nothing.

    `page` (`url`, `title`, `referrer`) is kept with the first message of the conversation. Raises
    `InvalidError` for a file that is empty or too big; then nothing is stored.
    """
    uploads: list[StoredUpload] = []
    received: Received | None = None
    try:
        for file in files:
            uploads.append(upload_store(file=file))  # noqa: PERF401  the list so far is cleaned up
        event = LiveChatDriver.event_from_visitor(
            visitor_id=visitor_id,
            client_id=client_id,
            text=text,
            name=visitor_name(visitor_id),
            language=connector.open_channel.language,
            attachments=[_attachment(upload) for upload in uploads],
            data={"page": dict(page)} if page and not _has_written(connector, visitor_id) else {},
        )
        received = event_receive(
            connector=connector, event=event, raw=LiveChatDriver.delivery_of(event), now=now
        )
    finally:
        # A repeat brought its files again, a failure brought them to nobody, and of a blocked
        # sender none is kept.
        if received is None or received.outcome in {"duplicate", "unsaved", "ignored"}:
            for upload in uploads:
                default_storage.delete(upload.storage_key)
    return received


def _attachment(upload: StoredUpload) -> InboundAttachment:
    return InboundAttachment(
        type=upload.type,
        name=upload.name,
        content_type=upload.content_type,
        size=upload.size,
        storage_key=upload.storage_key,
    )


def _has_written(connector: Connector, visitor_id: str) -> bool:
    return _conversations(connector, visitor_id).filter(last_seq__gt=0).exists()


def _conversations(connector: Connector, visitor_id: str) -> QuerySet[Conversation]:
    return Conversation.objects.filter(
        connector=connector, external_chat_id=visitor_id, external_thread=""
    )


def visitor_typing(*, connector: Connector, visitor_id: str, now: dt.datetime) -> bool:
    """The visitor is writing. Returns whether that was worth telling anybody."""
    conversations = _conversations(connector, visitor_id)
    worth_it = Q(typing_at__isnull=True) | Q(typing_at__lt=now - TYPING_EVERY)
    if not conversations.filter(worth_it).update(typing_at=now, changed_at=now):
        return False
    conversation_id, version = conversations.values_list("pk", "version").get()
    ring_after_commit(conversation_id, version)
    return True


def visitor_seen(
    *,
    connector: Connector,
    visitor_id: str,
    seq: int,
    status: Literal["delivered", "read"],
    now: dt.datetime,
) -> int:
    """Our messages up to number `seq` have reached the visitor's page, or his eyes.

    Receipts only move forward. Returns how many messages moved.
    """
    before = [MessageState.SENT]
    if status == "read":
        before.append(MessageState.DELIVERED)
    moved = 0
    with transaction.atomic():
        due = Message.objects.filter(
            conversation__in=_conversations(connector, visitor_id),
            direction=Direction.OUT,
            state__in=before,
            seq__lte=seq,
        ).order_by("-seq")[:RECEIPTS_AT_ONCE]
        for message in reversed(due):
            moved += message_state_forward(message=message, state=status, now=now)
    return moved
