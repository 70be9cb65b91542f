"""The widget's script: its parts and its style sheet, put together once and kept."""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

FOLDER = Path(__file__).resolve().parent.parent / "static" / "widget"
STYLE = "widget.css"
# One function around all of them: a foreign page gets no name of ours but one.
PARTS = ("tools.js", "client.js", "thread.js", "panel.js", "start.js")


@dataclass(frozen=True, slots=True)
class Script:
    """The script as it is sent, plain and compressed, with its entity tag."""

    body: bytes
    gzipped: bytes
    etag: str


def widget_script() -> Script:
    """The script every site embeds. It is the same for all connectors."""
    return _build.__wrapped__() if settings.DEBUG else _build()


@functools.cache
def _build() -> Script:
    style = (FOLDER / STYLE).read_text(encoding="utf-8")
    parts = [(FOLDER / name).read_text(encoding="utf-8") for name in PARTS]
    # The style sheet travels inside, so that a page's own policy for styles cannot break the chat.
    source = "\n".join(
        ['(() => {\n"use strict";', f"const STYLE = {json.dumps(style)};", *parts, "})();\n"]
    )
    body = source.encode()
    # mtime=0: the same script gives the same bytes in every process.
    return Script(
        body=body,
        gzipped=gzip.compress(body, 9, mtime=0),
        # Weak: one tag for the plain and the compressed form.
        etag=f'W/"{hashlib.sha256(body).hexdigest()[:32]}"',
    )
