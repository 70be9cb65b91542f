"""What all addresses of the live chat have in common: who may ask, how much, and how errors look.

Any site may try to talk to these addresses, so each request passes, in this order: the connector,
the origin, the limits of its address, the visitor's token, the visitor's own limits.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from channels_app.models import Connector, ConnectorStatus
from channels_app.selectors import connector_by_public_id
from channels_app.services.errors import ServiceError
from channels_app.widget import limits
from channels_app.widget.tokens import TokenError, token_read
from openlines_project.lib.clients import client_home
from openlines_project.lib.limits import Limit
from openlines_project.lib.text import load_json

logger = logging.getLogger(__name__)

KIND = "livechat"
BODY_MAX_BYTES = 64 * 1024
PREFLIGHT_SECONDS = 2 * 3600
RETRY_SECONDS = 5

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, Connector, P], HttpResponse]


class RequestError(Exception):
    """The answer to a request that is refused: a status, a code for programs, a sentence."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        fields: Mapping[str, Sequence[str]] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.fields = fields or {}
        self.retry_after = retry_after

    def response(self) -> JsonResponse:
        body = {"code": self.code, "detail": self.detail, "fields": self.fields}
        response = JsonResponse(body, status=self.status)
        if self.retry_after is not None:
            response["Retry-After"] = str(self.retry_after)
        return response


def field_error(name: str, sentence: str) -> RequestError:
    """A 400 that names one wrong field."""
    return RequestError(400, "invalid", _("Something is wrong here."), fields={name: [sentence]})


def unavailable() -> RequestError:
    """A 503: nothing was stored, and the same request will do later."""
    return RequestError(
        503, "unavailable", _("That did not work just now."), retry_after=RETRY_SECONDS
    )


