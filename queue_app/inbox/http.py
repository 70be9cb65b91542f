"""What every page of the inbox shares: the reader, his clock, and how refusals are told."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import quote
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_cache_control
from django.views.decorators.http import require_http_methods

from channels_app.services.errors import ServiceError
from queue_app.services.presence import operator_seen

logger = logging.getLogger(__name__)

# Written by the page: the browser knows the reader's time zone, the server does not.
ZONE_COOKIE = "tz"

Params = ParamSpec("Params")
View = Callable[Concatenate["InboxRequest", Params], HttpResponseBase]


class InboxRequest(HttpRequest):
    """A request of a signed-in user, as `inbox_view` lets it through."""

    user: User


def inbox_view(
    *methods: str,
) -> Callable[[View[Params]], Callable[Concatenate[HttpRequest, Params], HttpResponseBase]]:
    """A view for signed-in people: their time zone, nothing kept in caches, refusals in words.

    Whoever gets an answer is connected: his page was heard from. What is refused changes nothing.
    """

    def decorate(
        view: View[Params],
    ) -> Callable[Concatenate[HttpRequest, Params], HttpResponseBase]:
        @require_http_methods(methods)
        @wraps(view)
        def inner(
            request: HttpRequest, /, *args: Params.args, **kwargs: Params.kwargs
        ) -> HttpResponseBase:
            if not request.user.is_authenticated:
                response: HttpResponseBase = _sign_in_first(request)
            else:
                with timezone.override(reader_zone(request)):
                    try:
                        response = view(request, *args, **kwargs)  # type: ignore[arg-type]
                    except ServiceError as error:
                        response = refusal(request, error)
                if response.status_code < 400:
                    _heard(request.user)
            patch_cache_control(response, no_store=True)
            return response

        return inner

    return decorate


def _heard(user: User) -> None:
    """Presence is worth no page: the next request tells it again."""
    try:
        operator_seen(user=user, now=timezone.now())
    except DatabaseError as error:
        logger.warning("Presence was not written down: %s", type(error).__name__)


def reader_zone(request: HttpRequest) -> ZoneInfo:
    """The time zone the reader's browser told us, the server's when it told none."""
    name = request.COOKIES.get(ZONE_COOKIE, "")
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # a cookie may say anything
        return ZoneInfo(settings.TIME_ZONE)


def is_part(request: HttpRequest) -> bool:
    """Whether a script of the page asks, who wants a part and not a page."""
    return "HX-Request" in request.headers


def done(request: HttpRequest, *, go_to: str) -> HttpResponse:
    """The answer to an action that was done: a script refreshes, a plain form goes to a page."""
    if is_part(request):
        return HttpResponse(status=204)
    return see_other(go_to)


def see_other(path: str) -> HttpResponse:
    """Go there with GET, so that a refresh repeats nothing."""
    return HttpResponseRedirect(path, status=303)


def refusal(request: HttpRequest, error: ServiceError) -> HttpResponse:
    """Say why not: to a script as plain text with the status, to a person on the page he was on."""
    sentence = str(error.detail)
    if is_part(request):
        response = HttpResponse(
            sentence, status=error.status, content_type="text/plain; charset=utf-8"
        )
        response["X-Error-Code"] = error.code
        return response
    messages.error(request, sentence)
    return see_other(page_before(request))


def page_before(request: HttpRequest) -> str:
    """The page of ours the reader came from, the inbox when it was none."""
    home = reverse("inbox:home")
    origin = f"{request.scheme}://{request.get_host()}"
    referer = request.headers.get("Referer", "")
    if referer.startswith(origin + home):
        return referer.removeprefix(origin)
    return home


def part_response(request: HttpRequest, html: str, *, etag: str = "") -> HttpResponseBase:
    """A part of the page, or 304 when the reader has exactly this. It also tells the time."""
    etag = f'"{etag or hashlib.sha256(html.encode()).hexdigest()[:32]}"'
    fresh = HttpResponse(html)
    fresh["ETag"] = etag
    response = get_conditional_response(request, etag=etag, response=fresh) or fresh
    # Countdowns run by our clock: the reader's may be wrong by minutes.
    response["X-Server-Time"] = str(round(timezone.now().timestamp() * 1000))
    return response


def _sign_in_first(request: HttpRequest) -> HttpResponse:
    address = reverse("inbox:login")
    if is_part(request):
        # htmx obeys the header; our own scripts go there when they see 401.
        return HttpResponse(status=401, headers={"HX-Redirect": address})
    return HttpResponseRedirect(f"{address}?next={quote(request.get_full_path())}")


def known_number(value: Any) -> int | None:
    """A whole number from an address or a form, None when it is none that a database takes."""
    text = str(value or "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 15 else None
