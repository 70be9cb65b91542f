"""Fields an administrator adds to contacts and leads."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy


class CustomField(models.Model):
    """The definition of one field. Its values are in `custom` of the record, by `key`."""

    class Record(models.TextChoices):
        CONTACT = "contact", gettext_lazy("Contact")
        LEAD = "lead", gettext_lazy("Lead")

    class Kind(models.TextChoices):
        TEXT = "text", gettext_lazy("Text")
        NUMBER = "number", gettext_lazy("Number")
        DATE = "date", gettext_lazy("Date")
        YES_NO = "yes_no", gettext_lazy("Yes or no")
        CHOICE = "choice", gettext_lazy("Choice from a list")

    record = models.CharField(gettext_lazy("belongs to"), max_length=7, choices=Record.choices)
    key = models.SlugField(max_length=40, editable=False)
    label = models.CharField(gettext_lazy("label"), max_length=120)
    kind = models.CharField(
        pgettext_lazy("of a field", "kind"), max_length=6, choices=Kind.choices, default=Kind.TEXT
    )
    choices = models.TextField(
        gettext_lazy("choices"),
        max_length=4000,
        blank=True,
        help_text=gettext_lazy("For a choice from a list: one a line."),
    )
    position = models.PositiveIntegerField(gettext_lazy("position"), default=0)

    class Meta:
        verbose_name = gettext_lazy("custom field")
        verbose_name_plural = gettext_lazy("custom fields")
        ordering = ["record", "position", "pk"]
        constraints = [
            models.UniqueConstraint(name="custom_field_key_once", fields=["record", "key"]),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def choice_list(self) -> list[str]:
        """The choices in their order, each once."""
        lines = (line.strip() for line in self.choices.splitlines())
        return list(dict.fromkeys(line for line in lines if line))

    def clean(self) -> None:
        wrong: dict[str, Any] = {}
        if self.kind == self.Kind.CHOICE and len(self.choice_list) < 2:
            wrong["choices"] = _("Write at least two choices, one a line.")
        if wrong:
            raise ValidationError(wrong)
