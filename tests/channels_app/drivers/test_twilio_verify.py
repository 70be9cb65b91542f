"""Twilio signs the address it calls and the sorted fields."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from channels_app.drivers.base import SignatureError
from channels_app.drivers.registry import driver_class
from tests.channels_app.drivers.wires import (
    NO_SHARED,
    OURS,
    SETTINGS,
    SHARED,
    WEBHOOK,
    driver_for,
    signature_vectors,
)

NOW = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)
HEADER = "x-twilio-signature"
RAW = (OURS / "twilio" / "sms.form").read_bytes()
TOKEN = SETTINGS["twilio"]["auth_token"]


def signed(raw: bytes = RAW, url: str = WEBHOOK, token: str = TOKEN) -> str:
    """As Twilio's documentation says: the address, then each field and its value, sorted."""
    fields = sorted(dict(parse_qsl(raw.decode(), keep_blank_values=True)).items())
    text = url + "".join(name + value for name, value in fields)
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def verify(headers: dict[str, str], raw: bytes = RAW, **config: Any) -> None:
    driver_for("twilio", **config).verify(headers, raw, now=NOW)


def test_the_right_signature_is_accepted() -> None:
    verify({HEADER: signed(), ":url": WEBHOOK})


@pytest.mark.parametrize(
    ("signed_url", "called_url"),
    [
        ("https://desk.example:443/webhooks/abc/", "https://desk.example/webhooks/abc/"),
        ("https://desk.example/webhooks/abc/", "https://desk.example:443/webhooks/abc/"),
        ("https://desk.example/webhooks/abc/?a=1&b=", "https://desk.example/webhooks/abc/?a=1&b="),
    ],
)
def test_the_port_may_stand_in_the_address_or_not(signed_url: str, called_url: str) -> None:
    verify({HEADER: signed(url=signed_url), ":url": called_url})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {":url": WEBHOOK},
        {HEADER: signed()},
        {HEADER: signed(), ":url": ""},
        {HEADER: "", ":url": WEBHOOK},
        {HEADER: signed()[:-1], ":url": WEBHOOK},
        {HEADER: signed(), ":url": WEBHOOK + "?x=1"},
        {HEADER: signed(), ":url": WEBHOOK.replace("https", "http")},
        {HEADER: signed(), ":url": "https://[desk"},
        {HEADER: signed(token="another token"), ":url": WEBHOOK},
        {HEADER: "\u00e9\udcff", ":url": WEBHOOK},
    ],
)
def test_any_other_signature_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(SignatureError):
        verify(headers)


@pytest.mark.parametrize(
    "raw",
    [RAW + b"&Body2=x", RAW.replace(b"NumMedia=0", b"NumMedia=1"), b"", b"\xff", b"a=%FF"],
    ids=["more", "changed", "nothing", "no text", "no text inside"],
)
def test_another_body_is_refused(raw: bytes) -> None:
    with pytest.raises(SignatureError):
        verify({HEADER: signed(), ":url": WEBHOOK}, raw)


def test_empty_and_repeated_fields_are_signed_as_well() -> None:
    raw = urlencode([("MessageSid", "SM1"), ("ToZip", ""), ("A", "2"), ("A", "1"), ("A", "2")])
    text = WEBHOOK + "A1A2MessageSidSM1ToZip"
    digest = hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1).digest()
    verify({HEADER: base64.b64encode(digest).decode(), ":url": WEBHOOK}, raw.encode())


def test_without_a_secret_of_ours_nothing_is_accepted() -> None:
    with pytest.raises(SignatureError):
        verify({HEADER: signed(token=""), ":url": WEBHOOK}, auth_token="")
    assert "auth_token" in driver_class("twilio").required_secrets


def test_twilio_hears_that_there_is_no_answer_to_the_customer() -> None:
    assert driver_for("twilio").answer(RAW) == (
        "text/xml; charset=utf-8",
        '<?xml version="1.0" encoding="UTF-8"?><Response/>',
    )


@pytest.mark.skipif(not SHARED.is_dir(), reason=NO_SHARED)
@pytest.mark.parametrize(("vector", "raw"), signature_vectors("twilio"))
def test_each_shared_vector_is_judged_right(vector: dict[str, Any], raw: bytes) -> None:
    headers = {vector["header"].lower(): vector["value"], ":url": vector["url"]}
    verify(headers, raw, auth_token=vector["secret"])
    with pytest.raises(SignatureError):
        verify(headers | {":url": vector["url"] + "&y=2"}, raw, auth_token=vector["secret"])
