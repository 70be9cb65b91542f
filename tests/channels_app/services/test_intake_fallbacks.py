"""What keeps a message when something fails: once more, without the routing, as pending, or 503."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import psycopg.errors
import pytest
from django.db import DataError
from django.test import Client

from channels_app.drivers.custom import CustomDriver
from channels_app.models import Connector, Conversation, InboundEvent, Message
from channels_app.services import intake_apply, receipts
from channels_app.services.pending import inbound_sweep
from channels_app.signals import message_received
from queue_app.models import Session, SessionEvent, Timer
from queue_app.services import routing
from queue_app.services.timers import timers_sweep
from tests.channels_app.services.faults import (
    Fault,
    deadlock,
    operational,
)
from tests.channels_app.services.outside import queued, receive, written
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    OpenChannelFactory,
    OperatorFactory,
    moment,
)
from tests.flows.wire import custom_message, custom_post

pytestmark = pytest.mark.django_db


@pytest.fixture
def connector() -> Connector:
    connector: Connector = ConnectorFactory(
        open_channel=OpenChannelFactory(operators=[OperatorFactory()])
    )
    return connector


# --- (a) once more ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cause",
    [
        psycopg.errors.DeadlockDetected("deadlock detected"),
        psycopg.errors.SerializationFailure("could not serialize access"),
    ],
)
def test_a_deadlock_is_simply_tried_again(
    connector: Connector, monkeypatch: pytest.MonkeyPatch, cause: Exception
) -> None:
    fault = Fault(monkeypatch, routing, "session_offer", operational(cause))
    assert receive(connector, written()).outcome == "done"
    assert fault.calls == 2
    assert Session.objects.get().state == "offered"
    assert list(SessionEvent.objects.order_by("seq").values_list("kind", flat=True)) == [
        "started", "offered",
    ]  # fmt: skip
    assert InboundEvent.objects.get().state == "done"


def test_a_deadlock_that_does_not_end_leaves_the_message_pending(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = Fault(monkeypatch, routing, "session_offer", *[deadlock() for _ in range(3)])
    assert receive(connector, written()).outcome == "pending"
    assert fault.calls == 3
    assert inbound_sweep(now=moment(0, 4)) == 0
    assert not Message.objects.exists()


# --- (b) without the routing --------------------------------------------------------------


def test_a_fault_in_the_distribution_hides_no_message(
    client: Client, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as planted:
        Fault(planted, routing, "session_offer", RuntimeError("a fault"))
        answer = custom_post(client, connector, custom_message("m1", "Is it open?"))
    assert answer.status_code == 200
    message = Message.objects.get()
    assert answer.json()["results"][0]["message_id"] == message.pk
    session = Session.objects.get()
    assert (session.state, session.wait_reason, session.unread) == ("waiting", "unrouted", 1)
    timer = Timer.objects.get()
    assert (timer.kind, timer.due_at) == ("route", message.created_at)
    assert InboundEvent.objects.get().state == "done"
    # The fault is gone: nobody has to do anything.
    assert timers_sweep(now=message.created_at + dt.timedelta(seconds=5)) == 1
    session.refresh_from_db()
    assert session.state == "offered"
    assert set(Timer.objects.values_list("kind", flat=True)) == {"ceiling", "response"}
    assert list(SessionEvent.objects.order_by("seq").values_list("kind", flat=True)) == [
        "started", "waiting", "offered",
    ]  # fmt: skip
    assert timers_sweep(now=message.created_at + dt.timedelta(seconds=10)) == 0
    again = custom_post(client, connector, custom_message("m1", "Is it open?"))
    assert again.json()["results"][0]["duplicate"] is True
    assert Message.objects.count() == Session.objects.count() == 1


def test_a_fault_that_stays_keeps_the_session_waiting_and_visible(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [RuntimeError("a fault") for _ in range(4)]
    Fault(monkeypatch, routing, "session_offer", *faults)
    receive(connector, written())
    for minute in (1, 3, 10):
        timers_sweep(now=moment(minute))
        assert Session.objects.get().wait_reason == "unrouted"
        assert Timer.objects.get().kind == "route"
    timers_sweep(now=moment(60))
    assert Session.objects.get().state == "offered"


def test_a_second_message_after_a_parked_one_joins_its_session(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as planted:
        Fault(planted, routing, "session_offer", RuntimeError("a fault"))
        receive(connector, written("m1"))
    receive(connector, written("m2"))
    assert Session.objects.get().unread == 2
    timers_sweep(now=moment(1))
    assert Session.objects.get().state == "offered"


# --- (c) as pending -----------------------------------------------------------------------


def test_what_fails_twice_is_kept_with_its_bytes_and_done_five_seconds_later(
    client: Client, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = custom_message("m1", "Is it open?")
    with monkeypatch.context() as planted:
        faults = [RuntimeError("first"), RuntimeError("second")]
        fault = Fault(planted, intake_apply, "_message_store", *faults)
        answer = custom_post(client, connector, body)
        assert fault.calls == 2
    assert answer.status_code == 200
    assert answer.json() == {
        "results": [{"message_id": None, "conversation_id": None, "duplicate": False}]
    }
    event = InboundEvent.objects.get()
    assert (event.state, event.error) == ("pending", "RuntimeError: first")
    assert json.loads(bytes(event.raw or b"")) == body
    assert event.pending_at == event.received_at + dt.timedelta(seconds=5)
    conversation = Conversation.objects.get()
    assert (conversation.has_pending, conversation.last_seq) == (True, 0)
    assert event.conversation == conversation
    assert not Message.objects.exists()
    # Delivered again meanwhile, it is known.
    again = custom_post(client, connector, body)
    assert again.json()["results"][0]["duplicate"] is True
    assert inbound_sweep(now=event.received_at + dt.timedelta(seconds=4)) == 0
    assert inbound_sweep(now=event.received_at + dt.timedelta(seconds=5)) == 1
    assert Message.objects.get().text == "Is it open?"
    assert Session.objects.get().state == "offered"
    event = InboundEvent.objects.get()
    conversation.refresh_from_db()
    assert (event.state, event.raw, event.pending_at, event.error) == ("done", None, None, "")
    assert conversation.has_pending is False
    assert inbound_sweep(now=event.received_at + dt.timedelta(hours=1)) == 0
    assert Message.objects.count() == 1


def test_a_failing_receiver_of_another_app_loses_nothing(connector: Connector) -> None:
    def on_message(**_values: Any) -> None:
        raise RuntimeError("a fault elsewhere")

    message_received.connect(on_message)
    try:
        assert receive(connector, written()).outcome == "pending"
    finally:
        message_received.disconnect(on_message)
    assert not Message.objects.exists()
    assert not Session.objects.exists()
    event = InboundEvent.objects.get()
    assert (event.state, event.error) == ("pending", "RuntimeError: a fault elsewhere")


def test_a_failing_receipt_is_kept_and_no_fault_of_the_delivery(
    client: Client, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = ConversationFactory(connector=connector, external_chat_id="u1")
    message = queued(conversation, state="sent", queued_at=None, external_id="out-1")
    with monkeypatch.context() as planted:
        Fault(planted, receipts, "message_state_forward", RuntimeError("a fault"))
        body = {"event": "status", "message_id": "out-1", "status": "read"}
        answer = custom_post(client, connector, body)
    assert answer.status_code == 200
    event = InboundEvent.objects.get()
    assert (event.state, event.conversation) == ("pending", None)
    inbound_sweep(now=event.received_at + dt.timedelta(seconds=5))
    message.refresh_from_db()
    assert message.state == "read"


def test_an_event_whose_conversation_cannot_be_stored_is_kept_without_it(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    Fault(monkeypatch, intake_apply, "_message_store", DataError("too long"), DataError("too long"))
    from channels_app.services import pending

    Fault(monkeypatch, pending, "_conversation_mark", DataError("too long"))
    assert receive(connector, written()).outcome == "pending"
    event = InboundEvent.objects.get()
    assert (event.state, event.conversation) == ("pending", None)


@pytest.mark.postgresql
def test_an_id_too_long_for_the_database_ends_as_a_visible_event(
    client: Client, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CustomDriver, "parse", lambda _driver, _raw: [written(chat_id="x" * 300)])
    assert custom_post(client, connector, {}).status_code == 200
    event = InboundEvent.objects.get()
    assert (event.state, event.conversation) == ("pending", None)
    assert event.error.startswith("DataError")


def test_one_failing_event_does_not_lose_its_neighbours(
    client: Client, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = intake_apply._message_store

    def store(*, event: Any, **values: Any) -> Any:
        if event.message_id == "m2":
            raise RuntimeError("a fault")
        return original(event=event, **values)

    monkeypatch.setattr(intake_apply, "_message_store", store)
    bodies = [custom_message(f"m{number}", user=f"u{number}") for number in (1, 2, 3)]
    answer = custom_post(client, connector, bodies)
    assert answer.status_code == 200
    assert [item["message_id"] is None for item in answer.json()["results"]] == [
        False, True, False,
    ]  # fmt: skip
    assert set(Message.objects.values_list("external_id", flat=True)) == {"m1", "m3"}
    assert dict(InboundEvent.objects.values_list("key", "state")) == {
        "message:m1": "done", "message:m2": "pending", "message:m3": "done",
    }  # fmt: skip
