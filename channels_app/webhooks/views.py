"""The door of the platforms: one plain view, no outbound call, no broker in the way."""

from __future__ import annotations

import datetime as dt
import logging

from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from channels_app.drivers.base import FieldErrors, SignatureError
from channels_app.drivers.registry import UnknownKind
from channels_app.models import Connector
from channels_app.selectors import connector_by_public_id
from channels_app.services.accounts import delivery_takers
from channels_app.services.connector_health import connector_heard
from channels_app.services.connectors import connector_driver
from channels_app.services.intake import delivery_receive
from channels_app.services.received import Received

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 5


@csrf_exempt
def webhook(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take a delivery.

    2xx exactly when each of its events is committed (done, pending or dead); 401 for a wrong
    signature, also when it is wrong for only one of the accounts the delivery speaks of, 404 for
    an unknown connector, 413 and 415 for bodies we do not read, 422 for field errors of a sender
    who can read them, 503 with Retry-After when something could not be saved.
    """
    if request.method not in {"POST", "GET"}:
        return HttpResponse(status=405, headers={"Allow": "GET, POST"})
    # The intake notices a lost connection itself and repeats: no round trip to ask beforehand.
    connection.health_check_done = True  # type: ignore[attr-defined]  # unknown to the stubs
    try:
        connector = connector_by_public_id(public_id)
    except DatabaseFault:
        logger.exception("The database is away")
        return _try_again()
    if connector is None:
        return HttpResponse(status=404)
    try:
        if request.method == "GET":
            return _handshake(request, connector)
        return _delivery(request, connector)
    except UnknownKind:
        # The driver's package was removed: the platform may try again when it is back.
        return _try_again()
    except DatabaseFault:
        logger.exception("A delivery could not be taken")
        return _try_again()
    except UnreadablePostError:
        return HttpResponse(status=400)  # whoever sent it is gone already


def _handshake(request: HttpRequest, connector: Connector) -> HttpResponse:
    answer = connector_driver(connector).challenge(request.GET.dict())
    if answer is None:
        return HttpResponse(status=403)
    return HttpResponse(answer, content_type="text/plain; charset=utf-8")


def _delivery(request: HttpRequest, connector: Connector) -> HttpResponse:
    if request.headers.get("Content-Encoding", "identity") != "identity":
        return HttpResponse(status=415)
    limit = settings.WEBHOOK_MAX_BYTES
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if not declared.isdecimal():
        return HttpResponse(status=400)
    if len(declared) > 12 or int(declared) > limit:
        return HttpResponse(status=413)
    raw = request.read(limit + 1)
    if len(raw) > limit:
        return HttpResponse(status=413)
    now = timezone.now()
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers[":url"] = _called_url(request)
    received: list[Received] = []
    is_forged = False
    for taker in delivery_takers(connector=connector, raw=raw):
        try:
            connector_driver(taker).verify(headers, raw, now=now)
        except SignatureError:
            is_forged = True  # for this one: what it says of others may still be true
            continue
        try:
            received += delivery_receive(connector=taker, raw=raw, now=now)
        except FieldErrors as error:
            return JsonResponse(
                {"code": "invalid", "detail": str(error), "fields": error.fields}, status=422
            )
        _heard(taker, now)
    if is_forged:
        return HttpResponse(status=401)
    if any(item.outcome == "unsaved" for item in received):
        return _try_again()
    wanted = connector_driver(connector).answer(raw)
    if wanted is not None:
        content_type, text = wanted
        return HttpResponse(text, content_type=content_type)
    results = [
        {
            "message_id": item.message_id,
            "conversation_id": item.conversation_id,
            "duplicate": item.outcome == "duplicate",
        }
        for item in received
    ]
    return JsonResponse({"results": results})


def _heard(connector: Connector, now: dt.datetime) -> None:
    try:
        connector_heard(connector=connector, now=now)
    except DatabaseFault:
        logger.exception("The time of the last event could not be stored")


def _called_url(request: HttpRequest) -> str:
    """The address that was called, as the platform knows it: a proxy may have changed it."""
    if not settings.PUBLIC_URL:
        return request.build_absolute_uri()
    query = request.META.get("QUERY_STRING", "")
    return f"{settings.PUBLIC_URL}{request.path_info}" + (f"?{query}" if query else "")


def _try_again() -> HttpResponse:
    return HttpResponse(status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
