"""The offer: who is chosen, what is written, and what a full operator changes."""

from __future__ import annotations

import pytest
from django.db import transaction

from queue_app.models import Assignment, LineOperator, Operator, Session
from queue_app.services import offers
from queue_app.services.desk import operator_duty_settle
from queue_app.services.locks import session_lock
from queue_app.services.offer_sql import Offer, offer_write
from queue_app.services.offers import line_candidates
from queue_app.services.operators import operator_duty_set
from queue_app.services.routing import session_distribute
from queue_app.services.sessions import session_accept
from tests.factories import OperatorFactory, moment
from tests.queue_app.desk_story import (
    books_check,
    customer_writes,
    kinds,
    last_event,
    line_with,
    timers_of,
)

pytestmark = pytest.mark.django_db


def offered_in_order() -> list[int]:
    return list(Assignment.objects.order_by("turn").values_list("operator_id", flat=True))


def test_evenly_goes_round() -> None:
    people = [OperatorFactory() for _ in range(3)]
    connector = line_with(*people, distribution="evenly")
    for number in range(7):
        customer_writes(connector, f"u{number}", now=moment(0, number))
    assert offered_in_order() == [people[number % 3].pk for number in range(7)]
    books_check()


def test_strictly_fills_the_first_place_first() -> None:
    people = [OperatorFactory() for _ in range(3)]
    connector = line_with(*people, distribution="strictly", max_chats=2)
    for number in range(7):
        customer_writes(connector, f"u{number}", now=moment(0, number))
    ana, bruno, carla = (one.pk for one in people)
    assert offered_in_order() == [ana, ana, bruno, bruno, carla, carla]
    assert Session.objects.get(no_operator_since__isnull=False).wait_reason == "no_operator"
    books_check()


def test_an_offer_writes_the_turn_the_deadline_and_the_counters() -> None:
    ana = OperatorFactory()
    connector = line_with(ana, response_minutes=7)
    session = customer_writes(connector, "u1", now=moment())
    assignment = Assignment.objects.get()
    assert (assignment.turn, assignment.round, assignment.offered_at) == (1, 1, moment())
    assert (assignment.ended_at, assignment.outcome) == (None, "")
    row = LineOperator.objects.get()
    assert (row.turn, row.last_offer_at, row.open_chats) == (1, moment(), 1)
    assert timers_of(session) == [("response", moment(7))]
    books_check()


def test_lines_take_turns_of_their_own() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    first, second = line_with(ana, bruno), line_with(ana, bruno)
    assert customer_writes(first, "u1", now=moment()).operator == ana
    assert customer_writes(second, "u1", now=moment()).operator == ana
    assert customer_writes(first, "u2", now=moment()).operator == bruno


def test_an_empty_queue_makes_the_session_wait() -> None:
    session = customer_writes(line_with(), "u1", now=moment())
    assert (session.state, session.wait_reason) == ("waiting", "no_operator")
    assert session.no_operator_since == moment()
    assert kinds(session) == ["started", "waiting"]
    assert last_event(session).data == {"reason": "no_operator", "choice": [], "more": 0}
    assert timers_of(session) == []


def test_why_nobody_was_found_is_written_person_by_person() -> None:
    off, paused, full, gone, away = (OperatorFactory() for _ in range(5))
    Operator.objects.filter(pk=full.pk).update(max_chats=0)
    connector = line_with(off, paused, full, gone, away, check_availability=True)
    Operator.objects.filter(pk=off.pk).update(duty="off")
    Operator.objects.filter(pk=paused.pk).update(duty="pause")
    Operator.objects.filter(pk=away.pk).update(leave_from=moment())
    gone.user.is_active = False
    gone.user.save()
    session = customer_writes(connector, "u1", now=moment())
    assert last_event(session).data["choice"] == [
        {"operator": off.pk, "code": "off_duty", "data": {}},
        {"operator": paused.pk, "code": "paused", "data": {}},
        {"operator": full.pk, "code": "full_global", "data": {"chats": 0, "limit": 0}},
        {"operator": gone.pk, "code": "inactive", "data": {}},
        {"operator": away.pk, "code": "on_leave", "data": {}},
    ]


