"""Outgoing messages: a message's row is its own outbox entry."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.core.files.uploadedfile import UploadedFile
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app import tasks
from channels_app.drivers.base import Capabilities, TemplateUse
from channels_app.drivers.registry import UnknownKind
from channels_app.models import (
    ConnectorStatus,
    Conversation,
    Direction,
    Message,
    MessageState,
)
from channels_app.services.connectors import connector_driver
from channels_app.services.errors import ConflictError, InvalidError
from channels_app.services.intake_sql import LAST_TEXT_LENGTH
from channels_app.services.media import attachment_store_upload
from openlines_project.lib.live import ring_after_commit
from openlines_project.lib.tasks import enqueue_after_commit
from openlines_project.lib.text import clean_text, split_text

MAX_TEXT = 20_000
MAX_FILES = 10


def sending_refused(
    conversation: Conversation,
    *,
    now: dt.datetime | None = None,
    with_template: bool = False,
    automatic: bool = False,
) -> ConflictError | None:
    """Why nothing can be sent into a conversation at `now` (this moment), None when it can.

    `with_template` asks for a template message, which needs no open time to answer; `automatic`
    for a text that no person wrote, which some platforms allow for a shorter time, and which
    would talk into the answers of another program ("standby").
    """
    connector = conversation.connector
    if not connector.open_channel.is_open_for_work:
        return ConflictError("line_closed", _("This open channel is closed. Nothing was sent."))
    if conversation.unreachable_at is not None:
        return ConflictError(
            "unreachable",
            _("The customer has blocked us. You can write again when he writes to you."),
        )
    if connector.status in {ConnectorStatus.DISABLED, ConnectorStatus.BROKEN}:
        return ConflictError(
            "connector_off",
            _("The channel %(name)s is not connected. Nothing was sent.")
            % {"name": str(connector)},
        )
    if with_template:
        return None
    capabilities = capabilities_of(conversation)
    if automatic and capabilities.shares_chats and _is_on_standby(conversation):
        return ConflictError("standby", _("Another program answers this chat."))
    hours = capabilities.reply_window_hours
    if automatic and capabilities.automatic_window_hours:
        hours = capabilities.automatic_window_hours
    if hours and _window_is_over(conversation, hours, now or timezone.now()):
        return ConflictError(
            "window",
            _("The time to answer on this channel is over. You can write again when he does."),
        )
    return None


def _window_is_over(conversation: Conversation, hours: int, now: dt.datetime) -> bool:
    """Whether so many hours, from the customer's last message, have passed."""
    last = customer_wrote_at(conversation)
    return last is None or now - last >= dt.timedelta(hours=hours)


def _is_on_standby(conversation: Conversation) -> bool:
    """Whether the customer's last message came while another program had the chat."""
    data = (
        Message.objects.filter(conversation=conversation, direction=Direction.IN)
        .order_by("-seq")
        .values_list("data", flat=True)
        .first()
    )
    return bool(data and data.get("standby"))


def customer_wrote_at(conversation: Conversation) -> dt.datetime | None:
    """When the customer's last message came, None when he never wrote."""
    return (
        Message.objects.filter(conversation=conversation, direction=Direction.IN)
        .order_by("-seq")
        .values_list("created_at", flat=True)
        .first()
    )


def capabilities_of(conversation: Conversation) -> Capabilities:
    """What the conversation's channel can do, its connector's own settings included."""
    try:
        return connector_driver(conversation.connector).capabilities
    except UnknownKind:
        return Capabilities()


