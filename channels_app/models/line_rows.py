"""Settings of a line that are lists: hours, holidays, exceptional days, automatic texts."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class Weekday(models.IntegerChoices):
    """Days as Python counts them."""

    MONDAY = 0, _("Monday")
    TUESDAY = 1, _("Tuesday")
    WEDNESDAY = 2, _("Wednesday")
    THURSDAY = 3, _("Thursday")
    FRIDAY = 4, _("Friday")
    SATURDAY = 5, _("Saturday")
    SUNDAY = 6, _("Sunday")


class WorkInterval(models.Model):
    """Open from `opens` to `closes`, in the line's time zone; it belongs to the day it begins.

    `closes` at or before `opens` means the following day; equal means 24 hours.
    """

    open_channel = models.ForeignKey(
        "channels_app.OpenChannel", on_delete=models.CASCADE, related_name="work_intervals",
        db_index=False,
    )  # fmt: skip
    weekday = models.PositiveSmallIntegerField(_("day"), choices=Weekday.choices)
    opens = models.TimeField(_("from"))
    closes = models.TimeField(_("to"))

    class Meta:
        verbose_name = _("working time")
        verbose_name_plural = _("working times")
        ordering = ["weekday", "opens"]
        constraints = [
            models.UniqueConstraint(
                name="work_interval_once", fields=["open_channel", "weekday", "opens"]
            ),
            models.CheckConstraint(
                name="work_interval_weekday", condition=Q(weekday__gte=0) & Q(weekday__lte=6)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.opens:%H:%M}-{self.closes:%H:%M}"


class Holiday(models.Model):
    """A day without working time: once, or on this day of every year."""

    open_channel = models.ForeignKey(
        "channels_app.OpenChannel", on_delete=models.CASCADE, related_name="holidays",
        db_index=False,
    )  # fmt: skip
    date = models.DateField(_("date"))
    every_year = models.BooleanField(_("every year"), default=False)
    name = models.CharField(_("name"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("holiday")
        verbose_name_plural = _("holidays")
        ordering = ["date"]
        constraints = [
            models.UniqueConstraint(name="holiday_once", fields=["open_channel", "date"]),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.date:%Y-%m-%d}"


class HoursException(models.Model):
    """Hours of one date that replace the weekly ones and a holiday; without times it is closed."""

    open_channel = models.ForeignKey(
        "channels_app.OpenChannel", on_delete=models.CASCADE, related_name="hours_exceptions",
        db_index=False,
    )  # fmt: skip
    date = models.DateField(_("date"))
    opens = models.TimeField(_("from"), null=True, blank=True)
    closes = models.TimeField(_("to"), null=True, blank=True)

    class Meta:
        verbose_name = _("exceptional day")
        verbose_name_plural = _("exceptional days")
        ordering = ["date", F("opens").asc(nulls_first=True)]
        constraints = [
            models.UniqueConstraint(
                name="hours_exception_once", fields=["open_channel", "date", "opens"]
            ),
            models.UniqueConstraint(
                name="hours_exception_closed_once",
                fields=["open_channel", "date"],
                condition=Q(opens__isnull=True),
            ),
            models.CheckConstraint(
                name="hours_exception_both_times",
                condition=Q(opens__isnull=True, closes__isnull=True)
                | Q(opens__isnull=False, closes__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.date:%Y-%m-%d}"


class TextKind(models.TextChoices):
    """The automatic texts of a line."""

    WELCOME = "welcome", _("Welcome")
    CONSENT = "consent", _("Consent")
    CLOSED = "closed", _("Out of hours")
    NO_ANSWER = "no_answer", _("Nobody answers")
    ENDING = "ending", _("Closing text")
    AUTO_CLOSE = "auto_close", _("Ended by itself")
    REMINDER = "reminder", _("Reminder")


class ServiceText(models.Model):
    """One automatic text. A kind without a row is not sent.

    `position` numbers the reminders (1 to 3) and is 0 for every other kind; `minutes` is how long
    after our answer a reminder is sent, null for every other kind.
    """

    open_channel = models.ForeignKey(
        "channels_app.OpenChannel", on_delete=models.CASCADE, related_name="service_texts",
        db_index=False,
    )  # fmt: skip
    kind = models.CharField(_("kind"), max_length=10, choices=TextKind.choices)
    position = models.PositiveSmallIntegerField(default=0)
    minutes = models.PositiveIntegerField(
        _("after"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(40320)],
    )
    text = models.TextField(_("text"), max_length=2000)

    class Meta:
        verbose_name = _("automatic text")
        verbose_name_plural = _("automatic texts")
        ordering = ["kind", "position"]
        constraints = [
            models.UniqueConstraint(
                name="service_text_once", fields=["open_channel", "kind", "position"]
            ),
            models.CheckConstraint(
                name="service_text_reminder_has_minutes",
                condition=Q(
                    kind="reminder", minutes__isnull=False, position__gte=1, position__lte=3
                )
                | (~Q(kind="reminder") & Q(minutes__isnull=True, position=0)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.position}"
