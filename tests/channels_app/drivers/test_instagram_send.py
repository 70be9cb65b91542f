"""What Instagram gets from us. What it shares with Messenger is in test_messenger_send.py."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from channels_app.drivers.base import DriverError
from openlines_project.lib.text import split_text
from tests.channels_app.drivers.meta_driver import CUSTOMERS, driver_for, outgoing
from tests.channels_app.drivers.telegram_driver import outgoing_file
from tests.standins.graph_api import (
    HANG,
    AcceptedThen,
    Answer,
    GraphStandIn,
    graph_api,
    refused,
)

RECIPIENT = {"id": CUSTOMERS["instagram"]}
MEGABYTE = 1024 * 1024
URL = "https://desk.example.com/file/abc/?t=signed"


@pytest.fixture
def graph() -> Iterator[GraphStandIn]:
    with graph_api() as stand_in:
        yield stand_in


def send(graph: GraphStandIn, *, timeout: float = 5.0, **changes: Any) -> str:
    message = outgoing("instagram", **changes)
    external_id: str = driver_for("instagram", graph, timeout=timeout).send(message).external_id
    return external_id


def failure(graph: GraphStandIn, **changes: Any) -> DriverError:
    with pytest.raises(DriverError) as caught:
        send(graph, **changes)
    return caught.value


def test_a_text_as_an_answer_to_a_message(graph: GraphStandIn) -> None:
    assert send(graph, reply_to="aWdtheirs") == "m_STANDIN0001"
    assert graph.accepted == [
        {
            "recipient": RECIPIENT,
            "messaging_type": "RESPONSE",
            "message": {"text": "Good morning!"},
            "reply_to": {"mid": "aWdtheirs"},
        }
    ]


def test_a_text_has_at_most_1000_bytes(graph: GraphStandIn) -> None:
    send(graph, text="я" * 500)
    assert failure(graph, text="я" * 501).error_class == "content"
    assert len(graph.calls) == 1


def test_a_long_text_in_parts_fits_with_every_letter(graph: GraphStandIn) -> None:
    text = "Привет 👩‍👩‍👧‍👦! " * 200
    capabilities = driver_for("instagram").capabilities
    parts = split_text(text, capabilities.text_limit, capabilities.text_unit)
    for part in parts:
        send(graph, text=part)
    sent = " ".join(body["message"]["text"] for body in graph.accepted)
    assert sent.split() == text.split()


@pytest.mark.parametrize(
    ("kind", "content_type", "sent_as"),
    [
        ("image", "image/jpeg", "image"),
        ("voice", "audio/mp4", "audio"),
        ("video", "video/mp4", "video"),
        ("file", "application/pdf", "file"),
    ],
)
def test_a_file_is_fetched_from_our_signed_address(
    graph: GraphStandIn, kind: Any, content_type: str, sent_as: str
) -> None:
    file = outgoing_file(kind=kind, content_type=content_type, url=URL)
    send(graph, text="", files=[file])
    assert graph.accepted[0]["message"] == {
        "attachment": {"type": sent_as, "payload": {"url": URL}}
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"files": [outgoing_file()], "text": ""},  # we have no public address
        {"files": [outgoing_file(content_type="application/zip", url=URL)], "text": ""},
        {"files": [outgoing_file(kind="image", size=8 * MEGABYTE + 1, url=URL)], "text": ""},
        {"files": [outgoing_file(kind="video", size=25 * MEGABYTE + 1, url=URL)], "text": ""},
        {"files": [outgoing_file(url=URL)], "text": "a caption"},
        {"files": [outgoing_file(url=URL), outgoing_file(url=URL)], "text": ""},
        {"text": " "},
    ],
)
def test_what_instagram_does_not_take_is_not_sent(graph: GraphStandIn, changes: Any) -> None:
    assert failure(graph, **changes).error_class == "content"
    assert graph.calls == []


def test_a_person_answers_after_a_day_with_a_tag(graph: GraphStandIn) -> None:
    send(graph, customer_wrote_at=dt.datetime.now(dt.UTC) - dt.timedelta(hours=25))
    assert (graph.accepted[0]["messaging_type"], graph.accepted[0]["tag"]) == (
        "MESSAGE_TAG", "HUMAN_AGENT",
    )  # fmt: skip


def test_buttons_are_quick_replies(graph: GraphStandIn) -> None:
    send(graph, buttons=[{"text": "Yes", "payload": "y"}])
    assert graph.accepted[0]["message"]["quick_replies"] == [
        {"content_type": "text", "title": "Yes", "payload": "y"}
    ]


@pytest.mark.parametrize(
    ("answer", "error_class"),
    [
        (refused(400, 10, subcode=2534022), "window"),
        (refused(400, 100, subcode=2534014), "contact"),
        (refused(400, 9010), "contact"),
        (refused(400, 100), "content"),
        (refused(401, 190), "auth"),
        (refused(403), "auth"),
        (refused(429, retry_after=3), "retry"),
        (refused(400, 80002), "retry"),
        (refused(500), "retry"),
        (Answer(b"", status=200), "unknown"),
    ],
)
def test_each_refusal_has_its_class(graph: GraphStandIn, answer: Any, error_class: str) -> None:
    graph.script("messages", answer)
    assert failure(graph).error_class == error_class
    assert (len(graph.called("messages")), graph.accepted) == (1, [])


def test_no_answer_in_time_is_unknown_and_the_message_was_taken_once(graph: GraphStandIn) -> None:
    graph.script("messages", AcceptedThen(HANG))
    assert failure(graph, timeout=0.3).error_class == "unknown"
    assert len(graph.accepted) == 1
