"""Reading Meta's deliveries: the envelope and the values all three of its messengers share."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from django.utils.translation import gettext_noop as _

from channels_app.drivers.base import ParseError
from channels_app.drivers.values import read_list, read_object, read_time
from openlines_project.lib.text import clean_json, load_json

# As the column of a message's id. Instagram's are longer than those of other platforms.
MESSAGE_ID_LENGTH = 200
_LONGEST_ID = 2000


def read_envelope(raw: bytes) -> tuple[str, list[dict[str, Any]]]:
    """What a delivery is about (`page`, `instagram`, ...) and its entries. Raises `ParseError`."""
    try:
        body = clean_json(load_json(raw))
    except ValueError:
        raise ParseError(_("The body is not JSON.")) from None
    if not isinstance(body, dict):
        raise ParseError(_("The body is not an object."))
    entries = [read_object(entry) for entry in read_list(body.get("entry"))]
    kind = body.get("object")
    return (kind if isinstance(kind, str) else ""), entries


def read_message_id(value: Any) -> str:
    """The id of a message; of one that is longer than our column its hash, always the same."""
    if not isinstance(value, str) or not value.isprintable() or len(value) > _LONGEST_ID:
        return ""
    if len(value) <= MESSAGE_ID_LENGTH:
        return value
    return "sha256:" + hashlib.sha256(value.encode()).hexdigest()


def read_moment(value: Any) -> dt.datetime | None:
    """A moment in seconds or milliseconds, as a number or as text with digits only."""
    if isinstance(value, str):
        return read_time(int(value)) if value.isdecimal() and len(value) < 20 else None
    return read_time(value)
