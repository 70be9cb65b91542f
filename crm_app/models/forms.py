"""CRM forms: what a customer is asked for on a page of its own, and what was sent."""

from __future__ import annotations

from typing import Any

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy


class FieldKind(models.TextChoices):
    """What a field asks for. It decides the keyboard, the check and what the CRM does with it."""

    NAME = "name", gettext_lazy("Name")
    PHONE = "phone", gettext_lazy("Phone")
    EMAIL = "email", gettext_lazy("E-mail")
    TEXT = "text", gettext_lazy("Text, one line")
    LONG_TEXT = "long_text", gettext_lazy("Text, several lines")
    CHOICE = "choice", gettext_lazy("Choice from a list")


class CrmForm(models.Model):
    """A form and its texts. An empty text stands for ours, in the customer's language."""

    name = models.CharField(
        gettext_lazy("name"),
        max_length=120,
        help_text=gettext_lazy("For your team only. Customers never see it."),
    )
    language = models.CharField(
        gettext_lazy("language"),
        max_length=10,
        blank=True,
        choices=settings.LANGUAGES,
        help_text=gettext_lazy(
            "The language your texts are written in. Empty: the language of the open channel, "
            "for a form that has no texts of its own."
        ),
    )
    title = models.CharField(
        gettext_lazy("title"),
        max_length=120,
        blank=True,
        help_text=gettext_lazy("The heading of the page. Empty: “How can we reach you?”"),
    )
    intro = models.TextField(
        gettext_lazy("introduction"),
        max_length=1000,
        blank=True,
        help_text=gettext_lazy("What the customer reads before the fields."),
    )
    asks_consent = models.BooleanField(
        gettext_lazy("ask for consent"),
        default=True,
        help_text=gettext_lazy("The form is sent only with this box ticked."),
    )
    consent_text = models.TextField(
        gettext_lazy("consent"),
        max_length=2000,
        blank=True,
        help_text=gettext_lazy(
            "What the customer agrees to. Each submission keeps the words and the version that "
            "were shown. Empty: ours."
        ),
    )
    # Raised with each change of the consent, so that a submission tells what was agreed to.
    consent_version = models.PositiveIntegerField(
        gettext_lazy("version of the consent"), default=1, editable=False
    )
    privacy_url = models.CharField(
        gettext_lazy("address of the privacy policy"),
        max_length=300,
        blank=True,
        validators=[URLValidator(schemes=["https", "http"])],
    )
    thanks_text = models.TextField(
        gettext_lazy("thanks"),
        max_length=1000,
        blank=True,
        help_text=gettext_lazy("What the customer reads after sending. Empty: ours."),
    )
    needs_contact = models.BooleanField(
        gettext_lazy("phone or e-mail needed"),
        default=True,
        help_text=gettext_lazy("At least one of the two, even where neither is required alone."),
    )
    default_country = models.CharField(
        gettext_lazy("default country"),
        max_length=2,
        blank=True,
        help_text=gettext_lazy(
            "Two letters, such as BR. Phone numbers without a country code are read by it. "
            "Empty: the country of the open channel."
        ),
    )
    is_active = models.BooleanField(
        gettext_lazy("active"),
        default=True,
        help_text=gettext_lazy("The links of an inactive form say that it is closed."),
    )
    is_default = models.BooleanField(
        gettext_lazy("default"),
        default=False,
        help_text=gettext_lazy("Sent where no other form is named, to customers of its language."),
    )
    created_at = models.DateTimeField(gettext_lazy("created"), auto_now_add=True)

    class Meta:
        verbose_name = gettext_lazy("form")
        verbose_name_plural = gettext_lazy("forms")
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                name="crm_form_default_once",
                fields=["language"],
                condition=Q(is_default=True),
                violation_error_message=gettext_lazy(
                    "Another form is the default for this language."
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.default_country = self.default_country.strip().upper()
        wrong: dict[str, Any] = {}
        if self.default_country and self.default_country not in phonenumbers.SUPPORTED_REGIONS:
            wrong["default_country"] = _(
                "There is no country “%(code)s”. Use its two letters, such as BR."
            ) % {"code": self.default_country}
        if self.is_default and not self.is_active:
            wrong["is_active"] = _("The default form has to be active.")
        if wrong:
            raise ValidationError(wrong)


class CrmFormField(models.Model):
    """One field of a form. `key` names its value in the submissions and does not change."""

    form = models.ForeignKey(
        CrmForm,
        on_delete=models.CASCADE,
        related_name="fields",
        db_index=False,
    )
    position = models.PositiveIntegerField(gettext_lazy("position"), default=0)
    kind = models.CharField(
        pgettext_lazy("of a field", "kind"),
        max_length=10,
        choices=FieldKind.choices,
        default=FieldKind.TEXT,
    )
    key = models.SlugField(max_length=40, editable=False)
    label = models.CharField(
        gettext_lazy("label"),
        max_length=120,
        blank=True,
        help_text=gettext_lazy("Name, phone and e-mail need none."),
    )
    help_text = models.CharField(gettext_lazy("explanation"), max_length=200, blank=True)
    choices = models.TextField(
        gettext_lazy("choices"),
        max_length=4000,
        blank=True,
        help_text=gettext_lazy("For a choice from a list: one a line."),
    )
    is_required = models.BooleanField(gettext_lazy("required"), default=False)

    class Meta:
        verbose_name = gettext_lazy("field")
        verbose_name_plural = gettext_lazy("fields")
        ordering = ["form", "position", "pk"]
        constraints = [
            models.UniqueConstraint(name="crm_form_field_key_once", fields=["form", "key"]),
        ]

    def __str__(self) -> str:
        return self.shown_label

    @property
    def shown_label(self) -> str:
        """What stands above the field, in the language at hand."""
        return self.label or str(FieldKind(self.kind).label)

    @property
    def choice_list(self) -> list[str]:
        """The choices in their order, each once."""
        lines = (line.strip() for line in self.choices.splitlines())
        return list(dict.fromkeys(line for line in lines if line))

    def clean(self) -> None:
        wrong: dict[str, Any] = {}
        needs_label = self.kind in {FieldKind.TEXT, FieldKind.LONG_TEXT, FieldKind.CHOICE}
        if needs_label and not self.label.strip():
            wrong["label"] = _("Write what the customer is asked for.")
        if self.kind == FieldKind.CHOICE and len(self.choice_list) < 2:
            wrong["choices"] = _("Write at least two choices, one a line.")
        if wrong:
            raise ValidationError(wrong)


class FormSubmission(models.Model):
    """What a customer sent. A link is good for one: `token` is the link's own id.

    `data` has the values by the keys of the fields, `labels` what stood above them,
    `consent_text` the words that were agreed to. `context` is what the maker of the link put
    into it; nobody here looks inside.
    """

    form = models.ForeignKey(
        CrmForm,
        on_delete=models.PROTECT,
        related_name="submissions",
        verbose_name=gettext_lazy("form"),
    )
    token = models.CharField(max_length=32, unique=True)
    data = models.JSONField(default=dict)
    labels = models.JSONField(default=dict)
    consent_version = models.PositiveIntegerField(gettext_lazy("version of the consent"), null=True)
    consent_text = models.TextField(gettext_lazy("consent"), blank=True)
    language = models.CharField(gettext_lazy("language"), max_length=10)
    context = models.JSONField(default=dict)
    submitted_at = models.DateTimeField(gettext_lazy("sent"))
    # Which card is meant (of the link), and then whose it turned out to be.
    contact = models.ForeignKey(
        "crm_app.Contact",
        on_delete=models.SET_NULL,
        null=True,
        related_name="submissions",
        verbose_name=gettext_lazy("contact"),
    )
    lead = models.ForeignKey(
        "crm_app.Lead",
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("lead"),
    )
    # What the link says of leads: see FormLink.
    lead_rule = models.CharField(max_length=6, default="new")
    lead_source = models.ForeignKey(
        "crm_app.LeadSource", on_delete=models.SET_NULL, null=True, related_name="+"
    )
    # Null while nobody could be told of it: see form_submit.
    handed_on_at = models.DateTimeField(null=True)
    # When to try again; null when it is handed on.
    hand_on_due_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = gettext_lazy("form submission")
        verbose_name_plural = gettext_lazy("form submissions")
        ordering = ["-pk"]
        indexes = [
            models.Index(
                name="form_submission_hand_on",
                fields=["hand_on_due_at"],
                condition=Q(hand_on_due_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"
