"""Leads: sales cases of a contact, with the lists an administrator edits."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy


class Stage(models.TextChoices):
    """What a status means to the product, whatever it is called."""

    NEW = "new", gettext_lazy("New")
    IN_WORK = "in_work", gettext_lazy("In work")
    CONVERTED = "converted", gettext_lazy("Converted")
    JUNK = "junk", gettext_lazy("Junk")


OPEN_STAGES = frozenset({Stage.NEW, Stage.IN_WORK})


class LeadStatus(models.Model):
    """A status of leads. The first of a stage is the one the product sets by itself."""

    name = models.CharField(
        gettext_lazy("name"),
        max_length=80,
        blank=True,
        help_text=gettext_lazy("Empty: the name of its stage."),
    )
    stage = models.CharField(gettext_lazy("stage"), max_length=10, choices=Stage.choices)
    position = models.PositiveIntegerField(gettext_lazy("position"), default=0)

    class Meta:
        verbose_name = gettext_lazy("lead status")
        verbose_name_plural = gettext_lazy("lead statuses")
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.name or str(Stage(self.stage).label)

    @property
    def is_open(self) -> bool:
        """Whether a lead with this status is still worked on."""
        return self.stage in OPEN_STAGES


class LeadSource(models.Model):
    """Where leads come from. `key` names those the product makes and finds by itself."""

    OPEN_CHANNEL = "open_channel"

    name = models.CharField(gettext_lazy("name"), max_length=120, blank=True)
    key = models.CharField(  # noqa: DJ001  empty would not be unique
        max_length=80, unique=True, null=True, editable=False
    )
    position = models.PositiveIntegerField(gettext_lazy("position"), default=0)

    class Meta:
        verbose_name = gettext_lazy("lead source")
        verbose_name_plural = gettext_lazy("lead sources")
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        if not self.name and self.key == self.OPEN_CHANNEL:
            return str(gettext_lazy("Open channel"))
        return self.name or f"#{self.pk}"


class Lead(models.Model):
    """A sales case. It always has a contact.

    `made_by_line` is true of leads that began in a chat, by themselves or by an operator's
    button: of these a contact has one that is open, whatever the number of channels.
    """

    contact = models.ForeignKey(
        "crm_app.Contact",
        on_delete=models.PROTECT,
        related_name="leads",
        verbose_name=gettext_lazy("contact"),
    )
    title = models.CharField(gettext_lazy("title"), max_length=200, blank=True)
    status = models.ForeignKey(
        LeadStatus,
        on_delete=models.PROTECT,
        related_name="leads",
        verbose_name=gettext_lazy("status"),
    )
    source = models.ForeignKey(
        LeadSource,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="leads",
        verbose_name=gettext_lazy("source"),
    )
    responsible = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=gettext_lazy("responsible"),
    )
    made_by_line = models.BooleanField(default=False, editable=False)
    # What the maker calls the place it began, such as "open_channel:3"; nobody here looks inside.
    origin = models.CharField(max_length=64, blank=True, db_default="", editable=False)
    custom = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(gettext_lazy("created"))
    changed_at = models.DateTimeField(gettext_lazy("changed"))
    # Set while its status is converted or junk.
    closed_at = models.DateTimeField(gettext_lazy("closed"), null=True, blank=True)

    class Meta:
        verbose_name = gettext_lazy("lead")
        verbose_name_plural = gettext_lazy("leads")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                name="lead_open_once",
                fields=["contact"],
                condition=Q(made_by_line=True, closed_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(name="lead_by_origin", fields=["origin", "-created_at"]),
            models.Index(name="lead_by_time", fields=["-created_at"]),
        ]

    def __str__(self) -> str:
        return self.title or f"#{self.pk}"
