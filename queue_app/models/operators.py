"""The operator: what the desk knows of a user."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from openlines_project.lib.people import person_name


class DutyState(models.TextChoices):
    """Whether an operator takes chats: his own act."""

    ON = "on", _("On duty")
    PAUSE = "pause", _("Paused")
    OFF = "off", _("Off duty")


class Operator(models.Model):
    """One per user who answers customers.

    `open_chats` counts the sessions offered to him alone or assigned to him, over all lines; it
    changes in the transaction that gives or takes one, by a conditional update, so `max_chats`
    holds whoever comes at once.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="operator",
        verbose_name=_("user"),
    )
    duty = models.CharField(
        _("duty"), max_length=5, choices=DutyState.choices, default=DutyState.OFF
    )
    duty_changed_at = models.DateTimeField(null=True, editable=False)
    leave_from = models.DateTimeField(_("on leave from"), null=True, blank=True)
    leave_until = models.DateTimeField(_("on leave until"), null=True, blank=True)
    max_chats = models.PositiveIntegerField(
        _("most chats over all lines"),
        default=1000,
        help_text=_("Beyond it no chat is offered to him on any line."),
    )
    open_chats = models.IntegerField(default=0, editable=False)

    class Meta:
        verbose_name = _("operator")
        verbose_name_plural = _("operators")

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """What colleagues call him."""
        return person_name(self.user)
