"""The addresses of the live chat. They translate; the services do the work."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotModified,
    JsonResponse,
)
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation import to_locale
from django.views.decorators.http import require_safe

from channels_app.drivers.livechat import COLOUR
from channels_app.models import Connector, Message
from channels_app.selectors import connector_by_public_id
from channels_app.services.received import Received
from channels_app.services.visitors import (
    visitor_message_receive,
    visitor_seen,
    visitor_typing,
)
from channels_app.widget import forms, selectors, texts
from channels_app.widget.assets import widget_script
from channels_app.widget.colours import palette
from channels_app.widget.http import (
    KIND,
    RequestError,
    address_limit_check,
    bearer_token,
    endpoint,
    field_error,
    is_switched_off,
    json_body,
    switched_on_check,
    unavailable,
    visitor_authenticate,
)
from channels_app.widget.tokens import (
    TOKEN_DAYS,
    TokenError,
    token_make,
    token_read,
    visitor_id_new,
)
from openlines_project.lib.text import load_json

SCRIPT_SECONDS = 300
CONFIG_SECONDS = 60
FILES_AT_ONCE = 5
# What an upload's form weighs beside its files.
FORM_BYTES = 256 * 1024


# --- pages and scripts --------------------------------------------------------------------


@require_safe
def script(request: HttpRequest, public_id: str) -> HttpResponse:
    """The script that a site embeds: cacheable, and the same for everybody."""
    if _connector(public_id) is None:
        raise Http404
    built = widget_script()
    if built.etag in request.headers.get("If-None-Match", ""):
        response: HttpResponse = HttpResponseNotModified()
    elif "gzip" in request.headers.get("Accept-Encoding", ""):
        response = HttpResponse(built.gzipped, content_type="text/javascript; charset=utf-8")
        response["Content-Encoding"] = "gzip"
    else:
        response = HttpResponse(built.body, content_type="text/javascript; charset=utf-8")
    response["ETag"] = built.etag
    response["Cache-Control"] = f"public, max-age={SCRIPT_SECONDS}, stale-while-revalidate=86400"
    # Pages that isolate themselves load nothing from other origins without this word.
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


@require_safe
def chat_page(request: HttpRequest, public_id: str) -> HttpResponse:
    """A page of our own that is nothing but the chat."""
    connector = _connector(public_id)
    if connector is None:
        raise Http404
    with translation.override(connector.open_channel.language):
        is_closed = is_switched_off(connector)
        context = {
            "public_id": public_id,
            "title": texts.title_of(connector),
            "language": language_tag(connector.open_channel.language),
            "is_closed": is_closed,
        }
        response = render(request, "widget/chat.html", context, status=404 if is_closed else 200)
    response["Cache-Control"] = "no-cache"
    response["X-Robots-Tag"] = "noindex"
    return response


def _connector(public_id: str) -> Connector | None:
    connector = connector_by_public_id(public_id)
    return connector if connector is not None and connector.kind == KIND else None


def language_tag(language: str) -> str:
    """A language as browsers write it: "pt-br" is "pt-BR"."""
    return to_locale(language).replace("_", "-")


# --- the visitor's requests ---------------------------------------------------------------


@endpoint("GET")
def config(request: HttpRequest, connector: Connector) -> HttpResponse:
    """The look and the words of the chat."""
    address_limit_check(request, "config")
    if is_switched_off(connector):
        raise RequestError(404, "not_found", _("This chat is closed."))
    line = connector.open_channel
    colour = connector.config.get("colour") or COLOUR
    response = JsonResponse(
        {
            "title": texts.title_of(connector),
            "greeting": texts.greeting_of(connector),
            "language": language_tag(line.language),
            "position": "left" if connector.config.get("position") == "left" else "right",
            # Our own colour has its dark counterparts in the style sheet.
            "colours": None if colour == COLOUR else palette(colour),
            "open": line.is_open_for_work,
            "texts": texts.widget_texts(),
            "limits": {
                "text": forms.TEXT_LENGTH,
                "files": FILES_AT_ONCE,
                "file_bytes": settings.MEDIA_MAX_BYTES,
            },
        }
    )
    response["Cache-Control"] = f"private, max-age={CONFIG_SECONDS}"
    return response


@endpoint("POST")
def session(request: HttpRequest, connector: Connector) -> HttpResponse:
    """A token for a new visitor, or a fresh one for the visitor of the token that was sent."""
    address_limit_check(request, "session")
    switched_on_check(connector)
    is_new = False
    try:
        visitor_id = token_read(bearer_token(request), public_id=connector.public_id)
    except TokenError:
        visitor_id, is_new = visitor_id_new(), True
    expires_at = timezone.now() + dt.timedelta(days=TOKEN_DAYS)
    return JsonResponse(
        {
            "visitor_token": token_make(public_id=connector.public_id, visitor_id=visitor_id),
            "expires": expires_at.isoformat(),
            "is_new": is_new,
        },
        status=201,
    )


@endpoint("GET", "POST")
def messages(request: HttpRequest, connector: Connector) -> HttpResponse:
    """Read the visitor's thread, or write into it."""
    if request.method == "POST":
        return _message_write(request, connector)
    return _messages_read(request, connector)


