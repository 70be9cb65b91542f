"""What WhatsApp gets from us, and what its answers mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from channels_app.drivers.base import DriverError, TemplateUse
from tests.channels_app.drivers.meta_driver import CUSTOMERS, driver_for, outgoing
from tests.channels_app.drivers.telegram_driver import outgoing_file
from tests.standins.graph_api import (
    ACCOUNTS,
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
ENVELOPE = {
    "messaging_product": "whatsapp",
    "recipient_type": "individual",
    "to": CUSTOMERS["whatsapp"],
    "biz_opaque_callback_data": REFERENCE,
}
MEGABYTE = 1024 * 1024


@pytest.fixture
def graph() -> Iterator[GraphStandIn]:
    with graph_api() as stand_in:
        yield stand_in


def send(graph: GraphStandIn, *, timeout: float = 5.0, **changes: Any) -> str:
    message = outgoing("whatsapp", **changes)
    external_id: str = driver_for("whatsapp", graph, timeout=timeout).send(message).external_id
    return external_id


def failure(graph: GraphStandIn, **changes: Any) -> DriverError:
    with pytest.raises(DriverError) as caught:
        send(graph, **changes)
    return caught.value


def test_a_text(graph: GraphStandIn) -> None:
    assert send(graph) == "wamid.STANDIN0001=="
    (call,) = graph.called("messages")
    assert call.path == f"/v25.0/{ACCOUNTS['whatsapp']}/messages"
    assert call.query == {}
    assert graph.accepted == [
        ENVELOPE | {"type": "text", "text": {"body": "Good morning!", "preview_url": True}}
    ]


def test_a_person_without_a_number_is_reached_by_his_other_id(graph: GraphStandIn) -> None:
    send(graph, chat_id="BR.70010020030040051")
    (body,) = graph.accepted
    assert "to" not in body
    assert body["recipient"] == "BR.70010020030040051"


def test_an_answer_to_a_message(graph: GraphStandIn) -> None:
    send(graph, reply_to="wamid.THEIRS==")
    assert graph.accepted[0]["context"] == {"message_id": "wamid.THEIRS=="}


def test_an_answer_to_a_message_that_is_gone_is_sent_without_it(graph: GraphStandIn) -> None:
    graph.script("messages", refused(400, 131009, "Parameter value is not valid"))
    send(graph, reply_to="wamid.GONE==")
    assert len(graph.called("messages")) == 2
    (body,) = graph.accepted
    assert "context" not in body


@pytest.mark.parametrize("size", [4096, 4097])
def test_a_text_has_at_most_4096_characters(graph: GraphStandIn, size: int) -> None:
    if size <= 4096:
        send(graph, text="é" * size)
        assert len(graph.accepted) == 1
    else:
        assert failure(graph, text="é" * size).error_class == "content"
        assert graph.calls == []


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_text_is_not_sent(graph: GraphStandIn, text: str) -> None:
    assert failure(graph, text=text).error_class == "content"
    assert graph.calls == []


# --- buttons ------------------------------------------------------------------------------


def buttons(*texts: str) -> list[dict[str, str]]:
    return [{"text": text, "payload": f"p{index}"} for index, text in enumerate(texts)]


def test_three_short_buttons_are_buttons(graph: GraphStandIn) -> None:
    send(graph, buttons=buttons("Yes", "No", "x" * 20))
    assert graph.accepted[0]["interactive"] == {
        "type": "button",
        "body": {"text": "Good morning!"},
        "action": {
            "buttons": [
                {"type": "reply", "reply": {"id": "p0", "title": "Yes"}},
                {"type": "reply", "reply": {"id": "p1", "title": "No"}},
                {"type": "reply", "reply": {"id": "p2", "title": "x" * 20}},
            ]
        },
    }


@pytest.mark.parametrize(
    ("texts", "text"),
    [
        (["1", "2", "3", "4", "5"], "How was it?"),
        (["x" * 21], "How was it?"),
        (["Yes"], "y" * 1025),
    ],
)
def test_more_buttons_longer_ones_or_a_long_text_make_a_list(
    graph: GraphStandIn, texts: list[str], text: str
) -> None:
    send(graph, buttons=buttons(*texts), text=text)
    interactive = graph.accepted[0]["interactive"]
    assert interactive["type"] == "list"
    assert 1 <= len(interactive["action"]["button"]) <= 20
    rows = interactive["action"]["sections"][0]["rows"]
    assert [(row["id"], row["title"]) for row in rows] == [
        (f"p{index}", title) for index, title in enumerate(texts)
    ]


def test_a_button_longer_than_a_row_stands_below_it_whole(graph: GraphStandIn) -> None:
    send(graph, buttons=buttons("I would like to be called back"))
    (row,) = graph.accepted[0]["interactive"]["action"]["sections"][0]["rows"]
    assert row == {
        "id": "p0",
        "title": "I would like to be calle",
        "description": "I would like to be called back",
    }


@pytest.mark.parametrize(
    "wrong", [buttons(*"abcdefghijk"), buttons(""), [{"text": "Yes", "payload": "p" * 201}]]
)
def test_buttons_whatsapp_cannot_show_are_not_sent(graph: GraphStandIn, wrong: Any) -> None:
    assert failure(graph, buttons=wrong).error_class == "content"
    assert graph.calls == []


# --- files --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "content_type", "size", "sent_as"),
    [
        ("image", "image/jpeg", 10, "image"),
        ("image", "image/png", 5 * MEGABYTE, "image"),
        ("image", "image/png", 5 * MEGABYTE + 1, "document"),
        ("image", "image/gif", 10, "document"),
        ("image", "image/webp", 10, "document"),
        ("video", "video/mp4", 16 * MEGABYTE, "video"),
        ("video", "video/webm", 10, "document"),
        ("audio", "audio/mpeg", 10, "audio"),
        ("voice", "audio/ogg; codecs=opus", 10, "audio"),
        ("file", "application/pdf", 100 * MEGABYTE, "document"),
        ("file", "", 10, "document"),
    ],
)
def test_a_file_is_uploaded_and_then_sent_as_what_it_is(
    graph: GraphStandIn, kind: Any, content_type: str, size: int, sent_as: str
) -> None:
    file = outgoing_file(b"bytes", kind=kind, name="a.bin", content_type=content_type, size=size)
    send(graph, text="", files=[file])
    (upload,) = graph.called("media")
    assert upload.path == f"/v25.0/{ACCOUNTS['whatsapp']}/media"
    assert upload.form["messaging_product"] == "whatsapp"
    assert upload.files["file"].content == b"bytes"
    (body,) = graph.accepted
    expected = {"id": "770001"} | ({"filename": "a.bin"} if sent_as == "document" else {})
    assert body == ENVELOPE | {"type": sent_as, sent_as: expected}


def test_a_caption_goes_with_its_file(graph: GraphStandIn) -> None:
    file = outgoing_file(kind="image", content_type="image/png")
    send(graph, text="The front", files=[file])
    assert graph.accepted[0]["image"] == {"id": "770001", "caption": "The front"}


def test_sound_with_a_text_is_a_document_which_can_have_one(graph: GraphStandIn) -> None:
    file = outgoing_file(kind="audio", name="a.mp3", content_type="audio/mpeg")
    send(graph, text="Listen", files=[file])
    assert graph.accepted[0]["document"] == {
        "id": "770001", "caption": "Listen", "filename": "a.mp3",
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"files": [outgoing_file(size=100 * MEGABYTE + 1)], "text": ""},
        {"files": [outgoing_file()], "text": "x" * 1025},
        {"files": [outgoing_file(), outgoing_file()], "text": ""},
    ],
)
def test_what_whatsapp_does_not_take_is_not_even_uploaded(
    graph: GraphStandIn, changes: dict[str, Any]
) -> None:
    assert failure(graph, **changes).error_class == "content"
    assert graph.calls == []


def test_a_lost_answer_to_an_upload_is_tried_again_because_nobody_saw_it(
    graph: GraphStandIn,
) -> None:
    graph.script("media", DROP)
    assert failure(graph, text="", files=[outgoing_file()]).error_class == "retry"
    assert graph.accepted == []


def test_a_file_that_cannot_be_read_is_tried_again(graph: GraphStandIn) -> None:
    def broken() -> Any:
        raise FileNotFoundError

    file = outgoing_file()
    object.__setattr__(file, "open", broken)
    assert failure(graph, text="", files=[file]).error_class == "retry"
    assert graph.calls == []


# --- templates ----------------------------------------------------------------------------


def test_a_template_with_its_values(graph: GraphStandIn) -> None:
    use = TemplateUse(
        name="order_ready", language="pt_BR",
        values=(("header_1", "Loja"), ("1", "Bruna"), ("2", "A-7")),
    )  # fmt: skip
    send(graph, template=use, text="Loja\n\nOlá Bruna, o pedido A-7 está pronto.")
    assert graph.accepted == [
        ENVELOPE
        | {
            "type": "template",
            "template": {
                "name": "order_ready",
                "language": {"code": "pt_BR"},
                "components": [
                    {"type": "header", "parameters": [{"type": "text", "text": "Loja"}]},
                    {
                        "type": "body",
                        "parameters": [
                            {"type": "text", "text": "Bruna"},
                            {"type": "text", "text": "A-7"},
                        ],
                    },
                ],
            },
        }
    ]


def test_the_names_of_named_values_go_with_them(graph: GraphStandIn) -> None:
    use = TemplateUse(name="hello", language="en", values=(("customer", "Bruna"),), has_names=True)
    send(graph, template=use)
    assert graph.accepted[0]["template"]["components"] == [
        {
            "type": "body",
            "parameters": [{"type": "text", "text": "Bruna", "parameter_name": "customer"}],
        }
    ]


def test_a_template_without_values_has_no_components(graph: GraphStandIn) -> None:
    send(graph, template=TemplateUse(name="hello", language="en"))
    assert graph.accepted[0]["template"] == {"name": "hello", "language": {"code": "en"}}


# --- what the answers mean ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "error_class"),
    [
        (refused(400, 131047), "window"),
        (refused(400, 131026), "contact"),
        (refused(400, 131030), "contact"),
        (refused(400, 131050), "contact"),
        (refused(400, 130472), "contact"),
        (refused(400, 131008), "content"),
        (refused(400, 131053), "content"),
        (refused(400, 132001), "content"),
        (refused(400, 100), "content"),
        (refused(400, 999999), "content"),
        (refused(400), "content"),
        (refused(401, 190), "auth"),
        (refused(401), "auth"),
        (refused(403, 200), "auth"),
        (refused(403, 10), "auth"),
        (refused(403), "auth"),
        (refused(400, 131031), "auth"),
        (refused(400, 131042), "auth"),
        (refused(429), "retry"),
        (refused(400, 130429), "retry"),
        (refused(400, 131056), "retry"),
        (refused(400, 80007), "retry"),
        (refused(500, 131000), "retry"),
        (refused(500), "retry"),
        (refused(503), "retry"),
        (Answer({"error": {"code": 999999, "is_transient": True}}, status=400), "retry"),
        (Answer(b"<html>", status=200), "unknown"),
        (Answer([1], status=200), "unknown"),
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
    graph.script("messages", refused(429, 130429, retry_after=7))
    assert failure(graph).retry_after == 7.0


def test_the_reason_is_told_with_whatsapps_own_words(graph: GraphStandIn) -> None:
    graph.script("messages", refused(400, 131026, "Undeliverable", details="Not on WhatsApp"))
    assert str(failure(graph)) == (
        "WhatsApp cannot deliver to this number. It may have no WhatsApp.\n131026 Not on WhatsApp"
    )
    graph.script("messages", refused(400, 131008, "Required parameter is missing"))
    assert str(failure(graph)) == (
        "The message was refused by WhatsApp: 131008 Required parameter is missing"
    )


def test_a_token_in_metas_words_is_not_told(graph: GraphStandIn) -> None:
    graph.script("messages", refused(401, 190, f"Malformed access token {TOKEN}"))
    assert "***" in str(failure(graph))


def test_no_answer_in_time_is_unknown_and_the_message_was_taken_once(graph: GraphStandIn) -> None:
    graph.script("messages", AcceptedThen(HANG))
    assert failure(graph, timeout=0.3).error_class == "unknown"
    assert len(graph.accepted) == 1


def test_nobody_there_is_tried_again() -> None:
    with graph_api() as gone:
        driver = driver_for("whatsapp", gone)
    with pytest.raises(DriverError) as caught:
        driver.send(outgoing("whatsapp"))
    assert caught.value.error_class == "retry"


@pytest.mark.parametrize("missing", ["access_token", "phone_number_id"])
def test_without_its_settings_nothing_is_sent(graph: GraphStandIn, missing: str) -> None:
    settings: dict[str, Any] = {missing: ""}
    driver = driver_for("whatsapp", graph, **settings)
    with pytest.raises(DriverError) as caught:
        driver.send(outgoing("whatsapp"))
    assert caught.value.error_class == "auth"
    assert graph.calls == []


def test_an_answer_without_an_id_is_still_a_success(graph: GraphStandIn) -> None:
    graph.script("messages", Answer({"messages": []}))
    assert send(graph) == ""
