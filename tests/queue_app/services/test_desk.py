"""What waits is tried again, and offers do not stay with people who are gone."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from queue_app.models import Assignment, LineQueue, Operator, Session
from queue_app.services import desk
from queue_app.services.operators import operator_duty_set, operator_for_user, operator_update
from queue_app.services.queues import queue_member_add
from queue_app.services.replies import session_reply
from queue_app.services.routing import session_distribute
from queue_app.services.sessions import session_accept
from queue_app.services.timers import timers_sweep
from tests.factories import OperatorFactory, UserFactory, moment
from tests.queue_app.desk_story import (
    books_check,
    customer_writes,
    duty,
    everything,
    held_by,
    kinds,
    line_with,
    outcomes,
)
from tests.queue_app.services.conftest import Sent

pytestmark = pytest.mark.django_db


# --- coming on duty -----------------------------------------------------------------------


def test_coming_on_duty_gets_one_what_waits_the_oldest_first() -> None:
    ana = OperatorFactory(duty="off")
    connector = line_with(ana, check_availability=True, max_chats=2)
    first, second, third = (
        customer_writes(connector, user, now=moment(minute))
        for minute, user in enumerate(["u1", "u2", "u3"])
    )
    assert duty(ana, "on", 5) == 2
    for session in (first, second, third):
        session.refresh_from_db()
    assert [session.state for session in (first, second, third)] == [
        "offered", "offered", "waiting",
    ]  # fmt: skip
    assert third.no_operator_since == moment(2)
    books_check()


def test_a_newcomer_waits_behind_those_who_wait_already() -> None:
    ana = OperatorFactory(duty="off")
    connector = line_with(ana, check_availability=True)
    first = customer_writes(connector, "u1", now=moment())
    operator_duty_set(operator=ana, duty="on", now=moment(1))  # the worker is away
    second = customer_writes(connector, "u2", now=moment(2))
    assert (second.state, second.wait_reason) == ("waiting", "no_operator")
    assert desk.line_distribute(open_channel_id=connector.open_channel_id, now=moment(3)) == 2
    in_turn = Assignment.objects.order_by("turn").values_list("session_id", flat=True)
    assert list(in_turn) == [first.pk, second.pk]


def test_a_newcomer_who_waits_behind_others_wakes_the_worker(
    sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    ana = OperatorFactory(duty="off")
    connector = line_with(ana, check_availability=True)
    customer_writes(connector, "u1", now=moment())
    operator_duty_set(operator=ana, duty="on", now=moment(1))
    with django_capture_on_commit_callbacks(execute=True):
        customer_writes(connector, "u2", now=moment(2))
    assert ("line_distribute", connector.open_channel_id) in sent


def test_coming_on_duty_begins_a_new_round_for_what_everybody_let_pass() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory(duty="off")
    connector = line_with(ana, bruno, check_availability=True)
    session = customer_writes(connector, "u1", now=moment())
    timers_sweep(now=moment(5))
    session.refresh_from_db()
    assert (session.wait_reason, session.round) == ("round_over", 1)
    assert duty(bruno, "on", 6) == 1
    session.refresh_from_db()
    assert (session.state, session.operator, session.round) == ("offered", bruno, 2)
    books_check()


def test_those_who_found_nobody_come_before_those_whose_round_is_over() -> None:
    ana = OperatorFactory()
    connector = line_with(ana, check_availability=True, max_chats=1)
    passed = customer_writes(connector, "u1", now=moment())
    timers_sweep(now=moment(5))
    duty(ana, "off", 6)
    waiting = customer_writes(connector, "u2", now=moment(7))
    assert duty(ana, "on", 8) == 1
    passed.refresh_from_db()
    waiting.refresh_from_db()
    assert (waiting.state, waiting.operator) == ("offered", ana)
    assert passed.state == "waiting"


def test_coming_on_duty_helps_on_all_of_ones_lines() -> None:
    ana = OperatorFactory(duty="off")
    first = line_with(ana, check_availability=True)
    second = line_with(ana, check_availability=True)
    customer_writes(first, "u1", now=moment())
    customer_writes(second, "u1", now=moment())
    assert duty(ana, "on", 1) == 2
    assert held_by(first) == held_by(second) == [ana.pk]


def test_duty_is_read_when_the_job_runs() -> None:
    ana = OperatorFactory(duty="off")
    connector = line_with(ana, check_availability=True)
    customer_writes(connector, "u1", now=moment())
    operator_duty_set(operator=ana, duty="on", now=moment(1))
    operator_duty_set(operator=ana, duty="off", now=moment(1))
    # The job of the first press comes late.
    assert desk.operator_duty_settle(operator_id=ana.pk, now=moment(2)) == 0
    assert held_by(connector) == [None]


def test_more_than_one_batch_is_left_to_a_job_of_its_own(
    sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    ana = OperatorFactory(duty="off")
    connector = line_with(ana, check_availability=True)
    for number in range(3):
        customer_writes(connector, f"u{number}", now=moment())
    operator_duty_set(operator=ana, duty="on", now=moment(1))
    line = connector.open_channel_id
    with django_capture_on_commit_callbacks(execute=True):
        assert desk.line_distribute(open_channel_id=line, now=moment(1), limit=2) == 2
    assert ("line_distribute", line) in sent
    sent.clear()
    with django_capture_on_commit_callbacks(execute=True):
        assert desk.line_distribute(open_channel_id=line, now=moment(1), limit=2) == 1
    assert ("line_distribute", line) not in sent


# --- leaving ------------------------------------------------------------------------------


def answered(session: Session, operator: Operator, *, now: dt.datetime) -> None:
    """He accepts it, if he has not, and writes."""
    session_reply(
        session_id=session.pk, user=operator.user, text="Hello", client_key=str(uuid.uuid4()),
        now=now,
    )  # fmt: skip


@pytest.mark.parametrize(("state", "why"), [("off", "off_duty"), ("pause", "paused")])
def test_leaving_returns_offers_and_not_the_chats_he_answered(state: str, why: str) -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(ana, bruno, check_availability=True, distribution="strictly")
    accepted = customer_writes(connector, "u1", now=moment())
    answered(accepted, ana, now=moment())
    offered = customer_writes(connector, "u2", now=moment())
    assert duty(ana, state, 1) == 1
    offered.refresh_from_db()
    assert (offered.state, offered.operator) == ("offered", bruno)
    assert kinds(offered) == ["started", "offered", "returned", "offered"]
    returned = offered.events.get(kind="returned")
    assert (returned.operator, returned.data) == (ana, {"why": why})
    assert outcomes(offered) == [(ana.pk, "returned"), (bruno.pk, "")]
    assert held_by(connector)[0] == ana.pk
    books_check()


@pytest.mark.parametrize(("state", "stays"), [("off", False), ("pause", True)])
def test_a_chat_he_never_answered_goes_on_when_he_leaves_and_stays_in_a_pause(
    state: str, stays: bool
) -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(ana, bruno, check_availability=True, distribution="strictly")
    session = customer_writes(connector, "u1", now=moment())
    session_accept(session_id=session.pk, operator=ana, now=moment())
    assert duty(ana, state, 1) == (0 if stays else 1)
    session.refresh_from_db()
    assert (session.state, session.operator) == (("active", ana) if stays else ("offered", bruno))
    books_check()


@pytest.mark.parametrize(("rule", "stays"), [("on_message", True), ("at_once", False)])
def test_his_answered_chats_go_on_when_the_customer_writes_or_at_once(
    rule: str, stays: bool
) -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(
        ana, bruno, check_availability=True, distribution="strictly", away_returns=rule
    )
    session = customer_writes(connector, "u1", now=moment())
    answered(session, ana, now=moment())
    assert duty(ana, "off", 1) == (0 if stays else 1)
    session.refresh_from_db()
    assert (session.state, session.operator) == (("active", ana) if stays else ("offered", bruno))
    if stays:
        session = customer_writes(connector, "u1", now=moment(2))
        assert (session.state, session.wait_reason) == ("waiting", "unrouted")
        assert session.events.get(kind="returned").data == {"why": "off_duty"}
        assert timers_sweep(now=moment(2)) == 1
        session.refresh_from_db()
        assert (session.state, session.operator) == ("offered", bruno)
    books_check()


def test_leaving_moves_nothing_where_availability_is_not_checked() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(ana, bruno)
    customer_writes(connector, "u1", now=moment())
    before = everything()[:4]
    assert duty(ana, "off", 1) == 0
    assert everything()[:4] == before


def test_coming_back_before_the_job_runs_keeps_the_offer() -> None:
    ana = OperatorFactory()
    connector = line_with(ana, check_availability=True)
    session = customer_writes(connector, "u1", now=moment())
    operator_duty_set(operator=ana, duty="off", now=moment(1))
    operator_duty_set(operator=ana, duty="on", now=moment(1))
    assert not desk.session_return(session_id=session.pk, operator_id=ana.pk, now=moment(1))
    assert desk.operator_duty_settle(operator_id=ana.pk, now=moment(1)) == 0
    assert outcomes(session) == [(ana.pk, "")]


def test_an_offer_accepted_meanwhile_is_not_returned() -> None:
    ana = OperatorFactory()
    session = customer_writes(line_with(ana, check_availability=True), "u1", now=moment())
    answered(session, ana, now=moment(1))
    operator_duty_set(operator=ana, duty="off", now=moment(1))
    before = everything()
    assert not desk.session_return(session_id=session.pk, operator_id=ana.pk, now=moment(1))
    assert everything() == before


def test_an_offer_that_went_on_to_another_is_not_returned() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = customer_writes(line_with(ana, bruno, check_availability=True), "u1", now=moment())
    timers_sweep(now=moment(5))
    operator_duty_set(operator=ana, duty="off", now=moment(5))
    before = everything()
    assert not desk.session_return(session_id=session.pk, operator_id=ana.pk, now=moment(5))
    assert everything() == before


def test_a_leave_that_has_begun_returns_offers() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(ana, bruno, check_availability=True)
    session = customer_writes(connector, "u1", now=moment())
    operator_update(
        operator=ana, leave_from=moment(1), leave_until=None, max_chats=1000, now=moment(1)
    )
    assert desk.operator_duty_settle(operator_id=ana.pk, now=moment(1)) == 1
    session.refresh_from_db()
    assert session.operator == bruno
    assert session.events.get(kind="returned").data == {"why": "on_leave"}
    books_check()


def test_a_leave_that_begins_by_itself_is_noticed_by_the_sweep() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(ana, bruno, check_availability=True)
    session = customer_writes(connector, "u1", now=moment())
    operator_update(
        operator=ana, leave_from=moment(2), leave_until=moment(9), max_chats=1000, now=moment(1)
    )
    desk.desk_sweep(now=moment(1))
    session.refresh_from_db()
    assert session.operator == ana
    desk.desk_sweep(now=moment(2))
    session.refresh_from_db()
    assert session.operator == bruno


# --- what changes outside our pages -------------------------------------------------------


def test_an_account_switched_off_loses_its_offers_on_every_line() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(ana, bruno)
    session = customer_writes(connector, "u1", now=moment())
    User.objects.filter(pk=ana.user_id).update(is_active=False)
    desk.desk_sweep(now=moment(1))
    session.refresh_from_db()
    assert (session.state, session.operator) == ("offered", bruno)
    assert session.events.get(kind="returned").data == {"why": "inactive"}
    books_check()


def test_somebody_who_left_a_group_loses_his_offers() -> None:
    evening = Group.objects.create(name="Evening")
    user = UserFactory()
    user.groups.add(evening)
    connector = line_with()
    queue_member_add(open_channel=connector.open_channel, group=evening, now=moment())
    session = customer_writes(connector, "u1", now=moment())
    assert session.operator == operator_for_user(user)
    user.groups.clear()
    desk.desk_sweep(now=moment(1))
    session.refresh_from_db()
    assert (session.state, session.wait_reason) == ("waiting", "no_operator")
    assert session.events.get(kind="returned").data == {"why": "removed"}
    books_check()


def test_somebody_who_joined_a_group_gets_what_everybody_let_pass() -> None:
    evening = Group.objects.create(name="Evening")
    ana = OperatorFactory()
    connector = line_with(ana)
    queue_member_add(open_channel=connector.open_channel, group=evening, now=moment())
    session = customer_writes(connector, "u1", now=moment())
    timers_sweep(now=moment(5))
    desk.desk_sweep(now=moment(6))
    session.refresh_from_db()
    assert session.wait_reason == "round_over"  # no new round by itself
    bea = UserFactory()
    bea.groups.add(evening)
    desk.desk_sweep(now=moment(7))
    session.refresh_from_db()
    assert (session.state, session.operator) == ("offered", operator_for_user(bea))


def test_duty_changed_by_a_script_is_noticed_by_the_sweep() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory(duty="off")
    connector = line_with(ana, bruno, check_availability=True)
    session = customer_writes(connector, "u1", now=moment())
    Operator.objects.filter(pk=ana.pk).update(duty="off")
    Operator.objects.filter(pk=bruno.pk).update(duty="on")
    desk.desk_sweep(now=moment(1))
    session.refresh_from_db()
    assert (session.state, session.operator) == ("offered", bruno)
    assert session.events.get(kind="returned").data == {"why": "off_duty"}


def test_a_sweep_that_finds_nothing_to_do_writes_nothing_but_the_turn() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory(duty="off")
    connector = line_with(ana, bruno, check_availability=True, max_chats=1)
    for user in ("u1", "u2", "u3"):
        customer_writes(connector, user, now=moment())
    before = everything()
    turn = LineQueue.objects.get().turn
    assert desk.desk_sweep(now=moment(1)) == 0
    assert everything() == before
    assert LineQueue.objects.get().turn >= turn


def test_a_line_that_fails_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    ana, bruno = OperatorFactory(duty="off"), OperatorFactory(duty="off")
    broken = line_with(ana, check_availability=True)
    sound = line_with(bruno, check_availability=True)
    customer_writes(broken, "u1", now=moment())
    customer_writes(sound, "u1", now=moment())
    Operator.objects.update(duty="on")

    def failing(*, session_id: int, **options: Any) -> Session:
        if Session.objects.get(pk=session_id).open_channel_id == broken.open_channel_id:
            raise RuntimeError("planted")
        return session_distribute(session_id=session_id, **options)

    monkeypatch.setattr(desk, "session_distribute", failing)
    assert desk.desk_sweep(now=moment(1)) == 1
    assert (held_by(broken), held_by(sound)) == ([None], [bruno.pk])
    monkeypatch.undo()
    assert desk.desk_sweep(now=moment(2)) == 1
    assert held_by(broken) == [ana.pk]
