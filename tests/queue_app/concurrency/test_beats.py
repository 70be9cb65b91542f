"""No beat, one beat, two beats at once: the same comes of every deadline, only when differs.

Beat's ticks run the real tasks at the real intervals, beside the worker's own sweeper. Time is the
tests': a minute of the desk passes as fast as the machine can.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from openlines_project.lib import worker
from queue_app import tasks
from queue_app.models import Session, SessionEvent, Timer
from queue_app.services import timers
from tests.queue_app.concurrency.crowd import all_at_once, raised
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

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

COME_WITHIN = 30
SWEEPER_SECONDS = int(worker.DEFAULT_SECONDS)
# The sweeper's first round of the story, so that nothing falls together with it.
SWEEPER_FIRST = 7

Tick = tuple[Callable[[], object], int]


def beat_ticks() -> list[Tick]:
    """The desk's tasks as beat ticks them: each with its interval in seconds."""
    return [
        (getattr(tasks, entry["task"].rpartition(".")[2]), int(entry["schedule"]))
        for entry in settings.CELERY_BEAT_SCHEDULE.values()
        if entry["task"].startswith("queue_app.tasks.")
    ]


class Clock:
    """The database's clock and the worker's, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begin = timezone.now()
        self.second = 0
        for module in ("openlines_project.lib.worker", "queue_app.tasks"):
            monkeypatch.setattr(f"{module}.database_now", self.now)
        monkeypatch.setattr(timers, "database_now", self.now)

    def now(self) -> dt.datetime:
        return self.begin + dt.timedelta(seconds=self.second)

    def seconds(self) -> float:
        return float(self.second)


def minutes_pass(clock: Clock, *, beats: int, seconds: int) -> None:
    """The desk's sweeps and ticks, second by second. The sweeper alone covers for no beat."""
    ours = [
        sweep for sweep in worker.sweeps_registered() if sweep.name.startswith("queue_app.services")
    ]
    assert {sweep.period_seconds(floor_seconds=SWEEPER_SECONDS) for sweep in ours} == {60}
    sweeper = worker.SweepThread("all", ours, floor_seconds=SWEEPER_SECONDS, clock=clock.seconds)
    sweeper._due = dict.fromkeys(ours, SWEEPER_FIRST)
    ticks = beat_ticks()
    for second in range(seconds):
        clock.second = second
        sweeper.run_due()
        for task, interval in ticks:
            if second % interval:
                continue
            if beats > 1:
                assert raised(all_at_once([task] * beats)) == []
            elif beats:
                task()


def live(
    monkeypatch: pytest.MonkeyPatch, count: int, *, beats: int
) -> tuple[list[Deadline], Log, list[list[str]], list[float]]:
    """The same deadlines with so many beats.

    Returns them, the log, what came of each in its order, and how late, in seconds.
    """
    deadlines = deadlines_make(count)
    with monkeypatch.context() as patch:
        clock = Clock(patch)
        deadlines_scatter(deadlines, begin=clock.begin, seconds=COME_WITHIN, seed=7)
        told = texts_sent()
        with everything_logged() as log:
            minutes_pass(clock, beats=beats, seconds=COME_WITHIN + SWEEPER_SECONDS + 10)
            assert log.faults(deadlines, wall=False) == []
            assert texts_sent() - told == log.texts() == count * 3 // len(EFFECTS)
            lateness = log.lateness_seconds(deadlines, wall=False)
            happened: dict[int, list[str]] = {one.session_id: [] for one in deadlines}
            for session_id, what, _at, _wall in log.rows():
                happened[session_id].append(what)
    return deadlines, log, list(happened.values()), lateness


def standing(deadlines: list[Deadline]) -> list[Any]:
    """How the sessions stand: their states, their further deadlines and their histories."""
    stands = []
    for one in deadlines:
        session = Session.objects.get(pk=one.session_id)
        events = SessionEvent.objects.filter(session=session).order_by("seq")
        kinds = Timer.objects.filter(session=session).order_by("kind")
        stands.append(
            (
                one.kind, session.state, session.wait_reason, session.close_reason, session.turn,
                session.operator_id is None, session.round, session.holds_place,
                list(kinds.values_list("kind", flat=True)),
                list(events.values_list("kind", flat=True)),
            )
        )  # fmt: skip
    return stands


@pytest.mark.parametrize("count", [9, pytest.param(450, marks=pytest.mark.slow)])
def test_none_one_or_two_beats_have_the_same_effects(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    stories = {beats: live(monkeypatch, count, beats=beats) for beats in (0, 1, 2)}
    happened = [story[2] for story in stories.values()]
    assert happened[0] == happened[1] == happened[2]
    stands = [standing(story[0]) for story in stories.values()]
    assert stands[0] == stands[1] == stands[2]
    books_check()
    latest = {beats: story[3][-1] for beats, story in stories.items()}
    # Without a beat the worker's own sweeper comes once a minute: no sooner, and no later.
    assert 5 < latest[0] <= SWEEPER_SECONDS
    assert latest[1] <= settings.SWEEP_SECONDS
    assert latest[2] <= settings.SWEEP_SECONDS


@pytest.mark.parametrize("is_checked", [True, False])
def test_two_ticks_at_once_are_one_because_a_claim_is_checked(
    monkeypatch: pytest.MonkeyPatch, is_checked: bool
) -> None:
    """Both beats tick when all is due. Negative control: each believes what it has read."""
    deadlines = deadlines_make(12, ["reminder", "response"])
    deadlines_scatter(deadlines, begin=timezone.now(), seconds=0, seed=7)
    if not is_checked:
        monkeypatch.setattr(timers, "_timer_handle", claims_without_their_check())
    with everything_logged() as log:
        while deadlines_left(deadlines):
            assert raised(all_at_once([tasks.timers_sweep] * 2)) == []
        found = Counter(fault.partition(" ")[0] for fault in log.faults(deadlines, wall=True))
    if is_checked:
        assert not found
        books_check()
    else:
        # The next reminder comes with the first, the next operator's time is over at once.
        assert found["reminder"] > 0
        assert found["response"] > 0
