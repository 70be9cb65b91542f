"""Pages of a contact beside his card: history, merging, splitting, import, data, erasing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from crm_app.admin.acting import acting_user
from crm_app.models import Contact, TimelineEntry
from crm_app.selectors import contacts_current
from crm_app.services.imports import MAX_ROWS, contacts_import
from crm_app.services.merging import contact_split, contacts_merge, contacts_merge_preview
from crm_app.services.privacy import contact_erase, contact_export
from crm_app.services.timeline import call_add, note_add
from crm_app.timeline import entries_render
from crm_app.timeline_search import timeline_search
from openlines_project.admin import ModelAdmin
from openlines_project.lib.errors import ServiceError
from openlines_project.lib.people import person_name
from openlines_project.lib.tables import TableError, csv_read

PER_PAGE = 100
# The second step sends it as a form, in which a byte may become three.
IMPORT_BYTES = 1024 * 1024


class ContactPages(ModelAdmin[Contact]):
    """The addresses and what they answer; each asks for its own right."""

    def get_urls(self) -> list[URLPattern]:
        pages: list[tuple[str, Callable[..., HttpResponse], str]] = [
            ("<int:pk>/timeline/", self.timeline_view, "timeline"),
            ("<int:pk>/split/", self.split_view, "split"),
            ("<int:pk>/data/", self.data_view, "data"),
            ("<int:pk>/erase/", self.erase_view, "erase"),
            ("merge/<int:first>/<int:second>/", self.merge_view, "merge"),
            ("import/", self.import_view, "import"),
        ]
        ours = [
            path(route, self.admin_site.admin_view(view), name=f"crm_app_contact_{name}")
            for route, view, name in pages
        ]
        return [*ours, *super().get_urls()]

    # --- history --------------------------------------------------------------------------

    def timeline_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Everything that happened, searchable; `?format=text` is a file of it."""
        contact = self._contact(request, pk, "view")
        if request.method == "POST":
            return self._note(request, contact)
        entries = contact.timeline.select_related("lead", "author")
        words = request.GET.get("q", "").strip()[:200]
        if words:
            entries = timeline_search(entries, words)
        as_text = request.GET.get("format") == "text"
        rows: list[TimelineEntry] = list(entries if as_text else entries[: PER_PAGE + 1])
        has_more = not as_text and len(rows) > PER_PAGE
        rows = rows if as_text else rows[:PER_PAGE]
        looks = entries_render(rows, request.user)
        shown = [
            {"entry": entry, "look": look, "author": person_name(entry.author)}
            for entry, look in zip(rows, looks, strict=True)
        ]
        if as_text:
            return _text_file(contact, shown)
        return self._page(
            request, "contact_timeline.html", contact, _("History of %s") % contact,
            {"shown": shown, "words": words, "has_more": has_more, "per_page": PER_PAGE},
        )  # fmt: skip

    def _note(self, request: HttpRequest, contact: Contact) -> HttpResponse:
        self._may(request, "change")
        add = call_add if request.POST.get("kind") == "call" else note_add
        try:
            add(
                contact=contact, text=request.POST.get("text", ""), author=acting_user(request),
                now=timezone.now(),
            )  # fmt: skip
        except ServiceError as error:
            messages.error(request, str(error.detail))
        return HttpResponseRedirect(request.path)

    # --- one person, one card -------------------------------------------------------------

    def merge_view(self, request: HttpRequest, first: int, second: int) -> HttpResponse:
        """What would move to the first card; `?keep=<number>` keeps the other one."""
        self._may(request, "change")
        if not request.user.has_perm("crm_app.merge_contact"):
            raise PermissionDenied
        keep = second if request.GET.get("keep") == str(second) else first
        winner = self._contact(request, keep, "change")
        loser = self._contact(request, first + second - keep, "change")
        try:
            if request.method == "POST":
                contacts_merge(
                    winner=winner, loser=loser, actor=acting_user(request), now=timezone.now()
                )
                self.log_change(request, winner, _("Merged with #%d.") % loser.pk)
                messages.success(request, _("The two contacts are one now."))
                return HttpResponseRedirect(_card(winner))
            preview = contacts_merge_preview(winner=winner, loser=loser)
        except ServiceError as error:
            messages.error(request, str(error.detail))
            return HttpResponseRedirect(reverse("admin:crm_app_contact_changelist"))
        other = reverse("admin:crm_app_contact_merge", args=[first, second])
        return self._page(
            request, "contact_merge.html", winner, _("Merge two contacts"),
            {"preview": preview, "other_url": f"{other}?keep={loser.pk}"},
        )  # fmt: skip

    def split_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Choose which points go to a card of their own."""
        contact = self._contact(request, pk, "change")
        if not request.user.has_perm("crm_app.merge_contact"):
            raise PermissionDenied
        if request.method == "POST":
            chosen = [int(text) for text in request.POST.getlist("points") if text.isdecimal()]
            try:
                new = contact_split(
                    contact=contact, point_ids=chosen, actor=acting_user(request),
                    now=timezone.now(), name=request.POST.get("name", ""),
                )  # fmt: skip
            except ServiceError as error:
                messages.error(request, str(error.detail))
                return HttpResponseRedirect(request.path)
            self.log_change(request, contact, _("Split off #%d.") % new.pk)
            messages.success(request, _("This is the new card."))
            return HttpResponseRedirect(_card(new))
        context = {"points": list(contact.points.all())}
        return self._page(request, "contact_split.html", contact, _("Split off a match"), context)

    # --- privacy --------------------------------------------------------------------------

    def data_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Everything the card index has of a person, as a file. POST: it stands in the history."""
        contact = self._contact(request, pk, "view")
        if not request.user.has_perm("crm_app.export_contact"):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self.log_change(request, contact, _("Exported."))
        response = JsonResponse(
            contact_export(contact=contact), json_dumps_params={"ensure_ascii": False, "indent": 2}
        )
        response["Content-Disposition"] = f'attachment; filename="contact-{contact.pk}.json"'
        response["Cache-Control"] = "no-store"
        return response

    def erase_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Asks once more, because it cannot be undone."""
        contact = self._contact(request, pk, "change")
        if not request.user.has_perm("crm_app.erase_contact"):
            raise PermissionDenied
        if request.method == "POST":
            contact_erase(contact=contact, now=timezone.now())
            contact.refresh_from_db()
            self.log_change(request, contact, _("Erased."))
            messages.success(request, _("Nothing of this person is left on the card."))
            return HttpResponseRedirect(reverse("admin:crm_app_contact_changelist"))
        context = {"leads": contact.leads.count(), "entries": contact.timeline.count()}
        return self._page(request, "contact_erase.html", contact, _("Erase for good"), context)

    # --- import ---------------------------------------------------------------------------

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """A file is checked first; the page then carries it to the second step."""
        self._may(request, "add")
        self._may(request, "change")
        country = request.POST.get("country", "").strip().upper()[:2]
        context: dict[str, Any] = {"country": country, "most": MAX_ROWS, "text": ""}
        if request.method == "POST":
            upload = request.FILES.get("file")
            raw = upload.read(IMPORT_BYTES + 1) if upload else request.POST.get("text", "").encode()
            try:
                if len(raw) > IMPORT_BYTES:
                    raise TableError("size")
                columns, rows = csv_read(raw)
                is_check = upload is not None
                report = contacts_import(
                    columns=columns, rows=rows, country=country, now=timezone.now(),
                    dry_run=is_check,
                )  # fmt: skip
            except TableError as error:
                messages.error(request, _file_sentence(str(error)))
            except ServiceError as error:
                messages.error(request, str(error.detail))
            else:
                context |= {"report": report, "is_check": is_check, "new": report.count("new"),
                            "extended": report.count("extended"),
                            "wrong": report.count("error")}  # fmt: skip
                if is_check:
                    context["text"] = raw.decode("utf-8", "replace").lstrip("\ufeff")
        return self._page(request, "contact_import.html", None, _("Import contacts"), context)

    # --- shared ---------------------------------------------------------------------------

    def _may(self, request: HttpRequest, verb: str) -> None:
        if not request.user.has_perm(f"crm_app.{verb}_contact"):
            raise PermissionDenied

    def _contact(self, request: HttpRequest, pk: int, verb: str) -> Contact:
        """A card that is there. Raises `PermissionDenied` first, so nobody learns which are."""
        self._may(request, verb)
        contact = contacts_current().filter(pk=pk).first()
        if contact is None:
            raise Http404
        return contact

    def _page(
        self,
        request: HttpRequest,
        template: str,
        contact: Contact | None,
        title: str,
        context: dict[str, Any],
    ) -> HttpResponse:
        base = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "contact": contact,
            "may_change": request.user.has_perm("crm_app.change_contact"),
            "back_url": _card(contact) if contact else reverse(
                "admin:crm_app_contact_changelist"
            ),
        }  # fmt: skip
        return TemplateResponse(request, f"admin/openlines/{template}", base | context)


def _card(contact: Contact) -> str:
    return reverse("admin:crm_app_contact_change", args=[contact.pk])


def _file_sentence(code: str) -> str:
    return {
        "encoding": _("Save the file as CSV in UTF-8."),
        "empty": _("The file is empty."),
        "columns": _("The first line has to name the columns, each once."),
        "size": _("The file is too big. Import it in parts."),
    }[code]


def _text_file(contact: Contact, shown: list[dict[str, Any]]) -> HttpResponse:
    """The history in plain text, the oldest first, as one reads it."""
    parts = [str(contact)]
    for row in reversed(shown):
        moment = timezone.localtime(row["entry"].occurred_at)
        by = f", {row['author']}" if row["author"] else ""
        parts.append(f"\n{moment:%Y-%m-%d %H:%M} {row['look'].title}{by}")
        parts += [f"  {who}: {words}" if who else f"  {words}" for who, words in row["look"].lines]
    response = HttpResponse("\n".join(parts) + "\n", content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="contact-{contact.pk}.txt"'
    response["Cache-Control"] = "no-store"
    return response
