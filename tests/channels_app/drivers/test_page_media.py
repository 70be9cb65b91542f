"""Fetching a file that came by Messenger or Instagram: by its address, and without our token."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from channels_app.drivers.base import DriverError
from channels_app.drivers.registry import driver_class
from openlines_project.lib.http import HttpDoor
from tests.channels_app.drivers.meta_driver import settings_for
from tests.standins.graph_api import TOKEN

pytestmark = pytest.mark.parametrize("kind", ["messenger", "instagram"])


def driver(kind: str, answer: httpx2.Response | Exception, seen: list[httpx2.Request]) -> Any:
    def respond(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    door = HttpDoor(trusted=False, transport=httpx2.MockTransport(respond))
    return driver_class(kind)(
        config=settings_for(kind), trusted=HttpDoor(trusted=True), untrusted=door
    )


def test_a_file_is_fetched_without_our_token(kind: str) -> None:
    seen: list[httpx2.Request] = []
    answer = httpx2.Response(200, content=b"bytes", headers={"Content-Type": "image/jpeg"})
    url = "https://scontent.example.com/v/t1/or%C3%A7amento.jpg?oh=1"
    with driver(kind, answer, seen).fetch_media(url) as media:
        assert b"".join(media.chunks) == b"bytes"
        assert (media.name, media.content_type) == ("orçamento.jpg", "image/jpeg")
    (request,) = seen
    assert "authorization" not in request.headers
    assert TOKEN not in str(request.url)


@pytest.mark.parametrize("ref", ["URL_OF_THE_ATTACHMENT", "", "file:///etc/passwd", "ftp://a/b"])
def test_what_is_no_web_address_is_not_fetched(kind: str, ref: str) -> None:
    seen: list[httpx2.Request] = []
    with (
        pytest.raises(DriverError) as caught,
        driver(kind, httpx2.Response(200), seen).fetch_media(ref),
    ):
        pass
    assert (caught.value.error_class, seen) == ("content", [])


@pytest.mark.parametrize(
    ("answer", "error_class"),
    [
        (httpx2.Response(403), "content"),
        (httpx2.Response(410), "content"),
        (httpx2.Response(429), "retry"),
        (httpx2.Response(502), "retry"),
        (httpx2.ReadTimeout("slow"), "retry"),
    ],
)
def test_what_the_answers_mean(kind: str, answer: Any, error_class: str) -> None:
    with (
        pytest.raises(DriverError) as caught,
        driver(kind, answer, []).fetch_media("https://cdn.example.com/a.jpg"),
    ):
        pass
    assert caught.value.error_class == error_class


def test_a_private_address_is_refused(kind: str) -> None:
    plain = driver_class(kind)(
        config=settings_for(kind), trusted=HttpDoor(trusted=True), untrusted=HttpDoor(trusted=False)
    )
    with pytest.raises(DriverError) as caught, plain.fetch_media("http://127.0.0.1:8080/secret"):
        pass
    assert caught.value.error_class == "content"
