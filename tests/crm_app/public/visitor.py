"""What a customer does with a form: opens it, fills it in, sends it. The clock stands at `NOW`."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import time_machine
from django.test import Client
from django.utils import timezone

NOW = dt.datetime(2026, 3, 2, 12, 0, tzinfo=dt.UTC)
FILLED = {
    "f-name": "Paulo Anjos",
    "f-phone": "(11) 98321-2345",
    "f-email": "Paulo@Example.com",
    "f-consent": "on",
    "website": "",
}
FORM_TYPE = "application/x-www-form-urlencoded"


def opened(path: str, **client_options: Any) -> tuple[Client, str]:
    """A client that has the page, and the page."""
    client = Client(**client_options)
    answer = client.get(path)
    assert answer.status_code == 200, answer.content
    return client, answer.content.decode()


def filled(page: str, fields: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """The body of a filled-in page; a field that is None is left out."""
    stamp = re.search(r'name="stamp" value="([^"]*)"', page)
    values: dict[str, str | None] = {**FILLED, "stamp": stamp[1] if stamp else "", **(fields or {})}
    return {name: value for name, value in values.items() if value is not None}


def send(
    client: Client,
    path: str,
    page: str,
    fields: Mapping[str, str | None] | None = None,
    *,
    after: float = 5,
) -> Any:
    """Send the page, `after` seconds from now, as a browser would."""
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=after), tick=False):
        return client.post(path, urlencode(filled(page, fields)), content_type=FORM_TYPE)
