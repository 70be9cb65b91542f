"""The open channel (line): one configured desk."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

MAX_RESPONSE_MINUTES = 12 * 60


class Distribution(models.TextChoices):
    """How a new chat finds its operator."""

    EVENLY = "evenly", _("Evenly")
    STRICTLY = "strictly", _("Strictly in the order of the queue")


class OpenChannel(models.Model):
    """A line. Its internal name is for the staff; no customer ever sees it."""

    name = models.CharField(
        _("name"),
        max_length=120,
        help_text=_("For your team only. Customers never see it."),
    )
    public_name = models.CharField(
        _("public name"),
        max_length=120,
        blank=True,
        help_text=_("What customers see. Empty: the name of the company."),
    )
    is_active = models.BooleanField(
        _("active"),
        default=True,
        help_text=_("An inactive line keeps what customers write and offers it to nobody."),
    )
    language = models.CharField(
        _("language"),
        max_length=10,
        choices=settings.LANGUAGES,
        default="en",
        help_text=_("The language of the automatic texts and of the live chat."),
    )
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    default_country = models.CharField(
        _("default country"),
        max_length=2,
        blank=True,
        help_text=_(
            "Two letters, such as BR. Phone numbers without a country code are read by it."
        ),
    )
    distribution = models.CharField(
        _("distribution"),
        max_length=10,
        choices=Distribution.choices,
        default=Distribution.EVENLY,
    )
    response_minutes = models.PositiveIntegerField(
        _("response time"),
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_RESPONSE_MINUTES)],
        help_text=_("Minutes. A chat that was not accepted by then goes to the next operator."),
    )
    check_availability = models.BooleanField(
        _("check that the operator is available"),
        default=False,
        help_text=_("Only operators on duty get chats."),
    )
    max_chats = models.PositiveIntegerField(
        _("most chats per operator"),
        default=0,
        help_text=_("0 means no limit. A place is free again when a chat ends."),
    )
    # Raised by every change of the settings: the second of two editors is told.
    version = models.PositiveIntegerField(default=1, editable=False)
    archived_at = models.DateTimeField(_("archived"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("open channel")
        verbose_name_plural = _("open channels")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="open_channel_response_minutes_in_range",
                condition=models.Q(response_minutes__gte=1)
                & models.Q(response_minutes__lte=MAX_RESPONSE_MINUTES),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_open_for_work(self) -> bool:
        """Whether chats are distributed and answers go out."""
        return self.is_active and self.archived_at is None

    @property
    def customer_name(self) -> str:
        """What a customer may read as the name of the line."""
        return self.public_name or settings.COMPANY_NAME
