"""Deadlines: which are due, which are late, which failed."""

from __future__ import annotations

import datetime as dt

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from openlines_project.admin import CappedPaginator, ReadOnlyAdmin, shown
from queue_app.models import Timer
from queue_app.services.deadlines import timer_hurry

# The sweep comes every few seconds: later than this, something is wrong.
LATE_AFTER = dt.timedelta(minutes=1)


class DueFilter(admin.SimpleListFilter):
    """Late timers tell that the worker or the beat is away."""

    title = gettext_lazy("due")
    parameter_name = "due"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Timer]
    ) -> list[tuple[str, str]]:
        return [
            ("now", _("due now")),
            ("late", _("late")),
            ("failed", _("failed")),
            ("ahead", _("still to come")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Timer]) -> QuerySet[Timer]:
        now = timezone.now()
        if self.value() == "now":
            return queryset.filter(due_at__lte=now)
        if self.value() == "late":
            return queryset.filter(due_at__lt=now - LATE_AFTER)
        if self.value() == "failed":
            return queryset.filter(attempts__gt=0)
        if self.value() == "ahead":
            return queryset.filter(due_at__gte=now)
        return queryset


SESSION = shown("session", gettext_lazy("Session"))
DUE = shown("due_at", gettext_lazy("Due"))


@admin.register(Timer)
class TimerAdmin(ReadOnlyAdmin[Timer]):
    """Earliest first, so that the late ones are on top."""

    list_display = (
        DUE, "lateness", "kind", SESSION, "attempts", "next_try", "error_short",
    )  # fmt: skip
    list_filter = (DueFilter, "kind")
    list_select_related = ("session",)
    ordering = ("due_at",)
    sortable_by = ()
    list_per_page = 50
    paginator = CappedPaginator
    show_full_result_count = False
    actions = ("try_now",)
    fields = (SESSION, "kind", DUE, "attempts", "error")
    readonly_fields = fields

    @admin.display(description=gettext_lazy("Late"))
    def lateness(self, timer: Timer) -> str:
        late = timezone.now() - timer.due_at
        if late < LATE_AFTER:
            return "–"
        minutes = int(late.total_seconds() // 60)
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}

    @admin.display(description=gettext_lazy("Next try"))
    def next_try(self, timer: Timer) -> str:
        """When a failed one is tried again: each failure puts it off for longer."""
        if not timer.attempts:
            return "–"
        return _("at once") if timer.due_at <= timezone.now() else str(DUE(timer))

    @admin.display(description=gettext_lazy("Last error"))
    def error_short(self, timer: Timer) -> str:
        return timer.error if len(timer.error) <= 120 else f"{timer.error[:119]}…"

    @admin.action(description=gettext_lazy("Try now"))
    def try_now(self, request: HttpRequest, queryset: QuerySet[Timer]) -> None:
        """Have the chosen timers that failed or are late tried by the worker at once."""
        if not self.may_act(request):
            raise PermissionDenied
        chosen = list(queryset.order_by("pk"))
        tried = sum(timer_hurry(timer=timer, now=timezone.now()) for timer in chosen)
        if tried:
            words = ngettext("%(n)d timer is tried now.", "%(n)d timers are tried now.", tried)
            messages.success(request, words % {"n": tried})
        left = len(chosen) - tried
        if left:
            words = ngettext(
                "%(n)d timer has not come yet and did not fail: it stays.",
                "%(n)d timers have not come yet and did not fail: they stay.",
                left,
            )
            messages.warning(request, words % {"n": left})
