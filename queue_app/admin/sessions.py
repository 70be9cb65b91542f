"""Sessions to look at: whose they are, why, and what happened in them."""

from __future__ import annotations

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy

from openlines_project.admin import CappedPaginator, ReadOnlyAdmin
from queue_app.admin.words import event_words
from queue_app.models import Session, SessionEvent
from queue_app.selectors import session_why

EVENTS_SHOWN = 200


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin[Session]):
    """Nothing is changed here: chats are worked on in the inbox."""

    list_display = (
        "__str__", "conversation", "open_channel", "state", "wait_reason", "operator",
        "started_at", "closed_at",
    )  # fmt: skip
    list_filter = ("state", "wait_reason", "open_channel")
    list_select_related = ("conversation", "open_channel", "operator__user")
    ordering = ("-pk",)
    sortable_by = ()
    list_per_page = 50
    paginator = CappedPaginator
    show_full_result_count = False
    fields = (
        "conversation", "open_channel", "state", "wait_reason", "operator", "turn", "round",
        "unread", "started_at", "waiting_since", "offered_at", "accepted_at", "first_reply_at",
        "closed_at", "close_reason", "why", "history",
    )  # fmt: skip
    readonly_fields = ("why", "history")

    @admin.display(description=gettext_lazy("How it came to him"))
    def why(self, session: Session) -> str:
        lines = format_html_join("", "<li>{}</li>", ((line.text,) for line in session_why(session)))
        return format_html("<ul>{}</ul>", lines) if lines else "–"

    @admin.display(description=gettext_lazy("What happened"))
    def history(self, session: Session) -> str:
        events = (
            SessionEvent.objects.filter(session=session)
            .select_related("operator__user")
            .order_by("-seq")[:EVENTS_SHOWN]
        )
        rows = format_html_join(
            "",
            "<li><time>{}</time><span>{}</span></li>",
            (
                (f"{timezone.localtime(event.at):%Y-%m-%d %H:%M:%S}", event_words(event))
                for event in reversed(events)
            ),
        )
        return format_html('<ol class="plain-list">{}</ol>', rows) if rows else "–"
