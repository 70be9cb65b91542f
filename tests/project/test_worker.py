"""The sweeper of the worker: what it runs, how often, and that nothing stops it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from openlines_project.lib import worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(worker, "_sweeps", {})
    monkeypatch.setattr(worker, "_running", [])
    yield
    worker.sweeper_join()


class Recorder:
    """A sweep that remembers its calls and can be made to fail or to hang."""

    def __init__(self, *, error: Exception | None = None) -> None:
        self.calls: list[datetime] = []
        self.called = threading.Event()
        self.release = threading.Event()
        self.release.set()
        self.error = error

    def __call__(self, *, now: datetime) -> None:
        self.calls.append(now)
        self.called.set()
        self.release.wait(10)
        if self.error:
            raise self.error


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def thread_of(*sweeps: worker.Sweep, floor_seconds: float, clock: Clock) -> worker.SweepThread:
    return worker.SweepThread("t", list(sweeps), floor_seconds=floor_seconds, clock=clock)


def sweep_of(function: Any, **changes: Any) -> worker.Sweep:
    values: dict[str, Any] = {
        "name": "s",
        "every_seconds": 5,
        "thread": "t",
        "covers_beat": True,
    } | changes
    return worker.Sweep(function=function, **values)


def test_a_sweep_gets_the_time_of_the_database_and_runs_at_once() -> None:
    recorder = Recorder()
    before = timezone.now()
    thread = thread_of(sweep_of(recorder), floor_seconds=5, clock=Clock())
    thread.run_due()
    assert len(recorder.calls) == 1
    assert abs((recorder.calls[0] - before).total_seconds()) < 5


def test_a_sweep_runs_again_only_after_its_time() -> None:
    recorder, clock = Recorder(), Clock()
    thread = thread_of(sweep_of(recorder), floor_seconds=5, clock=clock)
    thread.run_due()
    assert thread.wait_seconds() == 5.0
    clock.seconds += 4.9
    thread.run_due()
    assert len(recorder.calls) == 1
    clock.seconds += 0.1
    thread.run_due()
    assert len(recorder.calls) == 2


def test_beside_beat_a_sweep_is_slow_but_one_without_a_tick_keeps_its_pace() -> None:
    ticked = sweep_of(Recorder(), every_seconds=5)
    unticked = sweep_of(Recorder(), every_seconds=2, covers_beat=False)
    assert ticked.period_seconds(floor_seconds=60) == 60
    assert unticked.period_seconds(floor_seconds=60) == 2
    assert sweep_of(Recorder(), every_seconds=30).period_seconds(floor_seconds=5) == 30


def test_a_failing_sweep_is_logged_and_the_next_one_still_runs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failing, healthy = Recorder(error=ValueError("planted")), Recorder()
    thread = thread_of(
        sweep_of(failing, name="bad"),
        sweep_of(healthy, name="good"),
        floor_seconds=5,
        clock=Clock(),
    )
    thread.run_due()
    assert len(failing.calls) == 1
    assert len(healthy.calls) == 1
    assert "The sweep bad failed" in caplog.text
    assert "planted" in caplog.text


def test_a_slow_sweep_does_not_delay_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(worker.SECONDS_VARIABLE, "0.05")
    slow, quick = Recorder(), Recorder()
    slow.release.clear()
    worker.sweeper_register(slow, 0.05, thread="slow", name="slow")
    worker.sweeper_register(quick, 0.05, thread="timers", name="quick")
    worker.sweeper_start()
    assert slow.called.wait(10)
    for _ in range(3):
        quick.called.clear()
        assert quick.called.wait(10)
    assert len(slow.calls) == 1
    slow.release.set()


def test_shutdown_ends_the_threads_and_a_second_start_makes_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(worker.SECONDS_VARIABLE, "5")
    recorder = Recorder()
    worker.sweeper_register(recorder, 5, name="one")
    worker.sweeper_start()
    worker.sweeper_start()
    assert len(worker._running) == 1
    threads = worker._running[0].threads
    assert recorder.called.wait(10)
    worker.sweeper_stop()
    worker.sweeper_join()
    assert [thread.is_alive() for thread in threads] == [False]
    assert len(recorder.calls) == 1


def test_zero_seconds_switch_the_sweeper_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(worker.SECONDS_VARIABLE, "0")
    worker.sweeper_register(Recorder(), 5, name="one")
    worker.sweeper_start()
    assert worker._running == []


def test_a_time_that_is_not_positive_is_refused_and_nothing_registered() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        worker.sweeper_register(Recorder(), 0, name="one")
    assert worker.sweeps_registered() == []


def test_registering_a_name_again_replaces_it() -> None:
    worker.sweeper_register(Recorder(), 5, name="one")
    worker.sweeper_register(Recorder(), 7, name="one")
    assert [(sweep.name, sweep.every_seconds) for sweep in worker.sweeps_registered()] == [
        ("one", 7)
    ]
