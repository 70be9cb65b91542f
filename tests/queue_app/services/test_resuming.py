"""A customer comes back while his chat is ending; what we say ourselves changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from channels_app.models import Message
from queue_app.models import (
    Assignment,
    AssignmentOutcome,
    Session,
)
from queue_app.services.endings import session_end
from queue_app.services.handover import session_give
from queue_app.services.locks import session_lock
from queue_app.services.routing import session_distribute, session_hand_back
from queue_app.services.timers import timers_sweep
from tests.factories import (
    OperatorFactory,
    ServiceTextFactory,
    SuperuserFactory,
    moment,
)
from tests.queue_app.desk_story import (
    books_check,
    customer_receive,
    customer_writes,
    everything,
    kinds,
    last_event,
    line_with,
    timers_of,
)
from tests.queue_app.services.test_endings import answer, answered, echo, end, texts

pytestmark = pytest.mark.django_db


# --- the customer comes back --------------------------------------------------------------


def test_a_message_in_time_continues_the_same_chat_with_its_operator() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = answered(ana, bruno)
    end(session, ana, 5)
    again = customer_writes(session.conversation.connector, "u1", now=moment(14))
    assert again == session
    assert (again.state, again.operator, again.turn) == ("active", ana, "operator")
    assert (again.unread, again.waiting_since, again.ended_at) == (1, moment(14), None)
    assert again.answered_at == moment(2)
    assert (last_event(again).kind, last_event(again).operator) == ("resumed", ana)
    assert timers_of(session) == []
    books_check()


def test_his_limits_do_not_keep_a_chat_from_going_on() -> None:
    ana = OperatorFactory(max_chats=1)
    session = answered(ana)
    end(session, ana, 5)
    connector = session.conversation.connector
    assert customer_writes(connector, "u2", now=moment(6)).operator == ana
    again = customer_writes(connector, "u1", now=moment(7))
    assert (again.state, again.operator) == ("active", ana)
    ana.refresh_from_db()
    assert ana.open_chats == 2


@pytest.mark.parametrize(
    ("place_freed", "counts"), [("ending", True), ("first_reply", False), ("every_reply", True)]
)
def test_a_chat_that_goes_on_counts_by_the_lines_rule(place_freed: str, counts: bool) -> None:
    ana = OperatorFactory()
    session = answered(ana, place_freed=place_freed)
    end(session, ana, 5)
    again = customer_writes(session.conversation.connector, "u1", now=moment(7))
    ana.refresh_from_db()
    assert (again.holds_place, ana.open_chats) == (counts, int(counts))
    books_check()


def test_a_second_end_sends_no_second_text_and_closes_at_once() -> None:
    ana = OperatorFactory()
    session = answered(ana)
    ServiceTextFactory(open_channel=session.open_channel, kind="auto_close", text="You left")
    end(session, ana, 5)
    customer_writes(session.conversation.connector, "u1", now=moment(7))
    answer(session, ana, now=moment(8))
    assert end(session, ana, 9).state == "closed"
    assert texts(session) == ["Goodbye, Customer u1"]
    books_check()


def test_a_message_after_the_time_begins_a_new_chat() -> None:
    ana = OperatorFactory()
    session = answered(ana)
    end(session, ana, 5)
    timers_sweep(now=moment(15))
    later = customer_writes(session.conversation.connector, "u1", now=moment(16))
    session.refresh_from_db()
    assert (session.state, later.state) == ("closed", "offered")
    assert later != session


def test_a_chat_that_nobody_had_goes_back_to_the_queue() -> None:
    """It was answered, handed back to the queue, and ended there."""
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = answered(ana, bruno, distribution="strictly")
    with transaction.atomic():
        conversation, locked = session_lock(session.pk)
        session_hand_back(
            session=locked, conversation=conversation, step="skip",
            outcome=AssignmentOutcome.SKIPPED, event="skipped", now=moment(3), data={},
        )  # fmt: skip
    ending = end(session, bruno, 5)
    assert (ending.state, ending.operator, ending.wait_reason) == ("closing", None, "")
    books_check()
    again = customer_writes(session.conversation.connector, "u1", now=moment(7))
    assert again == session
    # A new round, from the top.
    assert (again.state, again.operator, again.round) == ("offered", ana, 2)
    assert kinds(session)[-2:] == ["resumed", "offered"]
    books_check()


def test_a_chat_that_was_only_offered_goes_back_to_the_queue() -> None:
    """Ended over the head of somebody who had not accepted: it does not become his."""
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = answered(ana, bruno, distribution="strictly")
    with transaction.atomic():
        conversation, locked = session_lock(session.pk)
        session_hand_back(
            session=locked, conversation=conversation, step="skip",
            outcome=AssignmentOutcome.SKIPPED, event="skipped", now=moment(3), data={},
        )  # fmt: skip
    Assignment.objects.update(outcome="skipped")
    assert session_distribute(session_id=session.pk, now=moment(3)).operator == bruno
    boss = SuperuserFactory()
    ending = session_end(session_id=session.pk, actor=boss, now=moment(5))
    assert (ending.state, ending.operator) == ("closing", bruno)
    again = customer_writes(session.conversation.connector, "u1", now=moment(7))
    assert (again.state, again.operator, again.round) == ("offered", ana, 2)
    assert session.events.get(kind="resumed").operator is None
    books_check()


def test_who_ended_it_before_his_first_reply_has_his_time_to_reply_again() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = answered(ana, bruno, response_means="replying", response_minutes=3)
    with transaction.atomic():
        conversation, locked = session_lock(session.pk)
        session_give(
            session=locked, conversation=conversation, operator=bruno, step="transfer",
            event="transferred", now=moment(4), actor=ana.user, data={},
            others=AssignmentOutcome.TRANSFERRED,
        )  # fmt: skip
    end(session, bruno, 5)
    customer_writes(session.conversation.connector, "u1", now=moment(7))
    assert timers_of(session) == [("response", moment(10))]
    books_check()


def test_a_fault_while_it_goes_on_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ana = OperatorFactory()
    session = answered(ana)
    end(session, ana, 5)

    def fail(**_anything: Any) -> None:
        raise RuntimeError("planted fault")

    with monkeypatch.context() as patch:
        patch.setattr("queue_app.services.routing.session_resume", fail)
        received = customer_receive(session.conversation.connector, "u1", now=moment(7))
    assert received.outcome == "done"
    session.refresh_from_db()
    assert (session.state, session.unread) == ("closing", 1)
    assert timers_of(session) == [("grace", moment(7))]
    assert timers_sweep(now=moment(7)) == 1
    session.refresh_from_db()
    assert (session.state, session.operator, session.turn) == ("active", ana, "operator")
    books_check()


def test_the_same_fault_for_a_chat_that_nobody_has(monkeypatch: pytest.MonkeyPatch) -> None:
    ana = OperatorFactory()
    connector = line_with(ana)
    ServiceTextFactory(open_channel=connector.open_channel, kind="ending")
    session = customer_writes(connector, "u1", now=moment())
    echo(session, "e1", now=moment(1))
    end(session, ana, 5)
    with monkeypatch.context() as patch:
        patch.setattr("queue_app.services.routing.session_resume", None)
        assert customer_receive(connector, "u1", now=moment(7)).outcome == "done"
    assert timers_sweep(now=moment(7)) == 1
    session.refresh_from_db()
    assert (session.state, session.operator) == ("offered", ana)
    books_check()


# --- what we say ourselves changes nothing ------------------------------------------------


def test_an_answer_from_outside_while_it_ends_keeps_it_ending() -> None:
    ana = OperatorFactory()
    session = answered(ana)
    end(session, ana, 5)
    echo(session, "e1", now=moment(6))
    session.refresh_from_db()
    assert (session.state, session.operator, session.wait_reason) == ("closing", ana, "")
    assert timers_of(session) == [("grace", moment(15))]
    books_check()
    timers_sweep(now=moment(15))
    session.refresh_from_db()
    assert (session.state, texts(session)) == ("closed", ["Goodbye, Customer u1"])


@pytest.mark.parametrize("minute", [6, 30])
def test_the_echo_of_our_own_closing_text_begins_nothing(minute: int) -> None:
    ana = OperatorFactory()
    session = answered(ana)
    end(session, ana, 5)
    text = Message.objects.get(author_kind="system")
    Message.objects.filter(pk=text.pk).update(external_id="p77", state="sent", queued_at=None)
    if minute > 15:
        timers_sweep(now=moment(15))
    before = everything()
    echo(session, "p77", text=text.text, now=moment(minute))
    assert everything() == before
    assert Session.objects.count() == 1
    assert texts(session) == ["Goodbye, Customer u1"]
