"""The books of the desk are always right, whatever customers, people, clock and settings do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import FlakyFailure
from hypothesis.stateful import run_state_machine_as_test

from queue_app.services.offers import line_candidates
from tests.queue_app.machine import Desk, seen

SHORT = settings(
    max_examples=12, stateful_step_count=25, deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
# Enough to meet a planted fault; what comes out need not be the shortest story.
CONTROL = settings(SHORT, max_examples=300, phases=[Phase.generate], derandomize=True)
LONG = settings(SHORT, max_examples=400, stateful_step_count=60)
# Each of these must have happened in a long run.
BRANCHES = {
    "started", "offered", "rung", "expired", "skipped", "returned", "round_over", "no_answer",
    "accepted", "replied", "answered_outside", "transferred", "intercepted", "joined", "left",
    "snoozed", "woken", "text", "ended", "resumed", "closed", "consented",
    "waiting no_operator", "waiting hours", "waiting round_over", "waiting line_closed",
    "closed operator", "closed auto", "closed spam", "closed forced",
}  # fmt: skip


@pytest.mark.django_db
def test_the_books_are_right_whatever_happens() -> None:
    run_state_machine_as_test(Desk, settings=SHORT)


@pytest.mark.slow
@pytest.mark.django_db
def test_the_books_are_right_whatever_happens_for_long() -> None:
    seen.clear()
    run_state_machine_as_test(Desk, settings=LONG)
    assert BRANCHES - set(seen) == set()


def _places_are_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("queue_app.services.endings.place_free", lambda *, session: False)


def _newcomers_overtake(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        "queue_app.services.offers.line_candidates",
        lambda line, session: (line_candidates(line, session)[0], False),
    )


def _timers_stay(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("queue_app.services.endings.timer_cancel", lambda **_values: None)


def _limits_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("queue_app.distribution.obstacle", lambda *_args, **_kwargs: None)


def _texts_are_repeated(patch: pytest.MonkeyPatch) -> None:
    once = "ON CONFLICT (session_id, kind, occurrence) DO NOTHING"
    again = "ON CONFLICT (session_id, kind, occurrence) DO UPDATE SET at = excluded.at"
    from queue_app.services import texts

    patch.setattr(texts, "_ONCE", texts._ONCE.replace(once, again))


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize(
    "fault",
    [
        _places_are_kept, _newcomers_overtake, _timers_stay, _limits_are_forgotten,
        _texts_are_repeated,
    ],
)  # fmt: skip
def test_a_planted_fault_is_found(
    fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    with pytest.raises((AssertionError, FlakyFailure)):
        run_state_machine_as_test(Desk, settings=CONTROL)
