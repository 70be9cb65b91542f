"""Asking for news where Telegram cannot reach us."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from channels_app.drivers.base import DriverError, MessageEvent
from channels_app.drivers.telegram_parse import UPDATE_KINDS
from tests.channels_app.drivers.telegram_driver import driver_for
from tests.standins.bot_api import BotApiStandIn, bot_api, ok, refused

SAMPLES = Path(__file__).parents[2] / "samples" / "telegram"


@pytest.fixture
def telegram() -> Iterator[BotApiStandIn]:
    with bot_api() as stand_in:
        yield stand_in


def sample(name: str) -> dict[str, Any]:
    update: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_bytes())
    return update


def test_nothing_new_is_an_empty_delivery(telegram: BotApiStandIn) -> None:
    assert driver_for(telegram).poll("17") == (b"", "17")
    assert telegram.called("getUpdates") == [
        {"timeout": 0, "allowed_updates": list(UPDATE_KINDS), "offset": 17}
    ]


def test_the_first_time_there_is_no_offset(telegram: BotApiStandIn) -> None:
    driver_for(telegram).poll("")
    assert "offset" not in telegram.called("getUpdates")[0]


def test_news_are_a_delivery_and_are_not_given_twice(telegram: BotApiStandIn) -> None:
    driver = driver_for(telegram)
    telegram.updates = [sample("text"), sample("voice")]
    raw, offset = driver.poll("")
    assert [type(event) for event in driver.parse(raw)] == [MessageEvent, MessageEvent]
    assert offset == str(sample("voice")["update_id"] + 1)
    assert driver.poll(offset) == (b"", offset)


def test_an_update_without_an_id_does_not_stop_the_others(telegram: BotApiStandIn) -> None:
    telegram.script("getUpdates", ok(["?", sample("text")]))
    raw, offset = driver_for(telegram).poll("5")
    assert len(driver_for(telegram).parse(raw)) == 2
    assert offset == str(sample("text")["update_id"] + 1)


def test_a_webhook_in_the_way_is_told(telegram: BotApiStandIn) -> None:
    telegram.webhook["url"] = "https://other.example/"
    with pytest.raises(DriverError) as caught:
        driver_for(telegram).poll("")
    assert caught.value.error_class == "retry"
    assert str(caught.value).startswith("Another program receives this bot's messages")


def test_a_dead_token_is_told(telegram: BotApiStandIn) -> None:
    telegram.script("getUpdates", refused(401, "Unauthorized"))
    with pytest.raises(DriverError) as caught:
        driver_for(telegram).poll("")
    assert caught.value.error_class == "auth"
