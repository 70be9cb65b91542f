"""Lists ask the database a fixed number of questions, however long they are."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from channels_app.models import Attachment, Conversation, InboundEvent
from queue_app.models import Assignment, SessionEvent
from tests.channels_app.api.client import admin_api, api_for
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    MessageFactory,
    OpenChannelFactory,
    OperatorFactory,
    SessionFactory,
)

pytestmark = pytest.mark.django_db


class World:
    """One line that grows by rows of every kind."""

    def __init__(self) -> None:
        self.operator = OperatorFactory()
        self.line = OpenChannelFactory(operators=[self.operator])
        self.connector = ConnectorFactory(open_channel=self.line)
        self.conversation: Conversation = ConversationFactory(connector=self.connector)
        self.session = SessionFactory(conversation=self.conversation, operator=self.operator)

    def grow(self, count: int) -> None:
        for number in range(count):
            operator = OperatorFactory()
            line = OpenChannelFactory(operators=[self.operator, operator])
            connector = ConnectorFactory(open_channel=line)
            SessionFactory(
                conversation=ConversationFactory(connector=connector), operator=self.operator
            )
            message = MessageFactory(conversation=self.conversation, author=operator.user,
                                     direction="out", state="sent")  # fmt: skip
            for position in range(2):
                Attachment.objects.create(
                    message=message, position=position, type="file", storage_key="k",
                    state="stored",
                )  # fmt: skip
            now = timezone.now()
            SessionEvent.objects.create(
                session=self.session, seq=SessionEvent.objects.count() + 1, kind="offered", at=now,
                open_channel=self.line, connector_kind="custom", operator=operator,
            )  # fmt: skip
            Assignment.objects.create(
                session=self.session, operator=operator, turn=number, offered_at=now
            )
            InboundEvent.objects.create(
                connector=connector, key="k", state="dead", raw=b"x" * 1000, received_at=now
            )


PATHS = (
    "/open-channels/", "/connectors/", "/operators/", "/queue-members/", "/conversations/",
    "/conversations/{conversation}/messages/", "/sessions/", "/sessions/{session}/events/",
    "/sessions/{session}/assignments/", "/inbound-events/",
)  # fmt: skip


@pytest.mark.parametrize("as_admin", [True, False], ids=["administrator", "operator"])
def test_thirty_rows_cost_as_many_queries_as_three(as_admin: bool) -> None:
    world = World()
    api = admin_api() if as_admin else api_for(world.operator.user, "read")
    api.get("/sessions/")  # the first use of a key is written down

    def measure() -> dict[str, tuple[int, int]]:
        """`{path: (rows, queries)}` of every list."""
        found = {}
        for path in PATHS:
            address = path.format(conversation=world.conversation.pk, session=world.session.pk)
            with CaptureQueriesContext(connection) as queries:
                response: Any = api.get(address)
            assert response.status_code == 200, response.content
            found[path] = len(response.json()["results"]), len(queries)
        return found

    world.grow(3)
    few = measure()
    world.grow(27)
    many = measure()
    for path in PATHS:
        assert many[path][1] == few[path][1] <= 8, path
        if as_admin or path != "/inbound-events/":
            assert many[path][0] >= few[path][0] + 27 or many[path][0] == 50, path
