"""Telegram's deliveries carry a secret of ours in a header."""

import datetime as dt

import pytest

from channels_app.drivers.base import SignatureError
from channels_app.drivers.telegram import TelegramDriver
from openlines_project.lib.http import HttpDoor

NOW = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)
HEADER = "x-telegram-bot-api-secret-token"
SECRET = "A-Za-z0-9_-secret"


def verify(headers: dict[str, str], *, secret: str = SECRET) -> None:
    door = HttpDoor(trusted=False)
    TelegramDriver(
        config={"token": "1:a", "webhook_secret": secret}, trusted=door, untrusted=door
    ).verify(headers, b"{}", now=NOW)


def test_the_right_secret_is_accepted() -> None:
    verify({HEADER: SECRET})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {HEADER: ""},
        {HEADER: SECRET[:-1]},
        {HEADER: SECRET + " "},
        {HEADER: SECRET.upper()},
        {HEADER: "\u00e9\udcff"},
        {"authorization": SECRET},
    ],
)
def test_any_other_secret_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(SignatureError):
        verify(headers)


@pytest.mark.parametrize("headers", [{}, {HEADER: ""}])
def test_without_a_secret_of_ours_nothing_is_accepted(headers: dict[str, str]) -> None:
    with pytest.raises(SignatureError):
        verify(headers, secret="")


def test_the_secret_is_made_of_what_telegram_allows() -> None:
    made = TelegramDriver.new_secrets()
    assert list(made) == ["webhook_secret"]
    assert 32 <= len(made["webhook_secret"]) <= 256
    assert set(made["webhook_secret"]) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
    )
    assert made != TelegramDriver.new_secrets()
