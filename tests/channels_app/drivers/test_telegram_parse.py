"""What the driver concludes from Telegram's updates."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.drivers.base import (
    Event,
    IgnoredEvent,
    MessageEvent,
    ParseError,
    PostbackEvent,
    ReactionEvent,
)
from channels_app.drivers.telegram_parse import parse
from tests.channels_app.drivers.expectations import concluded

ROOT = Path(__file__).parents[3]
OURS = ROOT / "tests" / "samples" / "telegram"
SHARED = ROOT.parent / "shared" / "payloads"


def expectations(folder: Path, kind: str = "") -> list[Any]:
    path = folder / "EXPECT.json"
    if not path.is_file():
        return []
    samples = json.loads(path.read_text())["samples"]
    return [
        pytest.param(folder / sample["file"], sample["events"], id=sample["file"])
        for sample in samples
        if sample["file"].startswith(kind)
    ]


@pytest.mark.parametrize(("path", "expected"), expectations(OURS))
def test_each_sample_means_what_is_written_beside_it(
    path: Path, expected: list[dict[str, Any]]
) -> None:
    events = parse(path.read_bytes())
    assert [concluded(*pair) for pair in zip(events, expected, strict=True)] == expected


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared samples are not here")
@pytest.mark.parametrize(("path", "expected"), expectations(SHARED, "telegram/"))
def test_each_shared_sample_means_what_is_written_beside_it(
    path: Path, expected: list[dict[str, Any]]
) -> None:
    events = parse(path.read_bytes())
    if "duplicate" in expected[0].get("reason", ""):
        # A driver has no memory: the key says that it is the same event.
        assert [event.key for event in events] == ["update_id:846200101"]
        return
    assert [concluded(*pair) for pair in zip(events, expected, strict=True)] == expected


def test_every_sample_of_ours_has_its_expectation() -> None:
    written = {path.name for path in OURS.glob("*.json")} - {"EXPECT.json"}
    expected = json.loads((OURS / "EXPECT.json").read_text())["samples"]
    assert written == {sample["file"] for sample in expected}


def sample(name: str) -> dict[str, Any]:
    update: dict[str, Any] = json.loads((OURS / f"{name}.json").read_bytes())
    return update


def parse_one(update: Any) -> Event:
    (event,) = parse(json.dumps(update).encode())
    return event


def test_a_business_message_is_answered_through_its_connection() -> None:
    event = parse_one(sample("business_text"))
    assert isinstance(event, MessageEvent)
    assert (event.thread, event.reply_context) == (
        "bizconn-1",
        {"business_connection_id": "bizconn-1"},
    )


def test_the_person_is_described_as_telegram_does() -> None:
    user = parse_one(sample("text")).user
    assert user is not None
    assert (user.external_id, user.name) == ("6012345678901", "Marta Okoye")
    assert (user.username, user.language, user.phone) == ("marta_o", "pt-br", "")


def test_a_list_of_updates_is_read_in_order() -> None:
    raw = json.dumps([sample("text"), sample("button")]).encode()
    first, second = parse(raw)
    assert isinstance(first, MessageEvent)
    assert isinstance(second, PostbackEvent)
    assert parse(b"[]") == []


@pytest.mark.parametrize(
    "broken",
    [
        {"update_id": 900000001, "message": "no object"},
        {"update_id": 900000001, "message": {"message_id": 5, "text": "no chat"}},
        {"message": {}},
        "text",
        None,
        [],
    ],
)
def test_a_broken_update_in_a_list_leaves_its_neighbours(broken: Any) -> None:
    events = parse(json.dumps([sample("text"), broken, sample("voice")]).encode())
    assert [type(event) for event in events] == [MessageEvent, IgnoredEvent, MessageEvent]
    middle = events[1]
    assert isinstance(middle, IgnoredEvent)
    assert middle.reason.startswith("A broken update: ")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b'"text"',
        b"5",
        b"{",
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b"{}",
        b'{"update_id": true, "message": {}}',
        b'{"update_id": "5", "message": {}}',
        b'{"update_id": 5, "message": []}',
        b'{"update_id": 5, "message": {"message_id": 1}}',
        b'{"update_id": 5, "message": {"chat": {"id": 1, "type": "private"}}}',
        b'{"update_id": 1e999}',
        b'{"update_id": NaN}',
        b'{"update_id": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"update_id": 5, "x": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
    ids=lambda raw: repr(raw[:30]),
)
def test_what_is_no_update_is_a_parse_error(raw: bytes) -> None:
    with pytest.raises(ParseError):
        parse(raw)


def test_unstorable_characters_are_replaced_everywhere() -> None:
    raw = (
        b'{"update_id": 5, "message": {"message_id": 1, "date": 1717243200,'
        b' "chat": {"id": 3, "type": "private"}, "text": "a\\u0000b\\ud800c",'
        b' "from": {"id": 3, "is_bot": false, "first_name": "x\\udfffy"}}}'
    )
    (event,) = parse(raw)
    assert isinstance(event, MessageEvent)
    assert event.text == "a\ufffdb\ufffdc"
    assert event.user is not None
    assert event.user.name == "x\ufffdy"


def test_text_that_is_no_text_is_not_made_into_one() -> None:
    update = sample("text")
    update["message"]["text"] = {"a": 1}
    event = parse_one(update)
    assert isinstance(event, MessageEvent)
    assert event.text == ""
    assert [attachment.type for attachment in event.attachments] == ["unsupported"]


def test_a_place_that_is_nowhere_is_not_shown_as_one() -> None:
    update = sample("location")
    update["message"]["location"] = {"latitude": 91.0, "longitude": 5.0}
    event = parse_one(update)
    assert isinstance(event, MessageEvent)
    assert [attachment.type for attachment in event.attachments] == ["unsupported"]


def test_a_reaction_needs_no_key() -> None:
    event = parse_one(sample("reaction"))
    assert isinstance(event, ReactionEvent)
    assert event.key == ""


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        found += _paths(inner, (*path, key)) if isinstance(inner, (dict, list)) else [(*path, key)]
    return found


MUTATIONS = [
    (json.loads(path.read_bytes()), inner)
    for path in sorted(OURS.glob("*.json"))
    if path.name != "EXPECT.json"
    for inner in _paths(json.loads(path.read_bytes()))
]
STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.just([]),
    st.just({}),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.sampled_from(["id", "type", "file_id", "text"]), st.integers(), max_size=3),
    st.just(10**40),
    st.just("x" * 5000),
)


@given(st.sampled_from(MUTATIONS), STRANGE)
def test_anything_may_stand_anywhere(
    mutation: tuple[dict[str, Any], tuple[Any, ...]], value: Any
) -> None:
    update, path = mutation
    update = copy.deepcopy(update)
    inner: Any = update
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    raw = json.dumps(update).encode()
    try:
        events = parse(raw)
    except ParseError:
        events = []
    for event in events:
        assert len(event.key) <= 200
        assert len(event.chat_id) <= 200
        assert len(event.thread) <= 200
        assert "\x00" not in repr(event)
    # Its neighbours are read all the same.
    together = parse(json.dumps([sample("text"), update, sample("voice")]).encode())
    assert isinstance(together[0], MessageEvent)
    assert isinstance(together[-1], MessageEvent)
