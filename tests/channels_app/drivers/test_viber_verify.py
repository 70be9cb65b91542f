"""Viber signs with the bot's token."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from typing import Any

import pytest

from channels_app.drivers.base import SignatureError
from channels_app.drivers.registry import driver_class
from tests.channels_app.drivers.wires import (
    NO_SHARED,
    OURS,
    SETTINGS,
    SHARED,
    driver_for,
    signature_vectors,
)

NOW = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)
HEADER = "x-viber-content-signature"
RAW = (OURS / "viber" / "text.json").read_bytes()


def signed(raw: bytes, secret: str = SETTINGS["viber"]["token"]) -> str:
    return hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def test_the_right_signature_is_accepted() -> None:
    driver_for("viber").verify({HEADER: signed(RAW)}, RAW, now=NOW)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {HEADER: ""},
        {HEADER: signed(RAW)[:-1]},
        {HEADER: signed(RAW) + " "},
        {HEADER: signed(RAW, "another secret")},
        {HEADER: signed(RAW + b" ")},
        {HEADER: "\u00e9\udcff"},
        {"authorization": signed(RAW)},
    ],
)
def test_any_other_signature_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(SignatureError):
        driver_for("viber").verify(headers, RAW, now=NOW)


def test_the_signature_is_one_of_bytes_and_not_of_what_they_mean() -> None:
    with pytest.raises(SignatureError):
        driver_for("viber").verify({HEADER: signed(RAW)}, RAW.replace(b"\n ", b"\n"), now=NOW)


def test_without_a_secret_of_ours_nothing_is_accepted() -> None:
    with pytest.raises(SignatureError):
        driver_for("viber", token="").verify({HEADER: signed(RAW, "")}, RAW, now=NOW)
    assert "token" in driver_class("viber").required_secrets


@pytest.mark.skipif(not SHARED.is_dir(), reason=NO_SHARED)
@pytest.mark.parametrize(("vector", "raw"), signature_vectors("viber"))
def test_each_shared_vector_is_judged_right(vector: dict[str, Any], raw: bytes) -> None:
    driver = driver_for("viber", token=vector["secret"])
    headers = {vector["header"].lower(): vector["value"]}
    if vector["valid"]:
        driver.verify(headers, raw, now=NOW)
        raw += b" "
    with pytest.raises(SignatureError):
        driver.verify(headers, raw, now=NOW)


def test_viber_hears_nothing_it_could_take_for_a_message() -> None:
    assert driver_for("viber").answer(RAW) == ("text/plain; charset=utf-8", "")
