"""What the driver concludes from Twilio's webhooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.drivers.base import MessageEvent, ParseError
from channels_app.drivers.twilio_parse import parse
from tests.channels_app.drivers.wires import (
    NO_SHARED,
    OURS,
    SHARED,
    assert_all_have_expectations,
    assert_means,
    assert_storable,
    expectations,
)


@pytest.mark.parametrize(("path", "expected"), expectations(OURS / "twilio"))
def test_each_sample_means_what_is_written_beside_it(
    path: Path, expected: list[dict[str, Any]]
) -> None:
    assert_means(parse(path.read_bytes()), expected)


@pytest.mark.skipif(not SHARED.is_dir(), reason=NO_SHARED)
@pytest.mark.parametrize(("path", "expected"), expectations(SHARED, "twilio/"))
def test_each_shared_sample_means_what_is_written_beside_it(
    path: Path, expected: list[dict[str, Any]]
) -> None:
    assert_means(parse(path.read_bytes()), expected)


def test_every_sample_of_ours_has_its_expectation() -> None:
    assert_all_have_expectations("twilio")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Body=x",
        b"MessageSid=",
        b"MessageSid=SM1&Body=x",
        b"\xff\xfe",
        b"MessageSid=SM1&From=%FF",
    ],
)
def test_what_is_no_webhook_is_a_parse_error(raw: bytes) -> None:
    with pytest.raises(ParseError):
        parse(raw)


@pytest.mark.parametrize("count", ["-1", "x", "99999999999999999999", "1e3", "²"])
def test_a_strange_number_of_files_is_none(count: str) -> None:
    raw = urlencode({"MessageSid": "SM1", "From": "+15550001111", "Body": "x", "NumMedia": count})
    (event,) = parse(raw.encode())
    assert isinstance(event, MessageEvent)
    assert event.attachments == ()


@pytest.mark.parametrize("place", [("nan", "5"), ("91", "5"), ("5", "inf"), ("", "5")])
def test_a_place_that_is_nowhere_is_not_shown_as_one(place: tuple[str, str]) -> None:
    fields = {
        "MessageSid": "SM1",
        "From": "+15550001111",
        "Latitude": place[0],
        "Longitude": place[1],
    }
    (event,) = parse(urlencode(fields).encode())
    assert isinstance(event, MessageEvent)
    assert [item.type for item in event.attachments] == ["unsupported"]


def test_unstorable_characters_are_replaced() -> None:
    (event,) = parse(b"MessageSid=SM1&From=%2B15550001111&Body=a%00b&ProfileName=x%00y")
    assert isinstance(event, MessageEvent)
    assert (event.text, event.user.name if event.user else "") == ("a\ufffdb", "x\ufffdy")


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "MessageSid",
                "From",
                "To",
                "Body",
                "NumMedia",
                "MediaUrl0",
                "Latitude",
                "Longitude",
                "MessageStatus",
                "ErrorCode",
                "OptOutType",
                "ButtonPayload",
                "ProfileName",
            ]
        ),
        st.text(),
    )
)
def test_anything_may_stand_anywhere(fields: dict[str, str]) -> None:
    raw = urlencode(fields, errors="replace").encode()
    try:
        events = parse(raw)
    except ParseError:
        events = []
    assert_storable(events)
