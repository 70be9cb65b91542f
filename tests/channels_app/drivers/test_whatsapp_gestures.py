"""Showing a WhatsApp customer that we write, and that we have read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.channels_app.drivers.meta_driver import CUSTOMERS, driver_for
from tests.standins.graph_api import GraphStandIn, graph_api


@pytest.fixture
def graph() -> Iterator[GraphStandIn]:
    with graph_api() as stand_in:
        yield stand_in


def test_typing_is_shown_with_the_customers_last_message(graph: GraphStandIn) -> None:
    driver_for("whatsapp", graph).typing(
        chat_id=CUSTOMERS["whatsapp"], reply_context={"last_message_id": "wamid.LAST=="}
    )
    (call,) = graph.called("messages")
    assert call.json == {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": "wamid.LAST==",
        "typing_indicator": {"type": "text"},
    }
    assert graph.accepted == []


def test_seen_marks_the_message_as_read(graph: GraphStandIn) -> None:
    driver_for("whatsapp", graph).seen(
        chat_id=CUSTOMERS["whatsapp"], message_id="wamid.LAST==", reply_context={}
    )
    (call,) = graph.called("messages")
    assert call.json == {
        "messaging_product": "whatsapp", "status": "read", "message_id": "wamid.LAST==",
    }  # fmt: skip


def test_without_a_message_of_his_nothing_is_shown(graph: GraphStandIn) -> None:
    driver = driver_for("whatsapp", graph)
    driver.typing(chat_id=CUSTOMERS["whatsapp"], reply_context={})
    driver.seen(chat_id=CUSTOMERS["whatsapp"], message_id="", reply_context={})
    assert graph.calls == []
