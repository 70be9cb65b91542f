"""What cannot be stored at all: the platform is asked to come again, and then it counts once."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from channels_app.models import Connector, InboundEvent, Message
from channels_app.services import intake, intake_apply
from channels_app.services.intake import delivery_receive, event_replay
from queue_app.models import Session
from queue_app.services import routing
from tests.channels_app.services.faults import (
    Fault,
    busy,
    lock_timeout,
    nothing_is_there,
    operational,
)
from tests.channels_app.services.outside import receive, written
from tests.factories import (
    ConnectorFactory,
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
