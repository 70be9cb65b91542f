"""What Messenger's deliveries say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from channels_app.drivers.base import IgnoredEvent, MessageEvent, ParseError
from tests.channels_app.drivers.meta_driver import driver_for
from tests.channels_app.drivers.meta_expectations import concluded, samples_of, wanted_of


@pytest.mark.parametrize(("path", "expected"), samples_of("messenger"))
def test_each_sample_says_what_is_expected(path: Path, expected: list[dict[str, Any]]) -> None:
    events = driver_for("messenger").parse(path.read_bytes())
    said = [concluded(*pair) for pair in zip(events, expected, strict=True)]
    assert said == [wanted_of(event) for event in expected]


# What both products of the Send API share is tried with this one.


def delivery(*items: Any, key: str = "messaging", product: str = "page") -> bytes:
    return json.dumps({"object": product, "entry": [{"id": "31", key: list(items)}]}).encode()


def item(**more: Any) -> dict[str, Any]:
    return {"sender": {"id": "61"}, "recipient": {"id": "31"}, "timestamp": 1767261600000} | more


def parsed(raw: bytes) -> list[Any]:
    events: list[Any] = driver_for("messenger").parse(raw)
    return events


def one(raw: bytes) -> Any:
    (event,) = parsed(raw)
    return event


@pytest.mark.parametrize("raw", [b"", b"\xff", b"[]", b"{", b"[" * 5000, b'{"a": Infinity}'])
def test_what_is_no_delivery_is_a_parse_error(raw: bytes) -> None:
    with pytest.raises(ParseError):
        parsed(raw)


@pytest.mark.parametrize("product", ["instagram", "", None, "whatsapp_business_account"])
def test_a_delivery_of_another_product_is_ignored_and_noticed(product: Any) -> None:
    event = one(delivery(item(message={"mid": "m", "text": "Hi"}), product=product))
    assert isinstance(event, IgnoredEvent)
    assert "another product" in event.notice


@pytest.mark.parametrize(
    "broken", [None, 7, "text", [], {}, {"message": {"text": "x"}}, {"sender": {"id": []}}]
)
def test_a_broken_event_does_not_lose_its_neighbours(broken: Any) -> None:
    first = item(message={"mid": "m1", "text": "one"})
    events = parsed(delivery(first, broken, item(message={"mid": "m2", "text": "two"})))
    assert [type(event) for event in events] == [MessageEvent, IgnoredEvent, MessageEvent]


@pytest.mark.parametrize("attachments", [None, "x", [None], [{}], [{"type": 5}], [[]]])
def test_a_message_nobody_can_read_is_kept_as_unsupported(attachments: Any) -> None:
    event = one(delivery(item(message={"mid": "m", "attachments": attachments})))
    assert isinstance(event, MessageEvent)
    assert [found.type for found in event.attachments] == ["unsupported"]


@pytest.mark.parametrize("kind", ["reaction", "message_edit", "delivery", "read"])
@pytest.mark.parametrize("part", [None, {}, [], {"mid": 5}, {"watermark": "soon", "mids": [None]}])
def test_a_note_about_nothing_is_ignored(kind: str, part: Any) -> None:
    assert isinstance(one(delivery(item(**{kind: part}))), IgnoredEvent)


@pytest.mark.parametrize("value", ["soon", -1, None, True, [], 10**30])
def test_a_bad_time_rejects_no_message(value: Any) -> None:
    event = one(delivery(item(message={"mid": "m", "text": "Hi"}, timestamp=value)))
    assert (event.text, event.at) == ("Hi", None)


def test_the_account_is_the_page_it_went_to_and_the_entry_names_another() -> None:
    event = one(delivery(item(recipient={"id": "32"}, message={"mid": "m", "text": "Hi"})))
    assert (event.account_id, event.entry_account_id) == ("32", "31")


def test_an_echo_brings_our_reference_back() -> None:
    sent = item(
        sender={"id": "31"}, recipient={"id": "61"},
        message={"mid": "m", "text": "Hi", "is_echo": True, "metadata": "11.abc"},
    )  # fmt: skip
    event = one(delivery(sent))
    assert (event.chat_id, event.account_id, event.reference) == ("61", "31", "11.abc")


def test_two_edits_of_one_message_are_two_events() -> None:
    edits = [
        item(message_edit={"mid": "m", "text": str(number), "num_edit": number})
        for number in (1, 2)
    ]
    assert len({event.key for event in parsed(delivery(*edits))}) == 2


def test_a_reaction_without_a_picture_is_a_heart() -> None:
    event = one(delivery(item(reaction={"mid": "m", "action": "react", "reaction": "love"})))
    assert event.emoji == "\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}"
