"""The page of a line as a browser has it: what its form holds, and what it would send."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from django.test import Client

from channels_app.models import OpenChannel

Sent = dict[str, list[str]]
# What is inside is no part of the page where scripts run.
APART = {"noscript", "template"}


def address(line: OpenChannel) -> str:
    return f"/admin/channels_app/openchannel/{line.pk}/change/"


class FormReader(HTMLParser):
    """Collects what the form with this id would send."""

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id = form_id
        self.sent: Sent = {}
        self._inside = False
        self._apart = 0
        self._textarea = ""
        self._words: list[str] = []
        self._select = ""
        self._options: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self._inside = given.get("id") == self.form_id
        self._apart += tag in APART
        if not self._inside or self._apart or "disabled" in given:
            return
        name, value = given.get("name") or "", given.get("value") or ""
        if tag == "input" and name:
            if given.get("type") in {"checkbox", "radio"}:
                if "checked" in given:
                    self.sent.setdefault(name, []).append(value or "on")
            else:
                self.sent.setdefault(name, []).append(value)
        elif tag == "textarea":
            self._textarea, self._words = name, []
        elif tag == "select":
            self._select, self._options = name, []
        elif tag == "option":
            self._options.append((value, "selected" in given))

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self._words.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._apart -= tag in APART
        if tag == "form":
            self._inside = False
        if tag == "textarea" and self._textarea:
            # A browser leaves out the first line end, and sends the others as two characters.
            words = "".join(self._words).removeprefix("\n").replace("\n", "\r\n")
            self.sent.setdefault(self._textarea, []).append(words)
            self._textarea = ""
        elif tag == "select" and self._select:
            chosen = [value for value, selected in self._options if selected]
            first = [value for value, _selected in self._options[:1]]
            self.sent.setdefault(self._select, []).extend(chosen[-1:] or first)
            self._select = ""


def form_sent(html: str) -> Sent:
    """What a browser would send of this page as it is."""
    reader = FormReader("line-form")
    reader.feed(html)
    assert reader.sent
    return reader.sent


def sent(client: Client, line: OpenChannel, **changes: Any) -> Sent:
    """What a browser would send of the line's page with some fields changed."""
    return changed(form_sent(client.get(address(line)).content.decode()), **changes)


def changed(data: Sent, **changes: Any) -> Sent:
    """The same form with some fields changed; None leaves one out."""
    found = dict(data)
    for name, value in changes.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = value if isinstance(value, list) else [value]
    return found


def dotted(text: str, tab: str) -> str:
    """What the dot on a tab says; empty when the tab has none."""
    button = re.search(rf'id="tab-{tab}".*?</button>', text, re.DOTALL)
    assert button is not None
    found = re.search(r'class="dot-bad" title="([^"]*)"', button.group())
    return found.group(1) if found else ""


def opened(text: str) -> str:
    """The tab that the page opens by itself, empty for none."""
    found = re.search(r'role="tablist"[^>]* data-open="(\w+)"', text)
    return found.group(1) if found else ""
