"""The database stops and comes back, web workers are killed: nothing is lost or doubled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.installation import (
    Cluster,
    Sender,
    Web,
    cluster,
    postgresql_programs,
    web,
)
from tests.flows.wire import custom_message

pytestmark = [
    pytest.mark.processes,
    pytest.mark.postgresql,
    pytest.mark.skipif(not postgresql_programs(), reason="needs initdb: apt install postgresql"),
]
ANSWER_SECONDS = 5.0


@pytest.fixture(scope="module")
def database() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture(scope="module")
def server(database: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    var: Path = tmp_path_factory.mktemp("var")
    with web(var, database.dsn) as running:
        yield running


def test_while_the_database_is_stopped_the_platform_is_asked_to_come_again(
    database: Cluster, server: Web
) -> None:
    # Both workers know the connector, and have a connection that is about to die.
    for number in range(8):
        assert server.deliver(custom_message(f"before-{number}", user="stopped"))[0] == 200
    stored = database.count("channels_app_message")
    database.stop()
    try:
        for _ in range(4):
            begun = time.monotonic()
            status, retry_after, body = server.deliver(custom_message("during", user="stopped"))
            assert (status, retry_after, body) == (503, "5", b"")
            assert time.monotonic() - begun < ANSWER_SECONDS
    finally:
        database.start()
    assert database.count("channels_app_message") == stored
    assert server.deliver(custom_message("during", user="stopped"))[0] == 200
    again = server.deliver(custom_message("during", user="stopped"))
    assert again[0] == 200
    assert b'"duplicate": true' in again[2]
    assert database.count("channels_app_message", "external_id = 'during'") == 1
    assert database.count("channels_app_message") == stored + 1
    assert database.count("queue_app_session") == 1


def all_is_there_once(database: Cluster, senders: list[Sender]) -> None:
    acknowledged = [message_id for sender in senders for message_id in sender.acknowledged]
    assert len(acknowledged) == sum(sender.events for sender in senders)
    names = ", ".join(f"'{sender.prefix}-%'" for sender in senders)
    ours = f"external_id LIKE ANY (ARRAY[{names}])"
    assert database.count("channels_app_message", ours) == len(acknowledged)
    # Each conversation has one open session, and its messages have no gaps.
    assert database.count("queue_app_session", "closed_at IS NULL") == database.count(
        "channels_app_conversation"
    )
    gaps = (
        "EXISTS (SELECT 1 FROM channels_app_conversation c WHERE c.last_seq <> "
        "(SELECT count(*) FROM channels_app_message m WHERE m.conversation_id = c.id))"
    )
    assert database.count("channels_app_conversation", gaps) == 0
    # Operators hold what was offered, counted once each.
    held = "state IN ('offered', 'active')"
    assert database.count("queue_app_session", held) == database.count(
        "queue_app_assignment", "ended_at IS NULL"
    )
    for sender in senders:
        assert set(sender.answers) <= {0, 200, 503}, sender.answers


def run_under(senders: list[Sender], fault: object, *, every_seconds: float) -> int:
    """Start the senders and do harm until they have delivered everything."""
    assert callable(fault)
    for sender in senders:
        sender.start()
    harms = 0
    end = time.monotonic() + 120
    while any(sender.is_alive() for sender in senders):
        assert time.monotonic() < end, [sender.answers for sender in senders]
        time.sleep(every_seconds)
        if harms < 3:
            fault()
            harms += 1
    for sender in senders:
        sender.join(10)
    return harms


def test_restarts_under_load_lose_and_double_nothing(database: Cluster, server: Web) -> None:
    def crash() -> None:
        database.stop()
        time.sleep(0.5)
        database.start()

    senders = [Sender(server, f"crash{number}", events=60) for number in range(3)]
    assert run_under(senders, crash, every_seconds=0.5) > 0
    assert any(sender.answers[503] for sender in senders), "the database was never missed"
    all_is_there_once(database, senders)


def test_killed_web_workers_lose_and_double_nothing(database: Cluster, server: Web) -> None:
    senders = [Sender(server, f"kill{number}", events=60) for number in range(3)]
    assert run_under(senders, server.kill_a_worker, every_seconds=0.4) > 0
    all_is_there_once(database, senders)
