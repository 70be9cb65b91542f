"""What a custom channel may deliver, and what it is told when something is wrong."""

from __future__ import annotations

import copy
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.drivers.base import (
    ContactEvent,
    DeleteEvent,
    EditEvent,
    Event,
    FieldErrors,
    InboundAttachment,
    MessageEvent,
    Person,
    PostbackEvent,
    ReceiptEvent,
    TypingEvent,
)
from channels_app.drivers.custom_parse import MAX_EVENTS, parse

SAMPLES = Path(__file__).parents[2] / "samples" / "custom"
NOON = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)
ANA = Person(
    external_id="c-77",
    name="Ana Lima",
    phone="+5511987654321",
    email="ana@example.com",
    avatar_url="https://cdn.example/ana.jpg",
)


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def parse_one(body: Any) -> Event:
    (event,) = parse(json.dumps(body).encode())
    return event


def errors(body: Any) -> Any:
    with pytest.raises(FieldErrors) as caught:
        parse(body if isinstance(body, bytes) else json.dumps(body).encode())
    return caught.value.fields


# --- what it may say ----------------------------------------------------------------------


def test_a_message_with_all_there_is() -> None:
    assert parse_one(sample("message")) == MessageEvent(
        key="message:m-1",
        chat_id="room-5",
        user=ANA,
        at=NOON,
        message_id="m-1",
        text="Is it in stock?\nThe blue one.",
        attachments=(
            InboundAttachment(
                type="image",
                ref="https://cdn.example/a.png",
                name="a.png",
                content_type="image/png",
                size=2048,
            ),
            InboundAttachment(type="file", ref="https://cdn.example/b.pdf"),
        ),
        reply_to="m-0",
    )


def test_a_message_with_what_must_be_there() -> None:
    assert parse_one(sample("message_minimal")) == MessageEvent(
        key="message:5",
        chat_id="77",
        user=Person(external_id="77"),
        message_id="5",
        text="Hi",
    )


def test_an_edit() -> None:
    event = parse_one(sample("edit"))
    assert isinstance(event, EditEvent)
    assert (event.chat_id, event.message_id) == ("room-5", "m-1")
    assert (event.text, event.edited_at) == (
        "Is the blue one in stock?",
        NOON + dt.timedelta(minutes=5),
    )


def test_each_edit_counts_once() -> None:
    first, second = sample("edit"), sample("edit")
    second["message"]["text"] = "Never mind"
    keys = [parse_one(body).key for body in (first, first, second)]
    assert keys[0] == keys[1] != keys[2]
    assert keys[0].startswith("edit:m-1:")


def test_a_deletion() -> None:
    assert parse_one(sample("delete")) == DeleteEvent(
        key="delete:m-1", chat_id="room-5", user=Person(external_id="c-77"), message_id="m-1"
    )


@pytest.mark.parametrize("status", ["sent", "delivered", "read", "failed"])
def test_a_receipt(status: str) -> None:
    event = parse_one(sample("status") | {"status": status, "error": "no such room"})
    assert isinstance(event, ReceiptEvent)
    assert (event.message_id, event.status, event.at, event.key) == ("12", status, NOON, "")
    assert event.error == "no such room"


def test_typing_and_contacts_need_no_key() -> None:
    assert parse_one(sample("typing")) == TypingEvent(
        chat_id="room-5", user=Person(external_id="c-77")
    )
    assert parse_one(sample("contact")) == ContactEvent(chat_id="c-77", user=ANA)


def test_a_pressed_button() -> None:
    assert parse_one(sample("postback")) == PostbackEvent(
        key="postback:press-1",
        chat_id="c-77",
        user=Person(external_id="c-77"),
        message_id="12",
        text="ol:rate:1",
        payload="ol:rate:1",
    )


def test_a_press_without_an_id_is_known_by_its_content() -> None:
    body = sample("postback")
    del body["id"]
    again, later = copy.deepcopy(body), body | {"at": "2024-06-01T12:00:00Z"}
    keys = [parse_one(one).key for one in (body, again, later)]
    assert keys[0] == keys[1] != keys[2]


