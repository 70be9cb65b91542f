"""Several sweepers at once: no session is offered twice, and the turns stay fair.

Fairness is read from the committed offers in the order of `turn`, not from the counts alone.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from channels_app.models import Connector
from queue_app.models import Assignment, Operator, Session, SessionEvent
from queue_app.services.desk import line_distribute, operator_duty_settle
from queue_app.services.locks import line_lock
from queue_app.services.operators import operator_duty_set
from queue_app.services.routing import session_distribute
from tests.factories import OperatorFactory
from tests.queue_app.concurrency.crowd import (
    HeldThread,
    all_at_once,
    meet,
    offers_in_turn,
    raised,
    session_without_lock,
    spread,
    unfair_offers,
    waiting_sessions,
    without_constraint,
)
from tests.queue_app.desk_story import books_check, line_with

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

SWEEPERS = 4
COUNTS = [60, pytest.param(2000, marks=pytest.mark.slow)]


def sweep(connector: Connector, limit: int) -> int:
    return line_distribute(
        open_channel_id=connector.open_channel_id, now=timezone.now(), limit=limit
    )


def sweepers(connector: Connector, limit: int) -> list[Any]:
    return all_at_once(
        [lambda: sweep(connector, limit)] * SWEEPERS, patience_seconds=60 + limit * 0.5
    )


@pytest.mark.parametrize("count", COUNTS)
def test_four_sweepers_offer_each_session_once_and_evenly(count: int) -> None:
    people = [OperatorFactory() for _ in range(7)]
    connector = line_with(*people)
    sessions = waiting_sessions(connector, count)
    assert raised(sweepers(connector, count)) == []
    offers = offers_in_turn()
    assert len(offers) == count
    # Nobody overtook, and the turns went round exactly.
    assert [offer.session_id for offer in offers] == [session.pk for session in sessions]
    assert [offer.operator_id for offer in offers] == [
        people[number % 7].pk for number in range(count)
    ]
    assert spread(people) <= 1
    assert unfair_offers() == []
    books_check()


@pytest.mark.parametrize("count", COUNTS)
def test_turns_stay_fair_while_operators_come_and_go(count: int) -> None:
    """Three stay on duty all the time, four press the button as fast as they can."""
    staying = [OperatorFactory() for _ in range(3)]
    restless = [OperatorFactory() for _ in range(4)]
    connector = line_with(
        restless[0], staying[0], restless[1], staying[1], restless[2], staying[2], restless[3],
        check_availability=True,
    )  # fmt: skip
    waiting_sessions(connector, count)
    done = threading.Event()

    def press(operator: Operator) -> int:
        for presses in itertools.count():
            duty = "off" if presses % 2 == 0 else "on"
            operator_duty_set(operator=operator, duty=duty, now=timezone.now())
            if done.is_set() and duty == "on":
                return presses
            if presses % 5 == 0:
                operator_duty_settle(operator_id=operator.pk, now=timezone.now())
        return 0

    def sweep_on() -> None:
        try:
            while Session.objects.filter(state="waiting").exists():
                sweep(connector, count)
        finally:
            done.set()

    presses = [partial(press, operator) for operator in restless]
    results = all_at_once([*presses, *[sweep_on] * SWEEPERS], patience_seconds=60 + count * 0.5)
    assert raised(results) == []
    assert all(pressed > 2 for pressed in results[: len(restless)])
    assert unfair_offers() == []
    assert spread(staying) <= 1
    open_turns = Counter(
        Assignment.objects.filter(ended_at__isnull=True).values_list("session_id", flat=True)
    )
    assert set(open_turns.values()) <= {1}
    books_check()


def test_strictly_is_exactly_the_expected_list_under_four_sweepers() -> None:
    people = [OperatorFactory() for _ in range(4)]
    connector = line_with(*people, distribution="strictly", max_chats=10)
    waiting_sessions(connector, 45)
    assert raised(sweepers(connector, 50)) == []
    expected = [one.pk for one in people for _ in range(10)]
    assert [offer.operator_id for offer in offers_in_turn()] == expected
    assert Session.objects.filter(wait_reason="no_operator").count() == 5
    books_check()


def test_without_the_lines_lock_the_turns_would_not_be_fair(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Negative control: a counter that is right, and no lock."""
    people = [OperatorFactory() for _ in range(7)]
    connector = line_with(*people)
    waiting_sessions(connector, 80)
    numbers = itertools.count(1)
    for module in ("offers", "desk"):
        monkeypatch.setattr(f"queue_app.services.{module}.line_lock", lambda _line: next(numbers))
    # Each sweeper has sessions of its own, as first messages of many customers have.
    pks = list(Session.objects.order_by("pk").values_list("pk", flat=True))
    Session.objects.update(no_operator_since=None, wait_reason="unrouted")

    def work(own: list[int]) -> None:
        for pk in own:
            session_distribute(session_id=pk, now=timezone.now())

    all_at_once([partial(work, pks[number::SWEEPERS]) for number in range(SWEEPERS)])
    assert unfair_offers() != []


def two_distribute_one(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Both read the session as waiting, if they can. Returns the outcomes of its turns."""
    people = [OperatorFactory() for _ in range(2)]
    (session,) = waiting_sessions(line_with(*people), 1)

    def distribute() -> Session:
        return session_distribute(session_id=session.pk, now=timezone.now())

    first = HeldThread(distribute)

    def held_line_lock(open_channel_id: int) -> int:
        first.hold()
        return line_lock(open_channel_id)

    monkeypatch.setattr("queue_app.services.offers.line_lock", held_line_lock)
    meet(first, distribute)
    return list(Assignment.objects.values_list("outcome", flat=True))


def test_two_who_distribute_one_session_make_one_offer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert two_distribute_one(monkeypatch) == [""]
    books_check()


def test_without_the_sessions_lock_it_would_be_offered_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Negative control: the state is read, but nobody is kept from reading it too."""
    monkeypatch.setattr("queue_app.services.routing.session_lock", session_without_lock)
    # The numbers of the events would refuse the second: the last line of defence.
    with without_constraint(SessionEvent, "session_event_seq_once"):
        assert two_distribute_one(monkeypatch) == ["", ""]
