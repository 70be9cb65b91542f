"""Contacts: a list to work in, the card, and the ways on from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm_app.admin.acting import acting_user
from crm_app.admin.contact_form import CUSTOM_PREFIX, contact_form_class, custom_fields
from crm_app.admin.contact_pages import ContactPages
from crm_app.admin.exports import csv_response, in_time
from crm_app.models import EMAIL, PHONE, Contact
from crm_app.selectors import contacts_current, contacts_search
from crm_app.services.contacts import responsible_set
from openlines_project.admin import CappedPaginator, ModelForm, shown

LAST_ACTIVITY = shown("last_activity_at", gettext_lazy("Last activity"))
CREATED = shown("created_at", gettext_lazy("Created"))


@admin.register(Contact)
class ContactAdmin(ContactPages):
    """Cards that were merged or erased are not in the list."""

    list_display = ("title", "company", "phones", "emails", "responsible", LAST_ACTIVITY)
    list_filter = ("responsible", "created_at", "last_activity_at")
    list_select_related = ("responsible",)
    list_per_page = 50
    search_fields = ("name",)
    search_help_text = gettext_lazy("Name, company, e-mail, or a phone in any spelling.")
    ordering = ("-pk",)
    sortable_by = ()
    paginator = CappedPaginator
    show_full_result_count = False
    actions = ("take_over", "merge", "export")
    autocomplete_fields = ("responsible",)
    readonly_fields = ("identities", "ways_on", CREATED, LAST_ACTIVITY)
    change_list_template = "admin/openlines/contact_list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contact]:
        return contacts_current().prefetch_related("points").order_by("-pk")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Contact], search_term: str
    ) -> tuple[QuerySet[Contact], bool]:
        return contacts_search(queryset, search_term), False

    # --- the list -------------------------------------------------------------------------

    @admin.display(description=gettext_lazy("Name"))
    def title(self, contact: Contact) -> str:
        return str(contact)

    @admin.display(description=gettext_lazy("Phone"))
    def phones(self, contact: Contact) -> str:
        return self._points(contact, PHONE)

    @admin.display(description=gettext_lazy("E-mail"))
    def emails(self, contact: Contact) -> str:
        return self._points(contact, EMAIL)

    def _points(self, contact: Contact, kind: str) -> str:
        # Of the prefetched rows: another filter would be another query.
        return ", ".join(row.value for row in contact.points.all() if row.kind == kind)

    @admin.action(description=gettext_lazy("Make me responsible"), permissions=["change"])
    def take_over(self, request: HttpRequest, queryset: QuerySet[Contact]) -> None:
        """The person who presses answers for the chosen clients from now on."""
        count = 0
        for contact in queryset.order_by("pk"):
            responsible_set(contact=contact, user=acting_user(request), now=timezone.now())
            self.log_change(request, contact, [{"changed": {"fields": ["responsible"]}}])
            count += 1
        words = ngettext("%(n)d contact is yours.", "%(n)d contacts are yours.", count)
        messages.success(request, words % {"n": count})

    @admin.action(description=gettext_lazy("Merge two contacts"), permissions=["change"])
    def merge(self, request: HttpRequest, queryset: QuerySet[Contact]) -> HttpResponse | None:
        """Shows what would move, before anything does."""
        chosen = list(queryset.order_by("pk").values_list("pk", flat=True)[:3])
        if len(chosen) != 2:
            messages.error(request, _("Choose exactly two contacts."))
            return None
        page = reverse("admin:crm_app_contact_merge", args=chosen)
        return HttpResponseRedirect(page)

    @admin.action(description=gettext_lazy("Export as CSV"), permissions=["view"])
    def export(self, request: HttpRequest, queryset: QuerySet[Contact]) -> HttpResponseBase:
        """The chosen contacts as a file that can be imported again."""
        if not request.user.has_perm("crm_app.export_contact"):
            raise PermissionDenied
        keys = [field.key for field in custom_fields()]
        header = ["id", "name", "company", "phone", "email", "responsible", "created",
                  "last activity", *keys]  # fmt: skip

        def rows() -> Iterator[list[Any]]:
            chosen = queryset.select_related("responsible").prefetch_related("points")
            for contact in chosen.order_by("pk").iterator(chunk_size=500):
                points = list(contact.points.all())
                yield [
                    contact.pk, contact.name, contact.company,
                    "; ".join(row.value for row in points if row.kind == PHONE),
                    "; ".join(row.value for row in points if row.kind == EMAIL),
                    contact.responsible.get_username() if contact.responsible else "",
                    in_time(contact.created_at), in_time(contact.last_activity_at),
                    *(contact.custom.get(key, "") for key in keys),
                ]  # fmt: skip

        return csv_response("contacts", header, rows())

    # --- the card -------------------------------------------------------------------------

    def get_form(
        self, request: HttpRequest, obj: Contact | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        kwargs["form"] = contact_form_class(custom_fields())
        # The names of the form's own fields are none of the model's.
        kwargs["fields"] = ("name", "company", "responsible")
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Contact | None = None) -> Any:
        more = tuple(f"{CUSTOM_PREFIX}{field.key}" for field in custom_fields())
        card: tuple[Any, ...] = ("name", "company", "responsible", *more)
        reach: tuple[Any, ...] = ("phones", "emails")
        if obj is not None:
            card = ("ways_on", *card, CREATED, LAST_ACTIVITY)
            reach = (*reach, "identities")
        return (
            (None, {"fields": card}),
            (gettext_lazy("How to reach the person"), {"fields": reach}),
        )

    @admin.display(description=gettext_lazy("Messengers"))
    def identities(self, contact: Contact) -> str:
        rows = [row for row in contact.points.all() if row.is_identity]
        return ", ".join(f"{row.kind}: {row.value}" for row in rows) or "—"

    @admin.display(description=gettext_lazy("More"))
    def ways_on(self, contact: Contact) -> SafeString:
        ways = [
            ("timeline", _("History and notes")),
            ("split", _("Split off a wrong match")),
            ("data", _("Everything as data")),
            ("erase", _("Erase for good")),
        ]
        links = [
            (reverse(f"admin:crm_app_contact_{name}", args=[contact.pk]), label)
            for name, label in ways
        ]
        leads = reverse("admin:crm_app_lead_changelist") + f"?contact__id__exact={contact.pk}"
        return format_html_join(" · ", '<a href="{}">{}</a>', [(leads, _("Leads")), *links])

    def save_model(
        self, request: HttpRequest, obj: Contact, form: ModelForm[Contact], change: bool
    ) -> None:
        others = form.save_by_services(  # type: ignore[attr-defined]
            contact=obj, is_new=not change, now=timezone.now()
        )
        for other in dict.fromkeys(others):
            page = reverse("admin:crm_app_contact_merge", args=sorted((obj.pk, other)))
            words = format_html(
                '<a href="{}">{}</a>', page, _("Another contact has this too. Compare the two.")
            )
            messages.warning(request, words)

    def has_delete_permission(self, request: HttpRequest, obj: Contact | None = None) -> bool:
        """Erasing keeps the figures and leaves a tombstone; deleting would do neither."""
        return False
