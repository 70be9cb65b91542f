"""One address of an app, several accounts: each event goes to the connector of its account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from channels_app.models import Connector, Conversation, InboundEvent, Message
from channels_app.selectors import connector_cache_clear
from channels_app.services.intake import event_replay
from tests.factories import MetaConnectorFactory, OpenChannelFactory, moment
from tests.flows.meta_story import (
    NUMBER,
    OTHER_NUMBER,
    page,
    page_item,
    whatsapp,
    whatsapp_text,
)
from tests.flows.wire import meta_post

pytestmark = pytest.mark.django_db
OTHER_SECRET = "another-apps-secret-0123456789012345"


@pytest.fixture(autouse=True)
def fresh_cache() -> Iterator[None]:
    connector_cache_clear()
    yield
    connector_cache_clear()


@pytest.fixture
def first() -> Connector:
    connector: Connector = MetaConnectorFactory()
    return connector


def second(**values: Any) -> Connector:
    """The other number, on a line of its own."""
    connector: Connector = MetaConnectorFactory(
        account_id=OTHER_NUMBER, open_channel=OpenChannelFactory(), **values
    )
    return connector


def with_secret(connector: Connector, secret: str) -> Connector:
    connector.secrets = {**connector.secrets, "app_secret": secret}
    connector.save()
    connector_cache_clear()
    return connector


def texts(connector: Connector) -> list[str]:
    found = Message.objects.filter(conversation__connector=connector).order_by("pk")
    return list(found.values_list("text", flat=True))


def both() -> dict[str, Any]:
    delivery = whatsapp(whatsapp_text(1, "for the first"))
    other = whatsapp(whatsapp_text(2, "for the other"), number=OTHER_NUMBER)
    delivery["entry"] += other["entry"]
    return delivery


def test_an_event_goes_to_the_connector_of_its_account(client: Client, first: Connector) -> None:
    other = second()
    assert meta_post(client, first, both()).status_code == 200
    assert (texts(first), texts(other)) == (["for the first"], ["for the other"])
    conversation = Conversation.objects.get(connector=other)
    assert conversation.connector.open_channel == other.open_channel
    for connector in (first, other):
        connector.refresh_from_db()
        assert connector.last_event_at is not None


def test_a_repeat_by_the_other_address_is_a_repeat(client: Client, first: Connector) -> None:
    other = second()
    for connector in (first, other, first):
        assert meta_post(client, connector, both()).status_code == 200
    assert Message.objects.count() == 2
    assert InboundEvent.objects.count() == 2


def test_the_delivery_must_be_signed_with_the_secret_of_the_other_connector(
    client: Client, first: Connector
) -> None:
    other = with_secret(second(), OTHER_SECRET)
    only_other = whatsapp(whatsapp_text(2, "for the other"), number=OTHER_NUMBER)
    # By the address's own secret: it is not the other one's.
    assert meta_post(client, first, only_other).status_code == 401
    assert texts(other) == texts(first) == []
    assert meta_post(client, first, only_other, secret=OTHER_SECRET).status_code == 200
    assert (texts(first), texts(other)) == ([], ["for the other"])


def test_of_a_mixed_delivery_what_is_signed_is_taken_and_the_rest_asked_for_again(
    client: Client, first: Connector
) -> None:
    other = with_secret(second(), OTHER_SECRET)
    assert meta_post(client, first, both()).status_code == 401
    assert (texts(first), texts(other)) == (["for the first"], [])
    with_secret(other, first.secrets["app_secret"])
    assert meta_post(client, first, both()).status_code == 200
    assert (texts(first), texts(other)) == (["for the first"], ["for the other"])


def test_a_forged_delivery_is_refused_whatever_it_names(client: Client, first: Connector) -> None:
    second()
    assert meta_post(client, first, both(), secret="x" * 20).status_code == 401
    assert Message.objects.count() == InboundEvent.objects.count() == 0


def test_an_account_nobody_connected_is_ignored_with_a_notice(
    client: Client, first: Connector
) -> None:
    assert meta_post(client, first, both()).status_code == 200
    assert texts(first) == ["for the first"]
    assert Conversation.objects.count() == 1
    first.refresh_from_db()
    assert first.notice == (
        "Another account of the same app is delivered here, and is not connected."
    )


def test_a_connector_of_another_kind_with_this_number_gets_nothing(
    client: Client, first: Connector
) -> None:
    page_connector = MetaConnectorFactory(kind="messenger", account_id=OTHER_NUMBER)
    meta_post(client, first, both())
    assert texts(page_connector) == []


def test_a_connector_that_is_switched_off_gives_way_to_the_one_that_took_over(
    client: Client, first: Connector
) -> None:
    gone = second(status="disabled", disabled_at=moment())
    new = second()
    assert meta_post(client, gone, both()).status_code == 200
    assert (texts(first), texts(gone), texts(new)) == (
        ["for the first"], [], ["for the other"],
    )  # fmt: skip


def test_a_delivery_for_a_switched_off_connector_is_kept_and_replayed_for_it_alone(
    client: Client, first: Connector
) -> None:
    first.status, first.disabled_at = "disabled", moment()
    first.save()
    other = second()
    assert meta_post(client, first, both()).status_code == 200
    assert (texts(first), texts(other)) == ([], ["for the other"])
    kept = InboundEvent.objects.get(connector=first)
    assert kept.state == "ignored"
    Connector.objects.filter(pk=first.pk).update(status="connected", disabled_at=None)
    connector_cache_clear()
    assert event_replay(inbound_event=kept, now=moment(1)).outcome == "done"
    assert (texts(first), texts(other)) == (["for the first"], ["for the other"])


def test_before_it_is_connected_the_settings_name_the_account(client: Client) -> None:
    made = MetaConnectorFactory(
        account_id=None, config={"phone_number_id": NUMBER}, status="not_configured"
    )
    other = MetaConnectorFactory(
        account_id=None, config={"phone_number_id": OTHER_NUMBER}, status="not_configured"
    )
    assert meta_post(client, made, both()).status_code == 200
    assert (texts(made), texts(other)) == (["for the first"], ["for the other"])


def test_a_connector_without_an_account_takes_what_comes(client: Client) -> None:
    made = MetaConnectorFactory(account_id=None, config={}, status="not_configured")
    assert meta_post(client, made, both()).status_code == 200
    assert texts(made) == ["for the first", "for the other"]


def test_pages_are_told_apart_the_same_way(client: Client) -> None:
    one = MetaConnectorFactory(kind="messenger", account_id="31")
    two = MetaConnectorFactory(kind="messenger", account_id="32")
    item = page_item("32", message={"mid": "m1", "text": "for the second page"})
    assert meta_post(client, one, page(item, account="32")).status_code == 200
    # The envelope names a page and the event none we know: the envelope counts.
    unknown = page_item("99", message={"mid": "m2", "text": "by the envelope"})
    assert meta_post(client, one, page(unknown, account="31")).status_code == 200
    # Both are ours: the event counts.
    mixed = page_item("32", message={"mid": "m3", "text": "by the event"})
    assert meta_post(client, one, page(mixed, account="31")).status_code == 200
    assert texts(one) == ["by the envelope"]
    assert texts(two) == ["for the second page", "by the event"]


def test_what_cannot_be_read_stays_with_the_connector_it_came_in_by(
    client: Client, first: Connector
) -> None:
    assert meta_post(client, first, b'{"object": [}').status_code == 200
    assert InboundEvent.objects.get().state == "dead"
    assert meta_post(client, first, b"not json", secret="wrong").status_code == 401
    assert InboundEvent.objects.count() == 1


def test_the_other_connector_costs_no_statement_while_it_is_remembered(
    client: Client, first: Connector
) -> None:
    second()
    meta_post(client, first, both())
    with CaptureQueriesContext(connection) as seen:
        meta_post(client, first, both())
    asked = [
        query["sql"] for query in seen.captured_queries if "channels_app_connector" in query["sql"]
    ]
    assert asked == []


# --- the handshake ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["whatsapp", "messenger", "instagram"])
def test_the_handshake_over_http(client: Client, kind: str) -> None:
    connector = MetaConnectorFactory(kind=kind)
    query = {
        "hub.mode": "subscribe",
        "hub.verify_token": "verify-token-of-the-tests",
        "hub.challenge": "1158201444",
    }
    address = f"/webhooks/{connector.public_id}/"
    answer = client.get(address, query)
    assert (answer.status_code, answer.content) == (200, b"1158201444")
    assert answer["Content-Type"].startswith("text/plain")
    refused = client.get(address, query | {"hub.verify_token": "another"})
    assert (refused.status_code, refused.content) == (403, b"")
