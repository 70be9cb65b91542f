"""Deadlines: which are due, which are late, which failed."""

from __future__ import annotations

import datetime as dt

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from openlines_project.admin import CappedPaginator, ReadOnlyAdmin, shown
from queue_app.models import Timer

# The sweep comes every few seconds: later than this, something is wrong.
LATE_AFTER = dt.timedelta(minutes=1)


class DueFilter(admin.SimpleListFilter):
    """Late timers tell that the worker or the beat is away."""

    title = gettext_lazy("due")
    parameter_name = "due"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Timer]
    ) -> list[tuple[str, str]]:
        return [("late", _("late")), ("failed", _("failed")), ("ahead", _("still to come"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Timer]) -> QuerySet[Timer]:
        now = timezone.now()
        if self.value() == "late":
            return queryset.filter(due_at__lt=now - LATE_AFTER)
        if self.value() == "failed":
            return queryset.filter(attempts__gt=0)
        if self.value() == "ahead":
            return queryset.filter(due_at__gte=now)
        return queryset


SESSION = shown("session", gettext_lazy("Session"))


@admin.register(Timer)
class TimerAdmin(ReadOnlyAdmin[Timer]):
    """Earliest first, so that the late ones are on top."""

    list_display = ("due_at", "lateness", "kind", SESSION, "attempts", "error_short")
    list_filter = (DueFilter, "kind")
    list_select_related = ("session",)
    ordering = ("due_at",)
    sortable_by = ()
    list_per_page = 50
    paginator = CappedPaginator
    show_full_result_count = False
    fields = (SESSION, "kind", "due_at", "attempts", "error")
    readonly_fields = fields

    @admin.display(description=gettext_lazy("Late"))
    def lateness(self, timer: Timer) -> str:
        late = timezone.now() - timer.due_at
        if late < LATE_AFTER:
            return "–"
        minutes = int(late.total_seconds() // 60)
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}

    @admin.display(description=gettext_lazy("Last error"))
    def error_short(self, timer: Timer) -> str:
        return timer.error if len(timer.error) <= 120 else f"{timer.error[:119]}…"
