"""The page of a connector: the driver's form, write-only secrets, and buttons that call out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client

from channels_app.models import Connector, ConnectorStatus, OpenChannel
from tests.factories import (
    CUSTOM_SECRET,
    TELEGRAM_TOKEN,
    TELEGRAM_WEBHOOK_SECRET,
    ConnectorFactory,
    ConversationFactory,
    LiveChatConnectorFactory,
    OpenChannelFactory,
    SuperuserFactory,
    TelegramConnectorFactory,
    UserFactory,
)
from tests.standins.bot_api import BotApiStandIn, bot_api, refused

pytestmark = pytest.mark.django_db

LIVE_CHAT = {"name": "Shop site", "config-position": "right", "config-color": "#0b6572"}


@pytest.fixture
def administrator(client: Client) -> Client:
    client.force_login(SuperuserFactory())
    return client


@pytest.fixture
def telegram() -> Iterator[BotApiStandIn]:
    with bot_api() as platform:
        yield platform


def add_address(line: OpenChannel, kind: str) -> str:
    return f"/admin/channels_app/connector/add/?open_channel={line.pk}&kind={kind}"


def address(connector: Connector, action: str = "change") -> str:
    return f"/admin/channels_app/connector/{connector.pk}/{action}/"


def said(answer: Any) -> str:
    return " | ".join(str(message) for message in get_messages(answer.wsgi_request))


def inputs(text: str) -> dict[str, str]:
    """Names of the page's password fields, and the value each of them gives back."""
    found = {}
    for tag in re.findall(r"<input[^>]*type=\"password\"[^>]*>", text):
        name = re.search(r'name="([^"]*)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        found[name.group(1) if name else ""] = value.group(1) if value else ""
    return found


# --- adding -------------------------------------------------------------------------------


def test_a_live_chat_is_added_and_connected_at_once(administrator: Client) -> None:
    line = OpenChannelFactory()
    answer = administrator.post(
        add_address(line, "livechat"), LIVE_CHAT | {"open_channel": line.pk}
    )
    connector = Connector.objects.get()
    assert answer["Location"] == address(connector)
    assert (connector.status, connector.name) == (ConnectorStatus.CONNECTED, "Shop site")
    page = administrator.get(address(connector)).content.decode()
    assert f"/widget/{connector.public_id}.js" in page
    assert f"/chat/{connector.public_id}/" in page


def test_the_steps_of_each_kind_are_shown(administrator: Client) -> None:
    line = OpenChannelFactory()
    for kind, word in (("telegram", "@BotFather"), ("livechat", "&lt;/body&gt;"),
                       ("custom", "we POST what operators write")):  # fmt: skip
        assert word in administrator.get(add_address(line, kind)).content.decode()


def test_a_custom_channels_secret_is_shown_once(administrator: Client) -> None:
    line = OpenChannelFactory()
    answer = administrator.post(
        add_address(line, "custom"), {"open_channel": line.pk, "config-secret": ""}
    )
    connector = Connector.objects.get()
    secret = connector.secrets["secret"]
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert secret in answer.content.decode()
    assert f"/webhooks/{connector.public_id}/" in answer.content.decode()
    for later in (address(connector), f"/admin/channels_app/openchannel/{line.pk}/change/",
                  address(connector, "history")):  # fmt: skip
        assert secret not in administrator.get(later).content.decode()


def test_a_typed_secret_is_not_shown(administrator: Client) -> None:
    line = OpenChannelFactory()
    typed = "typed-by-hand-0123456789"
    answer = administrator.post(
        add_address(line, "custom"), {"open_channel": line.pk, "config-secret": typed}
    )
    connector = Connector.objects.get()
    assert connector.secrets["secret"] == typed
    assert answer["Location"] == address(connector)


def test_a_short_secret_is_refused_and_nothing_made(administrator: Client) -> None:
    line = OpenChannelFactory()
    answer = administrator.post(
        add_address(line, "custom"), {"open_channel": line.pk, "config-secret": "short"}
    )
    assert answer.status_code == 200
    assert "at least 16 characters" in answer.content.decode()
    assert "short" not in inputs(answer.content.decode())["config-secret"]
    assert Connector.objects.count() == 0


def test_without_a_public_address_nothing_is_called_and_asking_is_offered(
    administrator: Client, settings: Any
) -> None:
    settings.PUBLIC_URL = ""
    line = OpenChannelFactory()
    answer = administrator.post(
        add_address(line, "telegram"), {"open_channel": line.pk, "config-token": "12345:abc"}
    )
    connector = Connector.objects.get()
    assert connector.status == ConnectorStatus.NOT_CONFIGURED
    assert "no public address" in said(answer)
    page = administrator.get(address(connector)).content.decode()
    assert 'name="polling" value="1"' in page
    assert "Connect by asking" in page


def test_a_bot_is_connected_at_its_platform(administrator: Client, telegram: BotApiStandIn) -> None:
    line = OpenChannelFactory()
    administrator.post(
        add_address(line, "telegram"),
        {
            "open_channel": line.pk,
            "config-token": telegram.token,
            "config-api_base_url": telegram.url,
        },
    )
    connector = Connector.objects.get()
    assert connector.status == ConnectorStatus.CONNECTED
    assert connector.account_name == "@support_test_bot"
    assert telegram.called("setWebhook")[0]["url"].endswith(f"/webhooks/{connector.public_id}/")


def test_what_the_platform_refuses_is_said_in_words(
    administrator: Client, telegram: BotApiStandIn
) -> None:
    telegram.script("getMe", refused(401, "Unauthorized"))
    line = OpenChannelFactory()
    answer = administrator.post(
        add_address(line, "telegram"),
        {
            "open_channel": line.pk,
            "config-token": telegram.token,
            "config-api_base_url": telegram.url,
        },
    )
    connector = Connector.objects.get()
    assert connector.status == ConnectorStatus.BROKEN
    assert connector.last_error in said(answer)
    assert telegram.token not in said(answer)


@pytest.mark.parametrize("query", ["", "?kind=telegram", "?open_channel=1&kind=fax",
                                   "?open_channel=x&kind=telegram"])  # fmt: skip
def test_adding_begins_at_a_line(administrator: Client, query: str) -> None:
    answer = administrator.get(f"/admin/channels_app/connector/add/{query}")
    assert answer["Location"] == "/admin/channels_app/openchannel/"


# --- changing -----------------------------------------------------------------------------


def test_no_secret_is_ever_in_a_page(administrator: Client) -> None:
    bot, custom = TelegramConnectorFactory(), ConnectorFactory()
    for connector in (bot, custom):
        text = administrator.get(address(connector)).content.decode()
        for secret in (TELEGRAM_TOKEN, TELEGRAM_WEBHOOK_SECRET, CUSTOM_SECRET):
            assert secret not in text
        assert set(inputs(text).values()) == {""}
    page = administrator.get(address(bot)).content.decode()
    assert f"ends in {TELEGRAM_TOKEN[-4:]}" in page


def test_an_empty_secret_keeps_the_stored_one(administrator: Client) -> None:
    connector = ConnectorFactory(name="Old", config={"text_limit": 4096})
    administrator.post(
        address(connector),
        {"name": "New", "open_channel": connector.open_channel_id, "config-secret": ""},
    )
    connector.refresh_from_db()
    assert connector.name == "New"
    assert connector.secrets["secret"] == CUSTOM_SECRET


def test_the_log_names_fields_and_never_values(administrator: Client) -> None:
    connector = ConnectorFactory()
    administrator.post(
        address(connector),
        {
            "name": connector.name,
            "open_channel": connector.open_channel_id,
            "config-secret": "another-secret-0123456789",
        },
    )
    connector.refresh_from_db()
    assert connector.secrets["secret"] == "another-secret-0123456789"
    entry = LogEntry.objects.get()
    assert "Secret" in entry.change_message
    assert "0123456789" not in entry.change_message + entry.object_repr


def test_a_new_address_wants_the_secrets_again(
    administrator: Client, telegram: BotApiStandIn
) -> None:
    connector = TelegramConnectorFactory()
    administrator.post(
        address(connector),
        {
            "name": "",
            "open_channel": connector.open_channel_id,
            "config-token": "",
            "config-api_base_url": telegram.url,
        },
    )
    connector.refresh_from_db()
    assert "token" not in connector.secrets
    assert telegram.calls == []


def test_a_connector_moves_to_another_line(administrator: Client) -> None:
    connector, other = LiveChatConnectorFactory(), OpenChannelFactory()
    administrator.post(
        address(connector), LIVE_CHAT | {"name": connector.name, "open_channel": other.pk}
    )
    connector.refresh_from_db()
    assert connector.open_channel == other


def test_an_unknown_kind_is_no_server_error(administrator: Client) -> None:
    connector = ConnectorFactory(kind="fax")
    assert administrator.get(address(connector)).status_code == 302
    for action in ("check", "connect", "disconnect"):
        assert administrator.post(address(connector, action)).status_code == 302
    line = f"/admin/channels_app/openchannel/{connector.open_channel_id}/change/"
    assert administrator.get(line).status_code == 200
    assert administrator.get("/admin/channels_app/connector/").status_code == 200


# --- buttons ------------------------------------------------------------------------------


def stand_in_connector(telegram: BotApiStandIn, **more: object) -> Connector:
    connector: Connector = TelegramConnectorFactory(
        account_id="7000001",
        config={"api_base_url": telegram.url},
        secrets={"token": telegram.token, "webhook_secret": TELEGRAM_WEBHOOK_SECRET},
        **more,
    )
    return connector


def test_check_now_says_what_the_platform_answered(
    administrator: Client, telegram: BotApiStandIn
) -> None:
    connector = stand_in_connector(telegram)
    answer = administrator.post(address(connector, "check"))
    assert answer["Location"] == (
        f"/admin/channels_app/openchannel/{connector.open_channel_id}/change/#channels"
    )
    assert len(telegram.called("getWebhookInfo")) == 1
    assert str(connector) in said(answer)


def test_asking_instead_of_a_webhook(administrator: Client, telegram: BotApiStandIn) -> None:
    connector = stand_in_connector(telegram, status=ConnectorStatus.NOT_CONFIGURED)
    answer = administrator.post(address(connector, "connect"), {"polling": "1", "back": "page"})
    connector.refresh_from_db()
    assert answer["Location"] == address(connector)
    assert (connector.status, connector.is_polling) == (ConnectorStatus.CONNECTED, True)
    assert telegram.called("setWebhook") == []


def test_disconnecting_takes_the_webhook_away(
    administrator: Client, telegram: BotApiStandIn
) -> None:
    connector = stand_in_connector(telegram)
    ConversationFactory(connector=connector)
    administrator.post(address(connector, "disconnect"))
    connector.refresh_from_db()
    assert connector.status == ConnectorStatus.DISABLED
    assert len(telegram.called("deleteWebhook")) == 1


@pytest.mark.parametrize("action", ["check", "connect", "disconnect"])
def test_a_button_needs_a_post_a_token_and_the_right(
    administrator: Client, telegram: BotApiStandIn, action: str
) -> None:
    connector = stand_in_connector(telegram)
    assert administrator.get(address(connector, action)).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(SuperuserFactory())
    assert strict.post(address(connector, action)).status_code == 403
    viewer = UserFactory(is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_connector"))
    stranger = Client()
    stranger.force_login(viewer)
    assert stranger.post(address(connector, action)).status_code == 403
    assert stranger.post(address(connector), {"name": "Mine"}).status_code == 403
    assert administrator.post(address(Connector(pk=999_999), action)).status_code == 404
    assert telegram.calls == []
    connector.refresh_from_db()
    assert connector.status == ConnectorStatus.CONNECTED


@pytest.mark.parametrize(
    ("kind", "fields", "secrets"),
    [
        (
            "whatsapp",
            ["phone_number_id", "business_account_id"],
            ["access_token", "app_secret", "verify_token"],
        ),
        ("messenger", ["page_id"], ["page_token", "app_secret", "verify_token"]),
        ("instagram", ["account_id"], ["access_token", "app_secret", "verify_token"]),
    ],
)
def test_a_kind_of_metas_is_added_with_its_steps_and_its_verify_token_is_shown_once(
    administrator: Client, settings: Any, kind: str, fields: list[str], secrets: list[str]
) -> None:
    settings.PUBLIC_URL = ""
    line = OpenChannelFactory()
    page = administrator.get(add_address(line, kind)).content.decode()
    assert page.count("<li") >= 5
    assert "verify token" in page
    assert list(inputs(page)) == [f"config-{name}" for name in secrets]
    assert set(inputs(page).values()) == {""}
    assert all(f'name="config-{name}"' in page for name in fields)
    values = {f"config-{name}": "109000000000001" for name in fields}
    values |= {f"config-{name}": "a-secret-0123456789" for name in secrets[:2]}
    answer = administrator.post(add_address(line, kind), {"open_channel": line.pk, **values})
    connector = Connector.objects.get()
    assert connector.secrets["verify_token"] in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert connector.kind == kind
    assert connector.status == ConnectorStatus.NOT_CONFIGURED
    assert len(connector.secrets["verify_token"]) >= 32
    page = administrator.get(address(connector)).content.decode()
    assert f"/webhooks/{connector.public_id}/" in page
    assert "a-secret-0123456789" not in page
    assert connector.secrets["verify_token"] not in page
