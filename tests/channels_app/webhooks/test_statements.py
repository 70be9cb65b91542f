"""How many statements a delivery costs: nobody makes the intake slower unseen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from channels_app.models import Connector, Message
from queue_app.models import Session
from queue_app.services.line_rules import line_rules
from queue_app.services.replies import session_reply
from queue_app.services.sessions import session_accept
from tests.factories import ConnectorFactory, OpenChannelFactory, OperatorFactory, moment
from tests.flows.wire import custom_message, custom_post

# A real transaction, as in production: its BEGIN and COMMIT are counted, the bell as well.
pytestmark = pytest.mark.django_db(transaction=True)
# On PostgreSQL an offer is one statement, and the bell is one after the commit.
INTO_AN_OPEN_CHAT = {"postgresql": 7, "sqlite": 9}
# And one that takes away what counted the customer's silence.
INTO_AN_ANSWERED_CHAT = {"postgresql": 8, "sqlite": 10}
OFFERED_EVENLY = {"postgresql": 11, "sqlite": 16}


@contextmanager
def statements() -> Iterator[list[str]]:
    with CaptureQueriesContext(connection) as seen:
        told: list[str] = []
        yield told
    told += [query["sql"] for query in seen.captured_queries]


@pytest.fixture
def connector(client: Client) -> Connector:
    """A connector whose line is known to this process, and was heard of within the minute."""
    line = OpenChannelFactory(operators=[OperatorFactory(), OperatorFactory()])
    connector: Connector = ConnectorFactory(open_channel=line)
    typing = {"event": "typing", "external_user": {"id": "nobody"}}
    assert custom_post(client, connector, typing).status_code == 200
    line_rules(line)
    return connector


def test_a_message_into_an_open_chat(client: Client, connector: Connector) -> None:
    custom_post(client, connector, custom_message("m1"))
    session = Session.objects.select_related("operator").get()
    assert session.operator is not None
    session_accept(session_id=session.pk, operator=session.operator, now=moment())
    with statements() as told:
        custom_post(client, connector, custom_message("m2"))
    assert Message.objects.count() == 2
    assert len(told) <= INTO_AN_OPEN_CHAT[connection.vendor], "\n".join(told)


def test_a_message_into_a_chat_that_was_answered(client: Client, connector: Connector) -> None:
    custom_post(client, connector, custom_message("m1"))
    session = Session.objects.select_related("operator__user").get()
    assert session.operator is not None
    session_reply(
        session_id=session.pk, user=session.operator.user, text="Yes", client_key="k1",
        now=moment(),
    )  # fmt: skip
    with statements() as told:
        custom_post(client, connector, custom_message("m2"))
    assert Session.objects.get().turn == "operator"
    assert len(told) <= INTO_AN_ANSWERED_CHAT[connection.vendor], "\n".join(told)


def test_a_first_message_that_is_offered_evenly(client: Client, connector: Connector) -> None:
    with statements() as told:
        custom_post(client, connector, custom_message("m1"))
    assert Session.objects.get().state == "offered"
    assert len(told) <= OFFERED_EVENLY[connection.vendor], "\n".join(told)


def test_a_repeat(client: Client, connector: Connector) -> None:
    custom_post(client, connector, custom_message("m1"))
    with statements() as told:
        custom_post(client, connector, custom_message("m1"))
    assert len(told) <= 5, "\n".join(told)


def test_a_delivery_without_the_right_signature_costs_nothing(
    client: Client, connector: Connector
) -> None:
    with statements() as told:
        client.post(f"/webhooks/{connector.public_id}/", b"{}", content_type="application/json")
    assert told == []
