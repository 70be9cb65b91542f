"""The event stream: tells an open inbox which conversations changed, and nothing of what."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import AsyncIterator, Collection
from importlib import import_module

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user, get_user_model
from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_GET

from channels_app.models import Conversation
from openlines_project.lib.live import Hub, event_text
from queue_app.selectors import conversations_visible_to

HEARTBEAT_SECONDS = 20.0
RECONNECT_MS = 3000


def _changed_since(moment: dt.datetime) -> Collection[tuple[int, int]]:
    return list(Conversation.objects.filter(changed_at__gte=moment).values_list("pk", "version"))


def _visible_ids(user_id: int, ids: Collection[int]) -> Collection[int]:
    user = get_user_model().objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        return ()
    return list(conversations_visible_to(user).filter(pk__in=ids).values_list("pk", flat=True))


hub = Hub(changed_since=_changed_since, visible_ids=_visible_ids)


@require_GET
async def live(request: HttpRequest) -> HttpResponseBase:
    """`/live/`: hints for the signed-in user for as long as the page listens.

    Under WSGI a stream would hold a whole worker, so it answers 503 at once and the page asks
    every few seconds instead.
    """
    if not isinstance(request, ASGIRequest):
        return HttpResponse(status=503, headers={"Retry-After": "60", "Cache-Control": "no-store"})
    user = await request.auser()
    session_key = request.session.session_key
    if not user.is_authenticated or session_key is None:
        return HttpResponse(status=401, headers={"Cache-Control": "no-store"})
    # The stream may last for hours and needs no database connection of its own.
    await sync_to_async(_release_connections)()
    return StreamingHttpResponse(
        _events(user.pk, session_key),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(user_id: int, session_key: str) -> AsyncIterator[bytes]:
    async with hub.subscribe(user_id) as subscription:
        yield f"retry: {RECONNECT_MS}\n\n".encode()
        checked_at = time.monotonic()
        while True:
            hints = await subscription.wait(HEARTBEAT_SECONDS)
            if time.monotonic() - checked_at >= HEARTBEAT_SECONDS:
                if not await hub.in_thread(_is_signed_in, user_id, session_key):
                    return
                checked_at = time.monotonic()
            yield event_text("hint", hints) if hints else b": beat\n\n"


def _is_signed_in(user_id: int, session_key: str) -> bool:
    """Whether the session still belongs to this active user, as Django would decide it."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    if request.session.get(SESSION_KEY) != str(user_id):
        return False
    # A changed password ends the session here too; the backend refuses inactive users.
    return get_user(request).is_authenticated


def _release_connections() -> None:
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
