"""What a visitor may read: his own conversation, and of it only what was said to him or by him."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from channels_app.models import (
    Attachment,
    AttachmentState,
    Connector,
    Conversation,
    Direction,
    Message,
    MessageState,
)
from channels_app.services.media import signed_file_url
from openlines_project.lib.text import neutral_name

PAGE = 50
CHANGES = 200


@dataclass(frozen=True, slots=True)
class Thread:
    """A part of a visitor's thread. `version` is the cursor for what changes later.

    `has_earlier`: there are messages before these. `is_partial`: more changes wait, ask again.
    `is_reset`: forget what you had, these messages are all.
    """

    version: int
    messages: list[Message]
    has_earlier: bool = False
    is_partial: bool = False
    is_reset: bool = False


def visitor_conversation(*, connector: Connector, visitor_id: str) -> Conversation | None:
    """The visitor's conversation, None before his first message."""
    return Conversation.objects.filter(
        connector=connector, external_chat_id=visitor_id, external_thread=""
    ).first()


def visitor_messages(conversation: Conversation) -> QuerySet[Message]:
    """Messages to and from the visitor: no notes, no events, nothing that failed to go out."""
    return (
        Message.objects.filter(
            Q(direction=Direction.IN)
            | (Q(direction=Direction.OUT) & ~Q(state=MessageState.FAILED)),
            conversation=conversation,
        )
        .select_related("author")
        .prefetch_related("attachments")
    )


def thread_since(conversation: Conversation | None, *, version: int) -> Thread:
    """What changed after `version`; from 0, or from a version that never was, the newest page."""
    if conversation is None:
        return Thread(version=0, messages=[], is_reset=version > 0)
    if version == conversation.version:
        return Thread(version=version, messages=[])
    if not 0 < version < conversation.version:
        page = thread_before(conversation, seq=None)
        return Thread(
            version=conversation.version,
            messages=page.messages,
            has_earlier=page.has_earlier,
            is_reset=True,
        )
    # In the order of the versions, so that a cut leaves a cursor to go on from.
    changed = list(
        visitor_messages(conversation)
        .filter(version__gt=version)
        .order_by("version", "seq")[: CHANGES + 1]
    )
    if len(changed) <= CHANGES:
        return Thread(version=conversation.version, messages=changed)
    # Several messages may share a version: the last one is asked for again, whole.
    cursor = max(changed[CHANGES].version - 1, version + 1)
    kept = [message for message in changed if message.version <= cursor]
    return Thread(version=cursor, messages=kept, is_partial=True)


def thread_before(conversation: Conversation, *, seq: int | None) -> Thread:
    """The newest page of messages, or the one before message `seq`."""
    messages = visitor_messages(conversation)
    if seq is not None:
        messages = messages.filter(seq__lt=seq)
    newest = list(messages.order_by("-seq")[: PAGE + 1])
    return Thread(
        version=conversation.version,
        messages=list(reversed(newest[:PAGE])),
        has_earlier=len(newest) > PAGE,
    )


def message_as_json(message: Message) -> dict[str, Any]:
    """A message as its visitor may see it. Its id is random: no number tells how much we write."""
    is_ours = message.direction == Direction.OUT
    shown: dict[str, Any] = {
        "id": str(message.delivery_id),
        "seq": message.seq,
        "direction": message.direction,
        "text": message.text,
        "created_at": message.created_at.isoformat(),
        "edited": message.edited_at is not None,
        "deleted": message.deleted_at is not None,
        "attachments": [_attachment_as_json(item) for item in message.attachments.all()],
    }
    if is_ours:
        shown["author"] = _author_name(message)
        # Whether a receipt may be sent for it: it has been, and is not known to be read.
        shown["state"] = message.state
    else:
        shown["client_id"] = message.external_id
    return shown


def _author_name(message: Message) -> str:
    """The operator as the line shows him; never his sign-in. Empty for texts of the line."""
    if "shown_as" in message.data:
        return neutral_name(str(message.data["shown_as"]))
    return "" if message.author is None else neutral_name(message.author.get_full_name())


def _attachment_as_json(attachment: Attachment) -> dict[str, Any]:
    is_there = attachment.state == AttachmentState.STORED and bool(attachment.storage_key)
    return {
        "type": attachment.type,
        "name": neutral_name(attachment.name),
        "content_type": attachment.content_type,
        "size": attachment.size,
        "state": attachment.state,
        "url": signed_file_url(attachment) if is_there else "",
        "latitude": attachment.latitude,
        "longitude": attachment.longitude,
    }
