"""Deadlines as rows: no business time is ever a delayed job."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class TimerKind(models.TextChoices):
    """What is to happen: the handlers are in queue_app/services/timers.py."""

    ROUTE = "route", _("distribute")
    RESPONSE = "response", _("response time")
    NO_ANSWER = "no_answer", _("nobody answers")
    OPENING = "opening", _("opening")
    AUTO_CLOSE = "auto_close", _("end by itself")
    REMINDER = "reminder", _("reminder")
    GRACE = "grace", _("time to come back")
    CEILING = "ceiling", _("longest wait")
    SNOOZE = "snooze", _("snoozed until")


class Timer(models.Model):
    """One deadline of one session. Setting it again moves it; cancelling deletes it."""

    session = models.ForeignKey(
        "queue_app.Session", on_delete=models.CASCADE, related_name="timers", db_index=False
    )
    kind = models.CharField(_("kind"), max_length=12, choices=TimerKind.choices)
    due_at = models.DateTimeField(_("due"))
    attempts = models.PositiveIntegerField(_("failed tries"), default=0, db_default=0)
    error = models.TextField(_("last error"), blank=True, db_default="")

    class Meta:
        verbose_name = _("timer")
        verbose_name_plural = _("timers")
        constraints = [
            models.UniqueConstraint(name="timer_once", fields=["session", "kind"]),
        ]
        indexes = [models.Index(name="timer_due", fields=["due_at"])]

    def __str__(self) -> str:
        return f"{self.kind} @ {self.due_at:%Y-%m-%d %H:%M:%S}"
