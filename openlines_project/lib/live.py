"""Live updates: a bell that says which conversation changed, and the hub that tells open pages.

A hint is `(conversation id, version)` and nothing else: the page asks for what it may see. Hints
may come twice or be lost, so a page also asks again after every (re)connect; a lost hint costs
seconds, never a message.

The bell is NOTIFY on PostgreSQL and a call inside the process otherwise. It rings after the
commit: inside a transaction NOTIFY would make commits wait for each other. Without a bell (SQLite
with several processes) the hub asks the database each second.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import psycopg
from django.db import close_old_connections, connection, connections, transaction
from django.utils import timezone

logger = logging.getLogger(__name__)

CHANNEL = "openlines"
# Hints that come close together are told together.
COALESCE_SECONDS = 0.2
POLL_SECONDS = 1.0
# With a bell the database is asked too, now and then: a process may die before it rings.
SAFETY_SECONDS = 15.0
# Longer than the longest transaction allowed, so that a late commit is still found.
LOOK_BACK_SECONDS = 40
# A page that takes nothing for so long is dropped; it will come back and ask again.
STALL_SECONDS = 30.0
MAX_REMEMBERED = 5000

Hints = dict[int, int]
ChangedSince = Callable[[dt.datetime], Iterable[tuple[int, int]]]
VisibleIds = Callable[[int, Collection[int]], Collection[int]]
Listener = Callable[[int, int], None]
Result = TypeVar("Result")

# Hubs of this process, for a bell without PostgreSQL. Called from any thread.
_listeners: set[Listener] = set()


def ring_after_commit(conversation_id: int, version: int) -> None:
    """Tell open pages of this change once it is committed; outside a transaction, at once.

    Best effort: a failure is logged and changes nothing for the caller.
    """

    def ring_now() -> None:  # a plain function: a partial breaks Django's robust branch
        ring(conversation_id, version)

    transaction.on_commit(ring_now, robust=True)


def has_notify() -> bool:
    """Whether the database carries the bell to other processes."""
    return connection.vendor == "postgresql"


def ring(conversation_id: int, version: int) -> None:
    """Tell open pages of a committed change. Raises what the database raises."""
    if has_notify():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, f"{conversation_id}:{version}"])
        return
    for listener in tuple(_listeners):
        listener(conversation_id, version)


class Subscription:
    """One open page's share of the hints. Made by `Hub.subscribe`."""

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        self._hints: Hints = {}
        self._ready = asyncio.Event()
        self._waiting_since: float | None = None
        self._task = asyncio.current_task()

    async def wait(self, seconds: float) -> list[tuple[int, int]]:
        """The hints of the next `seconds`, as soon as there are any; empty when there are none."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ready.wait()
        hints, self._hints = self._hints, {}
        self._ready.clear()
        self._waiting_since = None
        return sorted(hints.items())

    def add(self, hints: Hints) -> None:
        if not hints:
            return
        self._hints |= hints
        self._ready.set()
        if self._waiting_since is None:
            self._waiting_since = time.monotonic()

    def drop_if_stalled(self) -> None:
        """End the page's request when it has taken nothing for `STALL_SECONDS`."""
        since = self._waiting_since
        if since is not None and time.monotonic() - since > STALL_SECONDS and self._task:
            self._task.cancel()


