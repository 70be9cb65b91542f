"""The sweep: never early, once, and a failure is shown and put off."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import DatabaseError

from channels_app.models import OpenChannel
from openlines_project.lib.clock import database_now
from queue_app.models import Operator, Session, Timer
from queue_app.services import offer_handlers, timers
from queue_app.services.deadlines import timer_set
from queue_app.services.endings import session_end
from queue_app.services.locks import session_lock
from queue_app.services.routing import session_hand_back
from queue_app.services.sessions import session_accept
from queue_app.services.timers import timers_sweep
from tests.factories import OperatorFactory, moment
from tests.queue_app.desk_story import (
    books_check,
    customer_receive,
    customer_writes,
    everything,
    kinds,
    line_with,
    outcomes,
    timers_of,
)

pytestmark = pytest.mark.django_db

SECOND = dt.timedelta(seconds=1)


def parked_session(monkeypatch: pytest.MonkeyPatch, *operators: Operator) -> Session:
    """A session kept without its routing, because the distribution failed."""
    with monkeypatch.context() as patch:
        patch.setattr("queue_app.services.routing.session_offer", _fail)
        received = customer_receive(line_with(*operators), "u1", now=moment())
    assert received.outcome == "done"
    session: Session = Session.objects.get()
    return session


def _fail(**_anything: Any) -> None:
    raise RuntimeError("planted\x00fault")


# --- the response time --------------------------------------------------------------------


def test_a_timer_is_never_early() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = customer_writes(line_with(ana, bruno, response_minutes=3), "u1", now=moment())
    assert timers_of(session) == [("response", moment(3))]
    before = everything()
    assert timers_sweep(now=moment(3) - dt.timedelta(microseconds=1)) == 0
    assert everything() == before
    assert timers_sweep(now=moment(3)) == 1
    session.refresh_from_db()
    assert session.operator == bruno


def test_the_clock_is_the_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    ana = OperatorFactory()
    now = database_now()
    session = customer_writes(line_with(ana), "u1", now=now)
    monkeypatch.setattr(timers, "database_now", lambda: now + dt.timedelta(minutes=5) - SECOND)
    assert timers_sweep() == 0
    monkeypatch.setattr(timers, "database_now", lambda: now + dt.timedelta(minutes=5))
    assert timers_sweep() == 1
    session.refresh_from_db()
    assert session.wait_reason == "round_over"


def test_an_offer_goes_round_the_queue_and_then_waits() -> None:
    people = [OperatorFactory() for _ in range(3)]
    session = customer_writes(line_with(*people), "u1", now=moment())
    for minute, holder in [(5, people[1]), (10, people[2]), (15, None)]:
        assert timers_sweep(now=moment(minute)) == 1
        session.refresh_from_db()
        assert session.operator == holder
        books_check()
    assert (session.state, session.wait_reason) == ("waiting", "round_over")
    assert outcomes(session) == [(one.pk, "expired") for one in people]
    assert kinds(session) == [
        "started", *["offered", "expired"] * 3, "round_over", "waiting",
    ]  # fmt: skip
    expired = list(session.events.filter(kind="expired").order_by("seq"))
    assert [(event.operator, event.data) for event in expired] == [
        (one, {"waited_s": 300.0}) for one in people
    ]
    # Put back in the queue: the next round is due, a response time after this one began.
    assert timers_of(session) == [("route", moment(15))]


def test_each_operator_has_the_whole_response_time() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = customer_writes(line_with(ana, bruno, response_minutes=5), "u1", now=moment())
    timers_sweep(now=moment(9))  # the sweep was away for four minutes
    assert timers_of(session) == [("response", moment(14))]


def test_who_accepts_in_time_is_left_alone() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = customer_writes(line_with(ana, bruno), "u1", now=moment())
    session_accept(session_id=session.pk, operator=ana, now=moment(4, 59))
    assert timers_sweep(now=moment(60)) == 0
    session.refresh_from_db()
    assert (session.state, session.operator) == ("active", ana)


def test_a_customers_further_messages_restart_no_timer() -> None:
    ana = OperatorFactory()
    connector = line_with(ana)
    session = customer_writes(connector, "u1", now=moment())
    customer_writes(connector, "u1", now=moment(4))
    assert timers_of(session) == [("response", moment(5))]


@pytest.mark.parametrize("state", ["active", "waiting", "closed"])
def test_a_timer_that_is_left_over_changes_nothing(state: str) -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(ana, bruno, no_answer_action="nothing")
    session = customer_writes(connector, "u1", now=moment())
    if state == "active":
        session_accept(session_id=session.pk, operator=ana, now=moment(1))
    elif state == "closed":
        session_end(session_id=session.pk, actor=ana.user, now=moment(1))
    else:
        timers_sweep(now=moment(5))
        timers_sweep(now=moment(10))
    before = everything()
    timer_set(session_id=session.pk, kind="response", due_at=moment(11))
    assert timers_sweep(now=moment(11)) == 1
    assert everything() == before


def test_nothing_is_redirected_on_a_closed_line() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = customer_writes(line_with(ana, bruno), "u1", now=moment())
    OpenChannel.objects.update(is_active=False)
    assert timers_sweep(now=moment(5)) == 1
    session.refresh_from_db()
    assert (session.state, session.operator) == ("offered", ana)
    assert timers_of(session) == [("response", moment(10))]
    OpenChannel.objects.update(is_active=True)
    assert timers_sweep(now=moment(10)) == 1
    session.refresh_from_db()
    assert session.operator == bruno
    books_check()


# --- once -----------------------------------------------------------------------------------


def test_two_sweeps_at_once_have_one_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second has read the same timer before the first deletes it."""
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = customer_writes(line_with(ana, bruno), "u1", now=moment())
    handle = timers._timer_handle
    results: list[int] = []

    def first_the_other(timer_id: int, now: dt.datetime) -> Any:
        monkeypatch.setattr(timers, "_timer_handle", handle)
        results.append(timers_sweep(now=moment(5)))
        return handle(timer_id, now)

    monkeypatch.setattr(timers, "_timer_handle", first_the_other)
    assert timers_sweep(now=moment(5)) == 0
    assert results == [1]
    assert outcomes(session) == [(ana.pk, "expired"), (bruno.pk, "")]
    books_check()


