"""Asking a platform for messages: one worker at a time, and nothing is skipped."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from channels_app.drivers.base import DriverError, FieldErrors
from channels_app.drivers.telegram import TelegramDriver
from channels_app.models import Connector, InboundEvent, Message
from channels_app.services import intake_apply
from channels_app.services.polling import connectors_poll
from tests.channels_app.services.faults import Fault, lock_timeout
from tests.factories import ConnectorFactory, TelegramConnectorFactory, moment
from tests.flows.wire import telegram_text
from tests.standins.bot_api import TOKEN, BotApiStandIn, bot_api, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def telegram() -> Iterator[BotApiStandIn]:
    with bot_api() as stand_in:
        yield stand_in


@pytest.fixture
def connector(telegram: BotApiStandIn) -> Connector:
    connector: Connector = TelegramConnectorFactory(
        config={"api_base_url": telegram.url},
        secrets={"token": TOKEN, "webhook_secret": "s"},
        is_polling=True,
    )
    return connector


def at(seconds: float) -> dt.datetime:
    return moment() + dt.timedelta(seconds=seconds)


def test_news_are_taken_and_the_next_question_goes_on_after_them(
    telegram: BotApiStandIn, connector: Connector
) -> None:
    telegram.updates = [telegram_text(7, "one"), telegram_text(8, "two")]
    assert connectors_poll(now=moment()) == 1
    connector.refresh_from_db()
    assert (connector.poll_offset, connector.poll_lease_until) == ("9", None)
    assert connector.last_event_at == moment()
    assert list(Message.objects.order_by("seq").values_list("text", flat=True)) == ["one", "two"]
    assert connectors_poll(now=at(2)) == 0
    assert [call.get("offset") for call in telegram.called("getUpdates")] == [None, 9]
    assert telegram.updates == []


def test_what_could_not_be_stored_is_asked_for_again(
    telegram: BotApiStandIn, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    telegram.updates = [telegram_text(7, "one")]
    with monkeypatch.context() as planted:
        Fault(planted, intake_apply, "_message_store", lock_timeout())
        assert connectors_poll(now=moment()) == 0
    connector.refresh_from_db()
    assert (connector.poll_offset, connector.poll_lease_until) == ("", at(60))
    assert not Message.objects.exists()
    assert connectors_poll(now=at(59)) == 0
    assert connectors_poll(now=at(60)) == 1
    assert Message.objects.get().text == "one"


def test_what_came_by_the_webhook_before_is_not_taken_twice(
    telegram: BotApiStandIn, connector: Connector, client: Any
) -> None:
    telegram.updates = [telegram_text(7, "one")]
    connectors_poll(now=moment())
    Connector.objects.update(poll_offset="")
    telegram.updates = [telegram_text(7, "one"), telegram_text(8, "two")]
    connectors_poll(now=at(2))
    assert list(Message.objects.order_by("seq").values_list("text", flat=True)) == ["one", "two"]


def test_a_broken_update_does_not_stop_those_behind_it(
    telegram: BotApiStandIn, connector: Connector
) -> None:
    telegram.updates = [{"update_id": 7, "message": "no object"}, telegram_text(8, "two")]
    assert connectors_poll(now=moment()) == 1
    connector.refresh_from_db()
    assert connector.poll_offset == "9"
    assert Message.objects.get().text == "two"


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (refused(502, "Bad Gateway"), "degraded", "Telegram has trouble: Bad Gateway"),
        (refused(401, "Unauthorized"), "broken", "Telegram does not know this token."),
    ],
)
def test_a_refusal_shows_on_the_connector_and_makes_a_pause(
    telegram: BotApiStandIn, connector: Connector, answer: Any, status: str, error: str
) -> None:
    telegram.script("getUpdates", answer)
    assert connectors_poll(now=moment()) == 0
    connector.refresh_from_db()
    assert (connector.status, connector.last_error, connector.last_error_at) == (
        status, error, moment(),
    )  # fmt: skip
    assert connector.poll_lease_until == at(30)
    telegram.updates = [telegram_text(7, "one")]
    assert connectors_poll(now=at(29)) == 0
    connectors_poll(now=at(30))
    connector.refresh_from_db()
    if status == "broken":
        # Nobody asks with a token that is refused: somebody has to connect again.
        assert len(telegram.called("getUpdates")) == 1
    else:
        assert (connector.status, connector.last_error) == ("connected", "")
        assert Message.objects.count() == 1


def test_only_connectors_that_poll_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    TelegramConnectorFactory()
    TelegramConnectorFactory(is_polling=True, disabled_at=moment(), status="disabled")
    ConnectorFactory()

    def poll(_driver: TelegramDriver, _offset: str) -> tuple[bytes, str]:
        raise AssertionError("nobody is to be asked")

    monkeypatch.setattr(TelegramDriver, "poll", poll)
    assert connectors_poll(now=moment()) == 0


def test_a_connector_somebody_asks_already_is_left_alone(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def poll(_driver: TelegramDriver, offset: str) -> tuple[bytes, str]:
        asked.append(offset)
        if len(asked) == 1:
            assert connectors_poll(now=at(1)) == 0
        return b"", offset

    monkeypatch.setattr(TelegramDriver, "poll", poll)
    connectors_poll(now=moment())
    assert len(asked) == 1


def test_a_connector_switched_off_meanwhile_stays_off(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poll(_driver: TelegramDriver, _offset: str) -> tuple[bytes, str]:
        Connector.objects.update(is_polling=False, status="disabled", disabled_at=moment())
        raise DriverError("gone", error_class="retry")

    monkeypatch.setattr(TelegramDriver, "poll", poll)
    connectors_poll(now=moment())
    connector.refresh_from_db()
    assert connector.status == "disabled"


@pytest.mark.parametrize("fault", [KeyError("result"), FieldErrors({})])
def test_a_drivers_fault_does_not_keep_the_other_connectors_waiting(
    telegram: BotApiStandIn,
    connector: Connector,
    monkeypatch: pytest.MonkeyPatch,
    fault: Exception,
) -> None:
    second = TelegramConnectorFactory(
        config={"api_base_url": telegram.url}, is_polling=True,
        secrets={"token": TOKEN, "webhook_secret": "s"},
    )  # fmt: skip
    original = TelegramDriver.poll
    faults = [fault]

    def poll(driver: TelegramDriver, offset: str) -> tuple[bytes, str]:
        if faults:
            raise faults.pop()
        return original(driver, offset)

    monkeypatch.setattr(TelegramDriver, "poll", poll)
    telegram.updates = [telegram_text(7, "one")]
    assert connectors_poll(now=moment()) == 1
    assert Message.objects.get().conversation.connector == second
    assert InboundEvent.objects.count() == 1
