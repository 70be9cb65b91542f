"""Files: fetched from platforms by the worker, taken from uploads, kept outside the web root."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import secrets
import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO

import filetype
from django.conf import settings
from django.core import signing
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils.translation import gettext as _

from channels_app import tasks
from channels_app.drivers.base import AttachmentType, DriverError
from channels_app.models import Attachment, AttachmentState, Conversation, Message
from channels_app.services.connectors import connector_driver
from channels_app.services.conversations import conversation_lock, conversation_touch
from channels_app.services.errors import InvalidError
from openlines_project.lib.http import AnswerTooLarge
from openlines_project.lib.tasks import enqueue
from openlines_project.lib.text import clean_text

logger = logging.getLogger(__name__)

MAX_TRIES = 5
RETRY_AFTER = dt.timedelta(seconds=30)
# Platforms drop files after a while: what did not come in a day does not come.
GIVE_UP_AFTER = dt.timedelta(days=1)
LEASE = dt.timedelta(minutes=3)
LINK_AGE = dt.timedelta(hours=12)
LINK_SALT = "openlines.file"
# Shown by a browser without risk; everything else is only ever downloaded.
INLINE_TYPES: dict[str, AttachmentType] = {
    "image/jpeg": "image", "image/png": "image", "image/gif": "image", "image/webp": "image",
    "audio/mpeg": "audio", "audio/ogg": "audio", "audio/mp4": "audio", "audio/x-wav": "audio",
    "audio/aac": "audio", "audio/m4a": "audio",
    "video/mp4": "video", "video/webm": "video",
}  # fmt: skip


class FileTooBigError(Exception):
    """The file is larger than `MEDIA_MAX_BYTES`."""


def signed_file_path(attachment: Attachment) -> str:
    """An address of a stored file that works for 12 hours and for this file only."""
    token = signing.TimestampSigner(salt=LINK_SALT).sign(attachment.public_id)
    return reverse("file", args=[attachment.public_id]) + "?t=" + token.split(":", 1)[1]


def signed_file_url(attachment: Attachment) -> str:
    """`signed_file_path` with this installation's public address in front, where there is one."""
    return f"{settings.PUBLIC_URL}{signed_file_path(attachment)}"


def link_url(attachment: Attachment) -> str:
    """The web address a customer sent as a card; empty for anything else.

    It is his and not ours: shown as a link, and never fetched.
    """
    is_link = attachment.type == "link" and attachment.state == AttachmentState.STORED
    if not is_link or attachment.storage_key:
        return ""
    url = attachment.platform_ref
    return url if url.startswith(("https://", "http://")) else ""


def file_signature_check(*, public_id: str, signature: str) -> bool:
    """Whether a file's address was made by us, for this file, and is not too old."""
    try:
        signing.TimestampSigner(salt=LINK_SALT).unsign(f"{public_id}:{signature}", max_age=LINK_AGE)
    except signing.BadSignature:
        return False
    return True


def type_by_content(head: bytes) -> str:
    """The content type of a file by its first bytes; what is not recognised is only bytes."""
    kind = filetype.guess(head)
    mime: str = kind.mime if kind is not None else "application/octet-stream"
    return "audio/ogg" if mime == "application/ogg" else mime


def _store(chunks: Iterator[bytes]) -> tuple[str, int, bytes]:
    """Write a stream to the storage under a key of our own: `(key, size, first bytes)`."""
    with tempfile.TemporaryFile() as draft:
        size, head = 0, b""
        try:
            for chunk in chunks:
                size += len(chunk)
                if size > settings.MEDIA_MAX_BYTES:
                    raise FileTooBigError
                if len(head) < 8192:
                    head += chunk[: 8192 - len(head)]
                draft.write(chunk)
        except AnswerTooLarge:
            raise FileTooBigError from None
        draft.seek(0)
        key = f"in/{secrets.token_hex(1)}/{secrets.token_hex(16)}"
        return default_storage.save(key, File(draft)), size, head


def attachment_open(attachment: Attachment) -> BinaryIO:
    """The bytes of a stored file. Raises `FileNotFoundError`."""
    if not attachment.storage_key:
        raise FileNotFoundError(attachment.pk)
    file: BinaryIO = default_storage.open(attachment.storage_key, "rb")  # type: ignore[assignment]
    return file


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StoredUpload:
    """An uploaded file in our storage that belongs to no message yet: an attachment's columns."""

    type: AttachmentType
    name: str
    content_type: str
    size: int
    storage_key: str


