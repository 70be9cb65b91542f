"""Whose deliveries Meta's three drivers take, and what they answer to Meta's handshake."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from channels_app.drivers.base import SignatureError
from tests.channels_app.drivers.meta_driver import (
    APP_SECRET,
    KINDS,
    VERIFY_TOKEN,
    driver_for,
    signature,
)

NOW = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
RAW = '{"object":"page","u":"https:\\/\\/a\\/b","t":"\\u05e9 é"}'.encode()
VECTORS = Path(__file__).parents[4] / "shared" / "payloads" / "SIGNATURES.json"

pytestmark = pytest.mark.parametrize("kind", KINDS)


def accepts(kind: str, header: str | None, raw: bytes = RAW, **config: Any) -> bool:
    headers = {} if header is None else {"x-hub-signature-256": header}
    try:
        driver_for(kind, **config).verify(headers, raw, now=NOW)
    except SignatureError:
        return False
    return True


def test_the_right_signature_is_taken(kind: str) -> None:
    assert accepts(kind, signature(RAW))


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        signature(RAW).removeprefix("sha256="),
        signature(RAW).replace("sha256=", "sha1="),
        signature(RAW)[:-1],
        signature(RAW) + "0",
        signature(RAW).upper(),
        signature(RAW + b" "),
        signature(RAW, secret="another secret"),
        signature(RAW, secret=""),
        "sha256=é\udce9",
        " " + signature(RAW),
    ],
)
def test_any_other_is_refused(kind: str, header: str | None) -> None:
    assert not accepts(kind, header)


def test_the_same_json_written_otherwise_is_refused(kind: str) -> None:
    again = json.dumps(json.loads(RAW)).encode()
    assert again != RAW
    assert not accepts(kind, signature(RAW), again)


@pytest.mark.parametrize("secret", ["", " ", None])
def test_without_a_secret_nobody_gets_in(kind: str, secret: Any) -> None:
    assert not accepts(kind, signature(RAW, secret=secret or ""), app_secret=secret)


def test_each_of_two_secrets_is_good(kind: str) -> None:
    both = f"{APP_SECRET} the-secret-of-instagram"
    assert accepts(kind, signature(RAW), app_secret=both)
    assert accepts(kind, signature(RAW, secret="the-secret-of-instagram"), app_secret=both)
    assert not accepts(kind, signature(RAW, secret=both), app_secret=both)


@pytest.mark.skipif(not VECTORS.is_file(), reason="the shared samples are not here")
def test_every_shared_vector_is_judged_right(kind: str) -> None:
    vectors = [one for one in json.loads(VECTORS.read_text()) if kind in one["channels"]]
    assert vectors
    judged = {
        one["name"]: accepts(kind, one["value"], one["body"].encode(), app_secret=one["secret"])
        for one in vectors
    }
    assert judged == {one["name"]: one["valid"] for one in vectors}


# --- the handshake ------------------------------------------------------------------------

QUERY = {"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "1158201444"}


def test_the_handshake_gives_the_challenge_back(kind: str) -> None:
    assert driver_for(kind).challenge(QUERY) == "1158201444"


@pytest.mark.parametrize(
    "change",
    [
        {"hub.verify_token": "another"},
        {"hub.verify_token": ""},
        {"hub.verify_token": "é\udce9"},
        {"hub.mode": "unsubscribe"},
        {"hub.mode": ""},
        {"hub.challenge": ""},
        {"hub.challenge": "x" * 501},
    ],
)
def test_any_other_handshake_is_refused(kind: str, change: dict[str, str]) -> None:
    assert driver_for(kind).challenge(QUERY | change) is None


def test_without_a_verify_token_no_handshake_succeeds(kind: str) -> None:
    driver = driver_for(kind, verify_token="")
    assert driver.challenge(QUERY | {"hub.verify_token": ""}) is None
    assert driver.challenge({}) is None


def test_we_make_a_verify_token_nobody_guesses(kind: str) -> None:
    made = [type(driver_for(kind)).new_secrets() for _ in range(2)]
    assert made[0] != made[1]
    assert len(made[0]["verify_token"]) >= 32
