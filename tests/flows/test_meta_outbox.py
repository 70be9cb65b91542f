"""From the outbox to Meta and back: taken exactly once, or shown as not confirmed."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from channels_app.models import Connector, Conversation, Message
from channels_app.selectors import connector_cache_clear
from channels_app.services.connectors import connector_check, connector_connect
from channels_app.services.delivery import conversation_deliver
from openlines_project.lib.http import HttpDoor
from tests.channels_app.services.outside import queued
from tests.factories import (
    META_ACCOUNT_FIELDS,
    ConversationFactory,
    MessageFactory,
    MetaConnectorFactory,
    moment,
)
from tests.flows.meta_story import page, page_item, whatsapp
from tests.flows.wire import meta_post
from tests.standins.graph_api import (
    ACCOUNTS,
    DROP,
    HANG,
    AcceptedThen,
    GraphStandIn,
    graph_api,
    refused,
)

KINDS = ("whatsapp", "messenger", "instagram")
CUSTOMERS = {
    "whatsapp": "5511955550101",
    "messenger": "6100000000000011",
    "instagram": "9200000000000021",
}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.PRIVATE_TARGETS = ["127.0.0.1:*"]
    settings.PUBLIC_URL = "https://desk.example.com"
    monkeypatch.setattr(random, "uniform", lambda _least, _most: 1.0)
    door = HttpDoor(trusted=True, private_targets=["127.0.0.1:*"], timeout=0.4)
    monkeypatch.setattr("channels_app.services.connectors.trusted_door", lambda: door)
    connector_cache_clear()
    yield
    connector_cache_clear()


@pytest.fixture
def graph() -> Iterator[GraphStandIn]:
    with graph_api() as stand_in:
        yield stand_in


def connected(kind: str, graph: GraphStandIn) -> Connector:
    account = ACCOUNTS[kind]
    config = {META_ACCOUNT_FIELDS[kind]: account, "api_base_url": graph.url}
    if kind == "whatsapp":
        config["business_account_id"] = ACCOUNTS["business"]
    connector: Connector = MetaConnectorFactory(kind=kind, account_id=account, config=config)
    return connector


def chat_with_answer(kind: str, graph: GraphStandIn) -> tuple[Conversation, Message]:
    """The customer wrote just now, and an answer waits."""
    customer = CUSTOMERS[kind]
    chat: Conversation = ConversationFactory(
        connector=connected(kind, graph), external_chat_id=customer
    )
    MessageFactory(conversation=chat, created_at=dt.datetime.now(dt.UTC))
    return chat, queued(chat, "Bom dia")


def deliver(chat: Conversation, seconds: float = 0) -> None:
    conversation_deliver(conversation_id=chat.pk, now=moment() + dt.timedelta(seconds=seconds))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "before",
    [
        [],
        [refused(429, retry_after=7)],
        [refused(500)],
        [refused(503), refused(429)],
    ],
)
def test_it_is_taken_once_after_trouble(graph: GraphStandIn, kind: str, before: list[Any]) -> None:
    chat, message = chat_with_answer(kind, graph)
    graph.script("messages", *before)
    for tries in range(len(before) + 3):
        deliver(chat, tries * 600)
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("sent", len(before) + 1)
    assert len(graph.accepted) == 1
    assert message.external_id


@pytest.mark.parametrize("kind", KINDS)
def test_retry_after_is_waited_for(graph: GraphStandIn, kind: str) -> None:
    chat, _message = chat_with_answer(kind, graph)
    graph.script("messages", refused(429, retry_after=90))
    deliver(chat)
    deliver(chat, 89)
    assert graph.accepted == []
    deliver(chat, 91)
    assert len(graph.accepted) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("answer", [AcceptedThen(HANG), AcceptedThen(DROP)])
def test_a_lost_answer_is_not_confirmed_and_never_sent_again_by_itself(
    graph: GraphStandIn, kind: str, answer: Any
) -> None:
    chat, message = chat_with_answer(kind, graph)
    graph.script("messages", answer)
    for seconds in (0, 300, 4000):
        deliver(chat, seconds)
    message.refresh_from_db()
    assert (message.state, message.queued_at) == ("unknown", None)
    assert len(graph.accepted) == len(graph.called("messages")) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("answer", [HANG, DROP])
def test_what_was_never_taken_is_shown_as_not_confirmed_too(
    graph: GraphStandIn, kind: str, answer: Any
) -> None:
    chat, message = chat_with_answer(kind, graph)
    graph.script("messages", answer)
    deliver(chat)
    message.refresh_from_db()
    assert (message.state, graph.accepted) == ("unknown", [])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("answer", "code", "status"),
    [
        (refused(401, 190), "auth", "broken"),
        (refused(403, 200), "auth", "broken"),
        (refused(400, 100), "content", "connected"),
    ],
)
def test_a_refusal_is_told_and_not_repeated(
    graph: GraphStandIn, kind: str, answer: Any, code: str, status: str
) -> None:
    chat, message = chat_with_answer(kind, graph)
    graph.script("messages", answer)
    deliver(chat)
    deliver(chat, 600)
    message.refresh_from_db()
    assert (message.state, message.error_code) == ("failed", code)
    assert message.error_text
    chat.connector.refresh_from_db()
    assert chat.connector.status == status
    assert len(graph.called("messages")) == 1


def test_whatsapps_receipt_confirms_what_was_not_confirmed(
    client: Client, graph: GraphStandIn
) -> None:
    chat, message = chat_with_answer("whatsapp", graph)
    graph.script("messages", AcceptedThen(HANG))
    deliver(chat)
    status = {
        "id": "wamid.REAL", "status": "delivered", "recipient_id": CUSTOMERS["whatsapp"],
        "biz_opaque_callback_data": graph.accepted[0]["biz_opaque_callback_data"],
    }  # fmt: skip
    delivery = whatsapp(statuses=[status], number=ACCOUNTS["whatsapp"])
    assert meta_post(client, chat.connector, delivery).status_code == 200
    message.refresh_from_db()
    assert (message.state, message.external_id) == ("delivered", "wamid.REAL")


def test_messengers_echo_confirms_what_was_not_confirmed(
    client: Client, graph: GraphStandIn
) -> None:
    chat, message = chat_with_answer("messenger", graph)
    graph.script("messages", AcceptedThen(DROP))
    deliver(chat)
    metadata = graph.accepted[0]["message"]["metadata"]
    echo = page_item() | {
        "sender": {"id": ACCOUNTS["messenger"]},
        "recipient": {"id": CUSTOMERS["messenger"]},
        "message": {"mid": "m_REAL", "is_echo": True, "text": "other", "metadata": metadata},
    }
    assert meta_post(client, chat.connector, page(echo)).status_code == 200
    message.refresh_from_db()
    assert (message.state, message.external_id) == ("sent", "m_REAL")
    assert chat.messages.filter(direction="out").count() == 1


def test_messengers_read_mark_reads_all_that_went_before(
    client: Client, graph: GraphStandIn
) -> None:
    chat, message = chat_with_answer("messenger", graph)
    deliver(chat)
    read_at = int(moment(1).timestamp() * 1000)
    item = page_item(read={"watermark": read_at})
    assert meta_post(client, chat.connector, page(item)).status_code == 200
    message.refresh_from_db()
    assert message.state == "read"


def test_after_a_day_an_automatic_text_fails_and_a_person_may_still_write(
    graph: GraphStandIn,
) -> None:
    chat, message = chat_with_answer("messenger", graph)
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(hours=30)
    chat.messages.filter(direction="in").update(created_at=long_ago)
    Message.objects.filter(pk=message.pk).update(author_kind="system")
    deliver(chat)
    message.refresh_from_db()
    assert (message.state, message.error_code, graph.calls) == ("failed", "window", [])
    queued(chat, "Uma pessoa")
    deliver(chat)
    assert [body["tag"] for body in graph.accepted] == ["HUMAN_AGENT"]


# --- connecting ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_connecting_and_checking(graph: GraphStandIn, kind: str) -> None:
    connector = connected(kind, graph)
    Connector.objects.filter(pk=connector.pk).update(account_id=None, status="not_configured")
    connector.refresh_from_db()
    connector = connector_connect(connector=connector, now=moment())
    assert (connector.status, connector.account_id) == ("connected", ACCOUNTS[kind])
    assert connector.account_name
    assert connector_check(connector=connector, now=moment(1)).problems == ()
