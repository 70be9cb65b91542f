"""Making, changing and connecting the accounts of an app at Meta."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from channels_app import tasks
from channels_app.models import Connector, MessageTemplate
from channels_app.services import connectors
from channels_app.services.connectors import (
    connector_check,
    connector_connect,
    connector_create,
    connector_disconnect,
    connector_update,
    webhook_url,
)
from channels_app.services.errors import ConflictError, InvalidError, PlatformError
from tests.factories import (
    META_ACCOUNT_FIELDS,
    META_APP_SECRET,
    META_TOKEN,
    ConversationFactory,
    MetaConnectorFactory,
    OpenChannelFactory,
    moment,
)
from tests.standins.graph_api import ACCOUNTS, GraphStandIn, graph_api, refused

KINDS = ("whatsapp", "messenger", "instagram")
SECRETS = {"whatsapp": "access_token", "messenger": "page_token", "instagram": "access_token"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def graph(settings: Any) -> Iterator[GraphStandIn]:
    settings.PRIVATE_TARGETS = ["127.0.0.1:*"]
    settings.PUBLIC_URL = "https://desk.example.com"
    with graph_api() as stand_in:
        yield stand_in


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The connectors whose templates the worker is to list."""
    found: list[int] = []

    def enqueue(task: Any, row_id: int) -> bool:
        assert task is tasks.templates_refresh
        found.append(row_id)
        return True

    monkeypatch.setattr(connectors, "enqueue", enqueue)
    return found


def made(kind: str, **config: Any) -> Connector:
    settings = {
        META_ACCOUNT_FIELDS[kind]: ACCOUNTS[kind],
        SECRETS[kind]: META_TOKEN,
        "app_secret": META_APP_SECRET,
    }
    if kind == "whatsapp":
        settings["business_account_id"] = ACCOUNTS["business"]
    return connector_create(
        open_channel=OpenChannelFactory(), kind=kind, config=settings | config, now=moment()
    )


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_not_set_up_until_it_is_connected(kind: str) -> None:
    connector = made(kind)
    assert connector.status == "not_configured"
    assert connector.config[META_ACCOUNT_FIELDS[kind]] == ACCOUNTS[kind]
    assert set(connector.secrets) == {SECRETS[kind], "app_secret", "verify_token"}
    assert META_TOKEN not in str(connector.config)


@pytest.mark.parametrize("kind", KINDS)
def test_a_verify_token_of_ones_own_is_kept(kind: str) -> None:
    assert made(kind, verify_token="our word").secrets["verify_token"] == "our word"


@pytest.mark.parametrize("kind", KINDS)
def test_connecting_reads_the_account_and_asks_for_templates_where_there_are_any(
    kind: str, graph: GraphStandIn, asked: list[int]
) -> None:
    connector = connector_connect(connector=made(kind, api_base_url=graph.url), now=moment())
    assert (connector.status, connector.account_id) == ("connected", ACCOUNTS[kind])
    assert asked == ([connector.pk] if kind == "whatsapp" else [])
    if kind == "whatsapp":
        assert graph.webhook["phone_number"] == webhook_url(connector)
    connector_check(connector=connector, now=moment(1))
    assert len(asked) == (2 if kind == "whatsapp" else 0)


def test_the_worker_lists_the_templates(graph: GraphStandIn) -> None:
    connector = made("whatsapp", api_base_url=graph.url)
    body = [{"type": "BODY", "text": "Olá"}]
    graph.templates = [{"name": "hello", "language": "en", "components": body}]
    tasks.templates_refresh(connector.pk)
    assert MessageTemplate.objects.get().name == "hello"
    graph.script("message_templates", refused(500))
    tasks.templates_refresh(connector.pk)
    tasks.templates_refresh(0)
    assert MessageTemplate.objects.count() == 1


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_public_address_meta_is_not_even_asked(kind: str, settings: Any) -> None:
    settings.PUBLIC_URL = ""
    with pytest.raises(InvalidError) as caught:
        connector_connect(connector=made(kind), now=moment())
    assert caught.value.code == "no_public_url"
    assert "ask" not in str(caught.value.detail)  # Meta cannot be asked for messages


@pytest.mark.parametrize("kind", KINDS)
def test_missing_access_data_are_named(kind: str, graph: GraphStandIn) -> None:
    connector = MetaConnectorFactory(kind=kind, secrets={}, status="not_configured")
    with pytest.raises(InvalidError) as caught:
        connector_connect(connector=connector, now=moment())
    assert set(caught.value.fields) == {
        f"config.{name}" for name in (SECRETS[kind], "app_secret", "verify_token")
    }
    assert graph.calls == []


@pytest.mark.parametrize("kind", KINDS)
def test_another_account_forgets_the_secrets_that_are_not_typed_again(kind: str) -> None:
    connector = made(kind)
    field = META_ACCOUNT_FIELDS[kind]
    same = connector_update(connector=connector, config={field: ACCOUNTS[kind]}, now=moment())
    assert same.secrets[SECRETS[kind]] == META_TOKEN
    changed = connector_update(
        connector=connector, config={field: "99", "app_secret": "new"}, now=moment()
    )
    assert set(changed.secrets) == {"app_secret", "verify_token"}


def test_an_account_named_for_the_first_time_forgets_nothing() -> None:
    connector = made("messenger", page_id="")
    changed = connector_update(connector=connector, config={"page_id": "31"}, now=moment())
    assert changed.secrets["page_token"] == META_TOKEN


def test_an_account_another_line_has_is_refused_with_its_name(graph: GraphStandIn) -> None:
    first = connector_connect(connector=made("messenger", api_base_url=graph.url), now=moment())
    second = made("messenger", api_base_url=graph.url)
    with pytest.raises(ConflictError) as caught:
        connector_connect(connector=second, now=moment())
    assert caught.value.code == "account_taken"
    assert first.open_channel.name in str(caught.value.detail)


def test_access_data_of_another_page_are_refused_where_there_are_conversations(
    graph: GraphStandIn,
) -> None:
    connector = made("messenger", page_id="", api_base_url=graph.url)
    Connector.objects.filter(pk=connector.pk).update(account_id="99")
    connector.refresh_from_db()
    ConversationFactory(connector=connector)
    with pytest.raises(ConflictError) as caught:
        connector_connect(connector=connector, now=moment())
    assert caught.value.code == "other_account"
    assert graph.called("subscribed_apps") == []


def test_a_dead_token_is_told_and_the_connector_broken(graph: GraphStandIn) -> None:
    connector = made("whatsapp", api_base_url=graph.url, access_token="EAAanother")
    with pytest.raises(PlatformError):
        connector_connect(connector=connector, now=moment())
    connector.refresh_from_db()
    assert connector.status == "broken"
    assert "access token has run out" in connector.last_error


@pytest.mark.parametrize("kind", KINDS)
def test_disconnecting_tells_meta(kind: str, graph: GraphStandIn) -> None:
    connector = connector_connect(connector=made(kind, api_base_url=graph.url), now=moment())
    gone = connector_disconnect(connector=connector, now=moment(1))
    assert (gone.status, gone.last_error) == ("disabled", "")
    if kind == "whatsapp":
        assert "phone_number" not in graph.webhook
    else:
        assert graph.subscribed == []
