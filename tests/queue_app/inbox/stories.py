"""Small stories the tests of the inbox begin with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.test import Client
from django.utils import timezone

from channels_app.models import OpenChannel
from queue_app.models import Assignment, Operator, Session, SessionState, Timer, TimerKind
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    MessageFactory,
    OpenChannelFactory,
    OperatorFactory,
    SessionFactory,
)


@dataclass
class Desk:
    """A line with one operator, who is signed in."""

    line: OpenChannel
    operator: Operator
    client: Client

    def chat(self, *, text: str = "Good morning", **session: Any) -> Session:
        """A chat of the line in which the customer wrote once; his operator's when not said."""
        connector = session.pop("connector", None) or ConnectorFactory(open_channel=self.line)
        conversation = ConversationFactory(connector=connector, **session.pop("conversation", {}))
        MessageFactory(conversation=conversation, text=text)
        return SessionFactory(conversation=conversation, **({"operator": self.operator} | session))

    def offered(
        self, *, minutes: int = 3, asked: Sequence[Operator] = (), **session: Any
    ) -> Session:
        """A chat that is offered to the operator, or to all of `asked`, for some minutes more."""
        now = timezone.now()
        if asked:
            session |= {"operator": None, "to_everybody": True}
        chat = self.chat(state=SessionState.OFFERED, offered_at=now, **session)
        for one in asked or [self.operator]:
            Assignment.objects.create(session=chat, operator=one, offered_at=now)
        Timer.objects.create(
            session=chat, kind=TimerKind.RESPONSE, due_at=now + dt.timedelta(minutes=minutes)
        )
        return chat

    def waiting(self, **session: Any) -> Session:
        """A chat nobody holds."""
        return self.chat(operator=None, **session)


def desk() -> Desk:
    operator = OperatorFactory()
    client = Client()
    client.force_login(operator.user)
    return Desk(OpenChannelFactory(operators=[operator]), operator, client)


def part(client: Client, method: str, path: str, **data: Any) -> Any:
    """A request as a script of the page makes it."""
    return getattr(client, method)(path, data, headers={"HX-Request": "true"})
