"""The outbox: what waits to be sent, and what did not get through lately."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from channels_app.models import Direction, Message, MessageState
from channels_app.services.errors import ServiceError
from channels_app.services.outbox import message_discard, message_resend
from openlines_project.admin import CappedPaginator, ReadOnlyAdmin, shown
from openlines_project.lib.kept import kept_sentence

# As the page shows them, in its order.
FACTS = {
    fact.__name__: fact
    for fact in (
        shown("conversation", gettext_lazy("Conversation")),
        shown("seq", gettext_lazy("Number in the thread")),
        shown("text", gettext_lazy("Text")),
        shown("kind", gettext_lazy("Kind")),
        shown("state", gettext_lazy("State")),
        shown("author", gettext_lazy("Written by")),
        shown("created_at", gettext_lazy("Written")),
        shown("queued_at", gettext_lazy("Waiting since")),
        shown("next_attempt_at", gettext_lazy("Next try")),
        shown("lease_until", gettext_lazy("Being sent until")),
        shown("attempts", gettext_lazy("Failed tries")),
        shown("error_code", gettext_lazy("Kind of error")),
        shown("error_text", gettext_lazy("Error"), words=kept_sentence),
        shown("delivery_id", gettext_lazy("Delivery number")),
    )
}
PAGE: Any = ("connector", *FACTS.values())
FAILED_SHOWN_FOR = dt.timedelta(days=7)
SHOWN = (
    MessageState.QUEUED, MessageState.SENDING, MessageState.FAILED, MessageState.UNKNOWN,
)  # fmt: skip


class StateFilter(admin.SimpleListFilter):
    """The states a message of the outbox is in."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Message]
    ) -> list[tuple[str, str]]:
        return [(state.value, str(state.label)) for state in SHOWN]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        return queryset.filter(state=self.value()) if self.value() in SHOWN else queryset


@admin.register(Message)
class OutboxAdmin(ReadOnlyAdmin[Message]):
    """Messages on their way, and those that failed in the last week."""

    list_display = (
        FACTS["created_at"], FACTS["conversation"], "connector", "text_short", FACTS["state"],
        FACTS["error_text"], FACTS["attempts"], FACTS["next_attempt_at"],
    )  # fmt: skip
    list_filter = (StateFilter, "conversation__connector")
    list_select_related = ("conversation__connector",)
    ordering = ("-pk",)
    sortable_by = ()
    list_per_page = 50
    paginator = CappedPaginator
    show_full_result_count = False
    actions = ("resend", "discard")
    fields = PAGE
    readonly_fields = PAGE

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        since = timezone.now() - FAILED_SHOWN_FOR
        failed = Q(failed_at__gte=since)
        return (
            super()
            .get_queryset(request)
            .filter(Q(queued_at__isnull=False) | failed, direction=Direction.OUT)
            .filter(deleted_at__isnull=True)
            # A list decrypts nothing.
            .defer("conversation__connector__secrets")
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, str] | None = None
    ) -> HttpResponse:
        context = {"title": _("Outbox"), **(extra_context or {})}
        return super().changelist_view(request, context)

    @admin.display(description=gettext_lazy("Channel"))
    def connector(self, message: Message) -> str:
        return str(message.conversation.connector)

    @admin.display(description=gettext_lazy("Text"))
    def text_short(self, message: Message) -> str:
        text = message.text or message.kind
        return text if len(text) <= 80 else f"{text[:79]}…"

    @admin.action(description=gettext_lazy("Send again"))
    def resend(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        """Send the chosen messages once more, also those that may have arrived."""
        done = self._each(request, queryset, message_resend)
        if done:
            words = ngettext(
                "%(n)d message waits to be sent.", "%(n)d messages wait to be sent.", done
            )
            messages.success(request, words % {"n": done})

    @admin.action(description=gettext_lazy("Discard"))
    def discard(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        """Take the chosen messages out of their threads."""
        done = self._each(request, queryset, message_discard)
        if done:
            words = ngettext("%(n)d message discarded.", "%(n)d messages discarded.", done)
            messages.success(request, words % {"n": done})

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Message],
        service: Callable[..., Message],
    ) -> int:
        if not self.may_act(request):
            raise PermissionDenied
        done = 0
        for message in queryset.order_by("pk"):
            try:
                service(message=message, now=timezone.now())
            except ServiceError as error:
                messages.error(request, f"{message}: {error.detail}")
            else:
                done += 1
        return done