def _message_write(request: HttpRequest, connector: Connector) -> HttpResponse:
    visitor_id = visitor_authenticate(request, connector, "write")
    switched_on_check(connector)
    data = json_body(request)
    received = visitor_message_receive(
        connector=connector,
        visitor_id=visitor_id,
        client_id=forms.client_id_read(data),
        text=forms.text_read(data),
        page=forms.page_read(data),
        now=timezone.now(),
    )
    return _received_response(connector, received)


@endpoint("POST")
def files(request: HttpRequest, connector: Connector) -> HttpResponse:
    """A message with files, as a browser's form sends it."""
    visitor_id = visitor_authenticate(request, connector, "upload")
    switched_on_check(connector)
    if request.content_type != "multipart/form-data":
        raise RequestError(415, "content_type", _("Send a form with files."))
    most = FILES_AT_ONCE * settings.MEDIA_MAX_BYTES + FORM_BYTES
    length = request.META.get("CONTENT_LENGTH", "")
    if length.isdecimal() and int(length) > most:
        raise RequestError(413, "too_large", _("These files are too big."))
    try:
        data: dict[str, Any] = dict(request.POST.items())
        uploads = request.FILES.getlist("files")
        data["page"] = load_json(data.get("page", "{}").encode("utf-8", "replace"))
    except TooManyFilesSent:
        raise _too_many_files() from None
    except RequestDataTooBig:
        raise RequestError(413, "too_large", _("That is too long.")) from None
    except (MultiPartParserError, ValueError):
        raise RequestError(400, "form", _("That is no form.")) from None
    if not uploads:
        raise field_error("files", _("Choose a file."))
    if len(uploads) > FILES_AT_ONCE or set(request.FILES) != {"files"}:
        raise _too_many_files()
    received = visitor_message_receive(
        connector=connector,
        visitor_id=visitor_id,
        client_id=forms.client_id_read(data),
        text=forms.text_read(data, required=False),
        page=forms.page_read(data),
        files=uploads,
        now=timezone.now(),
    )
    return _received_response(connector, received)


def _too_many_files() -> RequestError:
    return field_error("files", _("At most %(count)s files at once.") % {"count": FILES_AT_ONCE})


def _received_response(connector: Connector, received: Received) -> HttpResponse:
    if received.outcome == "unsaved":
        raise unavailable()
    answer: dict[str, Any] = {
        "id": None,
        "seq": None,
        "created_at": None,
        "duplicate": received.outcome == "duplicate",
        "message": None,
        "notice": _notice(connector),
    }
    if received.message_id is None:
        # Kept, and not in the thread yet: it will be, without being sent again.
        return JsonResponse(answer, status=202)
    message = Message.objects.select_related("author").get(pk=received.message_id)
    shown = selectors.message_as_json(message)
    answer |= {"message": shown} | {name: shown[name] for name in ("id", "seq", "created_at")}
    return JsonResponse(answer, status=200 if answer["duplicate"] else 201)


def _messages_read(request: HttpRequest, connector: Connector) -> HttpResponse:
    visitor_id = visitor_authenticate(request, connector, "read")
    conversation = selectors.visitor_conversation(connector=connector, visitor_id=visitor_id)
    if "before" in request.GET:
        seq = forms.number_read(request.GET, "before")
        thread = selectors.Thread(version=0, messages=[])
        if conversation is not None:
            thread = selectors.thread_before(conversation, seq=seq)
    else:
        version = forms.number_read(request.GET, "after", default=0)
        thread = selectors.thread_since(conversation, version=version)
    return JsonResponse(
        {
            "version": thread.version,
            "messages": [selectors.message_as_json(message) for message in thread.messages],
            "has_earlier": thread.has_earlier,
            "is_partial": thread.is_partial,
            "is_reset": thread.is_reset,
            "notice": _notice(connector) if conversation is not None else "",
        }
    )


def _notice(connector: Connector) -> str:
    return "" if connector.open_channel.is_open_for_work else texts.received_notice()


@endpoint("POST")
def seen(request: HttpRequest, connector: Connector) -> HttpResponse:
    """How far our messages have come."""
    visitor_id = visitor_authenticate(request, connector, "signal")
    switched_on_check(connector)
    data = json_body(request)
    visitor_seen(
        connector=connector,
        visitor_id=visitor_id,
        seq=forms.number_read(data, "seq"),
        status=forms.receipt_read(data),
        now=timezone.now(),
    )
    return JsonResponse({})


@endpoint("POST")
def typing(request: HttpRequest, connector: Connector) -> HttpResponse:
    """The visitor is writing."""
    visitor_id = visitor_authenticate(request, connector, "signal")
    switched_on_check(connector)
    json_body(request)
    visitor_typing(connector=connector, visitor_id=visitor_id, now=timezone.now())
    return JsonResponse({})
