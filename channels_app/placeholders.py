"""What may stand in braces in an automatic text: replaced literally, never run as a template."""

from __future__ import annotations

import re
from collections.abc import Mapping

PLACEHOLDERS = ("customer", "operator", "line", "opens_at", "session")
# Texts that are sent while nobody has the chat: an operator's name could never stand there.
WITHOUT_OPERATOR = frozenset({"welcome", "consent", "no_answer"})

_IN_BRACES = re.compile(r"\{([^{}\n]{1,40})\}")
# With the space before it, so that nothing doubled is left where there is no value.
_WITH_SPACE = re.compile(r"( ?)\{(" + "|".join(PLACEHOLDERS) + r")\}")


def placeholders_fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders replaced; one without a value goes with its space.

    Values are put in as they are: braces in a customer's name stay braces.
    """

    def value(match: re.Match[str]) -> str:
        found = values.get(match[2], "")
        return match[1] + found if found else ""

    return _WITH_SPACE.sub(value, text).strip()


def placeholders_unknown(text: str) -> list[str]:
    """What stands in braces and is no placeholder of ours, in the order of the text."""
    return [name for name in _IN_BRACES.findall(text) if name not in PLACEHOLDERS]


def placeholders_empty(text: str, kind: str, *, has_hours: bool) -> list[str]:
    """Placeholders that can never have a value in a text of this kind (a `TextKind`)."""
    never = set()
    if kind in WITHOUT_OPERATOR:
        never.add("operator")
    if not has_hours:
        never.add("opens_at")
    return [name for name in _IN_BRACES.findall(text) if name in never]
