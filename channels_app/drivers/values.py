"""Reading values out of a delivery in which anything may stand anywhere.

Nothing here raises: what is not of the expected kind is "not given".
"""

import datetime as dt
import math
from typing import Any

from openlines_project.lib.text import clean_text

MAX_ID = 150
MAX_REF = 2000
MAX_NAME = 200
MAX_TEXT = 20_000
_MAX_COUNT = 2**31 - 1
_MAX_SIZE = 2**53
# Seconds since 1970 have ten digits, milliseconds thirteen.
_FIRST_MILLISECONDS = 10**11


def read_object(value: Any) -> dict[str, Any]:
    """The object, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def read_list(value: Any) -> list[Any]:
    """The list, an empty one for anything else."""
    return value if isinstance(value, list) else []


def read_id(value: Any) -> str:
    """An id as text, whether it came as text or as a number; empty when it is neither."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20:
        return str(value)
    if isinstance(value, str) and len(value) <= MAX_ID and value.isprintable():
        return value
    return ""


def read_ref(value: Any) -> str:
    """What a file is fetched by. Longer than an id: Telegram's have over a hundred characters."""
    return value if isinstance(value, str) and len(value) <= MAX_REF and value.isprintable() else ""


def read_text(value: Any, *, max_length: int = MAX_TEXT) -> str:
    """Text, cleaned and cut to `max_length` characters. Only a string is text."""
    return clean_text(value, max_length=max_length) if isinstance(value, str) else ""


def read_name(value: Any, *, max_length: int = MAX_NAME) -> str:
    """A short text in one line."""
    return " ".join(read_text(value, max_length=max_length).split())


def read_number(value: Any) -> float | None:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def read_count(value: Any) -> int | None:
    """A whole number of seconds, pieces and the like, from 0 on."""
    return _whole(value, _MAX_COUNT)


def read_size(value: Any) -> int | None:
    """A number of bytes."""
    return _whole(value, _MAX_SIZE)


def _whole(value: Any, most: int) -> int | None:
    number = read_number(value)
    return int(number) if number is not None and 0 <= number <= most else None


def read_time(value: Any) -> dt.datetime | None:
    """A moment given in seconds since 1970, or in milliseconds where the size says so."""
    number = read_number(value)
    if number is None or number <= 0:
        return None
    if number >= _FIRST_MILLISECONDS:
        number /= 1000
    try:
        return dt.datetime.fromtimestamp(number, dt.UTC)
    except (OverflowError, ValueError, OSError):
        return None
