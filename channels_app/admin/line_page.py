"""The page of a line: one form, its settings in tabs, its connectors as tiles, its preview."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from channels_app.admin.line_form import LineForm
from channels_app.admin.line_preview import preview_context
from channels_app.admin.line_words import unit_label
from channels_app.admin.tabs import TAB_FORMS
from channels_app.admin.tabs.hours import calendar_year, subdivision_widget
from channels_app.admin.tiles import NEEDS_ATTENTION, connector_tiles, kind_tiles
from channels_app.models import OpenChannel
from channels_app.services.errors import ConflictError, ServiceError
from channels_app.services.open_channels import open_channel_update
from openlines_project.admin import ModelAdmin
from queue_app.admin.members import QueueMembers
from queue_app.admin.preview import open_state
from queue_app.models import LineNotice

# Every tab in the order of the page. The channels are no form: their tiles have own pages.
TABS: dict[str, Any] = {form.NAME: form.LABEL for form in TAB_FORMS}
TABS = {"general": TABS["general"], "channels": gettext_lazy("Channels"), **TABS}


class LinePage(ModelAdmin[OpenChannel]):
    """The change page of a line, and what it asks for while it is open."""

    def line_or_404(self, request: HttpRequest, pk: Any) -> OpenChannel:
        """The line of an address. Raises `Http404` and `PermissionDenied`."""
        open_channel = self.get_object(request, str(pk))
        if open_channel is None:
            raise Http404
        if not self.has_view_or_change_permission(request, open_channel):
            raise PermissionDenied
        return open_channel

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        open_channel = self.line_or_404(request, object_id)
        if request.method != "POST":
            return self._page(request, LineForm(open_channel), QueueMembers(open_channel))
        if not self.has_change_permission(request, open_channel):
            raise PermissionDenied
        form = LineForm(open_channel, request.POST)
        members = QueueMembers(open_channel, request.POST)
        if not form.is_valid() or not members.is_valid():
            return self._page(request, form, members)
        return self._save(request, form, members)

    def _save(self, request: HttpRequest, form: LineForm, members: QueueMembers) -> HttpResponse:
        changed = [*form.changed, *(["members"] if members.is_changed else [])]
        if changed:
            try:
                self._write(request, form, members, changed)
            except ConflictError:
                return self._told(request, form, members)
            except ServiceError as error:
                form.errors_take(error.fields or {"": [str(error.detail)]})
                return self._page(request, form, members)
            messages.success(
                request,
                ngettext("%(n)d change saved.", "%(n)d changes saved.", len(changed))
                % {"n": len(changed)},
            )
        return HttpResponseRedirect(page_url(form.open_channel, request.POST.get("tab", "")))

    def _write(
        self,
        request: HttpRequest,
        form: LineForm,
        members: QueueMembers,
        changed: Sequence[str],
    ) -> None:
        now = timezone.now()
        with transaction.atomic():
            # Also without a change of its own: the version belongs to the queue as well.
            open_channel_update(
                open_channel=form.open_channel,
                changes=form.changes,
                now=now,
                expected_version=form.expected_version,
            )
            if members.is_changed:
                # Read again under the line's lock, which the update above has taken.
                if members.is_stale:
                    raise ConflictError("version_stale", _("The queue was changed meanwhile."))
                members.save(now=now)
            labels = [unit_label(unit) for unit in changed]
            self.log_change(request, form.open_channel, [{"changed": {"fields": labels}}])

    def _told(self, request: HttpRequest, form: LineForm, members: QueueMembers) -> HttpResponse:
        """Somebody saved before: say what he changed; saving again puts this page's changes,
        and only those, on top."""
        current = OpenChannel.objects.get(pk=form.open_channel.pk)
        latest = LineForm(current, form.data)
        latest.is_valid()
        meanwhile = latest.changed_meanwhile()
        if members.is_stale:
            names = ", ".join(row.name for row in QueueMembers(current).rows)
            meanwhile.append((_("Members"), names or _("empty")))
            if members.is_changed:
                members.refresh()
            else:
                members = QueueMembers(current)
        return self._page(request, latest.merged(), members, meanwhile=meanwhile, conflict=True)

    def _page(
        self,
        request: HttpRequest,
        form: LineForm,
        members: QueueMembers,
        *,
        meanwhile: Sequence[tuple[str, str]] = (),
        conflict: bool = False,
    ) -> HttpResponse:
        open_channel, now = form.open_channel, timezone.now()
        tiles = connector_tiles(open_channel)
        wrong = form.wrong
        tabs_wrong = {found.tab for found in wrong} | ({"queue"} if members.errors else set())
        state, badge = line_state(open_channel)
        hours = form.hours
        dots = dict.fromkeys(tabs_wrong, _("has an error"))
        dots.setdefault("channels", _channels_dot(tiles))
        dots.setdefault("queue", "" if members.values else _("nobody is in the queue"))
        zone = ZoneInfo(open_channel.time_zone)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": open_channel,
            "title": open_channel.name,
            "open_channel": open_channel,
            "form": form,
            "members": members,
            "meanwhile": meanwhile,
            "conflict": conflict,
            "wrong": wrong,
            # Already on the page and not saved: what is counted on the button beside later ones.
            "unsaved": form.unsaved,
            "tiles": tiles,
            "kinds": kind_tiles(),
            "broken": [tile for tile in tiles if tile.status == "broken"],
            "state": state,
            "state_badge": badge,
            "open_state": open_state(open_channel, now) if open_channel.is_open_for_work else None,
            "notices": list(
                LineNotice.objects.filter(open_channel=open_channel, ended_at=None).order_by("pk")
            ),
            "zone": zone,
            "calendar": calendar_year(hours.country, hours.subdivision, now.astimezone(zone).year),
            "tabs": [(name, label, dots.get(name, "")) for name, label in TABS.items()],
            "open_tab": next((name for name in TABS if name in tabs_wrong), ""),
            "may_change": self.has_change_permission(request, open_channel),
            "may_add": self.has_add_permission(request),
            "may_connect": request.user.has_perm("channels_app.change_connector"),
            "may_add_connector": request.user.has_perm("channels_app.add_connector"),
            **preview_context(open_channel, now),
        }
        return TemplateResponse(
            request,
            "admin/openlines/open_channel.html",
            context,
            status=409 if conflict else 200,
        )

    # --- what the page asks for -----------------------------------------------------------

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What a message would bring about: the answer alone for the page's own script, else a
        page of its own."""
        open_channel = self.line_or_404(request, pk)
        answered = preview_context(open_channel, timezone.now(), request.GET)
        context = {"open_channel": open_channel, **answered}
        if request.headers.get("X-Requested-With") == "fetch":
            return TemplateResponse(request, "admin/openlines/preview_answer.html", context)
        context |= {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": open_channel.name,
        }
        return TemplateResponse(request, "admin/openlines/preview_page.html", context)

    def calendar_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The regions and this year's holidays of a country, for the Hours tab."""
        open_channel = self.line_or_404(request, pk)
        country = request.GET.get("country", "")
        subdivision = request.GET.get("subdivision", "")
        year = timezone.now().astimezone(ZoneInfo(open_channel.time_zone)).year
        form = LineForm(open_channel).hours
        form.fields["holiday_subdivision"].widget = subdivision_widget(country)
        form.initial["holiday_subdivision"] = subdivision
        context = {
            "calendar": calendar_year(country, subdivision, year),
            "subdivision": form["holiday_subdivision"],
        }
        return TemplateResponse(request, "admin/openlines/tabs/calendar.html", context)


def page_url(open_channel: OpenChannel, tab: str = "") -> str:
    """The address of a line's settings, with its tab."""
    address = reverse("admin:channels_app_openchannel_change", args=[open_channel.pk])
    return f"{address}#{tab}" if tab in TABS else address


def line_state(open_channel: OpenChannel) -> tuple[str, str]:
    """A line's state in a word, and the colour class of its badge."""
    if open_channel.archived_at is not None:
        return _("Archived"), ""
    if open_channel.is_active:
        return _("Active"), "badge-ok"
    return _("Inactive"), "badge-warn"


def _channels_dot(tiles: Sequence[Any]) -> str:
    wrong = sum(tile.status in NEEDS_ATTENTION for tile in tiles)
    if not wrong:
        return ""
    return ngettext("%(n)d channel needs attention", "%(n)d channels need attention", wrong) % {
        "n": wrong
    }
