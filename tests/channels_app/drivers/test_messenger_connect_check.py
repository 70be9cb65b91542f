"""Connecting a Facebook page, checking it and letting it go; and who writes to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from channels_app.drivers.base import Account, DriverError
from channels_app.drivers.messenger import SUBSCRIBED_FIELDS
from tests.channels_app.drivers.meta_driver import CUSTOMERS, driver_for
from tests.standins.graph_api import ACCOUNTS, Answer, GraphStandIn, graph_api

HOOK = "https://desk.example.com/webhooks/abc/"
PAGE = ACCOUNTS["messenger"]


@pytest.fixture
def graph() -> Iterator[GraphStandIn]:
    with graph_api() as stand_in:
        yield stand_in


@pytest.mark.parametrize("page_id", [PAGE, ""])
def test_connecting_subscribes_the_page_of_the_token(graph: GraphStandIn, page_id: str) -> None:
    driver = driver_for("messenger", graph, page_id=page_id)
    assert driver.connect(webhook_url=HOOK) == Account(account_id=PAGE, name="Corner Shop")
    (call,) = graph.called("subscribed_apps")
    assert call.path == f"/v25.0/{PAGE}/subscribed_apps"
    assert call.query["subscribed_fields"].split(",") == list(SUBSCRIBED_FIELDS)


def test_a_token_of_another_page_is_refused(graph: GraphStandIn) -> None:
    with pytest.raises(DriverError, match="another account: Corner Shop") as caught:
        driver_for("messenger", graph, page_id="99").connect(webhook_url=HOOK)
    assert caught.value.error_class == "auth"
    assert graph.called("subscribed_apps") == []


def test_disconnecting_unsubscribes_the_page(graph: GraphStandIn) -> None:
    driver_for("messenger", graph).disconnect()
    (call,) = graph.called("subscribed_apps", "DELETE")
    assert call.path == f"/v25.0/{PAGE}/subscribed_apps"


def test_a_check_sees_whether_the_page_is_subscribed(graph: GraphStandIn) -> None:
    driver = driver_for("messenger", graph)
    assert driver.check(webhook_url=HOOK).problems == (
        "Meta does not deliver the page's messages. Connect again.",
    )
    driver.connect(webhook_url=HOOK)
    result = driver.check(webhook_url=HOOK)
    assert (result.problems, result.facts) == ((), (("Page", "Corner Shop"),))


def test_a_dead_token_is_told_as_such(graph: GraphStandIn) -> None:
    with pytest.raises(DriverError) as caught:
        driver_for("messenger", graph, page_token="EAAanother").check(webhook_url=HOOK)
    assert caught.value.error_class == "auth"


def test_something_else_that_answers_is_no_graph_api(graph: GraphStandIn) -> None:
    graph.script("me", Answer(b"<html>"))
    with pytest.raises(DriverError, match="not one of Facebook Messenger"):
        driver_for("messenger", graph).check(webhook_url=HOOK)


def test_a_person_is_asked_for_by_his_id(graph: GraphStandIn) -> None:
    person = driver_for("messenger", graph).fetch_profile(CUSTOMERS["messenger"])
    assert (person.external_id, person.name) == (CUSTOMERS["messenger"], "Bruna Teixeira")


def test_a_person_who_is_not_told_is_an_error(graph: GraphStandIn) -> None:
    with pytest.raises(DriverError):
        driver_for("messenger", graph).fetch_profile("404")
