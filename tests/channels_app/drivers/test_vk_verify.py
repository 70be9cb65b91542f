"""VK puts the secret into the body, and asks for a code before it delivers."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from channels_app.drivers.base import SignatureError
from channels_app.drivers.registry import driver_class
from tests.channels_app.drivers.wires import NO_SHARED, OURS, SETTINGS, SHARED, driver_for

NOW = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)
SECRET = SETTINGS["vk"]["secret"]


def body(name: str = "text", **changes: Any) -> bytes:
    callback: dict[str, Any] = json.loads((OURS / "vk" / f"{name}.json").read_bytes())
    callback |= changes
    return json.dumps({key: value for key, value in callback.items() if value is not ...}).encode()


def test_the_right_secret_is_accepted() -> None:
    driver_for("vk").verify({}, body(), now=NOW)


@pytest.mark.parametrize(
    "secret", [..., "", None, SECRET[:-1], SECRET + " ", SECRET.upper(), ["x"], 5, "\u00e9"]
)
def test_any_other_secret_is_refused(secret: Any) -> None:
    with pytest.raises(SignatureError):
        driver_for("vk").verify({}, body(secret=secret), now=NOW)


@pytest.mark.parametrize("raw", [b"", b"[]", b"nonsense", b"[" * 100_000])
def test_what_holds_no_secret_is_refused(raw: bytes) -> None:
    with pytest.raises(SignatureError):
        driver_for("vk").verify({}, raw, now=NOW)


@pytest.mark.parametrize("name", ["text", "confirmation"])
@pytest.mark.parametrize("secret", ["", ..., SECRET])
def test_without_a_secret_of_ours_nothing_is_accepted(name: str, secret: Any) -> None:
    with pytest.raises(SignatureError):
        driver_for("vk", secret="").verify({}, body(name, secret=secret), now=NOW)
    assert "secret" in driver_class("vk").required_secrets


def test_the_code_is_told_before_vk_has_stored_the_secret() -> None:
    raw = body("confirmation", secret=...)
    driver = driver_for("vk")
    driver.verify({}, raw, now=NOW)
    assert driver.answer(raw) == ("text/plain; charset=utf-8", SETTINGS["vk"]["confirmation_code"])


@pytest.mark.parametrize(
    "changes",
    [{"secret": "wrong"}, {"secret": ..., "group_id": 5}, {"secret": ..., "group_id": ...}],
)
def test_the_code_is_told_to_our_own_community_only(changes: dict[str, Any]) -> None:
    with pytest.raises(SignatureError):
        driver_for("vk").verify({}, body("confirmation", **changes), now=NOW)


@pytest.mark.parametrize("name", ["text", "typing", "unknown_event"])
def test_everything_else_is_answered_with_ok(name: str) -> None:
    assert driver_for("vk").answer(body(name)) == ("text/plain; charset=utf-8", "ok")


@pytest.mark.skipif(not SHARED.is_dir(), reason=NO_SHARED)
def test_the_shared_sample_with_another_secret_is_refused() -> None:
    raw = (SHARED / "vk" / "wrong_secret.json").read_bytes()
    with pytest.raises(SignatureError):
        driver_for("vk").verify({}, raw, now=NOW)
    driver_for("vk", secret=json.loads(raw)["secret"]).verify({}, raw, now=NOW)
