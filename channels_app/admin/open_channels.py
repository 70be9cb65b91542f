"""Lines: the list of them, making, cloning and archiving one. Its page is `line_page`."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from channels_app.admin.forms import OpenChannelAddForm
from channels_app.admin.line_page import LinePage, line_state, page_url
from channels_app.durations import duration_words
from channels_app.models import ConnectorStatus, OpenChannel
from channels_app.services.errors import ServiceError
from channels_app.services.open_channels import (
    open_channel_archive,
    open_channel_clone,
    open_channel_create,
    open_channel_name_propose,
)
from openlines_project.admin import badges
from queue_app.models import LineNotice

# The theme's colours for the classes of our own badges.
STATE_COLOURS = {"badge-ok": "success", "badge-warn": "warning", "": "info"}


@admin.register(OpenChannel)
class OpenChannelAdmin(LinePage):
    """Lines are made with a name, set on one page with tabs, and archived, never deleted."""

    list_display = ("name", "state", "channels", "members", "notices_open", "response_time")
    list_filter = ("is_active",)
    search_fields = ("name", "public_name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[OpenChannel]:
        states = [status for status in ConnectorStatus if status != ConnectorStatus.DISABLED]
        on = Q(connectors__status__in=states)
        return (
            super()
            .get_queryset(request)
            .annotate(
                channels_on=Count("connectors", filter=on, distinct=True),
                members_count=Count("queue_members", distinct=True),
            )
            .prefetch_related(
                Prefetch("notices", LineNotice.objects.filter(ended_at=None), to_attr="told")
            )
        )

    @badges(description=gettext_lazy("State"), colours=STATE_COLOURS, ordering="is_active")
    def state(self, open_channel: OpenChannel) -> tuple[str, str]:
        words, badge = line_state(open_channel)
        return badge, words

    @admin.display(description=gettext_lazy("Channels"), ordering="channels_on")
    def channels(self, open_channel: OpenChannel) -> int:
        count: int = open_channel.channels_on  # type: ignore[attr-defined]
        return count

    @admin.display(description=gettext_lazy("Members"), ordering="members_count")
    def members(self, open_channel: OpenChannel) -> int:
        count: int = open_channel.members_count  # type: ignore[attr-defined]
        return count

    @badges(description=gettext_lazy("Notices"), colours={"open": "danger"})
    def notices_open(self, open_channel: OpenChannel) -> tuple[str, str] | None:
        told: list[LineNotice] = open_channel.told  # type: ignore[attr-defined]
        words = ", ".join(str(notice.get_kind_display()) for notice in told)
        return ("open", words) if words else None

    @admin.display(description=gettext_lazy("Response time"), ordering="response_minutes")
    def response_time(self, open_channel: OpenChannel) -> str:
        return duration_words(open_channel.response_minutes)

    def has_delete_permission(self, request: HttpRequest, obj: OpenChannel | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        views = {
            "archive": require_POST(self.archive_view),
            "clone": require_POST(self.clone_view),
            "preview": require_GET(self.preview_view),
            "calendar": require_GET(self.calendar_view),
        }
        ours = [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"channels_app_openchannel_{name}",
            )
            for name, view in views.items()
        ]
        return [*ours, *super().get_urls()]

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

    def clone_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make a line with the settings and the queue of this one."""
        source = self.line_or_404(request, pk)
        if not self.has_add_permission(request):
            raise PermissionDenied
        try:
            open_channel = open_channel_clone(open_channel=source, now=timezone.now())
        except ServiceError as error:
            messages.error(request, str(error.detail))
            return HttpResponseRedirect(page_url(source, "general"))
        self.log_addition(request, open_channel, [{"added": {}}])
        messages.success(
            request, _("This is the copy. Give it a name and connect channels of its own.")
        )
        return HttpResponseRedirect(page_url(open_channel, "general"))

    # --- the end of a line ----------------------------------------------------------------

    def archive_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Archive the line: nothing is deleted, its connectors are switched off."""
        open_channel = self.line_or_404(request, pk)
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
