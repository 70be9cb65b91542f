"""What the driver concludes from LINE's deliveries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.drivers.base import IgnoredEvent, MessageEvent, ParseError
from channels_app.drivers.line_parse import parse
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


@pytest.mark.parametrize(("path", "expected"), expectations(OURS / "line"))
def test_each_sample_means_what_is_written_beside_it(
    path: Path, expected: list[dict[str, Any]]
) -> None:
    assert_means(parse(path.read_bytes()), expected)


@pytest.mark.skipif(not SHARED.is_dir(), reason=NO_SHARED)
@pytest.mark.parametrize(("path", "expected"), expectations(SHARED, "line/"))
def test_each_shared_sample_means_what_is_written_beside_it(
    path: Path, expected: list[dict[str, Any]]
) -> None:
    assert_means(parse(path.read_bytes()), expected)


def test_every_sample_of_ours_has_its_expectation() -> None:
    assert_all_have_expectations("line")


@pytest.mark.parametrize(
    "raw",
    [
        *NO_JSON_OBJECT,
        b"{}",
        b'{"events": {}}',
        b'{"events": [5]}',
        b'{"events": [{"type": "message", "source": {"type": "user"}}]}',
        b'{"events": [{"type": "message", "source": {"type": "user", "userId": "U1"}}]}',
        b'{"events": [{"type": "postback", "source": {"type": "user", "userId": "U1"}}]}',
    ],
    ids=lambda raw: repr(raw[:90]),
)
def test_what_is_no_delivery_is_a_parse_error(raw: bytes) -> None:
    with pytest.raises(ParseError):
        parse(raw)


@pytest.mark.parametrize(
    "broken", [None, 5, {}, {"type": "message", "source": {"type": "user", "userId": "U1"}}]
)
def test_a_broken_event_leaves_its_neighbours(broken: object) -> None:
    body = json.loads((OURS / "line" / "several.json").read_bytes())
    body["events"].insert(1, broken)
    first, middle, last = parse(json.dumps(body).encode())
    assert isinstance(first, MessageEvent)
    assert isinstance(middle, IgnoredEvent)
    assert isinstance(last, MessageEvent)
    assert (first.text, last.text) == ("one", "two")


def test_an_answer_may_use_what_the_message_brought() -> None:
    (event,) = parse((OURS / "line" / "text.json").read_bytes())
    assert isinstance(event, MessageEvent)
    assert event.reply_context == {
        "reply_token": "reply-token-0001",
        "reply_at": 1717243200123,
        "read_token": "read-1",
        "quote_token": "quote-1",
        "quote_id": event.message_id,
    }


def test_while_another_program_has_the_chat_there_is_nothing_to_answer_with() -> None:
    (event,) = parse((OURS / "line" / "standby.json").read_bytes())
    assert isinstance(event, MessageEvent)
    assert event.reply_context == {}
    assert event.data == {"standby": True}


@given(st.sampled_from(mutations("line")), STRANGE)
def test_anything_may_stand_anywhere(
    mutation: tuple[dict[str, Any], tuple[Any, ...]], value: Any
) -> None:
    try:
        events = parse(mutated(mutation, value))
    except ParseError:
        events = []
    assert_storable(events)
