"""Text from outside, made fit to be stored, shown and sent on."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Literal

from openlines_project.lib.logs import mask_secrets

TextUnit = Literal["characters", "utf16", "bytes"]

# Deeper than any platform's delivery, far less deep than Python's stack.
MAX_JSON_DEPTH = 100
REPLACEMENT = "\ufffd"

# PostgreSQL takes neither of these, in text or in JSON.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_CONTROLS = re.compile("[\x01-\x08\x0b-\x1f\x7f-\x9f]")
_UNCLEAN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_NEWLINES = re.compile("\r\n?|[\u2028\u2029\x85]")
_BLANKS = re.compile(r"\s+")

_JOINER = "\u200d"
_NON_JOINER = "\u200c"


def clean_text(value: str, *, max_length: int) -> str:
    """Text as it may be stored: at most `max_length` characters, cut between whole ones.

    NUL and lone surrogates become U+FFFD, line ends become a newline, and of the control
    characters only newline and tab stay.
    """
    if _UNCLEAN.search(value):
        value = _NEWLINES.sub("\n", value)
        value = _UNSTORABLE.sub(REPLACEMENT, value)
        value = _CONTROLS.sub("", value)
    if len(value) <= max_length:
        return value
    end = max_length
    # Step back when the cut would fall inside what is seen as one character.
    while end > max(max_length - 40, 0) and _continues(value, end):
        end -= 1
    return value[: end if end > max(max_length - 40, 0) else max_length]


def clean_json(value: Any) -> Any:
    """A JSON value that every database takes: strings and keys without NUL and lone surrogates.

    Numbers JSON has no word for become None. Raises `ValueError` when it is nested deeper than
    `MAX_JSON_DEPTH`.
    """
    return _clean(value, MAX_JSON_DEPTH)


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub(REPLACEMENT, value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (dict, list, tuple)):
        if depth == 0:
            raise ValueError("This is nested too deep.")
        if isinstance(value, dict):
            return {_clean(str(k), depth): _clean(v, depth - 1) for k, v in value.items()}
        return [_clean(item, depth - 1) for item in value]
    return value


def load_json(raw: bytes) -> Any:
    """JSON from outside, in UTF-8 without a byte order mark. Of repeated keys the last counts.

    Raises `ValueError`, and nothing else, for anything that is not JSON, for NaN and Infinity,
    numbers too large to hold and nesting deeper than `MAX_JSON_DEPTH`.
    """
    text = raw.decode("utf-8")  # UnicodeDecodeError is a ValueError
    if text.startswith("\ufeff"):
        raise ValueError("There is a byte order mark before the JSON.")
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError("This is nested too deep.") from None
    # Counting is quick, and nearly all deliveries have fewer brackets than the limit.
    if text.count("{") + text.count("[") > MAX_JSON_DEPTH and _is_deep(value):
        raise ValueError("This is nested too deep.")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("A number is too large.")
    return number


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_JSON_DEPTH):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        level = [item for item in inner if isinstance(item, (dict, list))]
        if not level:
            return False
    return True


# --- splitting ----------------------------------------------------------------------------


def text_size(text: str, unit: TextUnit) -> int:
    """The length of a text as a platform counts it."""
    if unit == "bytes":
        return len(text.encode("utf-8", "surrogatepass"))
    if unit == "utf16":
        return len(text) + sum(1 for character in text if character > "\uffff")
    return len(text)


def split_text(text: str, limit: int, unit: TextUnit) -> list[str]:
    """A text in parts of at most `limit`, counted in `unit`; no part is blank.

    Cut where a word ends, in a longer word between characters, and never inside what is seen as
    one character (an emoji with its skin tone, a family, a flag), unless that alone is longer
    than the limit. Blanks at a cut are dropped.
    """
    if limit < 4:
        raise ValueError("A part must have room for one character in any unit.")
    parts: list[str] = []
    rest = text.strip()
    while rest:
        # In no unit a text is shorter than in characters, and those need no counting.
        if len(rest) <= limit and text_size(rest, unit) <= limit:
            parts.append(rest)
            break
        cut = _cut(rest, limit, unit)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return parts


def _cut(text: str, limit: int, unit: TextUnit) -> int:
    """Where to cut a text that is longer than the limit, as an index greater than 0."""
    size = end = word_end = 0
    for cluster in _clusters(text):
        size += text_size(cluster, unit)
        if cluster.isspace():
            # The blank itself is dropped, so it need not fit.
            word_end = end
        if size > limit:
            break
        end += len(cluster)
    if word_end:
        return word_end
    if end:
        return end
    # One "character" longer than a whole part: marks heaped upon marks.
    size = 0
    for index, character in enumerate(text):
        size += text_size(character, unit)
        if size > limit:
            return index
    return len(text)


def _clusters(text: str) -> Iterator[str]:
    start = 0
    for index in range(1, len(text) + 1):
        if index == len(text) or not _continues(text, index):
            yield text[start:index]
            start = index


def _continues(text: str, index: int) -> bool:
    """Does the character at `index` belong to the one before it?"""
    if index <= 0 or index >= len(text):
        return False
    before, here = text[index - 1], text[index]
    if here < "\u0300":
        return before == "\r" and here == "\n"
    if here == _JOINER or _is_extender(here):
        return True
    if before == _JOINER:
        return True
    if _is_flag_letter(here) and _is_flag_letter(before):
        # Flags are pairs: the second letter of a pair belongs to the first.
        run = 0
        while index - 1 - run >= 0 and _is_flag_letter(text[index - 1 - run]):
            run += 1
        return run % 2 == 1
    return False


def _is_extender(character: str) -> bool:
    return (
        "\ufe00" <= character <= "\ufe0f"  # how an emoji is drawn
        or "\U0001f3fb" <= character <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= character <= "\U000e007f"  # flags of regions
        or unicodedata.category(character) in ("Mn", "Me", "Mc")
    )


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


# --- names --------------------------------------------------------------------------------


def neutral_name(name: str) -> str:
    """The name of a person or a file as it may be shown: in one line, without tricks.

    Marks that turn the direction of text around or show nothing are taken out; joiners stay where
    scripts and emoji need them.
    """
    kept: list[str] = []
    for index, character in enumerate(name):
        category = unicodedata.category(character)
        if character in (_JOINER, _NON_JOINER):
            if _joins(name, index):
                kept.append(character)
        elif category == "Cs" or character == "\x00":
            kept.append(REPLACEMENT)
        elif category in ("Cc", "Zl", "Zp"):
            kept.append(" ")
        elif category != "Cf":
            kept.append(character)
    return _BLANKS.sub(" ", "".join(kept)).strip()


def _joins(name: str, index: int) -> bool:
    """Between two characters of a script that is joined, or of one emoji."""
    around = name[max(index - 1, 0) : index] + name[index + 1 : index + 2]
    return len(around) == 2 and all(
        character > "\u02ff" and unicodedata.category(character)[0] in "LMS" for character in around
    )


# --- errors -------------------------------------------------------------------------------


def error_words(error: BaseException) -> str:
    """An unexpected error as administrators read it: its kind and what it says, no secret."""
    return mask_secrets(f"{type(error).__name__}: {error}")
