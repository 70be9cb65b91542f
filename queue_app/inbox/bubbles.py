"""A message as it is drawn: who said it, how far it has come, what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.utils.translation import gettext as _

from channels_app.drivers.registry import kind_label
from channels_app.models import (
    Attachment,
    AttachmentState,
    Conversation,
    Direction,
    Message,
    MessageState,
)
from channels_app.services.media import link_url, signed_file_path
from openlines_project.lib.kept import kept_sentence
from openlines_project.lib.people import avatar_number, initials, person_name
from queue_app.inbox.words import conversation_avatar, customer_name

TICKS = {
    MessageState.QUEUED: "clock",
    MessageState.SENDING: "clock",
    MessageState.SENT: "sent",
    MessageState.DELIVERED: "delivered",
    MessageState.READ: "read",
}


@dataclass(slots=True)
class Bubble:
    """A message as it is drawn."""

    message: Message
    style: Literal["in", "out", "note", "service"]
    author: str
    initials: str
    avatar: int
    label: str = ""
    tick: str = ""
    quote: str = ""
    quote_author: str = ""
    trouble: str = ""
    files: list[FileView] = field(default_factory=list)

    @property
    def state_class(self) -> str:
        return f" is-{self.message.state}" if self.trouble else ""


@dataclass(slots=True)
class FileView:
    """An attachment, with an address when there is something to fetch."""

    attachment: Attachment
    show: Literal["image", "audio", "video", "file", "location", "contact", "link", "none"]
    url: str = ""


def bubbles_of(messages: Sequence[Message], conversation: Conversation) -> dict[int, Bubble]:
    """The bubbles of messages by id. Authors and attachments must have been read with them."""
    quotes = _quotes(messages, conversation)
    return {message.pk: _bubble(message, conversation, quotes) for message in messages}


def _quotes(messages: Sequence[Message], conversation: Conversation) -> dict[str, Message]:
    wanted = {message.reply_to_external_id for message in messages} - {""}
    if not wanted:
        return {}
    found = Message.objects.filter(conversation=conversation, external_id__in=wanted)
    return {message.external_id or "": message for message in found.select_related("author")}


def _bubble(message: Message, conversation: Conversation, quotes: dict[str, Message]) -> Bubble:
    if message.direction == Direction.IN:
        name = customer_name(conversation)
        bubble = Bubble(message, "in", name, initials(name), conversation_avatar(conversation))
    elif message.author is not None:
        name = person_name(message.author)
        style: Literal["note", "out"] = "note" if message.direction == Direction.NOTE else "out"
        bubble = Bubble(message, style, name, initials(name), avatar_number(message.author.pk))
    else:
        bubble = Bubble(message, "service", "", "OL", 4)
        if message.author_kind == "outside":
            bubble.style = "out"
            bubble.label = _("Written in %(channel)s") % {
                "channel": kind_label(conversation.connector.kind)
            }
        else:
            bubble.label = _("Automatic text")
    if message.direction == Direction.OUT:
        bubble.tick = TICKS.get(MessageState(message.state), "")
        bubble.trouble = _trouble(message, conversation)
    if quoted := quotes.get(message.reply_to_external_id):
        bubble.quote = quoted.text
        bubble.quote_author = (
            customer_name(conversation)
            if quoted.direction == Direction.IN
            else person_name(quoted.author)
        )
    if message.deleted_at is None:
        bubble.files = [_file_view(attachment) for attachment in message.attachments.all()]
    return bubble


def _trouble(message: Message, conversation: Conversation) -> str:
    channel = kind_label(conversation.connector.kind)
    if message.state == MessageState.FAILED:
        return (_("Not delivered.") + " " + kept_sentence(message.error_text)).strip()
    if message.state == MessageState.UNKNOWN:
        return _("No answer from %(channel)s. It may have arrived; check before you resend.") % {
            "channel": channel
        }
    if message.next_attempt_at is not None and message.attempts and message.queued_at is not None:
        return _("%(channel)s does not take it just now. It is tried again by itself.") % {
            "channel": channel
        }
    return ""


def _file_view(attachment: Attachment) -> FileView:
    if attachment.type == "location" and attachment.latitude is not None:
        return FileView(attachment, "location")
    if attachment.type == "contact":
        return FileView(attachment, "contact")
    if page := link_url(attachment):
        return FileView(attachment, "link", page)
    if attachment.state != AttachmentState.STORED or not attachment.storage_key:
        return FileView(attachment, "none")
    shown, _sep, _rest = attachment.content_type.partition("/")
    show: Any = shown if shown in {"image", "audio", "video"} else "file"
    return FileView(attachment, show, signed_file_path(attachment))
