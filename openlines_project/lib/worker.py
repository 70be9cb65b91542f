"""Sweeps that run inside the worker, in threads of their own, without broker or beat.

Rows in the database say what is due; a sweep finds and does it. Beat's ticks do the same
through the broker. In an embedded installation these threads are what drives the product; in
production they cover a beat or a broker that is away. Sweeps are idempotent, so it does no
harm when both run.

An app registers its sweeps in `AppConfig.ready()`:

    sweeper_register(timers_sweep, every_seconds=5, thread="timers")

Sweeps of one `thread` run one after the other; a slow one delays nobody outside its thread.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from celery.signals import worker_ready, worker_shutdown, worker_shutting_down
from django.db import close_old_connections, connections

from openlines_project.lib.clock import database_now

logger = logging.getLogger(__name__)

# `manage.py up` sets 5; 0 switches the threads off.
SECONDS_VARIABLE = "OPENLINES_SWEEPER_SECONDS"
DEFAULT_SECONDS = 60.0
STOP_SECONDS = 3.0


class SweepFunction(Protocol):
    """Does what is due at `now`; what it returns is not used."""

    def __call__(self, *, now: datetime) -> object: ...


@dataclass(frozen=True, slots=True)
class Sweep:
    """A registered function: how often it runs and in which thread."""

    name: str
    function: SweepFunction
    every_seconds: float
    thread: str
    covers_beat: bool

    def period_seconds(self, *, floor_seconds: float) -> float:
        """The time between two runs, where `floor_seconds` is how often this worker sweeps."""
        return max(self.every_seconds, floor_seconds) if self.covers_beat else self.every_seconds


_sweeps: dict[str, Sweep] = {}


def sweeper_register(
    function: SweepFunction,
    every_seconds: float,
    *,
    thread: str = "sweeps",
    covers_beat: bool = True,
    name: str = "",
) -> None:
    """Have `function(now=...)` called again and again in every worker.

    `every_seconds` is the time between two runs where `manage.py up` drives the product. Beat
    ticks the same work in production, so there it runs every `OPENLINES_SWEEPER_SECONDS`
    (60) at most; `covers_beat=False` is for work that has no tick and keeps its own pace.
    Registering a name again replaces it. Raises `ValueError` when the time is not positive.
    """
    if every_seconds <= 0:
        raise ValueError("every_seconds must be positive")
    key = name or f"{function.__module__}.{getattr(function, '__name__', type(function).__name__)}"
    _sweeps[key] = Sweep(key, function, every_seconds, thread, covers_beat)


def sweeps_registered() -> list[Sweep]:
    """All registered sweeps, in the order of registration."""
    return list(_sweeps.values())


class SweepThread(threading.Thread):
    """Runs its sweeps until it is told to stop. A failing sweep is logged and tried again."""

    def __init__(
        self,
        name: str,
        sweeps: list[Sweep],
        *,
        floor_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # A daemon: the worker's exit never waits for a sweep. Half a sweep is rolled back.
        super().__init__(name=f"sweeper-{name}", daemon=True)
        self.stopping = threading.Event()
        self._clock = clock
        self._periods = {
            sweep: sweep.period_seconds(floor_seconds=floor_seconds) for sweep in sweeps
        }
        self._due = dict.fromkeys(sweeps, clock())

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                self.run_due()
                self.stopping.wait(self.wait_seconds())
        finally:
            connections.close_all()

    def wait_seconds(self) -> float:
        """How long nothing is due, in seconds; zero when something is."""
        return max(0.0, min(self._due.values()) - self._clock())

    def run_due(self) -> None:
        """Run every sweep whose time has come; its next run counts from the end of this one."""
        for sweep, period_seconds in self._periods.items():
            if self.stopping.is_set() or self._clock() < self._due[sweep]:
                continue
            sweep_run(sweep)
            self._due[sweep] = self._clock() + period_seconds


def sweep_run(sweep: Sweep) -> bool:
    """Run one sweep by the database's clock. Returns whether it went well; never raises."""
    close_old_connections()
    try:
        sweep.function(now=database_now())
    except Exception:  # one fault must not stop the clock for everything else
        logger.exception("The sweep %s failed; it is tried again", sweep.name)
        return False
    finally:
        close_old_connections()
    return True


class Sweeper:
    """The threads of one worker process."""

    def __init__(self, sweeps: list[Sweep], *, floor_seconds: float) -> None:
        groups: dict[str, list[Sweep]] = {}
        for sweep in sweeps:
            groups.setdefault(sweep.thread, []).append(sweep)
        self.threads = [
            SweepThread(name, group, floor_seconds=floor_seconds) for name, group in groups.items()
        ]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Ask the threads to stop after the sweep they are in. Does not wait."""
        for thread in self.threads:
            thread.stopping.set()

    def join(self, *, timeout_seconds: float = STOP_SECONDS) -> bool:
        """Wait for the threads. Returns whether all of them have ended in time."""
        end = time.monotonic() + timeout_seconds
        for thread in self.threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self.threads)


_running: list[Sweeper] = []


def sweeper_start(**_kwargs: Any) -> None:
    """Start the threads once the worker takes tasks."""
    floor_seconds = float(os.environ.get(SECONDS_VARIABLE, "") or DEFAULT_SECONDS)
    if floor_seconds <= 0 or not _sweeps or _running:
        return
    sweeper = Sweeper(sweeps_registered(), floor_seconds=floor_seconds)
    _running.append(sweeper)
    sweeper.start()
    logger.info("Sweeping in %d threads", len(sweeper.threads))


def sweeper_stop(**_kwargs: Any) -> None:
    """Begin no new sweep while the worker finishes its tasks."""
    for sweeper in _running:
        sweeper.stop()


def sweeper_join(**_kwargs: Any) -> None:
    """Let the sweep in hand end before the process does."""
    while _running:
        sweeper = _running.pop()
        sweeper.stop()
        if not sweeper.join():
            logger.warning("A sweep did not end in time and is cut off")


worker_ready.connect(sweeper_start)
worker_shutting_down.connect(sweeper_stop)
worker_shutdown.connect(sweeper_join)
