"""The bell and the hub, without a page: functions stand in for the database's answers."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import Awaitable, Callable, Collection, Iterator

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, transaction

from openlines_project.lib import live
from openlines_project.lib.live import Hub, event_text, ring, ring_after_commit

WAIT = 5.0


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "COALESCE_SECONDS", 0.02)
    monkeypatch.setattr(live, "POLL_SECONDS", 0.02)


@pytest.fixture
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub's thread closes old connections: there are none."""
    monkeypatch.setattr(live, "close_old_connections", lambda: None)
    monkeypatch.setattr(live, "has_notify", lambda: False)


class World:
    """What the database would say."""

    def __init__(self) -> None:
        self.changed: list[tuple[int, int]] = []
        self.visible: dict[int, set[int]] = {}
        self.is_away = False
        self.asked_visible = 0
        self.hub = Hub(changed_since=self.changed_since, visible_ids=self.visible_ids)

    def changed_since(self, moment: dt.datetime) -> list[tuple[int, int]]:
        if self.is_away:
            raise ConnectionError
        return list(self.changed)

    def visible_ids(self, user_id: int, ids: Collection[int]) -> set[int]:
        self.asked_visible += 1
        if self.is_away:
            raise ConnectionError
        return self.visible.get(user_id, set()) & set(ids)


def play(story: Callable[[], Awaitable[None]]) -> None:
    async def with_an_end() -> None:
        async with asyncio.timeout(30):
            await story()

    async_to_sync(with_an_end)()


@pytest.mark.usefixtures("no_database")
def test_a_hint_reaches_those_who_may_see_the_conversation() -> None:
    world = World()
    world.visible = {1: {7}, 2: {8}}

    async def story() -> None:
        async with world.hub.subscribe(1) as mine, world.hub.subscribe(2) as other:
            ring(7, 3)
            assert await mine.wait(WAIT) == [(7, 3)]
            ring(8, 1)
            assert await other.wait(WAIT) == [(8, 1)]
            assert await mine.wait(0.1) == []

    play(story)


@pytest.mark.usefixtures("no_database")
def test_hints_that_come_together_are_told_together_with_their_newest_version() -> None:
    world = World()
    world.visible = {1: {7, 8}}

    async def story() -> None:
        async with world.hub.subscribe(1) as page:
            for version in (1, 2, 3):
                ring(7, version)
            ring(8, 5)
            assert await page.wait(WAIT) == [(7, 3), (8, 5)]
            ring(7, 2)  # an older one says nothing new
            assert await page.wait(0.1) == []
        assert world.asked_visible == 1

    play(story)


@pytest.mark.usefixtures("no_database")
def test_without_a_bell_the_database_is_asked_and_everything_told_once() -> None:
    world = World()
    world.visible = {1: {7}}

    async def story() -> None:
        async with world.hub.subscribe(1) as page:
            world.changed = [(7, 1)]
            assert await page.wait(WAIT) == [(7, 1)]
            assert await page.wait(0.2) == []
            world.changed = [(7, 2)]
            assert await page.wait(WAIT) == [(7, 2)]

    play(story)


@pytest.mark.usefixtures("no_database")
def test_a_bell_rung_in_another_thread_is_heard() -> None:
    world = World()
    world.visible = {1: {7}}

    async def story() -> None:
        async with world.hub.subscribe(1) as page:
            await asyncio.sleep(0)
            thread = threading.Thread(target=ring, args=(7, 1))
            thread.start()
            assert await page.wait(WAIT) == [(7, 1)]
            thread.join()

    play(story)


@pytest.mark.usefixtures("no_database")
def test_what_could_not_be_told_while_the_database_was_away_is_told_later() -> None:
    world = World()
    world.visible = {1: {7}}

    async def story() -> None:
        async with world.hub.subscribe(1) as page:
            world.is_away = True
            ring(7, 1)
            assert await page.wait(0.2) == []
            world.is_away = False
            assert await page.wait(WAIT) == [(7, 1)]

    play(story)


@pytest.mark.usefixtures("no_database")
def test_a_page_that_takes_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "STALL_SECONDS", 0.05)
    world = World()
    world.visible = {1: {7}, 2: {7}}

    async def stuck() -> None:
        async with world.hub.subscribe(2):
            await asyncio.sleep(60)  # as a client that reads no more

    async def story() -> None:
        async with world.hub.subscribe(1) as page:
            task = asyncio.create_task(stuck())
            await asyncio.sleep(0)
            ring(7, 1)
            assert await page.wait(WAIT) == [(7, 1)]
            with pytest.raises(asyncio.CancelledError):
                await task
            ring(7, 2)
            assert await page.wait(WAIT) == [(7, 2)]

    play(story)


@pytest.mark.usefixtures("no_database")
def test_the_hub_rests_when_nobody_listens_and_starts_again() -> None:
    world = World()
    world.visible = {1: {7}}

    async def story() -> None:
        for version in (1, 2):
            async with world.hub.subscribe(1) as page:
                ring(7, version)
                assert await page.wait(WAIT) == [(7, version)]
            assert not live._listeners
            runners = [task for task in asyncio.all_tasks() if task.get_name() == "live hub"]
            await asyncio.gather(*runners, return_exceptions=True)
            assert all(task.cancelled() for task in runners)

    play(story)


def test_an_event_is_one_line_of_json() -> None:
    assert event_text("hint", [(1, 2)]) == b"event: hint\ndata: [[1,2]]\n\n"


@pytest.fixture
def heard() -> Iterator[list[tuple[int, int]]]:
    notes: list[tuple[int, int]] = []

    def note(conversation_id: int, version: int) -> None:
        notes.append((conversation_id, version))

    live._listeners.add(note)
    yield notes
    live._listeners.discard(note)


@pytest.mark.django_db(transaction=True)
def test_the_bell_rings_after_the_commit_and_not_without_one(
    heard: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "has_notify", lambda: False)
    with transaction.atomic():
        ring_after_commit(7, 1)
        assert heard == []
    assert heard == [(7, 1)]
    with transaction.atomic():
        ring_after_commit(7, 2)
        transaction.set_rollback(True)
    assert heard == [(7, 1)]


@pytest.mark.django_db(transaction=True)
def test_a_bell_that_cannot_ring_hurts_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(conversation_id: int, version: int) -> None:
        raise RuntimeError("no bell")

    monkeypatch.setattr(live, "ring", broken)
    with transaction.atomic():
        ring_after_commit(7, 1)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_another_process_is_heard_by_notify_and_again_after_the_bell_broke(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "SAFETY_SECONDS", 0.2)
    world = World()  # asking the database tells nothing here: only the bell does
    world.visible = {1: {7}}

    def bells() -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                " AND query IN ('LISTEN openlines', 'SELECT 1')"
                " AND pid <> pg_backend_pid()"
            )
            return [row[0] for row in cursor.fetchall()]

    def cut() -> None:
        with connection.cursor() as cursor:
            for pid in bells():
                cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        connection.close()

    async def until_listening(page: live.Subscription, version: int) -> list[tuple[int, int]]:
        for _ in range(100):
            await asyncio.to_thread(rung, version)
            if hints := await page.wait(0.1):
                return hints
        return []

    def rung(version: int) -> None:
        ring(7, version)
        connection.close()

    async def story() -> None:
        async with world.hub.subscribe(1) as page:
            assert await until_listening(page, 1) == [(7, 1)]
            await asyncio.to_thread(cut)
            assert await until_listening(page, 2) == [(7, 2)]

    play(story)
