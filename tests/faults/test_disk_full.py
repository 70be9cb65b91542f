"""No room on the disk: 503 and no half state; when there is room again, one effect."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from channels_app.models import Connector, InboundEvent, Message
from channels_app.services.pending import inbound_sweep
from queue_app.models import Session, SessionEvent, Timer
from tests.factories import ConnectorFactory, OpenChannelFactory, OperatorFactory
from tests.flows.wire import custom_message, custom_post

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's own limit is used"),
]
MANY = 2_000_000_000


@pytest.fixture
def connector() -> Connector:
    line = OpenChannelFactory(operators=[OperatorFactory()])
    connector: Connector = ConnectorFactory(open_channel=line)
    return connector


def pragma(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {statement}")
        row = cursor.fetchone()
    return int(row[0]) if row else 0


@contextmanager
def no_more_room() -> Iterator[None]:
    """The database may not grow any more."""
    try:
        # A smaller number than there are pages means just those.
        pragma("max_page_count = 1")
        yield
    finally:
        pragma(f"max_page_count = {MANY}")


def half_states() -> list[str]:
    """What would be half of an event."""
    found = []
    if Message.objects.count() != InboundEvent.objects.filter(state="done").count():
        found.append("a key without its message")
    if Session.objects.count() != SessionEvent.objects.filter(kind="started").count():
        found.append("a session without its history")
    offered = Session.objects.filter(state="offered").count()
    if Timer.objects.filter(kind="response").count() != offered:
        found.append("an offer without its deadline")
    return found


def test_a_full_disk_is_503_and_the_repeat_has_one_effect(
    client: Client, connector: Connector
) -> None:
    stored: list[str] = []
    refused = ""
    with no_more_room():
        for number in range(2000):
            name = f"m{number}"
            body = custom_message(name, "x" * 2000, user=f"u{number}")
            answer = custom_post(client, connector, body)
            if answer.status_code != 200:
                assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
                refused = name
                break
            stored.append(name)
        assert refused, "the disk never became full"
        # It stays so, and reading still works.
        assert custom_post(client, connector, body).status_code == 503
        assert half_states() == []
        # What was answered 2xx is stored; one whose routing had no room may be kept for later.
        keys = InboundEvent.objects.values_list("key", flat=True)
        assert set(keys) == {f"message:{name}" for name in stored}
    answer = custom_post(client, connector, body)
    assert answer.status_code == 200
    assert answer.json()["results"][0]["duplicate"] is False
    assert custom_post(client, connector, body).json()["results"][0]["duplicate"] is True
    inbound_sweep(now=timezone.now() + dt.timedelta(seconds=10))
    messages = Message.objects.filter(direction="in").values_list("external_id", flat=True)
    assert sorted(map(str, messages)) == sorted([*stored, refused])
    assert Session.objects.count() == len(stored) + 1
    assert half_states() == []


def test_a_read_only_database_is_503_and_the_repeat_has_one_effect(
    client: Client, connector: Connector
) -> None:
    bodies = [custom_message(f"m{number}", user=f"u{number}") for number in range(5)]
    pragma("query_only = ON")
    try:
        answer = custom_post(client, connector, bodies)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert not InboundEvent.objects.exists()
    finally:
        pragma("query_only = OFF")
    answer = custom_post(client, connector, bodies)
    assert [item["duplicate"] for item in answer.json()["results"]] == [False] * 5
    assert Message.objects.count() == 5
    assert half_states() == []


def test_what_cannot_be_read_is_503_as_well_when_it_cannot_be_kept(
    client: Client, connector: Connector
) -> None:
    Connector.objects.update(status="disabled")
    raw = json.dumps(custom_message("m1")).encode()
    pragma("query_only = ON")
    try:
        assert custom_post(client, connector, raw).status_code == 503
    finally:
        pragma("query_only = OFF")
    assert custom_post(client, connector, raw).status_code == 200
    assert InboundEvent.objects.get().state == "ignored"
