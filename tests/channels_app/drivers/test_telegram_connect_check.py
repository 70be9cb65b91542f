"""Connecting a bot, asking how it is, and its settings form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from channels_app.drivers.base import Account, DriverError
from channels_app.drivers.telegram import TelegramForm
from channels_app.drivers.telegram_parse import UPDATE_KINDS
from tests.channels_app.drivers.telegram_driver import WEBHOOK_SECRET, driver_for
from tests.standins.bot_api import BotApiStandIn, bot_api, ok, refused

WEBHOOK = "https://desk.example/webhooks/abc/"
ACCOUNT = Account(account_id="7000001", name="@support_test_bot")


@pytest.fixture
def telegram() -> Iterator[BotApiStandIn]:
    with bot_api() as stand_in:
        yield stand_in


def test_connecting_sets_the_webhook_with_its_secret(telegram: BotApiStandIn) -> None:
    assert driver_for(telegram).connect(webhook_url=WEBHOOK) == ACCOUNT
    assert [call.method for call in telegram.methods] == ["getMe", "setWebhook"]
    assert telegram.called("setWebhook") == [
        {
            "url": WEBHOOK,
            "secret_token": WEBHOOK_SECRET,
            "allowed_updates": list(UPDATE_KINDS),
            "max_connections": 40,
            "drop_pending_updates": False,
        }
    ]


def test_connecting_without_an_address_takes_the_webhook_away(telegram: BotApiStandIn) -> None:
    telegram.webhook["url"] = WEBHOOK
    assert driver_for(telegram).connect(webhook_url="") == ACCOUNT
    assert [call.method for call in telegram.methods] == ["getMe", "deleteWebhook"]
    assert telegram.webhook["url"] == ""


def test_without_a_secret_of_ours_no_webhook_is_set(telegram: BotApiStandIn) -> None:
    with pytest.raises(DriverError) as caught:
        driver_for(telegram, webhook_secret="").connect(webhook_url=WEBHOOK)
    assert caught.value.error_class == "auth"
    assert telegram.called("setWebhook") == []


def test_a_wrong_token_is_told_before_anything_is_set(telegram: BotApiStandIn) -> None:
    with pytest.raises(DriverError) as caught:
        driver_for(telegram, token="1:wrong").connect(webhook_url=WEBHOOK)
    assert caught.value.error_class == "auth"
    assert str(caught.value) == "Telegram does not know this token."
    assert [call.method for call in telegram.methods] == ["getMe"]


def test_a_server_that_is_not_telegram_is_told(telegram: BotApiStandIn) -> None:
    telegram.script("getMe", ok("hello"))
    with pytest.raises(DriverError, match="not that of Telegram"):
        driver_for(telegram).connect(webhook_url=WEBHOOK)


def test_an_address_telegram_refuses_is_told_in_its_words(telegram: BotApiStandIn) -> None:
    telegram.script("setWebhook", refused(400, "Bad Request: bad webhook: HTTPS url must be given"))
    with pytest.raises(DriverError) as caught:
        driver_for(telegram).connect(webhook_url="http://desk.example/")
    assert caught.value.error_class == "content"
    assert "HTTPS url must be given" in str(caught.value)


def test_disconnecting_takes_the_webhook_away(telegram: BotApiStandIn) -> None:
    telegram.webhook["url"] = WEBHOOK
    driver_for(telegram).disconnect()
    assert telegram.called("deleteWebhook") == [{"drop_pending_updates": False}]


def test_a_bot_that_is_well_has_no_problems(telegram: BotApiStandIn) -> None:
    driver = driver_for(telegram)
    driver.connect(webhook_url=WEBHOOK)
    result = driver.check(webhook_url=WEBHOOK)
    assert result.account == ACCOUNT
    assert result.problems == ()
    assert result.facts == (("Bot", "@support_test_bot"), ("Messages waiting at Telegram", "0"))


@pytest.mark.parametrize(
    ("webhook", "address", "problems"),
    [
        (
            {"url": "https://other.example/"},
            WEBHOOK,
            ("Telegram delivers to another address. Connect again.",),
        ),
        ({"url": ""}, WEBHOOK, ("Telegram has no address to deliver to. Connect again.",)),
        ({"url": WEBHOOK}, "", ("Telegram delivers to another program. Connect again.",)),
        ({"url": ""}, "", ()),
        (
            {"url": WEBHOOK, "allowed_updates": ["message"]},
            WEBHOOK,
            ("Telegram does not deliver all we ask for. Connect again.",),
        ),
        (
            {
                "url": WEBHOOK,
                "allowed_updates": list(UPDATE_KINDS),
                "pending_update_count": 12,
                "last_error_message": "Connection refused",
            },
            WEBHOOK,
            ("Telegram cannot deliver: Connection refused",),
        ),
        (
            {
                "url": WEBHOOK,
                "allowed_updates": list(UPDATE_KINDS),
                "pending_update_count": 0,
                "last_error_message": "Connection refused",
            },
            WEBHOOK,
            (),
        ),
    ],
    ids=["another", "none", "not ours", "polling", "updates", "failing", "failed once"],
)
def test_each_problem_is_a_sentence(
    telegram: BotApiStandIn, webhook: dict[str, Any], address: str, problems: tuple[str, ...]
) -> None:
    telegram.webhook = {"pending_update_count": 0} | webhook
    assert driver_for(telegram).check(webhook_url=address).problems == problems


def test_the_last_delivery_error_is_shown_with_its_time(telegram: BotApiStandIn) -> None:
    telegram.webhook |= {
        "last_error_message": f"Wrong response from {telegram.token}",
        "last_error_date": 1717243200,
    }
    facts = dict(driver_for(telegram).check(webhook_url="").facts)
    assert facts["Last delivery error"] == "Wrong response from *** (2024-06-01 12:00 UTC)"


# --- the form -----------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["12345:abc_DEF-1", " 12345:abc ", ""])
def test_the_form_takes_a_token(token: str) -> None:
    form = TelegramForm({"token": token})
    assert form.is_valid()
    assert form.cleaned_data == {"token": token.strip(), "api_base_url": ""}


@pytest.mark.parametrize("token", ["abc", "12345:", "12345:a/../b", "12345:a b", "12345:a\nb"])
def test_the_form_refuses_what_is_no_token(token: str) -> None:
    assert list(TelegramForm({"token": token}).errors) == ["token"]


def test_the_form_shows_no_token() -> None:
    html = TelegramForm({"token": "12345:very-secret", "api_base_url": "nonsense "}).as_p()
    assert "very-secret" not in html


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", ""),
        ("https://bots.example/", "https://bots.example"),
        ("http://127.0.0.1:8081", "http://127.0.0.1:8081"),
        ("bots.example/api", "https://bots.example/api"),
    ],
)
def test_the_form_takes_the_address_of_a_gateway(typed: str, kept: str) -> None:
    form = TelegramForm({"api_base_url": typed})
    assert form.is_valid()
    assert form.cleaned_data["api_base_url"] == kept


@pytest.mark.parametrize(
    "typed",
    [
        "ftp://bots.example/",
        "https://me:pw@bots.example/",
        "https://bots.example/?a=1",
        "https:///x",
    ],
)
def test_the_form_refuses_other_addresses(typed: str) -> None:
    assert list(TelegramForm({"api_base_url": typed}).errors) == ["api_base_url"]
