"""What a customer's message, or an answer from outside, means to the desk."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import transaction

from channels_app.drivers.base import EchoEvent
from channels_app.models import Connector, Conversation
from channels_app.services.intake import event_receive
from queue_app.models import AssignmentOutcome, Session, Timer
from queue_app.services.desk import line_new_rounds, operator_duty_settle
from queue_app.services.locks import session_lock
from queue_app.services.operators import operator_duty_set
from queue_app.services.routing import operators_tried, session_distribute, session_hand_back
from queue_app.services.sessions import session_accept
from queue_app.services.timers import timers_sweep
from queue_app.state_machine import IllegalTransitionError
from tests.factories import OperatorFactory, moment
from tests.queue_app.desk_story import (
    books_check,
    customer_receive,
    customer_writes,
    everything,
    kinds,
    last_event,
    line_with,
    outcomes,
    timers_of,
)

pytestmark = pytest.mark.django_db


def answered_outside(connector: Connector, user: str, *, now: dt.datetime) -> Session:
    """Somebody of ours answers in the platform's own app. Returns the newest session."""
    event = EchoEvent(
        key=f"echo-{now.isoformat()}", chat_id=user, message_id=f"out-{now.isoformat()}",
        text="Answered on the phone", at=now,
    )  # fmt: skip
    received = event_receive(connector=connector, event=event, raw=b"{}", now=now)
    assert received.outcome == "done"
    return Session.objects.filter(conversation__external_chat_id=user).latest("pk")


# --- the customer's message ---------------------------------------------------------------


def test_a_first_message_opens_a_session_that_waits_for_us() -> None:
    ana = OperatorFactory()
    session = customer_writes(line_with(ana), "u1", now=moment())
    assert (session.state, session.operator, session.turn) == ("offered", ana, "operator")
    assert (session.unread, session.round, session.is_first) == (1, 1, True)
    assert (session.started_at, session.waiting_since, session.offered_at) == (moment(),) * 3
    assert session.version == session.conversation.version == 1
    started, offered = session.events.order_by("seq")
    assert (started.kind, started.data) == ("started", {"first": True})
    assert (offered.kind, offered.operator) == ("offered", ana)
    assert offered.data == {
        "choice": [
            {
                "operator": ana.pk,
                "code": "chosen",
                "data": {"rule": "evenly", "last_offer_at": None},
            }
        ],
        "more": 0,
        "turn": 1,
        "round": 1,
    }


def test_further_messages_are_counted_and_change_nothing_else() -> None:
    ana = OperatorFactory()
    connector = line_with(ana)
    first = customer_writes(connector, "u1", now=moment())
    again = customer_writes(connector, "u1", now=moment(1))
    assert again == first
    assert (again.state, again.unread, again.waiting_since) == ("offered", 2, moment())
    assert kinds(again) == ["started", "offered"]
    assert again.version == again.conversation.version == 2


def test_a_repeated_delivery_has_no_effect_on_the_desk() -> None:
    connector = line_with(OperatorFactory())
    customer_receive(connector, "u1", now=moment(), key="m1")
    before = (everything(), list(Conversation.objects.values()))
    assert customer_receive(connector, "u1", now=moment(1), key="m1").outcome == "duplicate"
    assert (everything(), list(Conversation.objects.values())) == before


def test_a_message_to_a_session_that_found_nobody_leaves_it_in_its_place() -> None:
    ana = OperatorFactory(duty="off")
    connector = line_with(ana, check_availability=True)
    first = customer_writes(connector, "u1", now=moment())
    customer_writes(connector, "u2", now=moment(1))
    again = customer_writes(connector, "u1", now=moment(2))
    assert (again.pk, again.no_operator_since, again.unread) == (first.pk, moment(), 2)
    assert kinds(again) == ["started", "waiting"]


def test_a_new_conversation_on_the_same_line_is_a_first_session_too() -> None:
    connector = line_with(OperatorFactory())
    assert customer_writes(connector, "u1", now=moment()).is_first
    assert customer_writes(connector, "u2", now=moment()).is_first


# --- distributing again -----------------------------------------------------------------------