def upload_store(*, file: UploadedFile[Any]) -> StoredUpload:
    """Keep an uploaded file. Raises `InvalidError` when it is empty or above `MEDIA_MAX_BYTES`.

    Its type is decided by its content; its name is only shown.
    """
    if not file.size:
        raise InvalidError("empty_file", _("The file is empty."))
    try:
        key, size, head = _store(file.chunks())
    except FileTooBigError:
        raise InvalidError(
            "file_too_big",
            _("The file is too big. At most %d MB.") % (settings.MEDIA_MAX_BYTES // 2**20),
        ) from None
    content_type = type_by_content(head)
    return StoredUpload(
        type=INLINE_TYPES.get(content_type, "file"),
        name=clean_text((file.name or "").replace("\\", "/").rsplit("/", 1)[-1], max_length=200),
        content_type=content_type,
        size=size,
        storage_key=key,
    )


def attachment_store_upload(
    *, message: Message, file: UploadedFile[Any], position: int
) -> Attachment:
    """Store an uploaded file as a message's attachment. Raises `InvalidError`."""
    return Attachment.objects.create(
        message=message,
        position=position,
        state=AttachmentState.STORED,
        **dataclasses.asdict(upload_store(file=file)),
    )


def attachment_fetch(*, attachment_id: int, now: dt.datetime) -> str:
    """Fetch a file from its platform. Returns the state it is in afterwards.

    The claim is a conditional update, so two workers never fetch the same file; the call to the
    platform is outside any transaction. Failures of the passing kind are tried again.
    """
    claimed = Attachment.objects.filter(
        pk=attachment_id, pending_at__isnull=False, state=AttachmentState.PENDING
    ).exclude(next_attempt_at__gt=now)
    # Counted before the try: a file that kills its worker must not do so for ever.
    if not claimed.update(next_attempt_at=now + LEASE, attempts=F("attempts") + 1):
        return "not_due"
    attachment = Attachment.objects.select_related(
        "message__conversation__connector__open_channel"
    ).get(pk=attachment_id)
    if (attachment.size or 0) > settings.MEDIA_MAX_BYTES:
        return _finish(attachment, now, state=AttachmentState.TOO_BIG)
    if attachment.attempts > MAX_TRIES:
        return _finish(attachment, now, state=AttachmentState.FAILED)
    try:
        driver = connector_driver(attachment.message.conversation.connector)
        with driver.fetch_media(attachment.platform_ref) as media:
            key, size, head = _store(media.chunks)
            name = media.name
    except FileTooBigError:
        return _finish(attachment, now, state=AttachmentState.TOO_BIG)
    except DriverError as error:
        if error.error_class in {"retry", "unknown"}:
            return _try_later(attachment, now, error.retry_after)
        state = {"content": AttachmentState.REFUSED, "contact": AttachmentState.EXPIRED}
        return _finish(attachment, now, state=state.get(error.error_class, AttachmentState.FAILED))
    except Exception:
        logger.exception("A file could not be fetched")
        return _try_later(attachment, now, None)
    attachment.storage_key = key
    attachment.size = size
    attachment.content_type = type_by_content(head)
    attachment.name = attachment.name or clean_text(name, max_length=200)
    return _finish(attachment, now, state=AttachmentState.STORED)


def _try_later(attachment: Attachment, now: dt.datetime, retry_after: float | None) -> str:
    too_late = attachment.pending_at is not None and now - attachment.pending_at > GIVE_UP_AFTER
    if attachment.attempts >= MAX_TRIES or too_late:
        return _finish(attachment, now, state=AttachmentState.FAILED)
    wait = RETRY_AFTER * attachment.attempts
    if retry_after:
        wait = dt.timedelta(seconds=min(retry_after, GIVE_UP_AFTER.total_seconds()))
    Attachment.objects.filter(pk=attachment.pk, state=AttachmentState.PENDING).update(
        next_attempt_at=now + wait
    )
    return AttachmentState.PENDING


def _finish(attachment: Attachment, now: dt.datetime, *, state: str) -> str:
    """Write the file's end state, and show it in the thread."""
    try:
        if _end_write(attachment, now, state):
            return state
    except Conversation.DoesNotExist:
        logger.info("A file came for a conversation that was erased")
    # Erased meanwhile: the bytes must not stay.
    if attachment.storage_key:
        default_storage.delete(attachment.storage_key)
    return AttachmentState.ERASED


@transaction.atomic
def _end_write(attachment: Attachment, now: dt.datetime, state: str) -> bool:
    conversation = conversation_lock(attachment.message.conversation_id)
    changed = Attachment.objects.filter(pk=attachment.pk, state=AttachmentState.PENDING).update(
        state=state, pending_at=None, next_attempt_at=None, storage_key=attachment.storage_key,
        size=attachment.size, content_type=attachment.content_type, name=attachment.name,
    )  # fmt: skip
    if not changed:
        return False
    version = conversation_touch(conversation=conversation, now=now)
    Message.objects.filter(pk=attachment.message_id).update(version=version)
    return True


def attachment_erase(*, attachment_id: int) -> None:
    """Remove the bytes of an attachment that was deleted in the thread."""
    attachment = (
        Attachment.objects.filter(pk=attachment_id, state=AttachmentState.ERASED)
        .exclude(storage_key="")
        .first()
    )
    if attachment is not None:
        default_storage.delete(attachment.storage_key)
        Attachment.objects.filter(pk=attachment_id).update(storage_key="", pending_at=None)


def media_sweep(*, now: dt.datetime, limit: int = 200) -> int:
    """Wake the worker for files to be fetched or removed; without a broker, do it here."""
    due = list(
        Attachment.objects.filter(pending_at__isnull=False)
        .exclude(next_attempt_at__gt=now)
        .order_by("pending_at")
        .values_list("pk", "state")[:limit]
    )
    for attachment_id, state in due:
        try:
            if state == AttachmentState.ERASED:
                attachment_erase(attachment_id=attachment_id)
            elif not enqueue(tasks.media_fetch, attachment_id):
                attachment_fetch(attachment_id=attachment_id, now=now)
        except Exception:
            logger.exception("A file could not be fetched or removed; the others go on")
    return len(due)