def message_queue(
    *,
    conversation: Conversation,
    now: dt.datetime,
    text: str = "",
    author: AbstractBaseUser | None = None,
    author_kind: str = "",
    client_key: str | None = None,
    files: Sequence[UploadedFile[Any]] = (),
    reply_to: str = "",
    shown_as: str | None = None,
    template: TemplateUse | None = None,
) -> list[Message]:
    """Put a message into the outbox of a locked conversation, inside the caller's transaction.

    A text beyond the channel's limit becomes several rows, each file a row of its own, so that
    every row is one call to the platform and may be repeated by itself. The first row carries
    `client_key`. `shown_as` is the author's name for the customer, empty for none; without it
    he sees the author's own. The text of a `template` is one row whatever its length: the platform
    has it, and ours is for reading.

    Raises `InvalidError` when there is nothing to send or too much.
    """
    text = clean_text(text, max_length=MAX_TEXT + 1).strip()
    if not text and not files:
        raise InvalidError("empty", _("Write something first."), fields={"text": [_("Empty.")]})
    if len(text) > MAX_TEXT:
        raise InvalidError(
            "too_long",
            _("The text is too long."),
            fields={"text": [_("At most %d characters.") % MAX_TEXT]},
        )
    capabilities = capabilities_of(conversation)
    if files and not capabilities.files:
        raise InvalidError("no_files", _("This channel takes no files."))
    if len(files) > MAX_FILES:
        raise InvalidError("too_many_files", _("At most %d files at once.") % MAX_FILES)
    if template is not None:
        parts = [text]
    else:
        parts = split_text(text, capabilities.text_limit, capabilities.text_unit) if text else []
    rows: list[Message] = []
    digest = request_digest(text, files)
    for part in parts:
        rows.append(
            _row_insert(
                conversation, now=now, text=part, kind="text", author=author,
                author_kind=author_kind, client_key=None if rows else client_key,
                reply_to="" if rows else reply_to, digest="" if rows else digest, shown_as=shown_as,
                template=template,
            )
        )  # fmt: skip
    for file in files:
        row = _row_insert(
            conversation, now=now, text="", kind="file", author=author, author_kind=author_kind,
            client_key=None if rows else client_key, reply_to="" if rows else reply_to,
            digest="" if rows else digest, shown_as=shown_as,
        )  # fmt: skip
        attachment = attachment_store_upload(message=row, file=file, position=0)
        row.kind = attachment.type
        row.save(update_fields=["kind"])
        rows.append(row)
    Conversation.objects.filter(pk=conversation.pk).update(
        last_seq=F("last_seq") + len(rows),
        version=conversation.version,
        changed_at=now,
        last_text=" ".join(rows[-1].text.split())[:LAST_TEXT_LENGTH],
        last_kind=rows[-1].kind,
        last_direction=Direction.OUT,
        last_message_at=now,
    )
    ring_after_commit(conversation.pk, conversation.version)
    enqueue_after_commit(tasks.deliver_conversation, conversation.pk)
    return rows


def template_of(message: Message) -> TemplateUse | None:
    """The template an outgoing message was made from, None for an ordinary one."""
    use = message.data.get("template")
    if not isinstance(use, dict):
        return None
    values = tuple((name, value) for name, value in use["values"])
    return TemplateUse(**{**use, "values": values})


def request_digest(text: str, files: Sequence[UploadedFile[Any]]) -> str:
    """What a client's key stands for: the same key with something else is a mistake."""
    parts = [text, *(f"{file.name}:{file.size}" for file in files)]
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def _row_insert(
    conversation: Conversation,
    *,
    now: dt.datetime,
    text: str,
    kind: str,
    author: AbstractBaseUser | None,
    author_kind: str,
    client_key: str | None,
    reply_to: str,
    digest: str,
    shown_as: str | None,
    template: TemplateUse | None = None,
) -> Message:
    conversation.last_seq += 1
    conversation.version += 1
    data: dict[str, Any] = {"digest": digest} if digest and client_key else {}
    if shown_as is not None:
        data["shown_as"] = shown_as
    if template is not None:
        data["template"] = dataclasses.asdict(template)
    message = Message(
        conversation=conversation,
        seq=conversation.last_seq,
        version=conversation.version,
        direction=Direction.OUT,
        kind=kind,
        text=text,
        state=MessageState.QUEUED,
        author_id=author.pk if author else None,
        author_kind=author_kind,
        client_key=client_key,
        reply_to_external_id=reply_to,
        data=data,
        created_at=now,
        queued_at=now,
    )
    message.save(force_insert=True)
    return message