def test_a_timer_moved_meanwhile_is_not_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    ana = OperatorFactory()
    session = customer_writes(line_with(ana), "u1", now=moment())

    def moved(session_id: int) -> Any:
        timer_set(session_id=session_id, kind="response", due_at=moment(9))
        return session_lock(session_id)

    monkeypatch.setattr(timers, "session_lock", moved)
    assert timers_sweep(now=moment(5)) == 0
    session.refresh_from_db()
    assert (session.state, session.operator) == ("offered", ana)
    assert timers_of(session) == [("response", moment(9))]


def test_a_sweep_goes_on_until_nothing_is_due() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(ana, bruno)
    sessions = [customer_writes(connector, f"u{number}", now=moment()) for number in range(7)]
    assert timers_sweep(now=moment(5), limit=2) == 7
    assert {len(outcomes(session)) for session in sessions} == {2}


def test_the_oldest_timers_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    ana = OperatorFactory()
    connector = line_with(ana, response_minutes=1)
    late = customer_writes(connector, "u1", now=moment(2))
    early = customer_writes(connector, "u2", now=moment())
    seen: list[int] = []
    monkeypatch.setitem(
        timers.HANDLERS, "response", lambda session, _conversation, _now: seen.append(session.pk)
    )
    assert timers_sweep(now=moment(9)) == 2
    assert seen == [early.pk, late.pk]


# --- faults -----------------------------------------------------------------------------------


def test_a_failing_handler_is_put_off_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = customer_writes(line_with(ana, bruno), "u1", now=moment())
    before = everything()
    monkeypatch.setattr(offer_handlers, "session_hand_back", _fail)
    due = moment(5)
    for attempts, wait in enumerate([30, 60, 120, 240, 480, 960, 1920, 3600, 3600], start=1):
        assert timers_sweep(now=due) == 0
        timer = Timer.objects.get(kind="response")
        assert (timer.attempts, timer.error) == (attempts, "RuntimeError: planted\ufffdfault")
        assert timer.due_at == due + dt.timedelta(seconds=wait)
        due = timer.due_at
    assert everything()[:3] == before[:3]
    monkeypatch.undo()
    assert timers_sweep(now=due) == 1
    session.refresh_from_db()
    assert session.operator == bruno
    assert Timer.objects.get(kind="response").error == ""


