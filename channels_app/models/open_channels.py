"""The open channel (line): one configured desk."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

MAX_RESPONSE_MINUTES = 12 * 60
# The longest silence that may be set: four weeks.
MAX_SILENCE_MINUTES = 28 * 24 * 60
MAX_GRACE_MINUTES = 24 * 60
MAX_CEILING_DAYS = 365


class Distribution(models.TextChoices):
    """How a new chat finds its operator."""

    EVENLY = "evenly", _("Evenly")
    STRICTLY = "strictly", _("Strictly in the order of the queue")
    EVERYBODY = "everybody", _("To everybody at once")


class ResponseMeans(models.TextChoices):
    """What an operator has to do within the response time."""

    ACCEPTING = "accepting", _("Accept the chat")
    REPLYING = "replying", _("Write the first reply")


class PlaceFreed(models.TextChoices):
    """When a chat stops counting for its operator's limit."""

    ENDING = "ending", _("When the chat ends")
    FIRST_REPLY = "first_reply", _("At his first reply")
    EVERY_REPLY = "every_reply", _("At every reply, until the customer writes again")


class AwayReturns(models.TextChoices):
    """When the answered chats of somebody who left go to the next operator."""

    ON_MESSAGE = "on_message", _("When the customer writes again")
    AT_ONCE = "at_once", _("At once")


class TransferMode(models.TextChoices):
    """How a chat reaches the colleague it is transferred to."""

    AT_ONCE = "at_once", _("It is his at once")
    MUST_ACCEPT = "must_accept", _("He has to accept it")


class OperatorShown(models.TextChoices):
    """What a customer sees of the person who answers."""

    PROFILE = "profile", _("Name and photo of the profile")
    ALIAS = "alias", _("A name for this line")
    NOTHING = "nothing", _("Nothing")


class NoAnswerAction(models.TextChoices):
    """What is done when nobody answers at all."""

    REQUEUE = "requeue", _("Put it back in the queue")
    TEXT = "text", _("Send a text")
    FORM = "form", _("Send a form for contact data")
    NOTHING = "nothing", _("Nothing")


class ClosedAction(models.TextChoices):
    """What a customer gets who writes out of hours."""

    NOTHING = "nothing", _("Nothing")
    TEXT = "text", _("Send a text")
    FORM = "form", _("Send a form for contact data")


class WelcomeWhen(models.TextChoices):
    """Which conversations begin with the welcome."""

    FIRST = "first", _("Only in a new conversation")
    EVERY = "every", _("In every chat")


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
    response_means = models.CharField(
        _("within the response time he has to"),
        max_length=9,
        choices=ResponseMeans.choices,
        default=ResponseMeans.ACCEPTING,
        db_default=ResponseMeans.ACCEPTING,
    )
    check_availability = models.BooleanField(
        _("check that the operator is available"),
        default=False,
        help_text=_("Only operators on duty get chats."),
    )
    demand_connection = models.BooleanField(
        _("the inbox must be open"),
        default=False,
        db_default=False,
        help_text=_("Who has no page of the inbox open gets no offers."),
    )
    away_returns = models.CharField(
        _("chats of somebody who left go to the next"),
        max_length=10,
        choices=AwayReturns.choices,
        default=AwayReturns.ON_MESSAGE,
        db_default=AwayReturns.ON_MESSAGE,
        help_text=_("Chats he has answered. What he has not answered goes on at once."),
    )
    prefer_last_operator = models.BooleanField(
        _("prefer the last operator of a returning customer"),
        default=False,
        db_default=False,
        help_text=_("He is asked first, when he can take the chat."),
    )
    max_chats = models.PositiveIntegerField(
        _("most chats per operator"),
        default=0,
        help_text=_("0 means no limit."),
    )
    place_freed = models.CharField(
        _("a place is free again"),
        max_length=11,
        choices=PlaceFreed.choices,
        default=PlaceFreed.ENDING,
        db_default=PlaceFreed.ENDING,
    )
    transfer_mode = models.CharField(
        _("a transferred chat"),
        max_length=11,
        choices=TransferMode.choices,
        default=TransferMode.AT_ONCE,
        db_default=TransferMode.AT_ONCE,
    )
    operator_shown = models.CharField(
        _("what the customer sees of the operator"),
        max_length=7,
        choices=OperatorShown.choices,
        default=OperatorShown.PROFILE,
        db_default=OperatorShown.PROFILE,
    )
    ask_before_ending = models.BooleanField(
        _("ask before ending"),
        default=False,
        db_default=False,
        help_text=_("The button that ends a chat asks once more."),
    )

    # --- nobody answers -------------------------------------------------------------------
    no_answer_action = models.CharField(
        _("when nobody answers"),
        max_length=7,
        choices=NoAnswerAction.choices,
        default=NoAnswerAction.REQUEUE,
        db_default=NoAnswerAction.REQUEUE,
    )
    no_answer_minutes = models.PositiveIntegerField(
        _("no answer after"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_RESPONSE_MINUTES)],
        help_text=_("Minutes. Empty: when every member of the queue has let the chat pass."),
    )
    no_answer_in_hours = models.BooleanField(
        _("count only working time"),
        default=False,
        db_default=False,
        help_text=_("The minutes stand still while the line is closed."),
    )

    # --- working hours: the intervals and days are rows -----------------------------------
    has_hours = models.BooleanField(
        _("working hours"),
        default=False,
        db_default=False,
        help_text=_("Off: the line is always open."),
    )
    holiday_country = models.CharField(
        _("holidays of"), max_length=2, blank=True, default="", db_default=""
    )
    holiday_subdivision = models.CharField(
        _("region"), max_length=10, blank=True, default="", db_default=""
    )
    closed_action = models.CharField(
        _("out of hours"),
        max_length=7,
        choices=ClosedAction.choices,
        default=ClosedAction.NOTHING,
        db_default=ClosedAction.NOTHING,
    )
    distribute_closed = models.BooleanField(
        _("distribute chats out of hours"),
        default=True,
        db_default=True,
        help_text=_("Off: chats wait for the opening."),
    )

    # --- texts and ending: the texts are rows ---------------------------------------------
    welcome_when = models.CharField(
        _("welcome"),
        max_length=5,
        choices=WelcomeWhen.choices,
        default=WelcomeWhen.FIRST,
        db_default=WelcomeWhen.FIRST,
    )
    consent_url = models.URLField(_("page of the consent"), blank=True, default="", db_default="")
    auto_close_minutes = models.PositiveIntegerField(
        _("end by itself after"),
        default=240,
        db_default=240,
        validators=[MaxValueValidator(MAX_SILENCE_MINUTES)],
        help_text=_("Minutes of silence after our answer. 0 means never."),
    )
    grace_minutes = models.PositiveIntegerField(
        _("time to come back"),
        default=10,
        db_default=10,
        validators=[MaxValueValidator(MAX_GRACE_MINUTES)],
        help_text=_("Minutes. Who writes within them after the end continues the same chat."),
    )
    ceiling_days = models.PositiveIntegerField(
        _("end waiting chats after"),
        default=30,
        db_default=30,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_CEILING_DAYS)],
        help_text=_("Days. A chat that waits for us this long is ended with a note."),
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
            models.CheckConstraint(
                name="open_channel_no_answer_minutes_in_range",
                condition=models.Q(no_answer_minutes__isnull=True)
                | models.Q(no_answer_minutes__gte=1)
                & models.Q(no_answer_minutes__lte=MAX_RESPONSE_MINUTES),
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
