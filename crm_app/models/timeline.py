"""The history of a contact and its leads: references to what happened, and notes of people."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy, pgettext_lazy


class EntryKind(models.TextChoices):
    """What an entry is, for its icon and for filters."""

    SESSION = "session", gettext_lazy("Chat")
    NOTE = "note", gettext_lazy("Note")
    CALL = "call", gettext_lazy("Call")
    FORM = "form", gettext_lazy("Form")
    LEAD = "lead", gettext_lazy("Lead")
    CARD = "card", gettext_lazy("Card")


class TimelineEntry(models.Model):
    """One thing that happened. What it looks like is asked of its `source` when it is shown.

    `source` and `source_key` name the thing ("session", "17"); a note of a person has no key and
    says everything in `text`. `search_text` is in lower case, written when the thing is over.
    """

    contact = models.ForeignKey(
        "crm_app.Contact", on_delete=models.CASCADE, related_name="timeline", db_index=False
    )
    lead = models.ForeignKey(
        "crm_app.Lead", on_delete=models.SET_NULL, null=True, blank=True, related_name="timeline"
    )
    kind = models.CharField(
        pgettext_lazy("of an entry", "kind"), max_length=10, choices=EntryKind.choices
    )
    occurred_at = models.DateTimeField(gettext_lazy("when"))
    title = models.CharField(gettext_lazy("title"), max_length=300, blank=True)
    text = models.TextField(gettext_lazy("text"), blank=True, db_default="")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=gettext_lazy("author"),
    )
    source = models.CharField(max_length=32)
    source_key = models.CharField(max_length=64, null=True)  # noqa: DJ001  a note has none
    search_text = models.TextField(blank=True, db_default="")

    class Meta:
        verbose_name = gettext_lazy("entry of the history")
        verbose_name_plural = gettext_lazy("entries of the history")
        ordering = ["-occurred_at", "-pk"]
        constraints = [
            models.UniqueConstraint(name="timeline_source_once", fields=["source", "source_key"]),
        ]
        indexes = [
            models.Index(name="timeline_of_contact", fields=["contact", "-occurred_at", "-id"]),
        ]

    def __str__(self) -> str:
        return self.title
