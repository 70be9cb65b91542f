"""The operator: what the desk knows of a user."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from channels_app.models import Weekday
from openlines_project.lib.people import person_name


class DutyState(models.TextChoices):
    """Whether an operator takes chats: his own act."""

    ON = "on", _("On duty")
    PAUSE = "pause", _("Paused")
    OFF = "off", _("Off duty")


class Operator(models.Model):
    """One per user who answers customers.

    `open_chats` counts the sessions that hold a place of his, over all lines; it changes in the
    transaction that gives or takes one, by a conditional update, so `max_chats` holds whoever
    comes at once.
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
    # The last time a page of his inbox was heard from.
    seen_at = models.DateTimeField(null=True, editable=False)
    follows_schedule = models.BooleanField(
        _("duty by schedule"),
        default=False,
        db_default=False,
        help_text=_("His weekly times put him on duty and off; his own button still works."),
    )
    schedule_zone = models.CharField(
        _("time zone"), max_length=64, blank=True, default="", db_default=""
    )
    # When the schedule next puts him on or off; null without one.
    schedule_next_at = models.DateTimeField(null=True, editable=False)
    max_chats = models.PositiveIntegerField(
        _("most chats over all lines"),
        default=1000,
        help_text=_("Beyond it no chat is offered to him on any line."),
    )
    open_chats = models.IntegerField(default=0, editable=False)

    class Meta:
        verbose_name = _("operator")
        verbose_name_plural = _("operators")
        indexes = [
            models.Index(
                name="operator_schedule_due",
                fields=["schedule_next_at"],
                condition=models.Q(schedule_next_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """What colleagues call him."""
        return person_name(self.user)


class OperatorShift(models.Model):
    """A weekly working time of an operator, in his `schedule_zone`; closes as a line's times do."""

    operator = models.ForeignKey(
        Operator, on_delete=models.CASCADE, related_name="shifts", db_index=False
    )
    weekday = models.PositiveSmallIntegerField(_("day"), choices=Weekday.choices)
    starts = models.TimeField(_("from"))
    ends = models.TimeField(_("to"))

    class Meta:
        verbose_name = _("shift")
        verbose_name_plural = _("shifts")
        ordering = ["weekday", "starts"]
        constraints = [
            models.UniqueConstraint(
                name="operator_shift_once", fields=["operator", "weekday", "starts"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.starts:%H:%M}-{self.ends:%H:%M}"