def test_a_retry_that_changes_nothing_writes_nothing() -> None:
    ana = OperatorFactory(duty="off")
    session = customer_writes(line_with(ana, check_availability=True), "u1", now=moment())
    before = (everything(), list(Conversation.objects.values()))
    session_distribute(session_id=session.pk, now=moment(1))
    assert (everything(), list(Conversation.objects.values())) == before


def test_distributing_what_waits_no_longer_changes_nothing() -> None:
    ana = OperatorFactory()
    session = customer_writes(line_with(ana), "u1", now=moment())
    before = everything()
    assert session_distribute(session_id=session.pk, now=moment(1)).state == "offered"
    session_accept(session_id=session.pk, operator=ana, now=moment(1))
    before = everything()
    assert session_distribute(session_id=session.pk, now=moment(2)).state == "active"
    assert everything() == before


def test_a_round_that_is_over_stays_over_unless_a_new_one_is_begun() -> None:
    ana = OperatorFactory()
    connector = line_with(ana)
    session = customer_writes(connector, "u1", now=moment())
    timers_sweep(now=moment(5))
    before = everything()
    session_distribute(session_id=session.pk, now=moment(6))
    assert everything() == before
    assert line_new_rounds(open_channel_id=connector.open_channel_id, now=moment(6)) == 1
    session.refresh_from_db()
    assert (session.state, session.operator, session.round) == ("offered", ana, 2)
    assert operators_tried(session) == set()


def test_the_page_of_the_chat_is_told_of_a_new_offer() -> None:
    ana = OperatorFactory(duty="off")
    session = customer_writes(line_with(ana, check_availability=True), "u1", now=moment())
    operator_duty_set(operator=ana, duty="on", now=moment(1))
    session_distribute(session_id=session.pk, now=moment(1))
    session.refresh_from_db()
    conversation = Conversation.objects.get()
    assert (conversation.version, conversation.changed_at) == (2, moment(1))
    assert session.version == 2


def test_what_nobody_holds_cannot_be_handed_back() -> None:
    ana = OperatorFactory(duty="off")
    session = customer_writes(line_with(ana, check_availability=True), "u1", now=moment())
    before = everything()
    with transaction.atomic():
        conversation, locked = session_lock(session.pk)
        with pytest.raises(IllegalTransitionError):
            session_hand_back(
                session=locked, conversation=conversation, step="expire",
                    outcome=AssignmentOutcome.EXPIRED,
                event="expired", now=moment(1), data={},
            )  # fmt: skip
        transaction.set_rollback(True)
    assert everything() == before


def test_an_expired_offer_queues_behind_those_who_found_nobody() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory(duty="off")
    connector = line_with(ana, bruno, check_availability=True, max_chats=1)
    first = customer_writes(connector, "u1", now=moment())
    waiting = customer_writes(connector, "u2", now=moment(1))
    operator_duty_set(operator=bruno, duty="on", now=moment(4))  # the worker is away
    timers_sweep(now=moment(5))
    first.refresh_from_db()
    assert (first.state, first.wait_reason, first.no_operator_since) == (
        "waiting", "no_operator", moment(5),
    )  # fmt: skip
    operator_duty_settle(operator_id=bruno.pk, now=moment(6))
    waiting.refresh_from_db()
    assert waiting.state == "offered"
    books_check()


# --- an answer from outside ---------------------------------------------------------------------


def test_an_answer_from_outside_ends_an_offer() -> None:
    ana = OperatorFactory()
    connector = line_with(ana)
    customer_writes(connector, "u1", now=moment())
    session = answered_outside(connector, "u1", now=moment(1))
    assert (session.state, session.wait_reason, session.operator) == (
        "waiting", "answered_outside", None,
    )  # fmt: skip
    assert (session.turn, session.unread, session.first_reply_at) == ("customer", 0, moment(1))
    assert outcomes(session) == [(ana.pk, "withdrawn")]
    assert timers_of(session) == []
    event = last_event(session)
    assert (event.kind, event.operator, event.actor, event.data) == (
        "answered_outside", None, None, {"seq": 2},
    )  # fmt: skip
    books_check()
    # Nobody distributes it until the customer writes again.
    before = everything()
    session_distribute(session_id=session.pk, now=moment(2))
    assert everything() == before


