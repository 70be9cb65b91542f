"""Sessions to look at: whose they are, why, and what happened in them."""

from __future__ import annotations

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy

from openlines_project.admin import CappedPaginator, ReadOnlyAdmin, shown
from queue_app.event_words import event_lines
from queue_app.models import Session, SessionEvent
from queue_app.selectors import event_names, session_why

EVENTS_SHOWN = 200


# As the page shows them, in its order.
FACTS = (
    shown("conversation", gettext_lazy("Conversation")),
    shown("open_channel", gettext_lazy("Open channel")),
    shown("state", gettext_lazy("State")),
    shown("wait_reason", gettext_lazy("Waits because")),
    shown("operator", gettext_lazy("Operator")),
    shown("turn", gettext_lazy("Next to write")),
    shown("round", gettext_lazy("Round")),
    shown("unread", gettext_lazy("Unread messages")),
    shown("started_at", gettext_lazy("Started")),
    shown("waiting_since", gettext_lazy("The customer waits since")),
    shown("offered_at", gettext_lazy("Offered")),
    shown("accepted_at", gettext_lazy("Accepted")),
    shown("first_reply_at", gettext_lazy("First reply")),
    shown("closed_at", gettext_lazy("Closed")),
    shown("close_reason", gettext_lazy("Closed because")),
)
IN_LIST = ("conversation", "open_channel", "state", "wait_reason", "operator", "started_at",
           "closed_at")  # fmt: skip


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin[Session]):
    """Nothing is changed here: chats are worked on in the inbox."""

    list_display = ("__str__", *(fact for fact in FACTS if fact.__name__ in IN_LIST))
    list_filter = ("state", "wait_reason", "open_channel")
    list_select_related = ("conversation", "open_channel", "operator__user")
    ordering = ("-pk",)
    sortable_by = ()
    list_per_page = 50
    paginator = CappedPaginator
    show_full_result_count = False
    fields = (*FACTS, "why", "history")
    readonly_fields = fields

    @admin.display(description=gettext_lazy("Why he got it"))
    def why(self, session: Session) -> str:
        lines = format_html_join("", "<li>{}</li>", ((line.text,) for line in session_why(session)))
        return format_html("<ul>{}</ul>", lines) if lines else "–"

    @admin.display(description=gettext_lazy("What happened"))
    def history(self, session: Session) -> str:
        newest = (
            SessionEvent.objects.filter(session=session)
            .select_related("operator__user", "actor")
            .order_by("-seq")[:EVENTS_SHOWN]
        )
        events = list(reversed(newest))
        rows = format_html_join(
            "",
            "<li><time>{}</time><span>{}</span></li>",
            (
                (f"{timezone.localtime(line.at):%Y-%m-%d %H:%M:%S}", line.text)
                for line in event_lines(events, event_names(events), whole=True)
            ),
        )
        return format_html('<ol class="plain-list">{}</ol>', rows) if rows else "–"
