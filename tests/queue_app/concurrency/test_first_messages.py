"""Ten first messages of a new customer at once make one conversation and one session."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.db.models import Count, F
from django.utils import timezone

from channels_app.models import Connector, Conversation, Message
from queue_app.models import Assignment, Session, SessionEvent, SessionText, Timer
from tests.factories import OperatorFactory
from tests.queue_app.concurrency.crowd import (
    PATIENCE_SECONDS,
    all_at_once,
    raised,
    spread,
    without_constraint,
)
from tests.queue_app.desk_story import books_check, customer_receive, line_with
from tests.queue_app.line_story import text_set

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

AT_ONCE = 10


def first_messages(connector: Connector, customers: int) -> list[Any]:
    """Ten threads; for each customer all of them deliver at once. Returns the outcomes."""
    gate = threading.Barrier(AT_ONCE)

    def deliver() -> list[str]:
        outcomes: list[str] = []
        for number in range(customers):
            gate.wait(PATIENCE_SECONDS)
            received = customer_receive(connector, f"new{number}", now=timezone.now())
            outcomes.append(received.outcome)
        return outcomes

    return all_at_once([deliver] * AT_ONCE)


@pytest.mark.parametrize("customers", [8, pytest.param(60, marks=pytest.mark.slow)])
def test_ten_first_messages_at_once_make_one_session(customers: int) -> None:
    people = [OperatorFactory() for _ in range(4)]
    connector = line_with(*people)
    text_set(connector.open_channel, "welcome", "Welcome")
    assert first_messages(connector, customers) == [["done"] * customers] * AT_ONCE
    assert Conversation.objects.count() == Session.objects.count() == customers
    assert Message.objects.filter(direction="in").count() == customers * AT_ONCE
    assert SessionText.objects.filter(kind="welcome").count() == customers
    for conversation in Conversation.objects.all():
        messages = list(conversation.messages.order_by("seq"))
        assert [one.seq for one in messages] == list(range(1, AT_ONCE + 2))
        assert [one.text for one in messages if one.direction == "out"] == ["Welcome"]
        assert (messages[0].direction, messages[1].text) == ("in", "Welcome")
        assert conversation.last_seq == AT_ONCE + 1
    assert set(Session.objects.values_list("state", "unread", "is_first")) == {
        ("offered", AT_ONCE, True)
    }
    assert SessionEvent.objects.filter(kind="started").count() == customers
    assert SessionEvent.objects.filter(kind="offered").count() == customers
    for kind in ("response", "ceiling"):
        assert Timer.objects.filter(kind=kind).count() == customers
    assert Assignment.objects.count() == customers
    assert spread(people) <= 1
    books_check()


@pytest.mark.parametrize("customers", [4, pytest.param(60, marks=pytest.mark.slow)])
def test_without_the_unique_conversation_there_would_be_several(
    monkeypatch: pytest.MonkeyPatch, customers: int
) -> None:
    """Negative control: looking first and inserting then, as one is tempted to."""
    connector = line_with(OperatorFactory())
    text_set(connector.open_channel, "welcome", "Welcome")
    monkeypatch.setattr("channels_app.services.intake_apply.conversation_advance", _look_and_insert)
    with without_constraint(Conversation, "conversation_once"):
        first_messages(connector, customers)
        several = (
            Conversation.objects.values("external_chat_id").annotate(n=Count("pk")).filter(n__gt=1)
        )
        assert several.exists()
        assert Session.objects.count() > customers
        assert Message.objects.filter(direction="out", text="Welcome").count() > customers
        print(f"{customers} customers, {Session.objects.count()} sessions")  # noqa: T201


def _look_and_insert(
    *, connector: Connector, chat_id: str, thread: str, now: dt.datetime, **_columns: Any
) -> Conversation:
    conversation = Conversation.objects.filter(
        connector=connector, external_chat_id=chat_id, external_thread=thread
    ).first()
    if conversation is None:
        conversation = Conversation.objects.create(
            connector=connector, external_chat_id=chat_id, external_thread=thread, last_seq=1,
            version=1, changed_at=now, created_at=now,
        )  # fmt: skip
        conversation.is_new = True
        return conversation
    Conversation.objects.filter(pk=conversation.pk).update(
        last_seq=F("last_seq") + 1, version=F("version") + 1
    )
    conversation.refresh_from_db(fields=["last_seq", "version"])
    return conversation


def test_without_the_unique_session_the_database_would_take_two() -> None:
    """Negative control of the last line of defence: the constraint is what refuses."""
    connector = line_with(OperatorFactory())
    customer_receive(connector, "u1", now=timezone.now())
    session = Session.objects.get()
    copy = {
        "conversation": session.conversation, "open_channel": session.open_channel,
        "state": "waiting", "wait_reason": "unrouted", "turn": "operator",
        "started_at": session.started_at,
    }  # fmt: skip
    (error,) = raised(all_at_once([lambda: Session.objects.create(**copy)]))
    assert "session_one_open" in str(error)
    with without_constraint(Session, "session_one_open"):
        Session.objects.create(**copy)
        with pytest.raises(AssertionError, match="two open sessions"):
            books_check()
