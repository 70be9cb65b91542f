"""What keeps a message when something fails: once more, without the routing, as pending, or 503."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Callable
from typing import Any

import psycopg.errors
import pytest
from django.db import DataError, OperationalError, connection
from django.test import Client

from channels_app.drivers.custom import CustomDriver
from channels_app.models import Connector, Conversation, InboundEvent, Message
from channels_app.services import intake, intake_apply, receipts
from channels_app.services.intake import delivery_receive, event_replay
from channels_app.services.pending import inbound_sweep
from channels_app.signals import message_received
from queue_app.models import Session, SessionEvent, Timer
from queue_app.services import routing
from queue_app.services.timers import timers_sweep
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


class Fault:
    """Put in the place of a function: raises the planted errors, then works as before."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *errors: Exception
    ) -> None:
        self.calls = 0
        errors_left = list(errors)
        original: Callable[..., Any] = getattr(module, name)

        def faulty(*arguments: Any, **options: Any) -> Any:
            self.calls += 1
            if errors_left:
                raise errors_left.pop(0)
            return original(*arguments, **options)

        monkeypatch.setattr(module, name, faulty)


def operational(cause: Exception) -> OperationalError:
    error = OperationalError(str(cause))
    error.__cause__ = cause
    return error


def deadlock() -> OperationalError:
    return operational(psycopg.errors.DeadlockDetected("deadlock detected"))


def lock_timeout() -> OperationalError:
    return operational(psycopg.errors.LockNotAvailable("canceling statement due to lock timeout"))


def nothing_is_there() -> None:
    for model in (Conversation, Message, Session, InboundEvent, Timer):
        assert not model.objects.exists(), model


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
    assert list(Timer.objects.values_list("kind", flat=True)) == ["response"]
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


# --- 503 ----------------------------------------------------------------------------------


