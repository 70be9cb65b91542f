"""Timers as rows: one of a kind per session."""

from __future__ import annotations

import pytest

from queue_app.models import Timer
from queue_app.services.deadlines import timer_cancel, timer_set
from tests.factories import SessionFactory, moment
from tests.queue_app.desk_story import timers_of

pytestmark = pytest.mark.django_db


def test_setting_a_timer_again_moves_it_and_forgets_its_failures() -> None:
    session = SessionFactory()
    timer_set(session_id=session.pk, kind="response", due_at=moment(5))
    Timer.objects.update(attempts=3, error="ValueError: no")
    timer_set(session_id=session.pk, kind="response", due_at=moment(9))
    timer = Timer.objects.get()
    assert (timer.due_at, timer.attempts, timer.error) == (moment(9), 0, "")


def test_kinds_and_sessions_are_apart() -> None:
    first, second = SessionFactory(), SessionFactory()
    timer_set(session_id=first.pk, kind="response", due_at=moment(5))
    timer_set(session_id=first.pk, kind="route", due_at=moment(6))
    timer_set(session_id=second.pk, kind="route", due_at=moment(7))
    timer_cancel(session_id=first.pk, kinds=["route"])
    assert timers_of(first) == [("response", moment(5))]
    assert timers_of(second) == [("route", moment(7))]


def test_cancelling_without_kinds_takes_all_of_the_session() -> None:
    first, second = SessionFactory(), SessionFactory()
    for session in (first, second):
        timer_set(session_id=session.pk, kind="response", due_at=moment(5))
        timer_set(session_id=session.pk, kind="route", due_at=moment(6))
    timer_cancel(session_id=first.pk)
    assert timers_of(first) == []
    assert len(timers_of(second)) == 2


def test_cancelling_what_is_not_set_is_no_error() -> None:
    timer_cancel(session_id=SessionFactory().pk)
    assert not Timer.objects.exists()
