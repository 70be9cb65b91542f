"""Fetching a file from WhatsApp: its address first, then the file, the token to Meta only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from channels_app.drivers.base import DriverError
from openlines_project.lib.http import AnswerTooLarge
from tests.channels_app.drivers.meta_driver import driver_for
from tests.standins.graph_api import Answer, GraphStandIn, graph_api, refused


@pytest.fixture
def graph() -> Iterator[GraphStandIn]:
    with graph_api() as stand_in:
        stand_in.media["880001"] = b"a picture"
        yield stand_in


def fetch(graph: GraphStandIn, ref: str = "880001") -> bytes:
    with driver_for("whatsapp", graph).fetch_media(ref) as media:
        assert media.name == ""
        return b"".join(media.chunks)


def failure(graph: GraphStandIn, ref: str = "880001") -> DriverError:
    with pytest.raises(DriverError) as caught:
        fetch(graph, ref)
    return caught.value


def test_a_file_is_fetched_by_its_id(graph: GraphStandIn) -> None:
    assert fetch(graph) == b"a picture"
    assert [call.path for call in graph.calls] == ["/v25.0/880001", "/files/880001"]


def test_a_file_that_is_gone_is_not_asked_for_again(graph: GraphStandIn) -> None:
    assert failure(graph, "880002").error_class == "content"


@pytest.mark.parametrize(
    ("key", "answer", "error_class"),
    [
        ("880001", refused(500), "retry"),
        ("880001", refused(401, 190), "auth"),
        ("880001", refused(429, retry_after=5), "retry"),
        ("880001", Answer({}), "content"),
        ("880001", Answer({"url": 5}), "content"),
    ],
)
def test_what_the_answers_mean(
    graph: GraphStandIn, key: str, answer: Any, error_class: str
) -> None:
    graph.script(key, answer)
    assert failure(graph).error_class == error_class


@pytest.mark.parametrize(
    "url",
    [
        "https://files.example.com/880001",
        "http://lookaside.fbsbx.com/880001",
        "https://lookaside.fbsbx.com.example.com/880001",
        "https://evilfbsbx.com/880001",
        "http://127.0.0.1:1/880001",
        "file:///etc/passwd",
        "//lookaside.fbsbx.com/880001",
        "",
    ],
)
def test_the_token_goes_to_meta_only(graph: GraphStandIn, url: str) -> None:
    graph.script("880001", Answer({"url": url}))
    assert failure(graph).error_class == "content"
    assert [call.path for call in graph.calls] == ["/v25.0/880001"]


def test_a_file_beyond_the_limit_is_not_read(graph: GraphStandIn, settings: Any) -> None:
    settings.MEDIA_MAX_BYTES = 3
    with pytest.raises((DriverError, AnswerTooLarge)):
        fetch(graph)
