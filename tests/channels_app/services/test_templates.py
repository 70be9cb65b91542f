"""Message templates: listed from the platform, filled in, and sent when the time is over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from channels_app.models import Connector, Conversation, Message, MessageTemplate
from channels_app.services.conversations import conversation_lock
from channels_app.services.delivery import conversation_deliver
from channels_app.services.errors import InvalidError, PlatformError
from channels_app.services.messages import sending_refused
from channels_app.services.templates import (
    template_queue,
    template_text,
    templates_refresh,
    templates_sweep,
    templates_usable,
)
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    MessageFactory,
    MetaConnectorFactory,
    moment,
)
from tests.standins.graph_api import ACCOUNTS, GraphStandIn, graph_api, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def graph(settings: Any) -> Iterator[GraphStandIn]:
    settings.PRIVATE_TARGETS = ["127.0.0.1:*"]
    with graph_api() as stand_in:
        stand_in.templates = [listed("order_ready"), listed("promo", status="REJECTED")]
        yield stand_in


@pytest.fixture
def connector(graph: GraphStandIn) -> Connector:
    connector: Connector = MetaConnectorFactory(
        config={
            "phone_number_id": ACCOUNTS["whatsapp"],
            "business_account_id": ACCOUNTS["business"],
            "api_base_url": graph.url,
        }
    )
    return connector


def listed(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "language": "pt_BR",
        "status": "APPROVED",
        "category": "UTILITY",
        "components": [
            {"type": "HEADER", "format": "TEXT", "text": "Loja {{1}}"},
            {"type": "BODY", "text": "Olá {{1}}, o pedido {{2}} está pronto."},
            {"type": "FOOTER", "text": "Responda SAIR"},
        ],
    } | more


VALUES = {"header_1": "Central", "1": "Bruna", "2": "A-7"}


def template_of(connector: Connector) -> MessageTemplate:
    templates_refresh(connector=connector, now=moment())
    return MessageTemplate.objects.get(name="order_ready")


def queue(chat: Conversation, template: MessageTemplate, **values: Any) -> Message:
    with transaction.atomic():
        return template_queue(
            conversation=conversation_lock(chat.pk), template=template, now=moment(),
            values={**VALUES, **values},
        )  # fmt: skip


# --- the list -----------------------------------------------------------------------------


def test_templates_are_listed_and_what_is_gone_is_forgotten(
    connector: Connector, graph: GraphStandIn
) -> None:
    assert templates_refresh(connector=connector, now=moment()) == 2
    found = MessageTemplate.objects.get(name="order_ready")
    assert (found.header, found.footer) == ("Loja {{header_1}}", "Responda SAIR")
    assert (found.parameters, found.language) == (["header_1", "1", "2"], "pt_BR")
    assert (found.status, found.is_usable, found.listed_at) == ("APPROVED", True, moment())
    assert [one.name for one in templates_usable(connector=connector)] == ["order_ready"]
    graph.templates = [listed("hello")]
    assert templates_refresh(connector=connector, now=moment(1)) == 1
    assert [one.name for one in MessageTemplate.objects.all()] == ["hello"]


def test_one_name_in_two_languages_is_two_templates(
    connector: Connector, graph: GraphStandIn
) -> None:
    graph.templates = [listed("hello"), listed("hello", language="en"), listed("hello")]
    assert templates_refresh(connector=connector, now=moment()) == 2


def test_a_platform_that_cannot_be_asked_takes_no_template_away(
    connector: Connector, graph: GraphStandIn
) -> None:
    templates_refresh(connector=connector, now=moment())
    graph.script("message_templates", refused(500))
    with pytest.raises(PlatformError):
        templates_refresh(connector=connector, now=moment(1))
    assert MessageTemplate.objects.count() == 2


def test_a_kind_without_templates_has_none() -> None:
    assert templates_refresh(connector=ConnectorFactory(), now=moment()) == 0


def test_the_sweep_asks_every_connected_account_and_one_that_fails_stops_no_other(
    connector: Connector, graph: GraphStandIn
) -> None:
    config = connector.config | {"phone_number_id": "2"}
    MetaConnectorFactory(account_id="2", config=config, secrets={})
    MetaConnectorFactory(account_id="3", config=config, status="broken")
    MetaConnectorFactory(account_id="4", config=config, status="disabled", disabled_at=moment())
    assert templates_sweep(now=moment()) == 1
    assert {one.connector_id for one in MessageTemplate.objects.all()} == {connector.pk}
    assert len(graph.called("message_templates", "GET")) == 1


# --- sending ------------------------------------------------------------------------------


def test_when_the_time_is_over_a_template_may_still_be_sent(connector: Connector) -> None:
    chat = ConversationFactory(connector=connector)
    MessageFactory(conversation=chat, created_at=moment())
    for minute, code in ((24 * 60 - 1, None), (24 * 60, "window")):
        refusal = sending_refused(chat, now=moment(minute))
        assert (refusal.code if refusal else None) == code
    assert sending_refused(chat, now=moment(24 * 60), with_template=True) is None
    chat.unreachable_at = moment()
    refusal = sending_refused(chat, now=moment(), with_template=True)
    assert refusal is not None
    assert refusal.code == "unreachable"


def test_a_template_goes_out_with_its_values_and_the_thread_shows_its_text(
    connector: Connector, graph: GraphStandIn
) -> None:
    chat = ConversationFactory(connector=connector, external_chat_id="5511955550101")
    message = queue(chat, template_of(connector))
    assert message.text == "Loja Central\n\nOlá Bruna, o pedido A-7 está pronto.\n\nResponda SAIR"
    assert (message.state, message.direction) == ("queued", "out")
    assert conversation_deliver(conversation_id=chat.pk, now=moment(1)) == 1
    (body,) = graph.accepted
    assert body["type"] == "template"
    assert body["template"]["name"] == "order_ready"
    values = [part["parameters"] for part in body["template"]["components"]]
    assert [[one["text"] for one in part] for part in values] == [["Central"], ["Bruna", "A-7"]]
    message.refresh_from_db()
    assert (message.state, message.external_id) == ("sent", "wamid.STANDIN0001==")


def test_a_long_template_is_one_message(connector: Connector) -> None:
    chat = ConversationFactory(connector=connector)
    template = template_of(connector)
    template.body = "x" * 4090 + " {{1}} {{2}}"
    template.save()
    queue(chat, template, **{"1": "y" * 900})
    assert Message.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("1", ""), ("1", "  "), ("2", "a\nb"), ("header_1", "a\tb"), ("2", "a    b"),
     ("1", "x" * 1001)],
)  # fmt: skip
def test_a_value_meta_refuses_is_refused_here(connector: Connector, name: str, value: str) -> None:
    chat = ConversationFactory(connector=connector)
    with pytest.raises(InvalidError) as caught:
        queue(chat, template_of(connector), **{name: value})
    assert list(caught.value.fields) == [f"values.{name}"]
    assert Message.objects.count() == 0


def test_a_template_of_another_account_or_one_we_cannot_fill_in_is_refused(
    connector: Connector,
) -> None:
    template = template_of(connector)
    elsewhere = ConversationFactory(connector=ConnectorFactory())
    chat = ConversationFactory(connector=connector)
    unusable = MessageTemplate.objects.get(name="promo")
    for conversation, chosen in ((elsewhere, template), (chat, unusable)):
        with pytest.raises(InvalidError) as caught:
            queue(conversation, chosen)
        assert caught.value.code == "no_template"
    assert Message.objects.count() == 0


def test_values_are_put_in_and_never_read_again() -> None:
    template = MessageTemplate(body="{{1}} and {{2}}", parameters=["1", "2"])
    assert template_text(template=template, values={"1": "{{2}}", "2": "b"}) == "{{2}} and b"
