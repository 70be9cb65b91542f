"""Message templates: texts a platform approved beforehand, for chats whose time is over."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class MessageTemplate(models.Model):
    """One template of a connector's account, as the platform listed it last.

    `parameters` are the names of its placeholders in order, `has_names` whether they are names
    (`{{name}}`) or numbers (`{{1}}`); `is_usable` whether we can fill in all it needs.
    """

    connector = models.ForeignKey(
        "channels_app.Connector",
        on_delete=models.CASCADE,
        related_name="message_templates",
        db_index=False,
    )
    name = models.CharField(_("name"), max_length=200)
    language = models.CharField(_("language"), max_length=16)
    category = models.CharField(_("category"), max_length=40, blank=True)
    status = models.CharField(_("state"), max_length=40, blank=True)
    header = models.TextField(blank=True)
    body = models.TextField(_("text"), blank=True)
    footer = models.TextField(blank=True)
    buttons = models.JSONField(default=list, blank=True)
    parameters = models.JSONField(default=list, blank=True)
    has_names = models.BooleanField(default=False)
    is_usable = models.BooleanField(default=True)
    listed_at = models.DateTimeField()

    class Meta:
        verbose_name = _("message template")
        verbose_name_plural = _("message templates")
        ordering = ["name", "language"]
        constraints = [
            models.UniqueConstraint(
                name="message_template_once", fields=["connector", "name", "language"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"
