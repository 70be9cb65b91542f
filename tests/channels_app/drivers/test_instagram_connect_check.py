"""Connecting an Instagram account by both of its logins, checking it, letting it go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from channels_app.drivers.base import Account, DriverError
from tests.channels_app.drivers.meta_driver import CUSTOMERS, driver_for
from tests.standins import graph_api as graph_module
from tests.standins.graph_api import ACCOUNTS, GraphStandIn, graph_api, refused

HOOK = "https://desk.example.com/webhooks/abc/"
ACCOUNT = ACCOUNTS["instagram"]
IG_TOKEN = "IGAAtestTokenOfInstagramLogin0123456789"


@pytest.fixture
def graph() -> Iterator[GraphStandIn]:
    with graph_api() as stand_in:
        yield stand_in


def test_the_address_follows_from_the_token() -> None:
    assert driver_for("instagram").api_base_url == "https://graph.facebook.com"
    login = driver_for("instagram", access_token=IG_TOKEN)
    assert login.api_base_url == login.default_api_base_url == "https://graph.instagram.com"


@pytest.mark.parametrize("account_id", [ACCOUNT, ""])
def test_a_pages_token_subscribes_the_page(graph: GraphStandIn, account_id: str) -> None:
    driver = driver_for("instagram", graph, account_id=account_id)
    assert driver.connect(webhook_url=HOOK) == Account(account_id=ACCOUNT, name="@corner.shop")
    (call,) = graph.called("subscribed_apps")
    assert call.path == "/v25.0/me/subscribed_apps"
    assert driver.check(webhook_url=HOOK).problems == ()


def test_a_token_of_instagram_login_subscribes_the_account(
    graph: GraphStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_module, "TOKEN", IG_TOKEN)
    driver = driver_for("instagram", graph, access_token=IG_TOKEN)
    assert driver.connect(webhook_url=HOOK) == Account(account_id=ACCOUNT, name="@corner.shop")
    (call,) = graph.called("subscribed_apps")
    assert call.path == f"/v25.0/{ACCOUNT}/subscribed_apps"
    assert "messages" in call.query["subscribed_fields"].split(",")
    driver.disconnect()
    assert len(graph.called("subscribed_apps", "DELETE")) == 1


def test_a_token_of_another_account_is_refused(
    graph: GraphStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_module, "TOKEN", IG_TOKEN)
    driver = driver_for("instagram", graph, access_token=IG_TOKEN, account_id="99")
    with pytest.raises(DriverError, match=r"another account: @corner\.shop"):
        driver.connect(webhook_url=HOOK)
    assert graph.called("subscribed_apps") == []


def test_a_check_sees_whether_messages_are_delivered(graph: GraphStandIn) -> None:
    assert driver_for("instagram", graph).check(webhook_url=HOOK).problems == (
        "Meta does not deliver the account's messages. Connect again.",
    )


def test_a_person_is_asked_for_by_his_id(graph: GraphStandIn) -> None:
    person = driver_for("instagram", graph).fetch_profile(CUSTOMERS["instagram"])
    assert (person.name, person.username) == ("Bruna Teixeira", "bruna.tx")


def test_a_person_who_has_not_consented_yet_is_an_error_of_his(graph: GraphStandIn) -> None:
    graph.script("5", refused(400, 230, "User consent is required"))
    with pytest.raises(DriverError) as caught:
        driver_for("instagram", graph).fetch_profile("5")
    assert caught.value.error_class == "contact"
