"""Leads: a list a sales person works in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm_app.admin.acting import acting_user
from crm_app.admin.exports import csv_response, in_time
from crm_app.models import Contact, Lead
from crm_app.selectors import contacts_search
from crm_app.services.leads import (
    lead_convert,
    lead_create,
    lead_junk,
    lead_status_set,
    lead_update,
)
from openlines_project.admin import CappedPaginator, ModelAdmin, ModelForm, shown
from openlines_project.lib.errors import ServiceError

CREATED = shown("created_at", gettext_lazy("Created"))
CLOSED = shown("closed_at", gettext_lazy("Closed"))


class OpenFilter(admin.SimpleListFilter):
    """Open leads are what is worked on."""

    title = gettext_lazy("open")
    parameter_name = "open"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Lead]
    ) -> list[tuple[str, str]]:
        return [("yes", _("Open")), ("no", _("Closed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Lead]) -> QuerySet[Lead]:
        if self.value() is None:
            return queryset
        return queryset.filter(closed_at__isnull=self.value() == "yes")


@admin.register(Lead)
class LeadAdmin(ModelAdmin[Lead]):
    """Statuses are changed by actions for many, on the page for one; both go through services."""

    list_display = ("name", "contact", "status", "source", "responsible", CREATED, CLOSED)
    list_filter = (OpenFilter, "status", "source", "responsible", "created_at")
    list_select_related = ("contact", "status", "source", "responsible")
    list_per_page = 50
    search_fields = ("title",)
    search_help_text = gettext_lazy("Title, contact, e-mail, or a phone in any spelling.")
    ordering = ("-pk",)
    sortable_by = ()
    paginator = CappedPaginator
    show_full_result_count = False
    actions = ("take_over", "convert", "junk", "export")
    autocomplete_fields = ("contact", "responsible")
    readonly_fields = (CREATED, CLOSED)

    @admin.display(description=gettext_lazy("Lead"))
    def name(self, lead: Lead) -> str:
        return str(lead)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Lead], search_term: str
    ) -> tuple[QuerySet[Lead], bool]:
        if not search_term.strip():
            return queryset, False
        contacts = contacts_search(Contact.objects.filter(pk=OuterRef("contact")), search_term)
        by_title = Q(title__icontains=search_term.strip())
        return queryset.filter(by_title | Exists(contacts)), False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        # From the card of a contact.
        return lookup == "contact__id__exact" or super().lookup_allowed(lookup, value, request)

    # --- many at once ---------------------------------------------------------------------

    @admin.action(description=gettext_lazy("Make me responsible"), permissions=["change"])
    def take_over(self, request: HttpRequest, queryset: QuerySet[Lead]) -> None:
        """The person who presses works on the chosen leads from now on."""
        for lead in queryset.order_by("pk"):
            lead_update(
                lead=lead, title=lead.title, source=lead.source, responsible=acting_user(request),
                now=timezone.now(),
            )  # fmt: skip
            self.log_change(request, lead, [{"changed": {"fields": ["responsible"]}}])
        count = queryset.count()
        words = ngettext("%(n)d lead is yours.", "%(n)d leads are yours.", count)
        messages.success(request, words % {"n": count})

    @admin.action(description=gettext_lazy("Convert"), permissions=["change"])
    def convert(self, request: HttpRequest, queryset: QuerySet[Lead]) -> None:
        """Won."""
        self._each(request, queryset, lead_convert)

    @admin.action(description=gettext_lazy("Mark as junk"), permissions=["change"])
    def junk(self, request: HttpRequest, queryset: QuerySet[Lead]) -> None:
        """No case at all."""
        self._each(request, queryset, lead_junk)

    def _each(self, request: HttpRequest, queryset: QuerySet[Lead], act: Any) -> None:
        done, refused = 0, 0
        for lead in queryset.order_by("pk"):
            try:
                act(lead=lead, actor=acting_user(request), now=timezone.now())
            except ServiceError:
                refused += 1
            else:
                self.log_change(request, lead, [{"changed": {"fields": ["status"]}}])
                done += 1
        if done:
            words = ngettext("%(n)d lead closed.", "%(n)d leads closed.", done)
            messages.success(request, words % {"n": done})
        if refused:
            words = ngettext(
                "%(n)d lead was closed before.", "%(n)d leads were closed before.", refused
            )
            messages.warning(request, words % {"n": refused})

    @admin.action(description=gettext_lazy("Export as CSV"), permissions=["view"])
    def export(self, request: HttpRequest, queryset: QuerySet[Lead]) -> HttpResponseBase:
        """The chosen leads as a file."""
        if not request.user.has_perm("crm_app.export_contact"):
            raise PermissionDenied

        def rows() -> Iterator[list[Any]]:
            for lead in queryset.order_by("pk").iterator(chunk_size=500):
                responsible = lead.responsible
                yield [
                    lead.pk, lead.title, lead.contact_id, lead.contact.name, lead.status,
                    lead.source or "", responsible.get_username() if responsible else "",
                    in_time(lead.created_at), in_time(lead.closed_at),
                ]  # fmt: skip

        header = ["id", "title", "contact id", "contact", "status", "source", "responsible",
                  "created", "closed"]  # fmt: skip
        return csv_response("leads", header, rows())

    # --- one ------------------------------------------------------------------------------

    def get_fields(self, request: HttpRequest, obj: Lead | None = None) -> Any:
        fields = ("contact", "title", "source", "responsible")
        return fields if obj is None else (*fields, "status", CREATED, CLOSED)

    def get_readonly_fields(self, request: HttpRequest, obj: Lead | None = None) -> Any:
        """A lead stays with its contact: merging moves it."""
        return self.readonly_fields if obj is None else (*self.readonly_fields, "contact")

    def save_model(
        self, request: HttpRequest, obj: Lead, form: ModelForm[Lead], change: bool
    ) -> None:
        now, data = timezone.now(), form.cleaned_data
        if not change:
            made = lead_create(
                contact=data["contact"], title=data["title"], source=data["source"],
                responsible=data["responsible"], actor=acting_user(request), made_by_line=False,
                now=now,
            )  # fmt: skip
            obj.pk = made.lead.pk
        else:
            stored = Lead.objects.get(pk=obj.pk)
            lead_update(
                lead=stored, title=data["title"], source=data["source"],
                responsible=data["responsible"], now=now,
            )  # fmt: skip
            try:
                lead_status_set(
                    lead=stored, status=data["status"], actor=acting_user(request), now=now
                )
            except ServiceError as error:
                messages.error(request, str(error.detail))
        obj.refresh_from_db()

    def has_delete_permission(self, request: HttpRequest, obj: Lead | None = None) -> bool:
        """A lead that is none is marked as junk; statistics count it."""
        return False
