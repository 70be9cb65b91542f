"""Every refusal has one shape: `{"code", "detail", "fields"}`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import views
from rest_framework.exceptions import (
    APIException,
    ErrorDetail,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    ValidationError,
)
from rest_framework.response import Response
from rest_framework.settings import api_settings

from channels_app.services.errors import ServiceError

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 5


class VersionRequired(APIException):
    """A change without the version it was made from."""

    status_code = 428
    default_code = "version_required"
    default_detail = gettext_lazy("Send the version you read as If-Match.")


class VersionStale(APIException):
    """Somebody else changed it meanwhile."""

    status_code = 412
    default_code = "version_stale"
    default_detail = gettext_lazy("This was changed meanwhile. Read it again.")


class LengthRequired(APIException):
    """A body in chunks: the server below hands it on as if there were none."""

    status_code = 411
    default_code = "length_required"
    default_detail = gettext_lazy("Send the body with a Content-Length.")


def error_body(
    code: str, detail: Any, fields: dict[str, list[str]] | None = None
) -> dict[str, Any]:
    """The body of a refusal. `fields` are dotted paths (`config.token`) with their sentences."""
    return {"code": code, "detail": str(detail), "fields": fields or {}}


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Translate what a view raised. None leaves a fault of ours to Django (500, and the log)."""
    if isinstance(exc, ServiceError):
        fields = {name: [str(text) for text in texts] for name, texts in exc.fields.items()}
        headers = {"Retry-After": "1"} if exc.code == "in_progress" else None
        return Response(
            error_body(exc.code, exc.detail, fields), status=exc.status, headers=headers
        )
    if isinstance(exc, OperationalError | InterfaceError):
        logger.error("The API could not reach the database: %s", type(exc).__name__)
        return Response(
            error_body("unavailable", _("Please try again in a moment.")),
            status=503,
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        )
    if isinstance(exc, IntegrityError):
        # Two at once: the database let the first one win.
        logger.warning("The API met a constraint.", exc_info=exc)
        return Response(
            error_body("conflict", _("Somebody else changed the same thing at this moment.")),
            status=409,
        )
    if isinstance(exc, RecursionError | DataError | RequestDataTooBig | UnreadablePostError):
        return Response(error_body("invalid", _("The request cannot be read.")), status=400)
    response = views.exception_handler(exc, context)
    if response is None:
        return None
    response.data = _api_exception_body(exc)
    return response


def _api_exception_body(exc: Exception) -> dict[str, Any]:
    if isinstance(exc, ValidationError):
        flat = dict(_flatten(exc.detail))
        general = [text for name in ("", api_settings.NON_FIELD_ERRORS_KEY)
                   for text in flat.pop(name, [])]  # fmt: skip
        detail = " ".join(general) or _("Some fields are wrong.")
        return error_body("invalid", detail, flat)
    if not isinstance(exc, APIException):
        # Django's own two, which REST framework has answered as if they were its.
        exc = NotFound() if isinstance(exc, Http404) else PermissionDenied()
    code = exc.get_codes()
    if isinstance(exc, NotAuthenticated):
        return error_body("not_authenticated", _("Send an API key as a bearer token."))
    return error_body(code if isinstance(code, str) else exc.default_code, exc.detail)


def _flatten(detail: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """Nested errors as dotted paths: `config.token`, `members.1.user`."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            # What concerns a nested object as a whole is named by the object.
            of_all = name == api_settings.NON_FIELD_ERRORS_KEY
            inside = f"{path}.{name}" if path else str(name)
            yield from _flatten(inner, path if of_all and path else inside)
    elif isinstance(detail, list) and not all(isinstance(item, ErrorDetail) for item in detail):
        for index, inner in enumerate(detail):
            yield from _flatten(inner, f"{path}.{index}" if path else str(index))
    elif isinstance(detail, list):
        yield path, [str(item) for item in detail]
    else:
        yield path, [str(detail)]
