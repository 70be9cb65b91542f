"""What the driver concludes from Viber's callbacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.drivers.base import IgnoredEvent, MessageEvent, ParseError, Person
from channels_app.drivers.viber_parse import parse
from tests.channels_app.drivers.wires import (
    NO_JSON_OBJECT,
    NO_SHARED,
    OURS,
    SHARED,
    STRANGE,
    assert_all_have_expectations,
    assert_means,
    assert_storable,
    expectations,
    mutated,
    mutations,
)


@pytest.mark.parametrize(("path", "expected"), expectations(OURS / "viber"))
def test_each_sample_means_what_is_written_beside_it(
    path: Path, expected: list[dict[str, Any]]
) -> None:
    assert_means(parse(path.read_bytes()), expected)


@pytest.mark.skipif(not SHARED.is_dir(), reason=NO_SHARED)
@pytest.mark.parametrize(("path", "expected"), expectations(SHARED, "viber/"))
def test_each_shared_sample_means_what_is_written_beside_it(
    path: Path, expected: list[dict[str, Any]]
) -> None:
    assert_means(parse(path.read_bytes()), expected)


def test_every_sample_of_ours_has_its_expectation() -> None:
    assert_all_have_expectations("viber")


@pytest.mark.parametrize(
    "raw",
    [
        *NO_JSON_OBJECT,
        b'{"event": "message"}',
        b'{"event": "message", "sender": {"id": "a"}}',
        b'{"event": "message", "message_token": 5}',
        b'{"event": "message", "message_token": true, "sender": {"id": "a"}}',
        b'{"event": "subscribed", "message_token": 5}',
        b'{"event": "delivered", "message_token": 5}',
    ],
    ids=lambda raw: repr(raw[:60]),
)
def test_what_is_no_callback_is_a_parse_error(raw: bytes) -> None:
    with pytest.raises(ParseError):
        parse(raw)


def test_a_token_of_64_bits_is_kept_to_the_last_digit() -> None:
    body = json.loads((OURS / "viber" / "text.json").read_bytes())
    body["message_token"] = 9_223_372_036_854_775_807
    (event,) = parse(json.dumps(body).encode())
    assert isinstance(event, MessageEvent)
    assert event.message_id == "9223372036854775807"


@pytest.mark.parametrize(
    "text", ["ol: what is this", "ol:rate 5", "ol:", "ol:short", "OL:rate:5:abcdefgh"]
)
def test_what_only_looks_like_a_button_is_what_the_customer_wrote(text: str) -> None:
    body = json.loads((OURS / "viber" / "text.json").read_bytes())
    body["message"]["text"] = text
    (event,) = parse(json.dumps(body).encode())
    assert type(event) is MessageEvent
    assert event.text == text


def test_a_group_opens_no_chat() -> None:
    body = json.loads((OURS / "viber" / "text.json").read_bytes()) | {"chat_id": "g1"}
    (event,) = parse(json.dumps(body).encode())
    assert isinstance(event, IgnoredEvent)


def test_the_person_is_described_as_viber_does() -> None:
    (event,) = parse((OURS / "viber" / "text.json").read_bytes())
    assert event.user == Person(
        external_id="mQ8xv+7dKc/Lz0aTq2==",
        name="Marta Okoye",
        language="pt-PT",
        avatar_url="https://avatar.example/m.jpg",
    )


@given(st.sampled_from(mutations("viber")), STRANGE)
def test_anything_may_stand_anywhere(
    mutation: tuple[dict[str, Any], tuple[Any, ...]], value: Any
) -> None:
    try:
        events = parse(mutated(mutation, value))
    except ParseError:
        events = []
    assert_storable(events)
