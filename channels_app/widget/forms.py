"""What visitors send, checked field by field. Whatever is not named here is ignored."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from channels_app.widget.http import field_error
from openlines_project.lib.text import clean_text

Receipt = Literal["delivered", "read"]

TEXT_LENGTH = 10_000
URL_LENGTH = 2000
TITLE_LENGTH = 300
# A version or a number of a message is a positive 31-bit column.
MAX_NUMBER = 2**31 - 1
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def client_id_read(data: Mapping[str, Any]) -> str:
    """The page's own id of a message, in lower case. Raises a 400 `RequestError`."""
    value = data.get("client_id")
    if not isinstance(value, str) or not UUID.fullmatch(value):
        raise field_error("client_id", _("Send a UUID."))
    return str(uuid.UUID(value))


def text_read(data: Mapping[str, Any], *, required: bool = True) -> str:
    """The visitor's words, without blanks around them. Raises a 400 `RequestError`.

    They are refused, not cut, above `TEXT_LENGTH` characters.
    """
    value = data.get("text", "" if not required else None)
    if not isinstance(value, str):
        raise field_error("text", _("Send a text."))
    if len(value) > TEXT_LENGTH:
        raise field_error("text", _("The text is too long. Send it in parts."))
    text = clean_text(value, max_length=TEXT_LENGTH).strip()
    if required and not text:
        raise field_error("text", _("Write something."))
    return text


def page_read(data: Mapping[str, Any]) -> dict[str, str]:
    """Where the visitor writes from: `url`, `title`, `referrer`, as far as they make sense.

    Addresses that are not http or https are dropped: the inbox shows them as links. Raises a 400
    `RequestError` when it is no object of texts.
    """
    value = data.get("page", {})
    if not isinstance(value, dict):
        raise field_error("page", _("Send an object."))
    page: dict[str, str] = {}
    for name in ("url", "title", "referrer"):
        item = value.get(name, "")
        if not isinstance(item, str):
            raise field_error(f"page.{name}", _("Send a text."))
        is_title = name == "title"
        item = clean_text(item, max_length=TITLE_LENGTH if is_title else URL_LENGTH).strip()
        if item and (is_title or _is_web_address(item)):
            page[name] = item
    return page


def receipt_read(data: Mapping[str, Any]) -> Receipt:
    """How far our messages have come: "read" unless told. Raises a 400 `RequestError`."""
    match data.get("status", "read"):
        case "read":
            return "read"
        case "delivered":
            return "delivered"
    raise field_error("status", _("Send “delivered” or “read”."))


def number_read(data: Mapping[str, Any], name: str, *, default: int | None = None) -> int:
    """A number from 0 on, of JSON or of the query. Raises a 400 `RequestError`."""
    value = data.get(name, default)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_NUMBER:
        raise field_error(name, _("Send a whole number."))
    return value


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)
