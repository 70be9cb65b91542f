"""Access data that run out by themselves are made new while they still work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from channels_app.models import Connector
from channels_app.services import renewals
from channels_app.services.connectors import connector_driver
from channels_app.services.renewals import secrets_renew, secrets_sweep
from tests.factories import ConnectorFactory, MetaConnectorFactory, moment
from tests.standins import graph_api as graph_module
from tests.standins.graph_api import ACCOUNTS, GraphStandIn, graph_api, refused

pytestmark = pytest.mark.django_db
IG_TOKEN = "IGAAtestTokenOfInstagramLogin0123456789"


@pytest.fixture
def graph(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphStandIn]:
    settings.PRIVATE_TARGETS = ["127.0.0.1:*"]
    monkeypatch.setattr(graph_module, "TOKEN", IG_TOKEN)
    with graph_api() as stand_in:
        yield stand_in


def instagram(graph: GraphStandIn, *, token: str = IG_TOKEN, **values: Any) -> Connector:
    config = {"account_id": ACCOUNTS["instagram"], "api_base_url": graph.url}
    secrets = {"access_token": token, "app_secret": "s", "verify_token": "v"}
    connector: Connector = MetaConnectorFactory(
        kind="instagram", config=config, secrets=secrets, **values
    )
    return connector


def token_of(connector: Connector) -> str:
    connector.refresh_from_db()
    return str(connector.secrets["access_token"])


def test_a_token_of_instagram_login_is_renewed(graph: GraphStandIn) -> None:
    connector = instagram(graph)
    assert secrets_renew(connector=connector, now=moment())
    assert token_of(connector) == f"{IG_TOKEN}new"
    assert connector.secrets["app_secret"] == "s"
    (call,) = graph.calls
    assert call.query == {"grant_type": "ig_refresh_token", "access_token": IG_TOKEN}


def test_a_pages_token_lasts(graph: GraphStandIn) -> None:
    connector = instagram(graph, token="EAApage")
    assert not secrets_renew(connector=connector, now=moment())
    assert (token_of(connector), graph.calls) == ("EAApage", [])


@pytest.mark.parametrize("answer", [refused(400, 190), refused(500), graph_module.Answer({})])
def test_a_refusal_changes_nothing(graph: GraphStandIn, answer: Any) -> None:
    graph.script("refresh_access_token", answer)
    connector = instagram(graph)
    assert not secrets_renew(connector=connector, now=moment())
    assert token_of(connector) == IG_TOKEN
    assert connector.status == "connected"


def test_a_token_typed_meanwhile_is_not_written_over(graph: GraphStandIn) -> None:
    connector = instagram(graph)
    typed = Connector.objects.get(pk=connector.pk)
    typed.secrets = {**typed.secrets, "access_token": "IGAAtyped"}
    typed.save()
    assert not secrets_renew(connector=connector, now=moment())
    assert token_of(connector) == "IGAAtyped"


def test_the_sweep_takes_every_connected_account_and_one_that_fails_stops_no_other(
    graph: GraphStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = ConnectorFactory()
    good = instagram(graph, account_id="1")
    instagram(graph, account_id="2", status="broken")
    instagram(graph, account_id="3", status="disabled", disabled_at=moment())

    def driver(connector: Connector) -> Any:
        if connector.pk == bad.pk:
            raise RuntimeError("broken driver")
        return connector_driver(connector)

    monkeypatch.setattr(renewals, "connector_driver", driver)
    assert secrets_sweep(now=moment()) == 1
    assert token_of(good) == f"{IG_TOKEN}new"
    assert len(graph.calls) == 1
