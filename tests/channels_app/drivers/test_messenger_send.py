"""What Messenger gets from us, and what its answers mean."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest

from channels_app.drivers.base import DriverError
from tests.channels_app.drivers.meta_driver import CUSTOMERS, driver_for, outgoing
from tests.channels_app.drivers.telegram_driver import outgoing_file
from tests.standins.graph_api import (
    DROP,
    HANG,
    TOKEN,
    AcceptedThen,
    Answer,
    GraphStandIn,
    graph_api,
    refused,
)

REFERENCE = "11.0f8fad5b-d9cb-469f-a165-70867728950e"
RECIPIENT = {"id": CUSTOMERS["messenger"]}
MEGABYTE = 1024 * 1024


@pytest.fixture
def graph() -> Iterator[GraphStandIn]:
    with graph_api() as stand_in:
        yield stand_in


def send(graph: GraphStandIn, *, timeout: float = 5.0, **changes: Any) -> str:
    message = outgoing("messenger", **changes)
    external_id: str = driver_for("messenger", graph, timeout=timeout).send(message).external_id
    return external_id


def failure(graph: GraphStandIn, **changes: Any) -> DriverError:
    with pytest.raises(DriverError) as caught:
        send(graph, **changes)
    return caught.value


def hours_ago(hours: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC) - dt.timedelta(hours=hours)


def test_a_text_with_our_reference(graph: GraphStandIn) -> None:
    assert send(graph) == "m_STANDIN0001"
    (call,) = graph.called("messages")
    assert (call.path, call.query) == ("/v25.0/me/messages", {})
    assert graph.accepted == [
        {
            "recipient": RECIPIENT,
            "messaging_type": "RESPONSE",
            "message": {"text": "Good morning!", "metadata": REFERENCE},
        }
    ]


def test_an_answer_to_a_message(graph: GraphStandIn) -> None:
    send(graph, reply_to="m_theirs")
    assert graph.accepted[0]["reply_to"] == {"mid": "m_theirs"}


def test_an_answer_to_a_message_that_is_gone_is_sent_without_it(graph: GraphStandIn) -> None:
    graph.script("messages", refused(400, 100, "Invalid reply_to"))
    send(graph, reply_to="m_gone")
    assert len(graph.called("messages")) == 2
    assert "reply_to" not in graph.accepted[0]


@pytest.mark.parametrize("size", [2000, 2001])
def test_a_text_has_at_most_2000_characters(graph: GraphStandIn, size: int) -> None:
    if size <= 2000:
        send(graph, text="é" * size)
        assert len(graph.accepted) == 1
    else:
        assert failure(graph, text="é" * size).error_class == "content"
        assert graph.calls == []


def test_an_empty_text_is_not_sent(graph: GraphStandIn) -> None:
    assert failure(graph, text=" ").error_class == "content"
    assert graph.calls == []


def test_buttons_are_quick_replies(graph: GraphStandIn) -> None:
    send(graph, buttons=[{"text": "Like", "payload": "ol:1"}, {"text": "y" * 25, "payload": ""}])
    assert graph.accepted[0]["message"]["quick_replies"] == [
        {"content_type": "text", "title": "Like", "payload": "ol:1"},
        {"content_type": "text", "title": "y" * 20, "payload": "y" * 25},
    ]


@pytest.mark.parametrize(
    "buttons",
    [
        [{"text": str(number), "payload": "p"} for number in range(14)],
        [{"text": "", "payload": "p"}],
        [{"text": "Yes", "payload": "p" * 1001}],
    ],
)
def test_buttons_messenger_cannot_show_are_not_sent(graph: GraphStandIn, buttons: Any) -> None:
    assert failure(graph, buttons=buttons).error_class == "content"
    assert graph.calls == []


# --- files --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "sent_as"),
    [("image", "image"), ("voice", "audio"), ("video", "video"), ("file", "file")],
)
def test_a_file_goes_up_with_its_message_in_one_call(
    graph: GraphStandIn, kind: Any, sent_as: str
) -> None:
    file = outgoing_file(b"bytes", kind=kind, name="conta.pdf", content_type="application/pdf")
    assert send(graph, text="", files=[file]) == "m_STANDIN0001"
    (call,) = graph.calls
    uploaded = call.files["filedata"]
    assert (uploaded.name, uploaded.content) == ("conta.pdf", b"bytes")
    assert json.loads(call.form["recipient"]) == RECIPIENT
    assert call.form["messaging_type"] == "RESPONSE"
    assert json.loads(call.form["message"]) == {
        "attachment": {"type": sent_as, "payload": {"is_reusable": False}},
        "metadata": REFERENCE,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"files": [outgoing_file(size=25 * MEGABYTE + 1)], "text": ""},
        {"files": [outgoing_file()], "text": "a caption"},
        {"files": [outgoing_file(), outgoing_file()], "text": ""},
    ],
)
def test_what_messenger_does_not_take_is_not_sent(graph: GraphStandIn, changes: Any) -> None:
    assert failure(graph, **changes).error_class == "content"
    assert graph.calls == []


def test_a_lost_answer_to_a_file_is_unknown(graph: GraphStandIn) -> None:
    graph.script("messages", AcceptedThen(DROP))
    assert failure(graph, text="", files=[outgoing_file()]).error_class == "unknown"
    assert len(graph.accepted) == 1


# --- the time to answer -------------------------------------------------------------------


def test_a_person_answers_after_a_day_with_a_tag(graph: GraphStandIn) -> None:
    send(graph, customer_wrote_at=hours_ago(23.9))
    send(graph, customer_wrote_at=hours_ago(24.1))
    kinds = [(body["messaging_type"], body.get("tag")) for body in graph.accepted]
    assert kinds == [("RESPONSE", None), ("MESSAGE_TAG", "HUMAN_AGENT")]


def test_an_automatic_text_is_not_sent_after_a_day(graph: GraphStandIn) -> None:
    send(graph, customer_wrote_at=hours_ago(23.9), is_automatic=True)
    error = failure(graph, customer_wrote_at=hours_ago(24.1), is_automatic=True)
    assert error.error_class == "window"
    assert len(graph.calls) == 1


@pytest.mark.parametrize(("code", "status"), [(10, 400), (200, 403), (3, 400)])
def test_without_metas_approval_only_the_late_answer_fails_not_the_channel(
    graph: GraphStandIn, code: int, status: int
) -> None:
    graph.script("messages", refused(status, code, "Permission"), refused(status, code, "No"))
    late = failure(graph, customer_wrote_at=hours_ago(30))
    assert (late.error_class, "Human Agent" in str(late)) == ("window", True)
    assert failure(graph, customer_wrote_at=hours_ago(1)).error_class == "auth"


def test_a_dead_token_is_a_dead_token_after_a_day_as_well(graph: GraphStandIn) -> None:
    graph.script("messages", refused(401, 190, "Expired"))
    assert failure(graph, customer_wrote_at=hours_ago(30)).error_class == "auth"


# --- what the answers mean ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "error_class"),
    [
        (refused(400, 10, subcode=2018278), "window"),
        (refused(403, 10, "This message is sent outside of allowed window."), "window"),
        (refused(400, 100, subcode=2018001), "contact"),
        (refused(403, 200, subcode=1545041), "contact"),
        (refused(400, 551), "contact"),
        (refused(400, 230), "contact"),
        (refused(400, 100), "content"),
        (refused(400, 100, subcode=2018109), "content"),
        (refused(400, 200, subcode=2018028), "content"),
        (refused(400, 999999), "content"),
        (refused(400), "content"),
        (refused(401, 190), "auth"),
        (refused(400, 368), "auth"),
        (refused(403, 200), "auth"),
        (refused(403), "auth"),
        (refused(429), "retry"),
        (refused(400, 613), "retry"),
        (refused(400, 4), "retry"),
        (refused(400, 1200), "retry"),
        (refused(500, 2), "retry"),
        (refused(500), "retry"),
        (Answer(b"", status=200), "unknown"),
        (DROP, "unknown"),
    ],
)
def test_each_refusal_has_its_class(graph: GraphStandIn, answer: Any, error_class: str) -> None:
    graph.script("messages", answer)
    error = failure(graph)
    assert error.error_class == error_class
    assert str(error)
    assert TOKEN not in str(error)
    assert graph.accepted == []
    assert len(graph.called("messages")) == 1


def test_retry_after_is_kept(graph: GraphStandIn) -> None:
    graph.script("messages", refused(429, retry_after=9))
    assert failure(graph).retry_after == 9.0


def test_no_answer_in_time_is_unknown_and_the_message_was_taken_once(graph: GraphStandIn) -> None:
    graph.script("messages", AcceptedThen(HANG))
    assert failure(graph, timeout=0.3).error_class == "unknown"
    assert len(graph.accepted) == 1


def test_nobody_there_is_tried_again() -> None:
    with graph_api() as gone:
        driver = driver_for("messenger", gone)
    with pytest.raises(DriverError) as caught:
        driver.send(outgoing("messenger"))
    assert caught.value.error_class == "retry"


def test_without_a_token_nothing_is_sent(graph: GraphStandIn) -> None:
    with pytest.raises(DriverError) as caught:
        driver_for("messenger", graph, page_token="").send(outgoing("messenger"))
    assert caught.value.error_class == "auth"
    assert graph.calls == []


def test_typing_and_seen(graph: GraphStandIn) -> None:
    driver = driver_for("messenger", graph)
    driver.typing(chat_id=CUSTOMERS["messenger"], reply_context={})
    driver.seen(chat_id=CUSTOMERS["messenger"], message_id="m", reply_context={})
    assert [call.json for call in graph.calls] == [
        {"recipient": RECIPIENT, "sender_action": "typing_on"},
        {"recipient": RECIPIENT, "sender_action": "mark_seen"},
    ]
    assert graph.accepted == []
