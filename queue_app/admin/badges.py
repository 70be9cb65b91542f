"""Figures beside the lines of the sidebar."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils import timezone

from queue_app.admin.timers import LATE_AFTER
from queue_app.models import Timer

MOST = 99


def late_timers(request: HttpRequest) -> str:
    """How many deadlines are late, at most "99+"; empty when none is."""
    if not request.user.has_perm("queue_app.view_timer"):
        return ""
    late = Timer.objects.filter(due_at__lt=timezone.now() - LATE_AFTER)
    count = len(late.values_list("pk")[: MOST + 1])
    return "" if not count else str(count) if count <= MOST else f"{MOST}+"
