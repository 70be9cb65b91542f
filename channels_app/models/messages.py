"""Messages and their files. An outgoing message's row is its own outbox entry."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from channels_app.models.connectors import new_public_id


class Direction(models.TextChoices):
    """Who speaks to whom."""

    IN = "in", _("from the customer")
    OUT = "out", _("to the customer")
    NOTE = "note", _("private note")
    SYSTEM = "system", _("event")


class MessageState(models.TextChoices):
    """How far a message has come. Receipts only move it forward."""

    RECEIVED = "received", _("received")
    QUEUED = "queued", _("waiting to be sent")
    SENDING = "sending", _("being sent")
    SENT = "sent", _("sent")
    DELIVERED = "delivered", _("delivered")
    READ = "read", _("read")
    FAILED = "failed", _("not delivered")
    UNKNOWN = "unknown", _("not confirmed")


class Message(models.Model):
    """One message. `seq` orders the messages of a conversation; platform times are only shown.

    `queued_at` is set while the message waits to be sent or is being sent, and null otherwise:
    the outbox is the rows where it is not null.
    """

    conversation = models.ForeignKey(
        "channels_app.Conversation",
        on_delete=models.CASCADE,
        related_name="messages",
        db_index=False,
    )
    seq = models.PositiveIntegerField()
    version = models.PositiveIntegerField()
    direction = models.CharField(max_length=6, choices=Direction.choices)
    kind = models.CharField(max_length=12, default="text")
    text = models.TextField(blank=True)
    state = models.CharField(max_length=9, choices=MessageState.choices)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    # "outside" for an answer given in the platform's own app, "system" for texts of the line.
    author_kind = models.CharField(max_length=10, blank=True, db_default="")
    external_id = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001
    # Made by the sender's page: a double click or a repeat never makes a second message.
    client_key = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001
    # Stable over retries, for platforms that recognise a repeat.
    delivery_id = models.UUIDField(default=uuid.uuid4, editable=False)
    reply_to_external_id = models.CharField(max_length=200, blank=True, db_default="")
    buttons = models.JSONField(default=list, blank=True)
    # What has no column: forwarded, media_group, referral, reaction, the codes of an event.
    data = models.JSONField(default=dict, blank=True)
    sent_at = models.DateTimeField(null=True)  # the platform's time, for show
    created_at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)

    queued_at = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    # Since when it is known not to have arrived, or not known; null once a person or the
    # platform has settled it.
    failed_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=12, blank=True, db_default="")
    error_text = models.CharField(max_length=300, blank=True, db_default="")

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = [
            models.UniqueConstraint(name="message_seq_once", fields=["conversation", "seq"]),
            models.UniqueConstraint(
                name="message_external_id_once",
                fields=["external_id", "conversation", "direction"],
                condition=Q(external_id__isnull=False),
            ),
            models.UniqueConstraint(
                name="message_client_key_once",
                fields=["conversation", "client_key"],
                condition=Q(client_key__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                name="message_outbox",
                fields=["queued_at"],
                condition=Q(queued_at__isnull=False),
            ),
            # What an open page asks after a hint: the changes it has not seen.
            models.Index(name="message_changed", fields=["conversation", "version"]),
            models.Index(
                name="message_failed",
                fields=["-failed_at"],
                condition=Q(failed_at__isnull=False),
            ),
            models.Index(
                name="message_outbox_by_thread",
                fields=["conversation", "seq"],
                condition=Q(queued_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.conversation_id}/{self.seq}"


class MessageRevision(models.Model):
    """What a message said before its author changed it."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="revisions")
    text = models.TextField(blank=True)
    replaced_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.message_id} @ {self.replaced_at:%Y-%m-%d %H:%M}"


class AttachmentState(models.TextChoices):
    """Where a file is on its way to us."""

    PENDING = "pending", _("being fetched")
    STORED = "stored", _("stored")
    TOO_BIG = "too_big", _("too big")
    REFUSED = "refused", _("refused")
    FAILED = "failed", _("could not be fetched")
    EXPIRED = "expired", _("no longer available")
    ERASED = "erased", _("erased")


class Attachment(models.Model):
    """A file or card of a message. The message is shown at once, the file when it has come.

    `content_type` is decided from the content once it is stored, never taken from the sender.
    A location or a contact has no file and is `stored` from the start.
    """

    message = models.ForeignKey(
        Message, on_delete=models.CASCADE, related_name="attachments", db_index=False
    )
    position = models.PositiveSmallIntegerField(default=0)
    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    type = models.CharField(max_length=12)
    name = models.CharField(max_length=200, blank=True)
    content_type = models.CharField(max_length=100, blank=True)
    size = models.PositiveBigIntegerField(null=True)
    duration = models.PositiveIntegerField(null=True)
    state = models.CharField(max_length=8, choices=AttachmentState.choices)
    storage_key = models.CharField(max_length=200, blank=True)
    platform_ref = models.TextField(blank=True)
    latitude = models.FloatField(null=True)
    longitude = models.FloatField(null=True)
    phone = models.CharField(max_length=40, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Set while the file is still to be fetched: the worker's list.
    pending_at = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                name="attachment_position_once", fields=["message", "position"]
            ),
        ]
        indexes = [
            models.Index(
                name="attachment_pending",
                fields=["pending_at"],
                condition=Q(pending_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.type
