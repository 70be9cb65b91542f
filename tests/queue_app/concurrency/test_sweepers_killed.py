"""Three sweeper processes on one database: one is killed in the middle of a batch, one is frozen.

Every deadline has its effect once, none is early, and what the lost one had in its hands is done
by the others. The long run: `-m slow -s` prints how late the effects came.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkProcess
from typing import Any

import pytest
from django.db import connection, connections

from openlines_project.lib.clock import database_now
from queue_app.services import timers
from tests.queue_app.concurrency.crowd import PATIENCE_SECONDS
from tests.queue_app.concurrency.deadline_story import (
    EFFECTS,
    Deadline,
    Log,
    claims_without_their_check,
    deadlines_left,
    deadlines_make,
    deadlines_scatter,
    everything_logged,
    texts_sent,
)
from tests.queue_app.desk_story import books_check

pytestmark = [
    pytest.mark.postgresql, pytest.mark.processes, pytest.mark.django_db(transaction=True)
]  # fmt: skip

CONTEXT = multiprocessing.get_context("fork")
PACE_SECONDS = 0.1
# The promise, after any single crash.
LATEST_SECONDS = 60.0
# In how many handled timers a process meets its fate: the ones before are committed.
FATE_AT = 3
# A heap that the frozen process has read, so that it comes back with its hands full.
AT_ONCE = 100


class Sweepers:
    """Processes that sweep until they are told to stop, by the database's clock."""

    def __init__(self, *, cut_after_ms: int, claim: Callable[..., Any] | None = None) -> None:
        self._stop = CONTEXT.Event()
        self._refused = CONTEXT.Value("i", 0)
        self._cut_after_ms = cut_after_ms
        self._claim = claim
        self.processes: list[ForkProcess] = []

    def start(self, fate: int | None = None) -> ForkProcess:
        """One more process. `fate` is the signal it gets inside the transaction of a timer."""
        connections.close_all()
        process = CONTEXT.Process(target=self._sweep_on, args=(fate,), daemon=True)
        process.start()
        self.processes.append(process)
        return process

    def _sweep_on(self, fate: int | None) -> None:
        handled = 0
        resumed = False
        if self._claim is not None:
            timers._timer_handle = self._claim
        if fate is not None:
            with connection.cursor() as cursor:
                cursor.execute(f"SET idle_in_transaction_session_timeout = {self._cut_after_ms}")

        def fated(handler: timers.Handler) -> timers.Handler:
            def handle(*args: Any) -> Any:
                nonlocal handled, resumed
                then = handler(*args)
                handled += 1
                if handled == FATE_AT and fate is not None:
                    # All is written and nothing committed.
                    os.kill(os.getpid(), fate)
                    resumed = True
                return then

            return handle

        try_one = timers._timer_try

        def tried(timer_id: int, now: dt.datetime) -> bool:
            done = try_one(timer_id, now)
            if resumed and not done:
                self._refused.value += 1
            return done

        timers.HANDLERS = {kind: fated(handler) for kind, handler in timers.HANDLERS.items()}
        timers._timer_try = tried
        while not self._stop.is_set():
            timers.timers_sweep()
            self._stop.wait(PACE_SECONDS)
        connections.close_all()

    @property
    def refused(self) -> int:
        """How many claims of the frozen one came too late."""
        count: int = self._refused.value
        return count

    def stop(self) -> None:
        """Ask them to end. Those that were not killed end in order."""
        self._stop.set()
        for process in self.processes:
            process.join(PATIENCE_SECONDS)
            assert process.exitcode in {0, -signal.SIGKILL}

    def kill(self) -> None:
        for process in self.processes:
            if process.is_alive():
                process.kill()


@contextmanager
def sweepers(**options: Any) -> Iterator[Sweepers]:
    running = Sweepers(**options)
    try:
        yield running
    finally:
        running.kill()


def wait_until(what: str, is_so: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def is_frozen(process: ForkProcess) -> bool:
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process.pid)], check=False, capture_output=True, text=True
    ).stdout
    return state.startswith("T")