class Hub:
    """Hears the bell once per process and tells every open page what its reader may know.

    `changed_since(moment)` gives the conversations changed at or after it, with their versions;
    `visible_ids(user_id, ids)` those of `ids` this user may see. Both run in the hub's one
    thread. The hub works while somebody is subscribed, and holds nothing open otherwise.
    """

    def __init__(self, *, changed_since: ChangedSince, visible_ids: VisibleIds) -> None:
        self._changed_since = changed_since
        self._visible_ids = visible_ids
        self._subscriptions: set[Subscription] = set()
        self._pending: Hints = {}
        self._told: dict[int, tuple[int, float]] = {}
        self._bell_works = False
        self._wake = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._listener: Listener = self._hear

    @asynccontextmanager
    async def subscribe(self, user_id: int) -> AsyncIterator[Subscription]:
        """A subscription for as long as the context is open."""
        subscription = Subscription(user_id)
        self._subscriptions.add(subscription)
        self._start()
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
            if not self._subscriptions:
                self._stop()

    async def in_thread(self, function: Callable[..., Result], *args: Any) -> Result:
        """Run a function that asks the database in the hub's thread. Needs a subscription."""
        if self._thread is None:
            raise RuntimeError("The hub is not running.")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, _with_database, function, *args)

    # --- running -----------------------------------------------------------------------

    def _start(self) -> None:
        if self._runner is not None:
            return
        loop = asyncio.get_running_loop()

        def hear_from_thread(conversation_id: int, version: int) -> None:
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(self._hear, conversation_id, version)

        self._pending, self._told, self._bell_works = {}, {}, False
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="live")
        self._listener = hear_from_thread
        _listeners.add(hear_from_thread)
        self._runner = loop.create_task(self._run(), name="live hub")

    def _stop(self) -> None:
        if self._runner is None or self._thread is None:
            return
        self._runner.cancel()
        _listeners.discard(self._listener)
        self._thread.submit(connections.close_all)
        self._thread.shutdown(wait=False)
        self._runner = self._thread = None

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._look_on())
                    group.create_task(self._deliver_on())
                    if has_notify():
                        group.create_task(self._listen_on())
            except* Exception:
                logger.exception("The live hub failed and starts again.")
            await asyncio.sleep(POLL_SECONDS)

    def _hear(self, conversation_id: int, version: int) -> None:
        told, _ = self._told.get(conversation_id, (0, 0.0))
        if version <= told:
            return
        self._told[conversation_id] = version, time.monotonic()
        self._pending[conversation_id] = version
        self._wake.set()

    # --- hearing -----------------------------------------------------------------------

    async def _look_on(self) -> None:
        """Ask the database: each second without a bell, now and then with one."""
        looked_at = 0.0
        while True:
            pause = SAFETY_SECONDS if self._bell_works else POLL_SECONDS
            if time.monotonic() - looked_at >= pause:
                looked_at = time.monotonic()
                await self._look()
            for subscription in tuple(self._subscriptions):
                subscription.drop_if_stalled()
            await asyncio.sleep(POLL_SECONDS)

    async def _look(self) -> None:
        since = timezone.now() - dt.timedelta(seconds=LOOK_BACK_SECONDS)
        try:
            changed = await self.in_thread(_listed, self._changed_since, since)
        except Exception as error:  # noqa: BLE001  the database is away: the next look will tell
            logger.warning("Live updates: the database did not answer: %s", type(error).__name__)
            return
        for conversation_id, version in changed:
            self._hear(conversation_id, version)
        if len(self._told) > MAX_REMEMBERED:
            old = time.monotonic() - 3 * LOOK_BACK_SECONDS
            self._told = {key: value for key, value in self._told.items() if value[1] > old}

    async def _listen_on(self) -> None:
        """Keep a LISTEN connection open; while it is away `_look_on` asks each second."""
        pause = 1.0
        while True:
            try:
                bell = await psycopg.AsyncConnection.connect(**_connect_args(), autocommit=True)
                async with bell:
                    await bell.execute(f"LISTEN {CHANNEL}")
                    self._bell_works, pause = True, 1.0
                    # What was committed before LISTEN took effect rang unheard.
                    await self._look()
                    while True:
                        async for notify in bell.notifies(timeout=SAFETY_SECONDS):
                            self._hear_payload(notify.payload)
                        await bell.execute("SELECT 1")  # a connection that died in silence
            except (psycopg.Error, OSError) as error:
                logger.warning("Live updates: the bell is away: %s", type(error).__name__)
            finally:
                self._bell_works = False
            await asyncio.sleep(pause)
            pause = min(2 * pause, 10.0)

    def _hear_payload(self, payload: str) -> None:
        conversation_id, _, version = payload.partition(":")
        if conversation_id.isdecimal() and version.isdecimal():
            self._hear(int(conversation_id), int(version))

    # --- telling -----------------------------------------------------------------------

    async def _deliver_on(self) -> None:
        # A slow round makes the next batch larger, not the queue longer.
        while True:
            await self._wake.wait()
            await asyncio.sleep(COALESCE_SECONDS)
            self._wake.clear()
            batch, self._pending = self._pending, {}
            try:
                await self._deliver(batch)
            except Exception as error:  # noqa: BLE001  the database is away: tell them later
                logger.warning("Live updates are late: %s", type(error).__name__)
                self._pending = batch | self._pending
                await asyncio.sleep(POLL_SECONDS)
                self._wake.set()

    async def _deliver(self, batch: Hints) -> None:
        for user_id in {subscription.user_id for subscription in self._subscriptions}:
            visible = await self.in_thread(self._visible_ids, user_id, list(batch))
            hints = {key: batch[key] for key in visible}
            for subscription in tuple(self._subscriptions):
                if subscription.user_id == user_id:
                    subscription.add(hints)


def event_text(event: str, data: Any) -> bytes:
    """One event of a text/event-stream; `data` as JSON."""
    return f"event: {event}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def _with_database(function: Callable[..., Result], *args: Any) -> Result:
    """Outside a request nobody else closes connections that are too old or broken."""
    close_old_connections()
    try:
        return function(*args)
    finally:
        close_old_connections()


def _listed(changed_since: ChangedSince, since: dt.datetime) -> list[tuple[int, int]]:
    return list(changed_since(since))


def _connect_args() -> dict[str, Any]:
    """How Django connects, without what is Django's own."""
    own = {"cursor_factory", "context", "prepare_threshold"}
    params = connection.get_connection_params()
    return {key: value for key, value in params.items() if key not in own}
