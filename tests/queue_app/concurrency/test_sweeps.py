"""Several sweeps of the timers at once: each deadline has its effect once, and none waits."""

from __future__ import annotations

import datetime as dt
import threading
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from channels_app.services.conversations import conversation_lock
from queue_app.models import Assignment, Session, Timer
from queue_app.services import timers
from queue_app.services.sessions import session_accept
from queue_app.services.timers import timers_sweep
from tests.factories import OperatorFactory
from tests.queue_app.concurrency.crowd import (
    PATIENCE_SECONDS,
    HeldThread,
    all_at_once,
    meet,
    raised,
    unfair_offers,
)
from tests.queue_app.desk_story import books_check, customer_writes, kinds, line_with, outcomes

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

MINUTE = dt.timedelta(minutes=1)


@pytest.mark.parametrize("count", [40, pytest.param(1000, marks=pytest.mark.slow)])
def test_three_sweeps_at_once_have_each_effect_once(count: int) -> None:
    people = [OperatorFactory() for _ in range(5)]
    connector = line_with(*people)
    now = timezone.now()
    sessions = [customer_writes(connector, f"u{number}", now=now) for number in range(count)]
    due = now + 5 * MINUTE
    sweep = partial(timers_sweep, now=due, limit=50)
    handled = all_at_once([sweep] * 3, patience_seconds=60 + count * 0.5)
    # What one sweep had in its hands another has skipped: the next tick finds nothing left.
    assert raised(handled) == []
    assert sum(handled) + timers_sweep(now=due) == count
    assert {tuple(kinds(session)) for session in sessions} == {
        ("started", "offered", "expired", "offered")
    }
    assert Assignment.objects.filter(outcome="expired").count() == count
    assert unfair_offers() == []
    books_check()


def test_a_deadline_and_an_acceptance_at_once_leave_one_of_them() -> None:
    """Either he was in time, or the chat has gone on and he is told so."""
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(ana, bruno, distribution="strictly")
    for number in range(12):
        now = timezone.now()
        session = customer_writes(connector, f"u{number}", now=now)
        accept = partial(session_accept, session_id=session.pk, operator=ana, now=now)
        accepted, _handled = all_at_once([accept, partial(timers_sweep, now=now + 5 * MINUTE)])
        timers_sweep(now=now + 5 * MINUTE)
        session.refresh_from_db()
        if isinstance(accepted, Session):
            assert (session.state, session.operator) == ("active", ana)
            # Between the hand-back and the next offer it waits, and he may take it.
            assert outcomes(session)[-1] == (ana.pk, "accepted")
        else:
            assert outcomes(session)[0] == (ana.pk, "expired")
    books_check()


def sweep_beside_a_lock() -> int:
    """Somebody works on the first conversation during the sweep. Returns how many it handled."""
    ana = OperatorFactory()
    connector = line_with(ana)
    now = timezone.now()
    locked = customer_writes(connector, "u1", now=now)
    other = customer_writes(connector, "u2", now=now + MINUTE)
    has_it, go_on = threading.Event(), threading.Event()

    def work() -> None:
        with transaction.atomic():
            conversation_lock(locked.conversation_id)
            has_it.set()
            assert go_on.wait(PATIENCE_SECONDS)

    def sweep() -> int:
        assert has_it.wait(PATIENCE_SECONDS)
        try:
            return timers_sweep(now=now + 10 * MINUTE)
        finally:
            go_on.set()

    _done, handled = all_at_once([work, sweep])
    other.refresh_from_db()
    assert other.wait_reason == "round_over"
    assert isinstance(handled, int)
    return handled


def test_a_sweep_skips_what_somebody_works_on() -> None:
    assert sweep_beside_a_lock() == 1
    assert Timer.objects.get(kind="response").attempts == 0


def test_without_skipping_the_sweep_would_wait_and_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: it waits for the lock until its patience ends, and puts the timer off."""
    monkeypatch.setattr(timers, "_is_free", lambda _session_id: True)
    assert sweep_beside_a_lock() == 1
    assert Timer.objects.get(kind="response").attempts == 1


def test_a_sweep_that_comes_second_finds_the_timer_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have read the timer; the second waits for the first, and has nothing to do."""
    ana, bruno = OperatorFactory(), OperatorFactory()
    now = timezone.now()
    session = customer_writes(line_with(ana, bruno), "u1", now=now)
    sweep = partial(timers_sweep, now=now + 5 * MINUTE)
    held = HeldThread(sweep)
    response_over = timers.HANDLERS["response"]

    def handler(*args: Any) -> Any:
        held.hold()
        return response_over(*args)

    monkeypatch.setitem(timers.HANDLERS, "response", handler)
    monkeypatch.setattr(timers, "_is_free", lambda _session_id: True)
    assert meet(held, sweep) == 0
    assert outcomes(session) == [(ana.pk, "expired"), (bruno.pk, "")]
    books_check()