def run_three(
    count: int,
    *,
    seconds: float,
    frozen_seconds: float = 0.0,
    cut_after_ms: int = 500,
    kinds: Collection[str] = tuple(EFFECTS),
    claim: Callable[[], Callable[..., Any]] | None = None,
) -> tuple[list[Deadline], Log, list[str], int]:
    """Some of the deadlines come at once, the others at random within so many seconds.

    The frozen process stands for `frozen_seconds`, and in any case until the others have done all
    that it had read. Returns the deadlines, the log of what happened, what is wrong with it, and
    how many claims of the frozen process came too late.
    """
    deadlines = deadlines_make(count, kinds)
    told = texts_sent()
    heap = min(count // 2, AT_ONCE)
    first, later = deadlines[:heap], deadlines[heap:]
    with everything_logged() as log:
        deadlines_scatter(first, begin=database_now() - dt.timedelta(seconds=0.5), seconds=0.5,
                          seed=1)  # fmt: skip
        with sweepers(cut_after_ms=cut_after_ms, claim=claim and claim()) as running:
            frozen = running.start(signal.SIGSTOP)
            wait_until("the first never froze", lambda: is_frozen(frozen))
            stands_since = time.monotonic()
            killed = running.start(signal.SIGKILL)
            killed.join(PATIENCE_SECONDS)
            assert killed.exitcode == -signal.SIGKILL
            running.start()
            deadlines_scatter(later, begin=database_now(), seconds=seconds, seed=2)
            # While it may hold its transaction, the timer it is at stays its own.
            held = 0 if cut_after_ms < 1000 * PATIENCE_SECONDS / 2 else 1
            wait_until(
                "the others did not do what was due",
                lambda: deadlines_left(first) <= held,
                seconds=PATIENCE_SECONDS + count * 0.2,
            )
            time.sleep(max(0.0, stands_since + frozen_seconds - time.monotonic()))
            assert frozen.pid is not None
            os.kill(frozen.pid, signal.SIGCONT)
            running.start()  # in the place of the killed one
            wait_until(
                "deadlines are left",
                lambda: deadlines_left(deadlines) == 0,
                seconds=PATIENCE_SECONDS + seconds + count * 0.2,
            )
            running.stop()
            assert frozen.exitcode == 0
        found = log.faults(deadlines, wall=True)
        if texts_sent() - told != log.texts():
            found.append(f"{texts_sent() - told} messages for {log.texts()} texts")
        lateness = log.lateness_seconds(deadlines, wall=True)
    print(f"{count} deadlines: p50 {lateness[len(lateness) // 2]:.2f} s,"  # noqa: T201
          f" p99 {lateness[int(len(lateness) * 0.99)]:.2f} s, latest {lateness[-1]:.2f} s,"
          f" {running.refused} claims too late")  # fmt: skip
    assert lateness[-1] <= LATEST_SECONDS
    return deadlines, log, found, running.refused


@pytest.mark.parametrize(
    ("count", "seconds", "frozen_seconds", "cut_after_ms"),
    [
        # The database ends the transaction of the frozen one; its connection is gone.
        (36, 1, 0, 500),
        # It comes back in time, and commits what it has.
        pytest.param(2000, 60, 20, 600_000, marks=pytest.mark.slow),
        pytest.param(2000, 60, 20, 5000, marks=pytest.mark.slow),
    ],
)
def test_three_sweepers_do_each_deadline_once_though_one_dies_and_one_freezes(
    count: int, seconds: float, frozen_seconds: float, cut_after_ms: int
) -> None:
    _deadlines, _log, found, refused = run_three(
        count, seconds=seconds, frozen_seconds=frozen_seconds, cut_after_ms=cut_after_ms
    )
    assert found == []
    # The fence did its work: it came back with its hands full of what was done already.
    assert refused > 0
    books_check()


def test_without_the_check_of_the_claim_effects_would_come_twice() -> None:
    """Negative control: what was read with the batch is believed."""
    _deadlines, _log, found, _refused = run_three(
        16, seconds=0.5, kinds=["reminder", "response"], claim=claims_without_their_check
    )
    assert any("'text:reminder': 2" in fault for fault in found), found
    assert any("'expired': 2" in fault for fault in found), found
