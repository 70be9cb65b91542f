"""De-duplication keys of what platforms deliver, and what of it could not be processed yet."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class EventState(models.TextChoices):
    """What became of a delivered event."""

    DONE = "done", _("done")
    PENDING = "pending", _("to be tried again")
    DEAD = "dead", _("given up")
    IGNORED = "ignored", _("ignored")


class InboundEvent(models.Model):
    """The key of one event: it takes effect once, however often it is delivered.

    Good events are nothing but their key. `raw` holds the whole delivery while the event is
    pending, dead or ignored, so that it can be replayed; `key` finds the event in it again.
    """

    connector = models.ForeignKey(
        "channels_app.Connector",
        on_delete=models.CASCADE,
        related_name="inbound_events",
        db_index=False,
    )
    key = models.CharField(max_length=200)
    state = models.CharField(max_length=7, choices=EventState.choices, db_default=EventState.DONE)
    conversation = models.ForeignKey(
        "channels_app.Conversation",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    raw = models.BinaryField(null=True)
    error = models.TextField(blank=True, db_default="")
    attempts = models.PositiveIntegerField(default=0, db_default=0)
    received_at = models.DateTimeField()
    # Set while the event waits to be tried again: the drain's list, with its next time.
    pending_at = models.DateTimeField(null=True)
    # When it had its effect or was given up.
    done_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("delivered event")
        verbose_name_plural = _("delivered events")
        constraints = [
            models.UniqueConstraint(name="inbound_event_once", fields=["connector", "key"]),
        ]
        indexes = [
            models.Index(
                name="inbound_event_pending",
                fields=["pending_at"],
                condition=Q(pending_at__isnull=False),
            ),
            models.Index(
                name="inbound_event_kept",
                fields=["-received_at"],
                condition=Q(raw__isnull=False),
            ),
            models.Index(name="inbound_event_received", fields=["received_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.connector_id}:{self.key}"
