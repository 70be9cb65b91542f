"""Figures beside the lines of the sidebar."""

from __future__ import annotations

from django.http import HttpRequest

from channels_app.models import EventState, InboundEvent

MOST = 99


def dead_events(request: HttpRequest) -> str:
    """How many delivered events were given up, at most "99+"; empty when there are none."""
    if not request.user.has_perm("channels_app.view_inboundevent"):
        return ""
    dead = InboundEvent.objects.filter(raw__isnull=False, state=EventState.DEAD)
    count = len(dead.values_list("pk")[: MOST + 1])
    return "" if not count else str(count) if count <= MOST else f"{MOST}+"
