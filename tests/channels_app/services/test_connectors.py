"""Connectors: settings and secrets, connecting, checking, switching off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from channels_app.drivers.registry import UnknownKind
from channels_app.drivers.telegram import TelegramDriver
from channels_app.models import Connector
from channels_app.services.connectors import (
    connector_check,
    connector_connect,
    connector_create,
    connector_disconnect,
    connector_driver,
    connector_update,
    webhook_url,
)
from channels_app.services.errors import ConflictError, InvalidError, ServiceError
from channels_app.signals import connector_changed
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    OpenChannelFactory,
    TelegramConnectorFactory,
    moment,
)
from tests.standins.bot_api import TOKEN, BotApiStandIn, bot_api, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def telegram() -> Iterator[BotApiStandIn]:
    with bot_api() as stand_in:
        yield stand_in


@pytest.fixture
def changes() -> Iterator[list[list[str]]]:
    """What was told of changed connectors."""
    told: list[list[str]] = []

    def on_change(fields: list[str], **_values: Any) -> None:
        told.append(list(fields))

    connector_changed.connect(on_change)
    yield told
    connector_changed.disconnect(on_change)


def bot(telegram: BotApiStandIn, **values: Any) -> Connector:
    connector: Connector = connector_create(
        open_channel=values.pop("open_channel", None) or OpenChannelFactory(),
        kind="telegram",
        config={"token": TOKEN, "api_base_url": telegram.url, **values},
        now=moment(),
    )
    return connector


# --- making -------------------------------------------------------------------------------


def test_secrets_are_kept_apart_from_settings_and_encrypted() -> None:
    connector = connector_create(
        open_channel=OpenChannelFactory(), kind="telegram", name=" Shop\x00bot ",
        config={"token": TOKEN}, now=moment(),
    )  # fmt: skip
    connector.refresh_from_db()
    assert TOKEN not in str(connector.config)
    assert connector.secrets["token"] == TOKEN
    assert len(connector.secrets["webhook_secret"]) >= 32
    assert (connector.status, connector.account_id) == ("not_configured", None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT secrets, config FROM channels_app_connector")
        assert TOKEN not in str(cursor.fetchall())
    assert connector_driver(connector).config["token"] == TOKEN


@pytest.mark.parametrize(("kind", "status"), [("livechat", "connected"), ("custom", "connected")])
def test_a_channel_nobody_has_to_connect_works_at_once(kind: str, status: str) -> None:
    connector = connector_create(
        open_channel=OpenChannelFactory(), kind=kind, config={}, now=moment()
    )
    assert connector.status == status


@pytest.mark.parametrize(
    ("kind", "config", "field"),
    [
        ("fax", {}, "kind"),
        ("telegram", {"token": "no token"}, "config.token"),
        ("telegram", {"token": TOKEN, "surprise": "1"}, "config.surprise"),
        ("telegram", {"token": TOKEN, "api_base_url": "ftp://a"}, "config.api_base_url"),
        ("custom", {"secret": "short"}, "config.secret"),
        ("custom", {"text_limit": 5}, "config.text_limit"),
        ("livechat", {"allowed_origins": ["nonsense"]}, "config.allowed_origins"),
    ],
)
def test_wrong_settings_are_named_and_nothing_is_made(
    kind: str, config: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidError) as caught:
        connector_create(open_channel=OpenChannelFactory(), kind=kind, config=config, now=moment())
    assert list(caught.value.fields) == [field]
    assert not Connector.objects.exists()


# --- changing -----------------------------------------------------------------------------


def test_an_empty_secret_keeps_the_stored_one(
    telegram: BotApiStandIn, changes: list[list[str]]
) -> None:
    connector = bot(telegram)
    secrets = dict(connector.secrets)
    changes.clear()
    connector = connector_update(connector=connector, config={"token": ""}, now=moment(1))
    connector.refresh_from_db()
    assert dict(connector.secrets) == secrets
    assert changes == []


def test_a_new_address_forgets_the_secrets_that_are_not_typed_again(
    telegram: BotApiStandIn,
) -> None:
    connector = bot(telegram)
    connector_update(
        connector=connector, config={"api_base_url": "https://evil.example"}, now=moment(1)
    )
    connector.refresh_from_db()
    assert "token" not in connector.secrets
    assert connector.status == "not_configured"


def test_a_new_address_with_its_token_keeps_working(telegram: BotApiStandIn) -> None:
    connector = bot(telegram)
    connector_update(
        connector=connector, now=moment(1),
        config={"api_base_url": "https://bots.example", "token": TOKEN},
    )  # fmt: skip
    connector.refresh_from_db()
    assert connector.secrets["token"] == TOKEN


def test_wrong_changes_change_nothing(telegram: BotApiStandIn) -> None:
    connector = bot(telegram)
    before = Connector.objects.values().get()
    with pytest.raises(InvalidError):
        connector_update(
            connector=connector, name="New", config={"token": "no token"}, now=moment(1)
        )
    assert Connector.objects.values().get() == before


def test_a_connector_moves_to_another_line(changes: list[list[str]]) -> None:
    connector = ConnectorFactory()
    line = OpenChannelFactory()
    connector_update(connector=connector, open_channel=line, name="Chat", now=moment())
    connector.refresh_from_db()
    assert (connector.open_channel, connector.name) == (line, "Chat")
    assert changes == [["name", "open_channel"]]


# --- connecting ---------------------------------------------------------------------------


def test_connecting_makes_the_platform_deliver_to_us(
    telegram: BotApiStandIn, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://chat.example.com"
    connector = connector_connect(connector=bot(telegram), now=moment())
    assert (connector.status, connector.account_id, connector.account_name) == (
        "connected", "7000001", "@support_test_bot",
    )  # fmt: skip
    assert telegram.webhook["url"] == webhook_url(connector)
    assert webhook_url(connector) == f"https://chat.example.com/webhooks/{connector.public_id}/"
    (asked,) = telegram.called("setWebhook")
    assert asked["secret_token"] == connector.secrets["webhook_secret"]


def test_without_a_public_address_we_can_ask_instead(
    telegram: BotApiStandIn, settings: Any
) -> None:
    settings.PUBLIC_URL = ""
    connector = connector_connect(connector=bot(telegram), now=moment(), polling=True)
    assert (connector.status, connector.is_polling) == ("connected", True)
    assert telegram.called("setWebhook") == []
    assert len(telegram.called("deleteWebhook")) == 1


def test_without_a_public_address_a_real_platform_is_not_even_asked(settings: Any) -> None:
    settings.PUBLIC_URL = ""
    with pytest.raises(InvalidError) as caught:
        connector_connect(connector=TelegramConnectorFactory(), now=moment())
    assert caught.value.code == "no_public_url"


def test_missing_access_data_are_named() -> None:
    connector = TelegramConnectorFactory(secrets={}, status="not_configured")
    with pytest.raises(InvalidError) as caught:
        connector_connect(connector=connector, now=moment())
    assert sorted(caught.value.fields) == ["config.token", "config.webhook_secret"]
    connector.refresh_from_db()
    assert connector.status == "not_configured"


def test_a_channel_that_cannot_be_asked_says_so() -> None:
    with pytest.raises(InvalidError) as caught:
        connector_connect(connector=ConnectorFactory(), now=moment(), polling=True)
    assert caught.value.code == "no_polling"


@pytest.mark.parametrize(
    ("answer", "status"),
    [(refused(401, "Unauthorized"), "broken"), (refused(502, "Bad Gateway"), "not_configured")],
)
def test_what_the_platform_says_is_told_and_noted(
    telegram: BotApiStandIn, answer: Any, status: str
) -> None:
    connector = bot(telegram)
    telegram.script("getMe", answer)
    with pytest.raises(ServiceError) as caught:
        connector_connect(connector=connector, now=moment())
    assert caught.value.code == "platform"
    connector.refresh_from_db()
    assert (connector.status, connector.last_error) == (status, caught.value.detail)
    assert TOKEN not in connector.last_error
    assert connector.last_error_at == moment()


def test_an_account_connected_elsewhere_is_refused_and_keeps_its_deliveries(
    telegram: BotApiStandIn, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://chat.example.com"
    first = connector_connect(
        connector=bot(telegram, open_channel=OpenChannelFactory(name="Sales")), now=moment()
    )
    second = bot(telegram)
    with pytest.raises(ConflictError) as caught:
        connector_connect(connector=second, now=moment(1))
    assert caught.value.code == "account_taken"
    assert "“Sales”" in str(caught.value.detail)
    # The platform was asked who the account is, and nothing was changed there.
    assert telegram.webhook["url"] == webhook_url(first)
    assert len(telegram.called("setWebhook")) == 1
    second.refresh_from_db()
    assert (second.status, second.account_id) == ("not_configured", None)


def test_another_account_is_refused_where_conversations_are(telegram: BotApiStandIn) -> None:
    connector = bot(telegram)
    Connector.objects.update(account_id="1")
    connector.refresh_from_db()
    ConversationFactory(connector=connector)
    with pytest.raises(ConflictError) as caught:
        connector_connect(connector=connector, now=moment())
    assert caught.value.code == "other_account"
    assert telegram.called("setWebhook") == []


def test_two_who_connect_the_same_account_at_once_do_not_both_win(
    telegram: BotApiStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector, other = bot(telegram), bot(telegram)
    original = TelegramDriver.connect

    def connect(driver: TelegramDriver, *, webhook_url: str) -> Any:
        account = original(driver, webhook_url=webhook_url)
        Connector.objects.filter(pk=other.pk).update(account_id=account.account_id)
        return account

    monkeypatch.setattr(TelegramDriver, "connect", connect)
    with pytest.raises(ConflictError) as caught:
        connector_connect(connector=connector, now=moment())
    assert caught.value.code == "account_taken"


# --- switching off ------------------------------------------------------------------------


def test_switching_off_takes_the_webhook_away(
    telegram: BotApiStandIn, changes: list[list[str]]
) -> None:
    connector = connector_connect(connector=bot(telegram), now=moment())
    changes.clear()
    connector = connector_disconnect(connector=connector, now=moment(1))
    assert (connector.status, connector.disabled_at) == ("disabled", moment(1))
    assert telegram.webhook["url"] == ""
    assert changes == [["status"]]


def test_switching_off_works_when_the_platform_does_not(telegram: BotApiStandIn) -> None:
    connector = connector_connect(connector=bot(telegram), now=moment())
    telegram.script("deleteWebhook", refused(502, "Bad Gateway"))
    connector = connector_disconnect(connector=connector, now=moment(1))
    assert connector.status == "disabled"
    assert connector.last_error == "Telegram has trouble: Bad Gateway"


def test_switching_off_again_leaves_the_account_to_who_has_it_now(
    telegram: BotApiStandIn, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://chat.example.com"
    first = connector_connect(connector=bot(telegram), now=moment())
    connector_disconnect(connector=first, now=moment(1))
    second = connector_connect(connector=bot(telegram), now=moment(2))
    connector_disconnect(connector=first, now=moment(3))
    assert telegram.webhook["url"] == webhook_url(second)


def test_a_switched_off_account_can_be_connected_again(telegram: BotApiStandIn) -> None:
    connector = connector_connect(connector=bot(telegram), now=moment())
    connector_disconnect(connector=connector, now=moment(1))
    connector = connector_connect(connector=connector, now=moment(2))
    assert (connector.status, connector.disabled_at) == ("connected", None)


def test_a_connector_whose_driver_is_gone_can_be_switched_off() -> None:
    connector = ConnectorFactory(kind="carrier-pigeon")
    assert connector_disconnect(connector=connector, now=moment()).status == "disabled"
    with pytest.raises(UnknownKind):
        connector_driver(connector)


# --- checking -----------------------------------------------------------------------------


def test_a_check_heals_what_is_well_again(telegram: BotApiStandIn) -> None:
    connector = connector_connect(connector=bot(telegram), now=moment(), polling=True)
    Connector.objects.update(status="degraded", last_error="old")
    connector.refresh_from_db()
    result = connector_check(connector=connector, now=moment(1))
    assert result.problems == ()
    connector.refresh_from_db()
    assert (connector.status, connector.last_error, connector.last_error_at) == (
        "connected", "", None,
    )  # fmt: skip


def test_a_check_notes_problems(telegram: BotApiStandIn, settings: Any) -> None:
    settings.PUBLIC_URL = "https://chat.example.com"
    connector = connector_connect(connector=bot(telegram), now=moment())
    telegram.webhook["url"] = "https://elsewhere.example/"
    result = connector_check(connector=connector, now=moment(1))
    assert result.problems == ("Telegram delivers to another address. Connect again.",)
    connector.refresh_from_db()
    assert connector.last_error == "Telegram delivers to another address. Connect again."


def test_a_check_that_finds_the_token_dead_breaks_the_connector(telegram: BotApiStandIn) -> None:
    connector = connector_connect(connector=bot(telegram), now=moment())
    telegram.script("getMe", refused(401, "Unauthorized"))
    with pytest.raises(ServiceError):
        connector_check(connector=connector, now=moment(1))
    connector.refresh_from_db()
    assert connector.status == "broken"
