"""Keys of other programs, and the answers kept so that a repeated request changes nothing."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class ApiKey(models.Model):
    """A key acts as its user, within its scope and, when named, on one line only.

    Only the SHA-256 of the key is stored; a random key of 256 bits needs no slow hash.
    """

    class Scope(models.TextChoices):
        READ = "read", pgettext_lazy("scope", "read")
        WRITE = "write", _("read and write")
        ADMIN = "admin", _("read, write and settings")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="api_keys",
        verbose_name=_("user"),
    )
    name = models.CharField(_("name"), max_length=120)
    prefix = models.CharField(_("begins with"), max_length=12, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scope = models.CharField(_("scope"), max_length=5, choices=Scope.choices, default=Scope.WRITE)
    open_channel = models.ForeignKey(
        "channels_app.OpenChannel",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        verbose_name=_("only this open channel"),
        related_name="+",
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return self.name


class IdempotencyRecord(models.Model):
    """The answer to a request that carried an `Idempotency-Key`."""

    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=200)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="idempotency_key_once", fields=["api_key", "key"]),
        ]
        indexes = [models.Index(name="idempotency_created", fields=["created_at"])]

    def __str__(self) -> str:
        return self.key
