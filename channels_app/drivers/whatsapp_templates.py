"""Reading the message templates of a WhatsApp business account.

https://developers.facebook.com/docs/graph-api/reference/whats-app-business-account/message_templates
"""

from __future__ import annotations

import re
from typing import Any

from channels_app.drivers.base import Template
from channels_app.drivers.values import read_list, read_name, read_object, read_text

# A head's placeholders count from 1 as those of the text do: told apart by this.
HEADER_PREFIX = "header_"
_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
# Buttons that need no value of ours when the template is sent.
_PLAIN_BUTTONS = frozenset({"QUICK_REPLY", "PHONE_NUMBER", "URL"})


def read_template(item: dict[str, Any]) -> Template | None:
    """One template as WhatsApp lists it; None when it has no name."""
    name, language = read_name(item.get("name")), read_name(item.get("language"), max_length=16)
    if not name or not language:
        return None
    parts = {
        str(part.get("type")).upper(): part
        for part in map(read_object, read_list(item.get("components")))
    }
    header = parts.get("HEADER", {})
    head = _PLACEHOLDER.sub(
        lambda found: "{{" + HEADER_PREFIX + found[1] + "}}", read_text(header.get("text"))
    )
    body = _PLACEHOLDER.sub(
        lambda found: "{{" + found[1] + "}}", read_text(parts.get("BODY", {}).get("text"))
    )
    buttons = [read_object(one) for one in read_list(parts.get("BUTTONS", {}).get("buttons"))]
    status = read_name(item.get("status"), max_length=40)
    known = parts.keys() <= {"HEADER", "BODY", "FOOTER", "BUTTONS"}
    has_plain_header = not header or header.get("format", "TEXT") == "TEXT"
    return Template(
        name=name,
        language=language,
        body=body,
        header=head,
        footer=read_text(parts.get("FOOTER", {}).get("text")),
        category=read_name(item.get("category"), max_length=40),
        status=status,
        parameters=tuple(dict.fromkeys(_PLACEHOLDER.findall(head) + _PLACEHOLDER.findall(body))),
        has_names=item.get("parameter_format") == "NAMED",
        buttons=tuple(read_name(one.get("text"), max_length=60) for one in buttons),
        is_usable=status == "APPROVED"
        and bool(body)
        and known
        and has_plain_header
        and all(map(_is_plain, buttons)),
    )


def _is_plain(button: dict[str, Any]) -> bool:
    return button.get("type") in _PLAIN_BUTTONS and not _PLACEHOLDER.search(
        read_text(button.get("url"))
    )
