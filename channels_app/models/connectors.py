"""The connector: one connected account of one communication channel."""

import secrets

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from openlines_project.lib.crypto import EncryptedJSONField


def new_public_id() -> str:
    """An address part nobody can guess: 144 random bits."""
    return secrets.token_urlsafe(18)


class ConnectorStatus(models.TextChoices):
    """What the administrator sees of a connector."""

    NOT_CONFIGURED = "not_configured", _("Not set up")
    CONNECTING = "connecting", _("Connecting")
    CONNECTED = "connected", _("Connected")
    DEGRADED = "degraded", _("Sending fails")
    BROKEN = "broken", _("Access refused")
    DISABLED = "disabled", _("Switched off")


class Connector(models.Model):
    """A bot, a page, a number, a site widget. `kind` names its driver and needs no migration."""

    open_channel = models.ForeignKey(
        "channels_app.OpenChannel",
        on_delete=models.PROTECT,
        related_name="connectors",
        verbose_name=_("open channel"),
    )
    kind = models.CharField(_("kind"), max_length=32)
    name = models.CharField(_("name"), max_length=120, blank=True)
    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    status = models.CharField(
        _("state"),
        max_length=16,
        choices=ConnectorStatus.choices,
        default=ConnectorStatus.NOT_CONFIGURED,
    )
    config = models.JSONField(default=dict, blank=True)
    secrets = EncryptedJSONField(default=dict, blank=True, editable=False)
    # The platform's account, read from it on connecting. Null until then.
    account_id = models.CharField(max_length=200, null=True, blank=True, editable=False)  # noqa: DJ001
    account_name = models.CharField(max_length=200, blank=True, editable=False)
    is_polling = models.BooleanField(default=False, editable=False)
    poll_offset = models.CharField(max_length=64, blank=True, editable=False)
    poll_lease_until = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(_("last error"), blank=True, editable=False)
    last_error_at = models.DateTimeField(null=True, editable=False)
    last_event_at = models.DateTimeField(_("last event received"), null=True, editable=False)
    last_sent_at = models.DateTimeField(_("last message sent"), null=True, editable=False)
    notice = models.CharField(max_length=300, blank=True, editable=False)
    disabled_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("communication channel")
        verbose_name_plural = _("communication channels")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                name="connector_account_once",
                fields=["kind", "account_id"],
                condition=Q(disabled_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.account_name or f"{self.kind} #{self.pk}"
