"""The conversation: the endless thread with one outside person on one connector."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from openlines_project.lib.text import neutral_name


class Conversation(models.Model):
    """Transport, not service: episodes of service are sessions, and live in queue_app.

    `last_seq` numbers the messages, `version` every visible change; both are raised under the
    row's lock, so that neither has gaps nor is read before it is committed. The `last_*`
    columns repeat the newest message for lists.
    """

    connector = models.ForeignKey(
        "channels_app.Connector",
        on_delete=models.PROTECT,
        related_name="conversations",
        db_index=False,
    )
    external_chat_id = models.CharField(max_length=200)
    # Empty but where one person has several threads on one connector (Telegram Business).
    external_thread = models.CharField(max_length=200, blank=True, db_default="")
    external_user_id = models.CharField(max_length=200, blank=True, db_default="")
    # Not a column: made by the transaction at hand, so nothing else can refer to it yet.
    is_new = False

    contact = models.ForeignKey(
        "crm_app.Contact",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="conversations",
    )
    display_name = models.CharField(_("name"), max_length=200, blank=True, db_default="")
    # What the platform told of the person: username, phone, email, language.
    profile = models.JSONField(default=dict, blank=True)
    # What the driver needs to answer, from the newest message.
    reply_context = models.JSONField(default=dict, blank=True)
    last_seq = models.PositiveIntegerField(default=0, db_default=0)
    version = models.PositiveIntegerField(default=0, db_default=0)
    last_text = models.CharField(max_length=160, blank=True, db_default="")
    last_kind = models.CharField(max_length=12, blank=True, db_default="")
    last_direction = models.CharField(max_length=6, blank=True, db_default="")
    last_message_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()
    # Earlier events of this conversation could not be processed yet: see services/intake.py.
    has_pending = models.BooleanField(default=False, db_default=False)
    typing_at = models.DateTimeField(null=True)
    unreachable_at = models.DateTimeField(null=True)
    # A sender we want to hear nothing of: what he writes is kept as ignored, and counted.
    blocked_at = models.DateTimeField(null=True)
    ignored_count = models.PositiveIntegerField(default=0, db_default=0)
    # The consent was asked for; the customer's next message is his agreement.
    consent_asked_at = models.DateTimeField(null=True)
    consented_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        constraints = [
            models.UniqueConstraint(
                name="conversation_once",
                fields=["connector", "external_chat_id", "external_thread"],
            ),
        ]
        indexes = [models.Index(name="conversation_changed", fields=["changed_at"])]

    def __str__(self) -> str:
        name = neutral_name(self.display_name)
        return name or self.external_user_id or self.external_chat_id
