"""Probes and metrics: right numbers, and nothing for strangers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from channels_app.models import (
    Attachment,
    AttachmentState,
    Connector,
    Conversation,
    Direction,
    EventState,
    InboundEvent,
    Message,
    MessageState,
    OpenChannel,
)
from openlines_project import health
from queue_app.models import Session, SessionState, Timer, TimerKind, Turn

TOKEN = "a-token-for-metrics"


def away(*_arguments: Any, **_options: Any) -> None:
    raise OperationalError("planted")


def test_the_process_says_it_lives_without_asking_the_database(client: Client) -> None:
    # No database mark: a query would fail the test.
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_it_is_ready_when_the_database_is_up_to_date(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ready"}


@pytest.mark.django_db
def test_it_is_not_ready_without_the_database(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "cursor", away)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "database": "away"}


@pytest.mark.django_db
def test_it_is_not_ready_while_a_migration_waits(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_migrated", False)
    monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda *_: ["0001"])
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "database": "not migrated"}


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_only_read(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405


@pytest.mark.django_db
def test_metrics_are_there_for_this_machine(client: Client) -> None:
    answer = client.get("/metrics", REMOTE_ADDR="127.0.0.1")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    "headers",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"REMOTE_ADDR": ""},
        # Came through a proxy on this machine: the loopback address is the proxy's.
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=127.0.0.1"},
        {"REMOTE_ADDR": "192.0.2.7", "HTTP_AUTHORIZATION": "Bearer wrong"},
    ],
)
def test_metrics_are_not_there_for_strangers(
    client: Client, settings: Settings, headers: dict[str, str]
) -> None:
    settings.METRICS_TOKEN = TOKEN
    answer = client.get("/metrics", **headers)  # type: ignore[arg-type]
    assert answer.status_code == 404
    assert b"openlines" not in answer.content


@pytest.mark.django_db
def test_metrics_are_there_for_who_knows_the_token(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN
    answer = client.get("/metrics", REMOTE_ADDR="192.0.2.7", HTTP_AUTHORIZATION=f"Bearer {TOKEN}")
    assert answer.status_code == 200


def test_an_empty_token_opens_nothing(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = ""
    answer = client.get("/metrics", REMOTE_ADDR="192.0.2.7", HTTP_AUTHORIZATION="Bearer ")
    assert answer.status_code == 404


@pytest.mark.django_db
def test_metrics_say_that_the_database_is_away(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "database_now", away)
    answer = client.get("/metrics")
    assert answer.status_code == 503
    assert answer.content == b"openlines_up 0\n"


def work_make(now: datetime) -> None:
    """One of everything that can wait, each with another age, and one of each that does not."""
    line = OpenChannel.objects.create(name="Line")
    connector = Connector.objects.create(open_channel=line, kind="custom")
    chats = [
        Conversation.objects.create(
            connector=connector, external_chat_id=str(number), created_at=now, changed_at=now
        )
        for number in range(2)
    ]
    out: dict[str, Any] = {
        "version": 1,
        "conversation": chats[0],
        "direction": Direction.OUT,
        "created_at": now,
        "kind": "text",
    }
    message = Message.objects.create(
        **out, seq=1, state=MessageState.QUEUED, queued_at=now - timedelta(seconds=70)
    )
    Message.objects.create(**out, seq=2, state=MessageState.SENT)
    event: dict[str, Any] = {"connector": connector, "received_at": now - timedelta(seconds=50)}
    InboundEvent.objects.create(
        **event, key="a", state=EventState.PENDING, raw=b"{}", pending_at=now
    )
    InboundEvent.objects.create(**event, key="b", state=EventState.DEAD, raw=b"{}")
    InboundEvent.objects.create(**event, key="c", state=EventState.DONE)
    common: dict[str, Any] = {"open_channel": line, "turn": Turn.OPERATOR}
    session = Session.objects.create(
        **common,
        conversation=chats[0],
        state=SessionState.WAITING,
        started_at=now - timedelta(seconds=90),
    )
    closed = Session.objects.create(
        **common, conversation=chats[1], state=SessionState.CLOSED, started_at=now, closed_at=now
    )
    Timer.objects.create(
        session=session, kind=TimerKind.RESPONSE, due_at=now - timedelta(seconds=30)
    )
    Timer.objects.create(session=closed, kind=TimerKind.ROUTE, due_at=now - timedelta(seconds=5))
    Attachment.objects.create(
        message=message, type="image", state=AttachmentState.PENDING, pending_at=now
    )


@pytest.mark.django_db
def test_metrics_count_what_waits_and_since_when() -> None:
    now = timezone.now()
    work_make(now)
    assert {gauge.name: gauge.value for gauge in health.gauges(now=now)} == {
        "outbox_messages": 1,
        "outbox_oldest_seconds": 70.0,
        "inbound_pending_events": 1,
        "inbound_pending_oldest_seconds": 50.0,
        "inbound_dead_events": 1,
        "timers_late": 1,
        "timers_latest_seconds": 30.0,
        "sessions_waiting": 1,
        "sessions_waiting_oldest_seconds": 90.0,
        "attachments_pending": 1,
    }


@pytest.mark.django_db
def test_an_idle_installation_counts_nothing(client: Client) -> None:
    lines = client.get("/metrics").content.decode().splitlines()
    assert lines[0] == "openlines_up 1"
    values = [line.rsplit(" ", 1)[1] for line in lines[1:] if not line.startswith("#")]
    assert values == ["0"] * 10


@pytest.mark.django_db
def test_a_long_queue_is_counted_only_to_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "COUNT_LIMIT", 1)
    now = timezone.now()
    work_make(now)
    Message.objects.filter(queued_at=None).update(queued_at=now)
    assert {g.name: g.value for g in health.gauges(now=now)}["outbox_messages"] == 1
