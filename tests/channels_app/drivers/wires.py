"""Drivers of Viber, VK, LINE and Twilio over their stand-ins, and their samples."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from channels_app.drivers.base import Driver, DriverError, Event, Http, Outgoing
from channels_app.drivers.registry import driver_class
from openlines_project.lib.http import HttpDoor
from tests.channels_app.drivers.expectations import concluded
from tests.channels_app.drivers.telegram_driver import outgoing
from tests.standins import line_api, twilio_api, viber_api, vk_api

ROOT = Path(__file__).parents[3]
OURS = ROOT / "tests" / "samples"
SHARED = ROOT.parent / "shared" / "payloads"
WEBHOOK = "https://desk.example/webhooks/abc/"
NO_SHARED = "the shared samples are not here"

SETTINGS: dict[str, dict[str, Any]] = {
    "viber": {"token": viber_api.TOKEN, "sender_name": "Corner Shop"},
    "vk": {
        "group_id": str(vk_api.GROUP),
        "access_token": vk_api.TOKEN,
        "secret": "aVkSecretOfTests1",
        "confirmation_code": vk_api.CODE,
    },
    "line": {"channel_secret": "line-channel-secret", "channel_token": line_api.TOKEN},
    "twilio": {
        "account_sid": twilio_api.ACCOUNT,
        "auth_token": twilio_api.TOKEN,
        "number": twilio_api.NUMBER,
    },
}
# Who the stand-ins write to.
CHATS = {
    "viber": "mQ8xv+7dKc/Lz0aTq2==",
    "vk": "501234987",
    "line": "U4af4980629b14c6c8c8a5f2d1e0b7c61",
    "twilio": "+351910000002",
}


def driver_for(
    kind: str,
    stand_in: Any = None,
    *,
    timeout: float = 5.0,
    trusted: Http | None = None,
    untrusted: Http | None = None,
    **config: Any,
) -> Driver:
    """A driver with working settings, calling a stand-in."""
    base = {"api_base_url": stand_in.url} if stand_in is not None else {}
    driver = driver_class(kind)(
        config=SETTINGS[kind] | base | config,
        trusted=trusted or HttpDoor(trusted=True, private_targets=["127.0.0.1:*"], timeout=timeout),
        untrusted=untrusted or HttpDoor(trusted=False),
    )
    driver.webhook_url = WEBHOOK
    return driver


def message_for(kind: str, **changes: Any) -> Outgoing:
    """A message of ours to the customer of the stand-in."""
    chat = {"chat_id": CHATS[kind], "user_id": CHATS[kind]}
    return outgoing(**(chat | changes))


def failure(driver: Driver, message: Outgoing) -> DriverError:
    """What sending fails with. No error tells a secret or an address."""
    with pytest.raises(DriverError) as caught:
        driver.send(message)
    for field in driver.secret_fields:
        assert str(driver.config[field]) not in str(caught.value)
    assert "http" not in str(caught.value).replace("HTTP", "")
    assert str(caught.value) != ""
    return caught.value


# --- samples ------------------------------------------------------------------------------


def expectations(folder: Path, kind: str = "") -> list[Any]:
    """Each sample's path with what is expected of it, as parameters of a test."""
    path = folder / "EXPECT.json"
    if not path.is_file():
        return []
    samples = json.loads(path.read_text())["samples"]
    return [
        pytest.param(folder / sample["file"], sample["events"], id=sample["file"])
        for sample in samples
        if sample["file"].startswith(kind)
    ]


def is_repeat(expected: list[dict[str, Any]]) -> bool:
    """Whether the sample repeats another: a driver has no memory, so its key decides."""
    reason = expected[0].get("reason", "") if expected else ""
    return "duplicate" in reason or "redelivery" in reason


def assert_means(events: list[Event], expected: list[dict[str, Any]]) -> None:
    if [event["kind"] for event in expected] == ["verification"] and not events:
        return  # a delivery of nothing
    if is_repeat(expected):
        assert [event.key.replace(":", "=", 1) for event in events] == [
            event["dedup"] for event in expected
        ]
        return
    assert [concluded(*pair) for pair in zip(events, expected, strict=True)] == expected


def assert_all_have_expectations(kind: str) -> None:
    written = {path.name for path in (OURS / kind).iterdir()} - {"EXPECT.json"}
    expected = json.loads((OURS / kind / "EXPECT.json").read_text())["samples"]
    assert written == {sample["file"] for sample in expected}


def signature_vectors(kind: str) -> list[Any]:
    """The vectors of SIGNATURES.json for a kind, with the bytes they sign."""
    path = SHARED / "SIGNATURES.json"
    if not path.is_file():
        return []
    found = []
    for vector in json.loads(path.read_text()):
        if kind not in vector["channels"]:
            continue
        raw = (
            (SHARED / vector["body_file"]).read_bytes()
            if "body_file" in vector
            else vector["body"].encode()
        )
        found.append(pytest.param(vector, raw, id=vector["name"]))
    return found


# --- anything anywhere --------------------------------------------------------------------

STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.just([]),
    st.just({}),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.sampled_from(["id", "type", "url", "text"]), st.integers(), max_size=3),
    st.just(10**40),
    st.just("x" * 5000),
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        found += _paths(inner, (*path, key)) if isinstance(inner, (dict, list)) else [(*path, key)]
    return found


def mutations(kind: str) -> list[tuple[dict[str, Any], tuple[Any, ...]]]:
    """Every place of every sample of ours, to put something strange there."""
    bodies = [
        json.loads(path.read_bytes())
        for path in sorted((OURS / kind).glob("*.json"))
        if path.name != "EXPECT.json"
    ]
    return [(body, path) for body in bodies for path in _paths(body)]


def mutated(mutation: tuple[dict[str, Any], tuple[Any, ...]], value: Any) -> bytes:
    body, path = mutation
    body = copy.deepcopy(body)
    inner: Any = body
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return json.dumps(body).encode()


def assert_storable(events: list[Event]) -> None:
    for event in events:
        assert len(event.key) <= 200
        assert len(event.chat_id) <= 200
        assert "\x00" not in repr(event)


NO_JSON_OBJECT = [
    b"",
    b"null",
    b'"text"',
    b"5",
    b"[]",
    b"{",
    b"\xff\xfe{\x00}\x00",
    b"\xef\xbb\xbf{}",
    b'{"a": NaN}',
    b"[" * 100_000,
    b'{"x": ' + b"[" * 5000 + b"]" * 5000 + b"}",
]
