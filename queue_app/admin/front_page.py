"""What stands on top of the administration's front page: what is wrong just now."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from channels_app.models import OpenChannel
from queue_app.admin.badges import late_timers
from queue_app.notice_words import notice_words
from queue_app.selectors import line_notices_open


def front_page_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The page's context with the notices of lines, and how many deadlines are late."""
    may_see = request.user.has_perm("channels_app.view_openchannel")
    notices = line_notices_open(OpenChannel.objects.all()) if may_see else []
    return context | {
        "line_notices": [(notice, notice_words(notice)) for notice in notices],
        "late_timers": late_timers(request),
    }