def endpoint(*methods: str) -> Callable[[View[P]], Callable[..., HttpResponse]]:
    """Make a view of a live-chat address, called with its connector.

    `methods` are the HTTP methods it takes. The view speaks the language of the line, raises
    `RequestError` or a `ServiceError` to refuse, and is exempt from CSRF checks because no cookie
    says who asks. Unknown connectors get 404, foreign origins 403 without a CORS header.
    """

    def decorate(view: View[P]) -> Callable[..., HttpResponse]:
        @csrf_exempt
        @functools.wraps(view)
        def answer(
            request: HttpRequest, public_id: str, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponse:
            origin = request.headers.get("Origin")
            shared = False
            try:
                connector = connector_by_public_id(public_id)
                if connector is None or connector.kind != KIND:
                    raise RequestError(404, "not_found", _("There is no such chat."))
                with translation.override(connector.open_channel.language):
                    try:
                        shared = _origin_check(request, connector, origin)
                        response = _dispatch(
                            lambda: view(request, connector, *args, **kwargs), request, methods
                        )
                    except RequestError as error:
                        response = error.response()
                    except ServiceError as error:
                        response = RequestError(
                            error.status, error.code, str(error.detail), fields=error.fields
                        ).response()
            except RequestError as error:
                response = error.response()
            except UnreadablePostError:
                response = RequestError(400, "incomplete", _("The request ended early.")).response()
            except (DatabaseError, InterfaceError):
                logger.exception("The live chat could not use the database")
                response = unavailable().response()
            if shared and origin:
                response["Access-Control-Allow-Origin"] = origin
                response["Access-Control-Expose-Headers"] = "Retry-After"
            patch_vary_headers(response, ["Origin"])
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return answer

    return decorate


def _dispatch(
    run: Callable[[], HttpResponse], request: HttpRequest, methods: tuple[str, ...]
) -> HttpResponse:
    if request.method == "OPTIONS":
        response = HttpResponse(status=204)
        response["Access-Control-Allow-Methods"] = ", ".join(methods)
        response["Access-Control-Allow-Headers"] = "authorization, content-type"
        response["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
        return response
    if request.method not in methods:
        response = RequestError(405, "method", _("This address does not do that.")).response()
        response["Allow"] = ", ".join((*methods, "OPTIONS"))
        return response
    return run()


# --- who asks -----------------------------------------------------------------------------


def _origin_check(request: HttpRequest, connector: Connector, origin: str | None) -> bool:
    """Whether the answer is for a foreign page that may read it. Raises `RequestError`.

    Browsers name the origin with everything that can change something and with everything that
    crosses origins; a request without one is our own page's reading, or no browser's.
    """
    if origin is None or origin in own_origins(request):
        return False
    # Exactly as browsers write it: nothing is normalised, so nothing can be made to look alike.
    listed = connector.config.get("allowed_origins")
    if isinstance(listed, list) and origin in listed:
        return True
    raise RequestError(403, "origin", _("This site may not use the chat."))


def own_origins(request: HttpRequest) -> set[str]:
    """The origins of our own pages: as asked for, and as configured."""
    origins = {f"{request.scheme}://{request.get_host()}"}
    public = urlsplit(settings.PUBLIC_URL)
    if public.scheme and public.netloc:
        origins.add(f"{public.scheme}://{public.netloc}")
    return origins


def is_switched_off(connector: Connector) -> bool:
    """Whether the chat takes nothing any more."""
    return connector.disabled_at is not None or connector.status == ConnectorStatus.DISABLED


def switched_on_check(connector: Connector) -> None:
    """Raises a 403 `RequestError` when the connector is switched off."""
    if is_switched_off(connector):
        raise RequestError(403, "disabled", _("This chat is closed."))


def address_limit_check(request: HttpRequest, what: str) -> None:
    """Count a request of this address. Raises a 429 `RequestError` when there were too many."""
    _limit_check(limits.ADDRESS_LIMITS[what], client_home(request))


def visitor_limit_check(visitor_id: str, what: str) -> None:
    """Count a request of this visitor. Raises a 429 `RequestError` when there were too many."""
    _limit_check(limits.VISITOR_LIMITS[what], visitor_id)


def _limit_check(which: tuple[Limit, ...], who: str) -> None:
    seconds = limits.wait_seconds(which, who)
    if seconds:
        raise _too_many(seconds)


def _too_many(seconds: int) -> RequestError:
    return RequestError(
        429, "too_many", _("That was a lot at once. Wait a moment."), retry_after=seconds
    )


def bearer_token(request: HttpRequest) -> str:
    """The token of the `Authorization` header, empty when there is none."""
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def visitor_authenticate(request: HttpRequest, connector: Connector, what: str) -> str:
    """The visitor id of this request, counted against the limits of `what`.

    Raises `RequestError`: 401 without a token of this connector, 429 above the limits.
    """
    address_limit_check(request, what)
    token = bearer_token(request)
    address = client_home(request)
    try:
        visitor_id = token_read(token, public_id=connector.public_id)
    except TokenError:
        if token:
            seconds = limits.wait_seconds(limits.ADDRESS_LIMITS["guess"], address)
            if seconds:
                raise _too_many(seconds) from None
        raise RequestError(401, "token", _("Start the chat again.")) from None
    visitor_limit_check(visitor_id, what)
    return visitor_id


# --- what is asked ------------------------------------------------------------------------


def json_body(request: HttpRequest) -> dict[str, Any]:
    """The JSON object in the body. Raises `RequestError`: 400, 413 or 415."""
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if request.content_type != "application/json" or encoding not in {"", "identity"}:
        raise RequestError(415, "content_type", _("Send JSON."))
    raw = request.read(BODY_MAX_BYTES + 1)
    if len(raw) > BODY_MAX_BYTES:
        raise RequestError(413, "too_large", _("That is too long."))
    try:
        value = load_json(raw)
    except ValueError:
        raise RequestError(400, "json", _("That is no JSON.")) from None
    if not isinstance(value, dict):
        raise RequestError(400, "json", _("Send a JSON object."))
    return value
