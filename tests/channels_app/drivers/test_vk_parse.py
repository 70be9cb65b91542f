"""What the driver concludes from VK's callbacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.drivers.base import EchoEvent, IgnoredEvent, MessageEvent, ParseError
from channels_app.drivers.vk_parse import parse
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


@pytest.mark.parametrize(("path", "expected"), expectations(OURS / "vk"))
def test_each_sample_means_what_is_written_beside_it(
    path: Path, expected: list[dict[str, Any]]
) -> None:
    assert_means(parse(path.read_bytes()), expected)


@pytest.mark.skipif(not SHARED.is_dir(), reason=NO_SHARED)
@pytest.mark.parametrize(("path", "expected"), expectations(SHARED, "vk/"))
def test_each_shared_sample_means_what_is_written_beside_it(
    path: Path, expected: list[dict[str, Any]]
) -> None:
    if path.stem == "wrong_secret":
        pytest.skip("it is refused before it is read: see the verification")
    assert_means(parse(path.read_bytes()), expected)


def test_every_sample_of_ours_has_its_expectation() -> None:
    assert_all_have_expectations("vk")


@pytest.mark.parametrize(
    "raw",
    [
        *NO_JSON_OBJECT,
        b'{"type": "message_new", "event_id": "a"}',
        b'{"type": "message_new", "event_id": "a", "object": []}',
        b'{"type": "message_new", "event_id": "a", "object": {"message": {"peer_id": 5}}}',
        b'{"type": "message_new", "event_id": "a", "object": {"message": {"peer_id": 5,'
        b' "conversation_message_id": 0}}}',
        b'{"type": "message_allow", "event_id": "a", "object": {"user_id": -5}}',
        b'{"type": "message_event", "event_id": "a", "object": {"user_id": "x"}}',
    ],
    ids=lambda raw: repr(raw[:90]),
)
def test_what_is_no_callback_is_a_parse_error(raw: bytes) -> None:
    with pytest.raises(ParseError):
        parse(raw)


def test_a_message_of_an_older_version_stands_alone() -> None:
    body = json.loads((OURS / "vk" / "text.json").read_bytes())
    body["object"] = body["object"]["message"]
    (event,) = parse(json.dumps(body).encode())
    assert isinstance(event, MessageEvent)
    assert event.text == "Здравствуйте! Есть 42-й размер?"


def test_an_event_without_an_id_is_known_by_its_content() -> None:
    body = json.loads((OURS / "vk" / "text.json").read_bytes())
    del body["event_id"]
    (event,) = parse(json.dumps(body).encode())
    assert event.key == ""


@pytest.mark.parametrize(
    "payload", ['{"openlines": 5}', '{"openlines"', "[]", '"ol:rate:5"', "{" * 9000]
)
def test_a_button_of_another_program_is_a_message(payload: str) -> None:
    body = json.loads((OURS / "vk" / "referral.json").read_bytes())
    body["object"]["message"]["payload"] = payload
    (event,) = parse(json.dumps(body).encode())
    assert type(event) is MessageEvent
    assert event.text == "Начать"


@pytest.mark.parametrize("name", ["group_added", "community", "answered_in_vk", "edited_by_us"])
def test_no_event_but_a_customers_is_a_customers_message(name: str) -> None:
    (event,) = parse((OURS / "vk" / f"{name}.json").read_bytes())
    assert isinstance(event, (IgnoredEvent, EchoEvent))


@given(st.sampled_from(mutations("vk")), STRANGE)
def test_anything_may_stand_anywhere(
    mutation: tuple[dict[str, Any], tuple[Any, ...]], value: Any
) -> None:
    try:
        events = parse(mutated(mutation, value))
    except ParseError:
        events = []
    assert_storable(events)