def test_one_failing_timer_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(ana, bruno)
    first = customer_writes(connector, "u1", now=moment())
    second = customer_writes(connector, "u2", now=moment(1))

    def one_fails(*, session: Session, **values: Any) -> None:
        if session == first:
            _fail()
        session_hand_back(session=session, **values)

    monkeypatch.setattr(offer_handlers, "session_hand_back", one_fails)
    assert timers_sweep(now=moment(6), limit=1) == 0
    assert timers_sweep(now=moment(6), limit=1) == 1
    second.refresh_from_db()
    assert len(outcomes(second)) == 2


def test_a_distribution_that_fails_after_the_hand_back_is_put_off_and_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = customer_writes(line_with(ana, bruno), "u1", now=moment())
    monkeypatch.setattr(offer_handlers, "session_distribute", _fail)
    assert timers_sweep(now=moment(5)) == 0
    session.refresh_from_db()
    assert (session.state, session.wait_reason, session.operator) == ("waiting", "unrouted", None)
    timer = Timer.objects.get(kind="route")
    assert (timer.kind, timer.attempts, timer.due_at) == ("route", 1, moment(5, 30))
    assert timer.error == "RuntimeError: planted\ufffdfault"
    books_check()
    # It goes on failing: each time it waits longer, and no number is lost.
    assert timers_sweep(now=moment(5, 30)) == 0
    timer = Timer.objects.get(kind="route")
    assert (timer.kind, timer.attempts, timer.due_at) == ("route", 2, moment(6, 30))
    monkeypatch.undo()
    assert timers_sweep(now=moment(6, 30)) == 1
    session.refresh_from_db()
    assert (session.state, session.operator) == ("offered", bruno)
    assert timers_of(session) == [("response", moment(11, 30))]


def test_a_process_that_died_between_hand_back_and_choice_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = customer_writes(line_with(ana, bruno), "u1", now=moment())

    def killed(**_anything: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(offer_handlers, "session_distribute", killed)
    with pytest.raises(KeyboardInterrupt):
        timers_sweep(now=moment(5))
    monkeypatch.undo()
    session.refresh_from_db()
    assert (session.state, session.wait_reason) == ("waiting", "unrouted")
    assert timers_of(session) == [("route", moment(5))]
    books_check()
    assert timers_sweep(now=moment(5)) == 1
    session.refresh_from_db()
    assert (session.state, session.operator) == ("offered", bruno)
    assert kinds(session) == ["started", "offered", "expired", "offered"]


def test_a_message_kept_without_its_routing_is_routed_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ana = OperatorFactory()
    session = parked_session(monkeypatch, ana)
    assert (session.state, session.wait_reason, session.unread) == ("waiting", "unrouted", 1)
    assert timers_of(session) == [("route", moment())]
    assert timers_sweep(now=moment(0, 5)) == 1
    session.refresh_from_db()
    assert (session.state, session.operator) == ("offered", ana)
    assert kinds(session) == ["started", "waiting", "offered"]


def test_a_parked_session_taken_by_hand_is_not_distributed_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ana = OperatorFactory()
    session = parked_session(monkeypatch, ana)
    session_accept(session_id=session.pk, operator=ana, now=moment(1))
    assert timers_of(session) == []
    assert timers_sweep(now=moment(2)) == 0


def test_a_timer_of_a_kind_nobody_knows_is_shown_and_kept() -> None:
    session = customer_writes(line_with(OperatorFactory()), "u1", now=moment())
    Timer.objects.filter(kind="response").update(kind="later_issue")
    assert timers_sweep(now=moment(5)) == 0
    timer = Timer.objects.get(kind="later_issue")
    assert (timer.session, timer.attempts, timer.error) == (session, 1, "KeyError: 'later_issue'")


def test_a_database_that_goes_away_while_putting_off_ends_the_sweep_in_peace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    customer_writes(line_with(OperatorFactory()), "u1", now=moment())

    class Away:
        def first(self) -> None:
            raise DatabaseError("gone")

    timers._put_off(Away(), RuntimeError("planted"), moment())  # type: ignore[arg-type]
    assert set(Timer.objects.values_list("attempts", flat=True)) == {0}
