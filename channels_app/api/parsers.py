"""The only body the API takes: one JSON object in UTF-8, not too large, not too deep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from openlines_project.lib.text import clean_json, load_json

MAX_BODY_BYTES = 1024 * 1024


class BodyTooLarge(APIException):
    """More than `MAX_BODY_BYTES`."""

    status_code = 413
    default_code = "too_large"
    default_detail = gettext_lazy("The body is larger than 1 MB.")


class SafeJSONParser(BaseParser):
    """Reads at most `MAX_BODY_BYTES`, refuses what is no JSON object, and replaces in strings
    what no database can hold (NUL, lone surrogates) by U+FFFD."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Raises `ParseError` (400) or `BodyTooLarge` (413)."""
        try:
            raw = stream.read(MAX_BODY_BYTES + 1)
        except OSError:  # the caller went away in the middle
            raise ParseError(_("The body is incomplete.")) from None
        if len(raw) > MAX_BODY_BYTES:
            raise BodyTooLarge
        try:
            value = clean_json(load_json(raw))
        except ValueError as error:
            raise ParseError(_("The body is not valid JSON.")) from error
        if not isinstance(value, dict):
            raise ParseError(_("The body must be a JSON object."))
        return value