def test_an_answer_from_outside_is_the_reply_of_an_active_chat() -> None:
    ana = OperatorFactory()
    connector = line_with(ana)
    held = customer_writes(connector, "u1", now=moment())
    session_accept(session_id=held.pk, operator=ana, now=moment(1))
    session = answered_outside(connector, "u1", now=moment(2))
    assert (session.state, session.operator, session.turn) == ("active", ana, "customer")
    assert (session.first_reply_at, session.replied_at) == (moment(2), moment(2))
    assert session.waiting_since is None
    books_check()


def test_an_answer_from_outside_takes_a_waiting_session_out_of_the_line() -> None:
    ana = OperatorFactory(duty="off")
    connector = line_with(ana, check_availability=True)
    customer_writes(connector, "u1", now=moment())
    session = answered_outside(connector, "u1", now=moment(1))
    assert (session.wait_reason, session.no_operator_since) == ("answered_outside", None)
    operator_duty_set(operator=ana, duty="on", now=moment(2))
    second = customer_writes(connector, "u2", now=moment(2))
    assert (second.state, second.operator) == ("offered", ana)
    books_check()


def test_an_answer_without_a_session_opens_none() -> None:
    connector = line_with(OperatorFactory())
    event = EchoEvent(key="e1", chat_id="u1", message_id="o1", text="Hello", at=moment())
    assert event_receive(connector=connector, event=event, raw=b"{}", now=moment()).message_id
    assert not Session.objects.exists()


def test_the_next_message_brings_an_answered_session_back_to_the_queue() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(ana, bruno)
    customer_writes(connector, "u1", now=moment())
    answered_outside(connector, "u1", now=moment(1))
    session = customer_writes(connector, "u1", now=moment(2))
    assert (session.state, session.operator) == ("offered", bruno)
    assert (session.turn, session.waiting_since) == ("operator", moment(2))
    books_check()


def test_the_only_operator_gets_an_answered_session_back() -> None:
    ana = OperatorFactory()
    connector = line_with(ana)
    customer_writes(connector, "u1", now=moment())
    answered_outside(connector, "u1", now=moment(1))
    session = customer_writes(connector, "u1", now=moment(2))
    assert (session.state, session.operator) == ("offered", ana)


def test_an_answered_session_that_all_let_pass_is_offered_again() -> None:
    ana = OperatorFactory()
    connector = line_with(ana)
    customer_writes(connector, "u1", now=moment())
    timers_sweep(now=moment(5))
    answered_outside(connector, "u1", now=moment(6))
    session = customer_writes(connector, "u1", now=moment(7))
    assert (session.state, session.operator) == ("offered", ana)


def test_an_offer_returned_at_the_end_of_duty_was_not_let_pass() -> None:
    ana = OperatorFactory()
    connector = line_with(ana, check_availability=True)
    session = customer_writes(connector, "u1", now=moment())
    operator_duty_set(operator=ana, duty="off", now=moment(1))
    operator_duty_settle(operator_id=ana.pk, now=moment(1))
    session.refresh_from_db()
    # Nobody is there at all, which is no round; and its place in the line is kept.
    assert (session.state, session.wait_reason) == ("waiting", "no_operator")


def test_a_session_woken_and_offered_has_no_route_timer_left() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(ana, bruno)
    customer_writes(connector, "u1", now=moment())
    answered_outside(connector, "u1", now=moment(1))
    customer_writes(connector, "u1", now=moment(2))
    assert set(Timer.objects.values_list("kind", flat=True)) == {"ceiling", "response"}


def test_an_answered_session_woken_without_its_routing_is_routed_by_the_sweep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(ana, bruno)
    customer_writes(connector, "u1", now=moment())
    answered_outside(connector, "u1", now=moment(1))

    def fail(**_anything: object) -> None:
        raise RuntimeError("planted")

    with monkeypatch.context() as patch:
        patch.setattr("queue_app.services.routing.session_offer", fail)
        session = customer_writes(connector, "u1", now=moment(2))
    assert timers_of(session) == [("route", moment(2))]
    timers_sweep(now=moment(2))
    session.refresh_from_db()
    assert session.state == "offered"
    assert set(Timer.objects.values_list("kind", flat=True)) == {"ceiling", "response"}