def test_a_list_is_read_in_order() -> None:
    events = parse(json.dumps(sample("list")).encode())
    assert [type(event) for event in events] == [MessageEvent, TypingEvent]
    assert parse(b"[]") == []


@pytest.mark.parametrize(
    ("given_", "at"),
    [
        ("2024-06-01T12:00:00Z", NOON),
        ("2024-06-01T12:00:00", NOON),
        ("2024-06-01 14:00+02:00", NOON),
        (None, None),
    ],
)
def test_a_time_is_kept_in_utc(given_: str | None, at: dt.datetime | None) -> None:
    body = sample("message_minimal")
    body["message"]["created_at"] = given_
    assert parse_one(body).at == at


def test_unstorable_characters_are_replaced() -> None:
    raw = (
        rb'{"event": "message", "external_user": {"id": "1"},'
        rb' "message": {"id": "1", "text": "a\u0000\ud800"}}'
    )
    (event,) = parse(raw)
    assert isinstance(event, MessageEvent)
    assert event.text == "a\ufffd\ufffd"


# --- what it is told ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff", b"\xef\xbb\xbf{}", b"NaN", b"[" * 100_000, b"9" * 5000],
    ids=lambda raw: repr(raw[:10]),
)
def test_what_is_no_json_is_told(raw: bytes) -> None:
    assert errors(raw) == {"non_field_errors": ["The body is not JSON."]}


@pytest.mark.parametrize("body", [None, 5, "text", True])
def test_what_is_no_object_is_told(body: Any) -> None:
    assert errors(body) == {"non_field_errors": ["This is not an object."]}


@pytest.mark.parametrize("event", ["dance", "", None, 5, [], {}])
def test_an_unknown_event_is_told_the_known_ones(event: Any) -> None:
    assert errors(sample("message") | {"event": event}) == {
        "event": [
            "Unknown event. Known are: message, edit, delete, status, typing, contact, postback."
        ]
    }


REQUIRED = "This field is required."