def test_when_nothing_commits_the_platform_is_asked_to_come_again(
    client: Client, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as planted:
        full = operational(sqlite3.OperationalError("database or disk is full"))
        Fault(planted, intake, "event_key_insert", full)
        from channels_app.services import pending

        Fault(planted, pending, "event_key_insert", full)
        answer = custom_post(client, connector, custom_message("m1"))
    assert (answer.status_code, answer.headers["Retry-After"], answer.content) == (503, "5", b"")
    nothing_is_there()
    assert custom_post(client, connector, custom_message("m1")).status_code == 200
    assert Message.objects.count() == Session.objects.count() == 1


def test_behind_a_held_lock_the_fall_backs_are_not_even_tried(
    client: Client, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = Fault(monkeypatch, intake_apply, "_message_store", lock_timeout(), lock_timeout())
    answer = custom_post(client, connector, custom_message("m1"))
    assert answer.status_code == 503
    assert fault.calls == 1
    nothing_is_there()


def busy() -> OperationalError:
    cause = sqlite3.OperationalError("database is locked")
    cause.sqlite_errorname = "SQLITE_BUSY"
    return operational(cause)


def test_a_busy_sqlite_is_waited_for_once(
    client: Client, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = Fault(monkeypatch, intake, "event_key_insert", busy(), busy())
    assert custom_post(client, connector, custom_message("m1")).status_code == 503
    assert fault.calls == 1
    nothing_is_there()


def test_in_a_delivery_of_many_the_saved_ones_are_duplicates_next_time(
    client: Client, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = [custom_message(f"m{number}", user=f"u{number}") for number in (1, 2, 3)]
    original = intake_apply._message_store
    with monkeypatch.context() as planted:

        def store(*, event: Any, **values: Any) -> Any:
            if event.message_id == "m2":
                raise lock_timeout()
            return original(event=event, **values)

        planted.setattr(intake_apply, "_message_store", store)
        answer = custom_post(client, connector, bodies)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert set(Message.objects.values_list("external_id", flat=True)) == {"m1", "m3"}
    again = custom_post(client, connector, bodies)
    assert [item["duplicate"] for item in again.json()["results"]] == [True, False, True]
    assert Message.objects.count() == Session.objects.count() == 3


def test_what_follows_an_unsaved_message_in_its_chat_waits_for_it(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = json.dumps([custom_message("m1", "one"), custom_message("m2", "two")]).encode()
    with monkeypatch.context() as planted:
        Fault(planted, intake_apply, "_message_store", lock_timeout())
        outcomes = delivery_receive(connector=connector, raw=raw, now=moment())
    assert [(item.key, item.outcome) for item in outcomes] == [
        ("message:m1", "unsaved"), ("message:m2", "unsaved"),
    ]  # fmt: skip
    nothing_is_there()
    delivery_receive(connector=connector, raw=raw, now=moment())
    assert list(Message.objects.order_by("seq").values_list("text", flat=True)) == ["one", "two"]


def test_a_long_delivery_stops_trying_when_nothing_can_be_saved(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "SAVING_SECONDS", 0.0)
    fault = Fault(monkeypatch, intake_apply, "_message_store", *[lock_timeout() for _ in range(50)])
    bodies = [custom_message(f"m{number}", user=f"u{number}") for number in range(50)]
    outcomes = delivery_receive(connector=connector, raw=json.dumps(bodies).encode(), now=moment())
    assert {item.outcome for item in outcomes} == {"unsaved"}
    assert len(outcomes) == 50
    assert fault.calls == 1


def test_a_database_that_is_away_is_noticed_after_one_try(
    client: Client, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    custom_post(client, connector, custom_message("m0"))  # the connector is cached
    calls = []

    def ensure_connection() -> None:
        calls.append(1)
        raise OperationalError("connection refused")

    with monkeypatch.context() as planted:
        planted.setattr(connection, "ensure_connection", ensure_connection)
        answer = custom_post(client, connector, custom_message("m1"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert len(calls) == 1
    assert custom_post(client, connector, custom_message("m1")).status_code == 200
    assert Message.objects.count() == 2


def test_an_unsaved_replay_stays_to_be_replayed(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector.status = "disabled"
    delivery_receive(
        connector=connector, raw=json.dumps(custom_message("m1")).encode(), now=moment()
    )
    event = InboundEvent.objects.get()
    with monkeypatch.context() as planted:
        Fault(planted, intake_apply, "_message_store", lock_timeout())
        assert event_replay(inbound_event=event, now=moment()).outcome == "unsaved"
    event.refresh_from_db()
    assert event.state == "ignored"
    assert event.raw is not None
    assert event_replay(inbound_event=event, now=moment()).outcome == "done"


# --- field errors -------------------------------------------------------------------------


def test_wrong_fields_of_a_custom_channel_are_named_and_nothing_is_stored(
    client: Client, connector: Connector
) -> None:
    good, bad = custom_message("m1"), {"event": "message", "external_user": {"id": "u1"}}
    answer = custom_post(client, connector, [good, bad])
    assert answer.status_code == 422
    assert answer.json() == {
        "code": "invalid",
        "detail": "The delivery has wrong fields.",
        "fields": {"1": {"message": ["This object is missing."]}},
    }
    nothing_is_there()


# --- a lost connection, for real ----------------------------------------------------------


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_breaks_in_the_middle_is_opened_anew(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    original: Callable[..., Any] = vars(routing)["session_offer"]
    killed: list[int] = []

    def offer(**values: Any) -> Any:
        if not killed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                killed.append(cursor.fetchone()[0])
                other = connection.copy()
                with other.cursor() as outside:
                    outside.execute("SELECT pg_terminate_backend(%s)", killed)
                other.close()
        return original(**values)

    monkeypatch.setattr(routing, "session_offer", offer)
    assert receive(connector, written()).outcome == "done"
    assert Message.objects.count() == 1
    assert Session.objects.get().state == "offered"


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_somebody_holding_the_conversation_makes_it_503_and_the_repeat_works(
    client: Client, connector: Connector
) -> None:
    custom_post(client, connector, custom_message("m0"))
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT 1 FROM channels_app_conversation FOR UPDATE")
            with connection.cursor() as ours:
                ours.execute("SET lock_timeout = 200")
            answer = custom_post(client, connector, custom_message("m1"))
            assert answer.status_code == 503
            assert Message.objects.count() == 1
            cursor.execute("ROLLBACK")
    finally:
        other.close()
        connection.close()
    assert custom_post(client, connector, custom_message("m1")).status_code == 200
    assert Message.objects.count() == 2
