"""Delivered events that could not be processed, or were left aside: to read and to replay."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from channels_app.models import EventState, InboundEvent
from channels_app.services.intake import event_replay
from channels_app.services.pending import event_give_up
from openlines_project.admin import CappedPaginator, ReadOnlyAdmin, shown
from openlines_project.lib.kept import kept_sentence

PREVIEW_BYTES = 4096
# As the page shows them, in its order.
FACTS = {
    fact.__name__: fact
    for fact in (
        shown("connector", gettext_lazy("Channel")),
        shown("key", gettext_lazy("Key")),
        shown("state", gettext_lazy("State")),
        shown("error", gettext_lazy("Error"), words=kept_sentence),
        shown("attempts", gettext_lazy("Failed tries")),
        shown("received_at", gettext_lazy("Received")),
        shown("pending_at", gettext_lazy("Next try")),
        shown("conversation", gettext_lazy("Conversation")),
    )
}
PAGE: Any = (*FACTS.values(), "preview")


class StateFilter(admin.SimpleListFilter):
    """The states an event is kept in; done ones are nothing but their key."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[InboundEvent]
    ) -> list[tuple[str, str]]:
        kept = (EventState.PENDING, EventState.DEAD, EventState.IGNORED)
        return [(state.value, str(state.label)) for state in kept]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[InboundEvent]
    ) -> QuerySet[InboundEvent]:
        return queryset.filter(state=self.value()) if self.value() else queryset


@admin.register(InboundEvent)
class InboundEventAdmin(ReadOnlyAdmin[InboundEvent]):
    """Events kept with their bytes. The customer's data is in them: for administrators only."""

    list_display = (
        FACTS["received_at"], FACTS["connector"], FACTS["state"], "error_short",
        FACTS["attempts"], FACTS["key"],
    )  # fmt: skip
    list_filter = (StateFilter, "connector")
    list_select_related = ("connector",)
    ordering = ("-received_at",)
    sortable_by = ()
    list_per_page = 50
    paginator = CappedPaginator
    show_full_result_count = False
    actions = ("replay", "give_up")
    fields = PAGE
    readonly_fields = PAGE

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboundEvent]:
        kept = super().get_queryset(request).filter(raw__isnull=False)
        # A delivery may have megabytes; a list needs none of them.
        return kept.defer("raw")

    @admin.display(description=gettext_lazy("Error"))
    def error_short(self, event: InboundEvent) -> str:
        error = kept_sentence(event.error)
        return error if len(error) <= 120 else f"{error[:119]}…"

    @admin.display(description=gettext_lazy("Delivery"))
    def preview(self, event: InboundEvent) -> str:
        raw = bytes(event.raw or b"")
        text = raw[:PREVIEW_BYTES].decode("utf-8", "replace").replace("\x00", "�")
        rest = len(raw) - PREVIEW_BYTES
        more = _("… and %(bytes)d bytes more") % {"bytes": rest} if rest > 0 else ""
        return format_html('<pre class="raw-preview" tabindex="0">{}{}</pre>', text, more)

    @admin.action(description=gettext_lazy("Replay"))
    def replay(self, request: HttpRequest, queryset: QuerySet[InboundEvent]) -> None:
        """Try the chosen events again, oldest first, so that a thread stays in its order."""
        self._may_act_or_refuse(request)
        done, failed = 0, 0
        for event in queryset.order_by("received_at", "pk"):
            outcome = event_replay(inbound_event=event, now=timezone.now()).outcome
            done += outcome in {"done", "duplicate"}
            failed += outcome not in {"done", "duplicate"}
        if done:
            words = ngettext("%(n)d event processed.", "%(n)d events processed.", done)
            messages.success(request, words % {"n": done})
        if failed:
            words = ngettext(
                "%(n)d event failed again; its error is in the list.",
                "%(n)d events failed again; their errors are in the list.",
                failed,
            )
            messages.error(request, words % {"n": failed})

    @admin.action(description=gettext_lazy("Mark dead"))
    def give_up(self, request: HttpRequest, queryset: QuerySet[InboundEvent]) -> None:
        """Stop trying the chosen pending events."""
        self._may_act_or_refuse(request)
        given_up = sum(event_give_up(inbound_event=event, now=timezone.now()) for event in queryset)
        words = ngettext(
            "%(n)d event is tried no longer.", "%(n)d events are tried no longer.", given_up
        )
        messages.success(request, words % {"n": given_up})

    def _may_act_or_refuse(self, request: HttpRequest) -> None:
        if not self.may_act(request):
            raise PermissionDenied
