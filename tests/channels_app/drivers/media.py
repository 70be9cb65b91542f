"""Fetching files in tests: a door that takes a stand-in for the public internet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from channels_app.drivers.base import Driver, DriverError
from openlines_project.lib.http import HttpDoor
from tests.standins.server import DROP, Answer, StandIn

# What any store may answer, and whether the file is tried again.
SAME_FAILURES: list[Any] = [
    (Answer(b"", status=403), "content"),
    (Answer(b"", status=404), "content"),
    (Answer(b"", status=410), "content"),
    (Answer(b"", status=408), "retry"),
    (Answer(b"", status=429), "retry"),
    (Answer(b"", status=500), "retry"),
    (DROP, "retry"),
    (Answer(b"half", headers={"Content-Length": "1000"}), "retry"),
    (Answer(b"", headers={"Content-Length": str(10**12)}), "content"),
]


class _ToTheStandIn(httpx2.BaseTransport):
    def __init__(self, url: str) -> None:
        self._real = httpx2.HTTPTransport()
        self._place = urlsplit(url)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.url = request.url.copy_with(
            scheme="http", host=self._place.hostname, port=self._place.port
        )
        return self._real.handle_request(request)

    def close(self) -> None:
        self._real.close()


@contextmanager
def public_door(store: StandIn) -> Iterator[HttpDoor]:
    """The untrusted door, whose every address leads to the stand-in."""
    transport = _ToTheStandIn(store.url)
    yield HttpDoor(trusted=False, transport=transport)
    transport.close()


def fetched(driver: Driver, ref: str) -> bytes:
    with driver.fetch_media(ref) as media:
        return b"".join(media.chunks)


def assert_refused(driver: Driver, ref: str, error_class: str) -> None:
    with pytest.raises(DriverError) as caught:
        fetched(driver, ref)
    assert caught.value.error_class == error_class
    for field in driver.secret_fields:
        assert str(driver.config[field]) not in str(caught.value)