def test_who_fills_up_between_the_reading_and_the_offer_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ana, bruno = OperatorFactory(max_chats=1), OperatorFactory()
    connector = line_with(ana, bruno)
    asked: list[int] = []

    def another_line_was_faster(offer: Offer) -> bool:
        asked.append(offer.operator_id)
        if offer.operator_id == ana.pk:
            Operator.objects.filter(pk=ana.pk).update(open_chats=1)
        return offer_write(offer)

    monkeypatch.setattr(offers, "offer_write", another_line_was_faster)
    session = customer_writes(connector, "u1", now=moment())
    assert asked == [ana.pk, bruno.pk]
    assert (session.state, session.operator) == ("offered", bruno)
    assert kinds(session) == ["started", "offered"]
    codes = {item["operator"]: item["code"] for item in last_event(session).data["choice"]}
    assert codes == {ana.pk: "full_global", bruno.pk: "chosen"}
    Operator.objects.filter(pk=ana.pk).update(open_chats=0)
    books_check()


def test_when_all_fill_up_meanwhile_the_session_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    ana = OperatorFactory(max_chats=1)
    connector = line_with(ana)

    def another_line_was_faster(offer: Offer) -> bool:
        Operator.objects.filter(pk=ana.pk).update(open_chats=1)
        return offer_write(offer)

    monkeypatch.setattr(offers, "offer_write", another_line_was_faster)
    session = customer_writes(connector, "u1", now=moment())
    assert (session.state, session.wait_reason, session.operator) == (
        "waiting", "no_operator", None,
    )  # fmt: skip
    assert kinds(session) == ["started", "waiting"]
    Operator.objects.filter(pk=ana.pk).update(open_chats=0)
    books_check()


def test_the_limit_of_the_line_counts_what_was_taken_by_hand() -> None:
    ana = OperatorFactory(duty="off")
    connector = line_with(ana, check_availability=True, max_chats=1)
    first = customer_writes(connector, "u1", now=moment())
    session_accept(session_id=first.pk, operator=ana, now=moment(1))
    operator_duty_set(operator=ana, duty="on", now=moment(1))
    second = customer_writes(connector, "u2", now=moment(2))
    assert second.wait_reason == "no_operator"
    assert last_event(second).data["choice"] == [
        {"operator": ana.pk, "code": "full", "data": {"chats": 1, "limit": 1}}
    ]


def test_the_candidates_come_in_the_order_of_the_queue_with_who_waits_longer() -> None:
    ana, bruno = OperatorFactory(duty="off"), OperatorFactory(duty="off")
    connector = line_with(bruno, ana, check_availability=True)
    first = customer_writes(connector, "u1", now=moment())
    second = customer_writes(connector, "u2", now=moment())
    line = connector.open_channel_id
    people, others_first = line_candidates(line, first)
    assert [one.operator_id for one in people] == [bruno.pk, ana.pk]
    assert others_first is False
    assert line_candidates(line, second)[1] is True
    # Those who wait for another reason hold nobody up.
    Session.objects.filter(pk=first.pk).update(wait_reason="round_over", no_operator_since=None)
    second.refresh_from_db()
    assert line_candidates(line, second)[1] is False


def test_a_wait_on_one_line_holds_up_no_other() -> None:
    ana, bruno = OperatorFactory(duty="off"), OperatorFactory()
    blocked = line_with(ana, check_availability=True)
    free = line_with(bruno, check_availability=True)
    customer_writes(blocked, "u1", now=moment())
    assert customer_writes(free, "u1", now=moment()).operator == bruno


def test_a_chosen_operator_is_no_longer_first_even_if_the_offer_is_withdrawn() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(ana, bruno, check_availability=True)
    first = customer_writes(connector, "u1", now=moment())
    operator_duty_set(operator=ana, duty="off", now=moment(1))
    operator_duty_settle(operator_id=ana.pk, now=moment(1))
    operator_duty_set(operator=ana, duty="on", now=moment(2))
    first.refresh_from_db()
    assert first.operator == bruno
    assert customer_writes(connector, "u2", now=moment(3)).operator == ana


def test_the_offer_is_part_of_the_callers_transaction() -> None:
    ana = OperatorFactory(duty="off")
    session = customer_writes(line_with(ana, check_availability=True), "u1", now=moment())
    Operator.objects.update(duty="on")
    with transaction.atomic():
        session_lock(session.pk)
        assert session_distribute(session_id=session.pk, now=moment(1)).state == "offered"
        transaction.set_rollback(True)
    session.refresh_from_db()
    assert (session.state, session.operator) == ("waiting", None)
    assert not Assignment.objects.exists()
    books_check()
