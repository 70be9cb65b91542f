"""What customers sent by forms: to read. It is the proof of their consent, so nobody changes it."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm_app.models import FormSubmission
from openlines_project.admin import CappedPaginator, ReadOnlyAdmin, shown
from openlines_project.lib.text import neutral_name

SUBMITTED = shown("submitted_at", gettext_lazy("Sent"))
FORM = shown("form", gettext_lazy("Form"))
CONSENT_VERSION = shown("consent_version", gettext_lazy("Version of the consent"))
CONSENT = shown("consent_text", gettext_lazy("Consent"))
CONTACT = shown("contact", gettext_lazy("Contact"))
LEAD = shown("lead", gettext_lazy("Lead"))
PAGE: Any = (
    SUBMITTED, FORM, "answers", CONTACT, LEAD, CONSENT_VERSION, CONSENT, "origin", "state"
)  # fmt: skip


@admin.register(FormSubmission)
class FormSubmissionAdmin(ReadOnlyAdmin[FormSubmission]):
    """The newest first, by form."""

    list_display = (SUBMITTED, FORM, "summary", CONTACT, "state")
    list_filter = ("form", "submitted_at")
    list_select_related = ("form", "contact")
    ordering = ("-pk",)
    sortable_by = ()
    list_per_page = 50
    paginator = CappedPaginator
    show_full_result_count = False
    fields = PAGE
    readonly_fields = PAGE

    @admin.display(description=gettext_lazy("What was sent"))
    def summary(self, submission: FormSubmission) -> str:
        values = [neutral_name(str(value)) for value in submission.data.values()]
        return Truncator(", ".join(values)).chars(120)

    @admin.display(description=gettext_lazy("What was sent"))
    def answers(self, submission: FormSubmission) -> SafeString:
        rows = format_html_join(
            "",
            "<dt>{}</dt><dd>{}</dd>",
            ((submission.labels.get(key, key), value) for key, value in submission.data.items()),
        )
        return format_html("<dl>{}</dl>", rows)

    @admin.display(description=gettext_lazy("Came with the link"))
    def origin(self, submission: FormSubmission) -> str:
        return json.dumps(submission.context, ensure_ascii=False)

    @admin.display(description=gettext_lazy("State"))
    def state(self, submission: FormSubmission) -> str:
        return _("handed on") if submission.handed_on_at else _("waits to be handed on")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Nobody guesses at links or answers by filtering the list."""
        hidden = ("token", "data", "context")
        return not lookup.startswith(hidden) and super().lookup_allowed(lookup, value, request)
