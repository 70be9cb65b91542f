"""Waking workers: best effort, bounded, never in the way of an answer.

The rows in the database say what is to be done and sweeps find them; a wake-up only makes it
happen sooner. So every failure here is swallowed and counted.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from django.db import transaction

logger = logging.getLogger(__name__)

BREAKER_FAILURES = 3
BREAKER_SECONDS = 10.0
# A publish that took longer than this counts as a failure, although it succeeded.
SLOW_SECONDS = 1.0


class Breaker:
    """Stops asking a broker that is away, for `BREAKER_SECONDS` after each failed try."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until = 0.0
        self.skipped = 0

    def allows(self, *, clock: float) -> bool:
        with self._lock:
            if clock < self._open_until:
                self.skipped += 1
                return False
            return True

    def record(self, *, ok: bool, clock: float) -> None:
        with self._lock:
            if ok:
                self._failures = 0
                return
            self._failures += 1
            # A hung broker has cost its second already: one is enough. A refused one is quick.
            if self._failures >= BREAKER_FAILURES:
                self._open_until = clock + BREAKER_SECONDS

    def trip(self, *, clock: float) -> None:
        with self._lock:
            self._open_until = clock + BREAKER_SECONDS


breaker = Breaker()


def enqueue(task: Any, *args: Any, expires: float = 60.0) -> bool:
    """Send a task now, at most once and within about a second. Returns whether it was taken.

    `args` are ids: never customers' data, never a secret.
    """
    started = time.monotonic()
    if not breaker.allows(clock=started):
        return False
    try:
        task.apply_async(args=args, expires=expires, retry=False, ignore_result=True)
    except Exception as error:  # noqa: BLE001  the sweep does the work; nothing may stop the answer
        now = time.monotonic()
        if now - started >= SLOW_SECONDS:
            breaker.trip(clock=now)
        else:
            breaker.record(ok=False, clock=now)
        logger.warning("The broker did not take a wake-up: %s", type(error).__name__)
        return False
    now = time.monotonic()
    if now - started >= SLOW_SECONDS:
        breaker.trip(clock=now)
    else:
        breaker.record(ok=True, clock=now)
    return True


def enqueue_after_commit(task: Any, *args: Any, expires: float = 60.0) -> None:
    """Send a task when the transaction has committed; outside of one, at once."""

    def send() -> None:  # a plain function: a partial breaks Django's robust branch
        enqueue(task, *args, expires=expires)

    transaction.on_commit(send, robust=True)
