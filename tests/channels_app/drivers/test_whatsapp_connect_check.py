"""Connecting a WhatsApp number, checking it and letting it go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from channels_app.drivers.base import Account, DriverError
from channels_app.drivers.whatsapp import WhatsAppForm
from tests.channels_app.drivers.meta_driver import VERIFY_TOKEN, driver_for
from tests.standins.graph_api import ACCOUNTS, TOKEN, Answer, GraphStandIn, graph_api, refused

HOOK = "https://desk.example.com/webhooks/abc/"
NUMBER, BUSINESS = ACCOUNTS["whatsapp"], ACCOUNTS["business"]
ACCOUNT = Account(account_id=NUMBER, name="Corner Shop +55 11 3000-0000")


@pytest.fixture
def graph() -> Iterator[GraphStandIn]:
    with graph_api() as stand_in:
        yield stand_in


def test_connecting_subscribes_the_account_and_gives_the_number_its_own_address(
    graph: GraphStandIn,
) -> None:
    assert driver_for("whatsapp", graph).connect(webhook_url=HOOK) == ACCOUNT
    assert [call.path for call in graph.called("subscribed_apps")] == [
        f"/v25.0/{BUSINESS}/subscribed_apps"
    ]
    (call,) = graph.called(NUMBER)
    assert call.json == {
        "webhook_configuration": {"override_callback_uri": HOOK, "verify_token": VERIFY_TOKEN}
    }
    assert all(TOKEN not in call.path and TOKEN not in call.query.values() for call in graph.calls)


def test_an_address_that_is_right_already_is_left_alone(graph: GraphStandIn) -> None:
    graph.webhook = {"application": HOOK}
    driver_for("whatsapp", graph).connect(webhook_url=HOOK)
    assert graph.called(NUMBER) == []


def test_without_a_business_account_the_number_is_connected_all_the_same(
    graph: GraphStandIn,
) -> None:
    driver = driver_for("whatsapp", graph, business_account_id="")
    assert driver.connect(webhook_url=HOOK) == ACCOUNT
    assert graph.called("subscribed_apps") == []
    assert driver.templates() == ()


def test_disconnecting_takes_only_this_numbers_address_away(graph: GraphStandIn) -> None:
    graph.webhook["phone_number"] = HOOK
    driver_for("whatsapp", graph).disconnect()
    assert "phone_number" not in graph.webhook
    assert graph.called("subscribed_apps", "DELETE") == []


def test_a_check_tells_the_number_and_its_quality(graph: GraphStandIn) -> None:
    graph.webhook["phone_number"], graph.subscribed = HOOK, ["messages"]
    result = driver_for("whatsapp", graph).check(webhook_url=HOOK)
    assert (result.account, result.problems) == (ACCOUNT, ())
    assert result.facts == (("Number", ACCOUNT.name), ("Quality", "GREEN"))


def test_a_check_tells_what_is_wrong(graph: GraphStandIn) -> None:
    result = driver_for("whatsapp", graph).check(webhook_url=HOOK)
    assert result.problems == (
        "WhatsApp delivers to another address. Connect again.",
        "WhatsApp does not deliver this account's messages. Connect again.",
    )
    graph.webhook = {"phone_number": HOOK}
    result = driver_for("whatsapp", graph, business_account_id="").check(webhook_url=HOOK)
    assert result.problems == ("Without the business account id no templates can be listed.",)


@pytest.mark.parametrize("action", ["connect", "check"])
def test_a_dead_token_is_told_as_such(graph: GraphStandIn, action: str) -> None:
    driver = driver_for("whatsapp", graph, access_token="EAAanother")
    with pytest.raises(DriverError) as caught:
        getattr(driver, action)(webhook_url=HOOK)
    assert caught.value.error_class == "auth"
    assert "access token has run out" in str(caught.value)
    assert graph.called(NUMBER) == graph.called("subscribed_apps") == []


def test_a_refused_address_is_told(graph: GraphStandIn) -> None:
    phone = Answer({"id": NUMBER, "webhook_configuration": {}})
    graph.script(NUMBER, phone, refused(400, 100, "Callback verification failed"))
    with pytest.raises(DriverError, match="Callback verification failed"):
        driver_for("whatsapp", graph).connect(webhook_url=HOOK)


@pytest.mark.parametrize("value", ["+55 11 3000-0000", "a b", "1/2", "?"])
def test_a_number_is_no_phone_number_id(value: str) -> None:
    form = WhatsAppForm({"phone_number_id": value})
    assert not form.is_valid()
    assert "phone_number_id" in form.errors


# --- templates ----------------------------------------------------------------------------


def test_templates_are_listed_with_their_placeholders(graph: GraphStandIn) -> None:
    graph.templates = [
        {
            "name": "order_ready", "language": "pt_BR", "status": "APPROVED",
            "category": "UTILITY",
            "components": [
                {"type": "HEADER", "format": "TEXT", "text": "{{1}} informa"},
                {"type": "BODY", "text": "Olá {{1}}, o pedido {{ 2 }} está pronto. Até {{1}}!"},
                {"type": "FOOTER", "text": "Responda SAIR"},
                {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Ok"}]},
            ],
        },
        {
            "name": "hello", "language": "en", "status": "APPROVED", "category": "MARKETING",
            "parameter_format": "NAMED",
            "components": [{"type": "BODY", "text": "Hi {{customer}}"}],
        },
    ]  # fmt: skip
    first, second = driver_for("whatsapp", graph).templates()
    assert (first.name, first.language, first.is_usable) == ("order_ready", "pt_BR", True)
    assert first.header == "{{header_1}} informa"
    assert first.body == "Olá {{1}}, o pedido {{2}} está pronto. Até {{1}}!"
    assert (first.footer, first.buttons) == ("Responda SAIR", ("Ok",))
    assert (first.parameters, first.has_names) == (("header_1", "1", "2"), False)
    assert (second.parameters, second.has_names) == (("customer",), True)
    (call,) = graph.called("message_templates", "GET")
    assert call.path == f"/v25.0/{BUSINESS}/message_templates"


@pytest.mark.parametrize(
    ("change", "usable"),
    [
        ({}, True),
        ({"status": "REJECTED"}, False),
        ({"status": "PENDING"}, False),
        ({"components": []}, False),
        ({"components": [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "x"}]},
         False),
        ({"components": [{"type": "BODY", "text": "x"}, {"type": "BUTTONS", "buttons": [
            {"type": "URL", "text": "Open", "url": "https://example.com/a"}]}]}, True),
        ({"components": [{"type": "BODY", "text": "x"}, {"type": "BUTTONS", "buttons": [
            {"type": "URL", "text": "Open", "url": "https://example.com/{{1}}"}]}]}, False),
        ({"components": [{"type": "BODY", "text": "x"}, {"type": "BUTTONS", "buttons": [
            {"type": "OTP", "text": "Copy"}]}]}, False),
        ({"components": [{"type": "BODY", "text": "x"}, {"type": "CAROUSEL"}]}, False),
    ],
)  # fmt: skip
def test_what_we_cannot_fill_in_is_not_usable(
    graph: GraphStandIn, change: dict[str, object], usable: bool
) -> None:
    plain = {
        "name": "hello", "language": "en", "status": "APPROVED",
        "components": [{"type": "BODY", "text": "Hi"}],
    }  # fmt: skip
    graph.templates = [plain | change, {"name": ""}, {}]
    (found,) = driver_for("whatsapp", graph).templates()
    assert found.is_usable is usable


def test_all_pages_of_templates_are_listed(graph: GraphStandIn) -> None:
    def page(number: int, *, last: bool) -> Answer:
        paging: dict[str, object] = {"cursors": {"after": f"c{number}"}}
        items = [{"name": f"t{number}", "language": "en"}]
        return Answer({"data": items, "paging": paging | ({} if last else {"next": "url"})})

    graph.script("message_templates", page(1, last=False), page(2, last=True))
    assert [one.name for one in driver_for("whatsapp", graph).templates()] == ["t1", "t2"]
    asked = [call.query.get("after") for call in graph.called("message_templates", "GET")]
    assert asked == [None, "c1"]
