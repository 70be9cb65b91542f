"""The page of an open channel: one form, its settings in tabs, its connectors as tiles."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from channels_app.admin.forms import (
    DISTRIBUTION_SENTENCES,
    GENERAL,
    OpenChannelAddForm,
    OpenChannelForm,
    minutes_in_words,
    setting_label,
)
from channels_app.admin.tiles import NEEDS_ATTENTION, connector_tiles, kind_tiles
from channels_app.models import OpenChannel
from channels_app.services.errors import ConflictError, ServiceError
from channels_app.services.open_channels import (
    open_channel_archive,
    open_channel_create,
    open_channel_name_propose,
    open_channel_update,
)
from openlines_project.admin import ModelAdmin
from queue_app.admin.members import QueueMembers


@admin.register(OpenChannel)
class OpenChannelAdmin(ModelAdmin[OpenChannel]):
    """Lines are made with a name, set on one page with tabs, and archived, never deleted."""

    list_display = ("name", "public_name", "state", "distribution", "response_time")
    list_filter = ("is_active",)
    search_fields = ("name", "public_name")

    @admin.display(description=gettext_lazy("State"))
    def state(self, open_channel: OpenChannel) -> str:
        return line_state(open_channel)[0]

    @admin.display(description=gettext_lazy("Response time"), ordering="response_minutes")
    def response_time(self, open_channel: OpenChannel) -> str:
        return minutes_in_words(open_channel.response_minutes)

    def has_delete_permission(self, request: HttpRequest, obj: OpenChannel | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        archive = self.admin_site.admin_view(require_POST(self.archive_view))
        return [
            path("<int:pk>/archive/", archive, name="channels_app_openchannel_archive"),
            *super().get_urls(),
        ]

    # --- a new line -----------------------------------------------------------------------

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = OpenChannelAddForm(
            request.POST or None, initial={"name": open_channel_name_propose()}
        )
        if request.method == "POST" and form.is_valid():
            try:
                open_channel = open_channel_create(
                    now=timezone.now(), name=form.cleaned_data["name"]
                )
            except ServiceError as error:
                form.add_error("name", str(error.detail))
            else:
                self.log_addition(request, open_channel, [{"added": {}}])
                messages.success(
                    request, _("The line is made. Connect a channel and fill its queue.")
                )
                return HttpResponseRedirect(page_url(open_channel, "channels"))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Add open channel"),
            "form": form,
        }
        return TemplateResponse(request, "admin/openlines/open_channel_add.html", context)

    # --- the page -------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        open_channel = self.get_object(request, object_id)
        if open_channel is None:
            raise Http404
        if not self.has_view_or_change_permission(request, open_channel):
            raise PermissionDenied
        if request.method != "POST":
            form = OpenChannelForm(instance=copy.copy(open_channel))
            return self._page(request, open_channel, form, QueueMembers(open_channel))
        if not self.has_change_permission(request, open_channel):
            raise PermissionDenied
        form = OpenChannelForm(request.POST, instance=copy.copy(open_channel))
        members = QueueMembers(open_channel, request.POST)
        if not form.is_valid() or not members.is_valid():
            return self._page(request, open_channel, form, members)
        return self._save(request, open_channel, form, members)

    def _save(
        self,
        request: HttpRequest,
        open_channel: OpenChannel,
        form: OpenChannelForm,
        members: QueueMembers,
    ) -> HttpResponse:
        changed = list(form.changes) + (["members"] if members.is_changed else [])
        if changed:
            try:
                self._write(request, open_channel, form, members, changed)
            except ConflictError:
                current = OpenChannel.objects.get(pk=open_channel.pk)
                return self._told(request, current, form, members)
            except ServiceError as error:
                form.errors_take(error.fields or {"": [str(error.detail)]})
                return self._page(request, open_channel, form, members)
            messages.success(
                request,
                ngettext("%(n)d change saved.", "%(n)d changes saved.", len(changed))
                % {"n": len(changed)},
            )
        return HttpResponseRedirect(page_url(open_channel, request.POST.get("tab", "")))

    def _write(
        self,
        request: HttpRequest,
        open_channel: OpenChannel,
        form: OpenChannelForm,
        members: QueueMembers,
        changed: Sequence[str],
    ) -> None:
        now = timezone.now()
        labels = [_("Members") if name == "members" else setting_label(name) for name in changed]
        with transaction.atomic():
            # Also without a change of its own: the version belongs to the queue as well.
            open_channel_update(
                open_channel=open_channel,
                changes=form.changes,
                now=now,
                expected_version=form.cleaned_data["version"],
            )
            if members.is_changed:
                # Read again under the line's lock, which the update above has taken.
                if members.is_stale:
                    raise ConflictError("version_stale", _("The queue was changed meanwhile."))
                members.save(now=now)
            self.log_change(request, open_channel, [{"changed": {"fields": labels}}])

    def _told(
        self,
        request: HttpRequest,
        current: OpenChannel,
        form: OpenChannelForm,
        members: QueueMembers,
    ) -> HttpResponse:
        """Somebody saved before: say what he changed; saving again takes this page's values."""
        meanwhile = form.changed_meanwhile(current)
        if members.is_stale:
            names = ", ".join(row.name for row in QueueMembers(current).rows)
            meanwhile.append((_("Members"), names or _("empty")))
            members.refresh()
        data = request.POST.copy()
        fresh = OpenChannelForm(instance=copy.copy(current))
        data["version"] = str(current.version)
        data["seen"] = str(fresh["seen"].value())
        again = OpenChannelForm(data, instance=copy.copy(current))
        again.is_valid()
        return self._page(request, current, again, members, meanwhile=meanwhile, conflict=True)

    def _page(
        self,
        request: HttpRequest,
        open_channel: OpenChannel,
        form: OpenChannelForm,
        members: QueueMembers,
        *,
        meanwhile: Sequence[tuple[str, str]] = (),
        conflict: bool = False,
    ) -> HttpResponse:
        tiles = connector_tiles(open_channel)
        wrong = set(form.errors)
        general_wrong = bool(wrong & set(GENERAL)) or bool(form.non_field_errors())
        queue_wrong = bool(wrong - set(GENERAL) - {"__all__"}) or bool(members.errors)
        state, badge = line_state(open_channel)
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
            "tiles": tiles,
            "kinds": kind_tiles(),
            "broken": [tile for tile in tiles if tile.status == "broken"],
            "state": state,
            "state_badge": badge,
            "zone": ZoneInfo(open_channel.time_zone),
            "distribution_options": [
                (radio, DISTRIBUTION_SENTENCES.get(radio.data["value"], ""))
                for radio in form["distribution"]
            ],
            "dots": {
                "general": _("has an error") if general_wrong else "",
                "channels": _channels_dot(tiles),
                "queue": _("has an error")
                if queue_wrong
                else ("" if members.values else _("nobody is in the queue")),
            },
            "first_tab": "queue" if queue_wrong and not general_wrong else "general",
            "may_change": self.has_change_permission(request, open_channel),
            "may_connect": request.user.has_perm("channels_app.change_connector"),
            "may_add_connector": request.user.has_perm("channels_app.add_connector"),
        }
        return TemplateResponse(
            request,
            "admin/openlines/open_channel.html",
            context,
            status=409 if conflict else 200,
        )

    # --- the end of a line ----------------------------------------------------------------

    def archive_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Archive the line: nothing is deleted, its connectors are switched off."""
        open_channel = self.get_object(request, str(pk))
        if open_channel is None:
            raise Http404
        if not self.has_change_permission(request, open_channel):
            raise PermissionDenied
        try:
            open_channel_archive(open_channel=open_channel, now=timezone.now())
        except ServiceError as error:
            messages.error(request, str(error.detail))
        else:
            self.log_change(request, open_channel, _("Archived."))
            messages.success(request, _("The line is archived. Its chats stay readable."))
        return HttpResponseRedirect(page_url(open_channel, "general"))


def page_url(open_channel: OpenChannel, tab: str = "") -> str:
    """The address of a line's settings, with its tab."""
    address = reverse("admin:channels_app_openchannel_change", args=[open_channel.pk])
    return f"{address}#{tab}" if tab in {"general", "channels", "queue"} else address


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