@pytest.mark.parametrize(
    ("name", "path", "value", "expected"),
    [
        ("message", ["external_user"], None, {"external_user": ["This object is missing."]}),
        ("message", ["external_user"], "c-77", {"external_user": ["No object."]}),
        ("message", ["external_user", "id"], None, {"external_user": {"id": [REQUIRED]}}),
        ("message", ["external_user", "id"], "", {"external_user": {"id": [REQUIRED]}}),
        (
            "message",
            ["external_user", "id"],
            True,
            {"external_user": {"id": ["An id is text or a whole number."]}},
        ),
        (
            "message",
            ["external_user", "id"],
            "x" * 151,
            {"external_user": {"id": ["An id has at most 150 characters."]}},
        ),
        (
            "message",
            ["external_user", "id"],
            10**20,
            {"external_user": {"id": ["An id is text or a whole number."]}},
        ),
        (
            "message",
            ["external_user", "name"],
            5,
            {"external_user": {"name": ["This is not text."]}},
        ),
        (
            "message",
            ["external_user", "email"],
            "nobody",
            {"external_user": {"email": ["This is not an e-mail address."]}},
        ),
        (
            "message",
            ["external_user", "avatar_url"],
            "javascript:alert(1)",
            {"external_user": {"avatar_url": ["This is not an http or https address."]}},
        ),
        ("message", ["chat_id"], [], {"chat_id": ["An id is text or a whole number."]}),
        ("message", ["message"], None, {"message": ["This object is missing."]}),
        ("message", ["message", "id"], None, {"message": {"id": [REQUIRED]}}),
        ("message", ["message", "text"], {"a": 1}, {"message": {"text": ["This is not text."]}}),
        (
            "message",
            ["message", "text"],
            "x" * 20_001,
            {"message": {"text": ["At most 20000 characters."]}},
        ),
        (
            "message_minimal",
            ["message", "text"],
            " ",
            {"message": {"text": ["A message needs a text or an attachment."]}},
        ),
        (
            "message",
            ["message", "created_at"],
            "yesterday",
            {"message": {"created_at": ["A time looks like 2024-05-01T12:30:00Z."]}},
        ),
        (
            "message",
            ["message", "created_at"],
            "2024-02-30T12:30:00Z",
            {"message": {"created_at": ["A time looks like 2024-05-01T12:30:00Z."]}},
        ),
        (
            "message",
            ["message", "created_at"],
            1717243200,
            {"message": {"created_at": ["A time looks like 2024-05-01T12:30:00Z."]}},
        ),
        (
            "message",
            ["message", "attachments"],
            {},
            {"message": {"attachments": ["This is not a list."]}},
        ),
        (
            "message",
            ["message", "attachments"],
            [{"url": "https://a.example/"}] * 21,
            {"message": {"attachments": ["At most 20 files."]}},
        ),
        (
            "message",
            ["message", "attachments"],
            [{"url": "https://a.example/"}, {"url": "ftp://a"}, {}, 5],
            {
                "message": {
                    "attachments": {
                        "1": {"url": ["This is not an http or https address."]},
                        "2": {"url": [REQUIRED]},
                        "3": {"non_field_errors": ["This is not an object."]},
                    }
                }
            },
        ),
        (
            "message",
            ["message", "attachments", 0, "size"],
            -1,
            {"message": {"attachments": {"0": {"size": ["This is not a number of bytes."]}}}},
        ),
        ("edit", ["message", "id"], None, {"message": {"id": [REQUIRED]}}),
        ("delete", ["message", "id"], None, {"message": {"id": [REQUIRED]}}),
        ("status", ["message_id"], None, {"message_id": [REQUIRED]}),
        (
            "status",
            ["status"],
            "lost",
            {"status": ["Unknown status. Known are: sent, delivered, read, failed."]},
        ),
        (
            "status",
            ["status"],
            [],
            {"status": ["Unknown status. Known are: sent, delivered, read, failed."]},
        ),
        ("postback", ["payload"], None, {"payload": [REQUIRED]}),
        ("typing", ["external_user"], None, {"external_user": ["This object is missing."]}),
    ],
)
def test_each_wrong_field_is_named(name: str, path: list[Any], value: Any, expected: Any) -> None:
    body = sample(name)
    inner = body
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    assert errors(body) == expected


def test_all_wrong_fields_are_named_at_once() -> None:
    assert errors({"event": "message", "external_user": {"email": "x"}, "chat_id": True}) == {
        "external_user": {"id": [REQUIRED], "email": ["This is not an e-mail address."]},
        "chat_id": ["An id is text or a whole number."],
        "message": ["This object is missing."],
    }


def test_in_a_list_the_wrong_ones_are_named_by_their_place() -> None:
    body = [sample("message"), {"event": "dance"}, sample("typing"), 5]
    assert sorted(errors(body)) == ["1", "3"]
    assert errors(body)["3"] == {"non_field_errors": ["This is not an object."]}


def test_a_list_has_a_length() -> None:
    assert len(parse(json.dumps([sample("typing")] * MAX_EVENTS).encode())) == MAX_EVENTS
    assert errors([sample("typing")] * (MAX_EVENTS + 1)) == {
        "non_field_errors": ["At most 1000 events at once."]
    }


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "text", "url", "attachments", "message", "size"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@given(
    st.sampled_from(["message", "edit", "delete", "status", "postback", "contact"]),
    st.dictionaries(
        st.sampled_from(
            ["external_user", "message", "chat_id", "at", "status", "payload", "message_id", "id"]
        ),
        JSON_VALUES,
        max_size=4,
    ),
)
def test_anything_may_stand_anywhere(name: str, changes: dict[str, Any]) -> None:
    body = sample(name) | changes
    try:
        events = parse(json.dumps(body).encode())
    except FieldErrors as error:
        # The sender reads them as JSON.
        assert json.dumps(error.fields) != "{}"  # noqa: PT017
        return
    for event in events:
        assert max(len(event.key), len(event.chat_id)) <= 200
