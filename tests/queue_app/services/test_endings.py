"""Ending a session: by whom, with which text, closed at once or after the time to come back."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import transaction

from channels_app.drivers.base import EchoEvent
from channels_app.models import Conversation, Message
from channels_app.services.errors import ConflictError, ForbiddenError
from channels_app.services.intake import event_receive
from queue_app.models import (
    CloseReason,
    Operator,
    Session,
    SessionText,
)
from queue_app.services.endings import session_close_now, session_end
from queue_app.services.locks import session_lock
from queue_app.services.operators import operator_duty_set
from queue_app.services.replies import session_reply
from queue_app.services.sessions import session_accept
from queue_app.services.timers import timers_sweep
from queue_app.signals import session_closed
from queue_app.state_machine import IllegalTransitionError
from tests.factories import (
    OperatorFactory,
    ServiceTextFactory,
    SuperuserFactory,
    UserFactory,
    moment,
)
from tests.queue_app.desk_story import (
    books_check,
    customer_writes,
    everything,
    kinds,
    last_event,
    line_with,
    outcomes,
    timers_of,
)
from tests.queue_app.services.conftest import Sent

pytestmark = pytest.mark.django_db


def texts(session: Session) -> list[str]:
    """What the customer was sent by itself."""
    sent = Message.objects.filter(conversation=session.conversation_id, author_kind="system")
    return list(sent.order_by("seq").values_list("text", flat=True))


def answered(*operators: Operator, text: str = "Goodbye, {customer}", **line: Any) -> Session:
    """A chat its first operator answered at minute 2, on a line with a closing text."""
    connector = line_with(*operators, **line)
    if text:
        ServiceTextFactory(open_channel=connector.open_channel, kind="ending", text=text)
    session = customer_writes(connector, "u1", now=moment())
    answer(session, operators[0], now=moment(2))
    return session


def answer(session: Session, operator: Operator, *, now: dt.datetime) -> Message:
    return session_reply(
        session_id=session.pk, user=operator.user, text="Yes", now=now,
        client_key=f"key-{now:%H%M%S}",
    )  # fmt: skip


def echo(session: Session, number: str, *, now: dt.datetime, text: str = "Outside") -> None:
    """Somebody writes in the platform's own app, or the platform repeats what we sent."""
    chat_id = session.conversation.external_chat_id
    event = EchoEvent(key=f"k{number}", chat_id=chat_id, message_id=number, text=text, at=now)
    event_receive(connector=session.conversation.connector, event=event, raw=b"{}", now=now)


def end(session: Session, operator: Operator, minute: int) -> Session:
    return session_end(session_id=session.pk, actor=operator.user, now=moment(minute))


def maria() -> Operator:
    operator: Operator = OperatorFactory(user=UserFactory(first_name="Maria", last_name=""))
    return operator


def waiting_session(operator: Operator) -> Session:
    """A session that found nobody, because he was off duty; now he is on it."""
    operator_duty_set(operator=operator, duty="off", now=moment())
    session = customer_writes(line_with(operator, check_availability=True), "u1", now=moment())
    assert (session.state, session.wait_reason) == ("waiting", "no_operator")
    operator_duty_set(operator=operator, duty="on", now=moment())
    return session


# --- at once, without a text --------------------------------------------------------------


def test_ending_frees_the_place_and_takes_the_timers_away(
    sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    ana = OperatorFactory()
    session = customer_writes(line_with(ana), "u1", now=moment())
    session_accept(session_id=session.pk, operator=ana, now=moment(1))
    told: list[Session] = []

    def hear(session: Session, **_kwargs: Any) -> None:
        told.append(session)

    session_closed.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            closed = session_end(session_id=session.pk, actor=ana.user, now=moment(3))
    finally:
        session_closed.disconnect(hear)
    assert (closed.state, closed.closed_at, closed.close_reason) == (
        "closed",
        moment(3),
        "operator",
    )
    assert (closed.operator, closed.unread, closed.waiting_since) == (ana, 0, None)
    assert last_event(session).data == {
        "reason": "operator", "resolution_s": 180.0, "answered": False,
    }  # fmt: skip
    ana.refresh_from_db()
    assert ana.open_chats == 0
    assert timers_of(session) == []
    assert told == [session]
    assert ("place_freed", session.pk) in sent
    books_check()


def test_ending_an_offer_ends_the_operators_turn() -> None:
    ana = OperatorFactory()
    session = customer_writes(line_with(ana), "u1", now=moment())
    session_end(session_id=session.pk, actor=ana.user, now=moment(1))
    assert outcomes(session) == [(ana.pk, "withdrawn")]
    books_check()


def test_a_chat_that_waits_may_be_ended_by_anybody_who_sees_it() -> None:
    session = waiting_session(OperatorFactory())
    stranger = UserFactory()
    closed = session_end(session_id=session.pk, actor=stranger, now=moment(1))
    assert (closed.state, closed.no_operator_since, closed.wait_reason) == ("closed", None, "")
    event = last_event(session)
    assert (event.actor, event.operator) == (stranger, None)
    books_check()


def test_ending_twice_changes_nothing_more() -> None:
    ana = OperatorFactory()
    session = customer_writes(line_with(ana), "u1", now=moment())
    session_end(session_id=session.pk, actor=ana.user, now=moment(1))
    before = everything()
    assert session_end(session_id=session.pk, actor=ana.user, now=moment(2)).state == "closed"
    assert everything() == before
    books_check()


def test_somebody_elses_chat_is_not_ended() -> None:
    holder, ana = maria(), OperatorFactory()
    session = customer_writes(line_with(holder, ana), "u1", now=moment())
    before = everything()
    with pytest.raises(ForbiddenError) as caught:
        session_end(session_id=session.pk, actor=ana.user, now=moment(1))
    assert (caught.value.code, caught.value.detail) == (
        "not_yours",
        "This chat belongs to Maria.",
    )
    assert everything() == before


def test_a_superuser_ends_anybodys_chat() -> None:
    ana = OperatorFactory()
    session = customer_writes(line_with(ana), "u1", now=moment())
    boss = SuperuserFactory()
    closed = session_end(session_id=session.pk, actor=boss, now=moment(1))
    assert (closed.state, closed.operator) == ("closed", ana)
    books_check()


def test_a_message_after_the_end_begins_a_new_session() -> None:
    ana = OperatorFactory()
    connector = line_with(ana)
    first = customer_writes(connector, "u1", now=moment())
    session_end(session_id=first.pk, actor=ana.user, now=moment(1))
    second = customer_writes(connector, "u1", now=moment(2))
    assert second != first
    assert second.conversation == first.conversation
    assert (first.is_first, second.is_first) == (True, False)
    assert second.state == "offered"


def test_who_may_end_any_chat_ends_somebody_elses() -> None:
    ana, boss = OperatorFactory(), UserFactory()
    boss.user_permissions.add(Permission.objects.get(codename="end_any_session"))
    session = customer_writes(line_with(ana), "u1", now=moment())
    closed = session_end(session_id=session.pk, actor=User.objects.get(pk=boss.pk), now=moment(1))
    assert (closed.state, closed.operator) == ("closed", ana)
    assert (last_event(session).actor, last_event(session).operator) == (boss, ana)


@pytest.mark.parametrize(
    ("reason", "text"), [(CloseReason.SPAM, "spam"), (CloseReason.FORCED, "forced")]
)
def test_spam_and_a_forced_stop_close_at_once_without_a_text(
    reason: CloseReason, text: str
) -> None:
    ana, boss = OperatorFactory(), UserFactory()
    session = answered(ana)
    told: list[tuple[Session, str]] = []

    def hear(session: Session, **_kwargs: Any) -> None:
        told.append((session, session.close_reason))

    session_closed.connect(hear)
    try:
        with transaction.atomic():
            conversation, locked = session_lock(session.pk)
            session_close_now(
                session=locked, conversation=conversation, reason=reason, now=moment(5), actor=boss
            )
    finally:
        session_closed.disconnect(hear)
    session.refresh_from_db()
    assert (session.state, session.close_reason, session.closed_at) == ("closed", text, moment(5))
    assert last_event(session).data == {"reason": text, "resolution_s": 300.0, "answered": True}
    assert last_event(session).actor == boss
    assert (texts(session), timers_of(session), told) == ([], [], [(session, text)])
    books_check()


def test_what_is_closed_is_not_closed_again() -> None:
    ana = OperatorFactory()
    session = answered(ana, text="")
    end(session, ana, 3)
    before = everything()
    with transaction.atomic():
        conversation, locked = session_lock(session.pk)
        with pytest.raises(IllegalTransitionError):
            session_close_now(
                session=locked, conversation=conversation, reason=CloseReason.AUTO, now=moment(5)
            )
    assert everything() == before


# --- with a text, and the time to come back -----------------------------------------------


def test_a_closing_text_gives_the_customer_time_to_come_back(
    sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    ana = OperatorFactory()
    session = answered(ana, grace_minutes=10)
    with django_capture_on_commit_callbacks(execute=True):
        ending = end(session, ana, 5)
    assert (ending.state, ending.ended_at, ending.closed_at) == ("closing", moment(5), None)
    assert (ending.operator, ending.holds_place, ending.unread) == (ana, False, 0)
    assert texts(session) == ["Goodbye, Customer u1"]
    assert kinds(session)[-2:] == ["text", "ended"]
    assert last_event(session).data == {"reason": "operator"}
    assert (last_event(session).actor, last_event(session).operator) == (ana.user, ana)
    assert timers_of(session) == [("grace", moment(15))]
    assert ("place_freed", session.pk) in sent
    books_check()


def test_when_the_time_is_over_it_is_closed_once() -> None:
    ana = OperatorFactory()
    session = answered(ana, grace_minutes=10)
    end(session, ana, 5)
    told: list[Session] = []

    def hear(session: Session, **_kwargs: Any) -> None:
        told.append(session)

    session_closed.connect(hear)
    try:
        assert timers_sweep(now=moment(14, 59)) == 0
        assert timers_sweep(now=moment(15)) == 1
        assert timers_sweep(now=moment(60)) == 0
    finally:
        session_closed.disconnect(hear)
    session.refresh_from_db()
    assert (session.state, session.closed_at, session.close_reason) == (
        "closed", moment(15), "operator",
    )  # fmt: skip
    assert (session.operator, session.ended_at) == (ana, moment(5))
    closed = last_event(session)
    assert (closed.kind, closed.actor, closed.operator) == ("closed", None, ana)
    assert closed.data == {"reason": "operator", "resolution_s": 900.0, "answered": True}
    assert (told, texts(session)) == ([session], ["Goodbye, Customer u1"])
    books_check()


def test_without_a_time_to_come_back_the_text_goes_and_the_chat_is_closed() -> None:
    ana = OperatorFactory()
    session = answered(ana, grace_minutes=0)
    assert end(session, ana, 5).state == "closed"
    assert texts(session) == ["Goodbye, Customer u1"]
    assert kinds(session)[-2:] == ["text", "closed"]
    books_check()


def test_without_a_text_the_chat_is_closed_at_once() -> None:
    ana = OperatorFactory()
    session = answered(ana, text="", grace_minutes=10)
    assert end(session, ana, 5).state == "closed"
    assert texts(session) == []
    books_check()


@pytest.mark.parametrize("accepted", [False, True])
def test_who_was_answered_by_nobody_gets_no_closing_text(accepted: bool) -> None:
    ana = OperatorFactory()
    connector = line_with(ana)
    ServiceTextFactory(open_channel=connector.open_channel, kind="ending")
    session = customer_writes(connector, "u1", now=moment())
    if accepted:
        session_accept(session_id=session.pk, operator=ana, now=moment(1))
    assert end(session, ana, 5).state == "closed"
    assert (texts(session), SessionText.objects.count()) == ([], 0)


def test_an_answer_in_the_platforms_own_app_counts_for_the_closing_text() -> None:
    ana = OperatorFactory()
    connector = line_with(ana)
    ServiceTextFactory(open_channel=connector.open_channel, kind="ending")
    session = customer_writes(connector, "u1", now=moment())
    echo(session, "e1", now=moment(1))
    assert end(session, ana, 5).state == "closing"
    assert texts(session) == ["Goodbye"]
    books_check()


def test_a_text_that_cannot_be_sent_is_recorded_and_the_chat_closed_at_once() -> None:
    ana = OperatorFactory()
    session = answered(ana)
    Conversation.objects.update(unreachable_at=moment(3))
    assert end(session, ana, 5).state == "closed"
    assert texts(session) == []
    row = SessionText.objects.get()
    assert (row.kind, row.skipped, row.message) == ("ending", "unreachable", None)
    assert kinds(session)[-2:] == ["text", "closed"]


def test_ending_what_is_ending_changes_nothing() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = answered(ana, bruno)
    end(session, ana, 5)
    before = (everything(), list(Message.objects.values()))
    assert end(session, ana, 6).state == "closing"
    assert end(session, bruno, 7).state == "closing"
    assert (everything(), list(Message.objects.values())) == before


def test_nobody_accepts_or_answers_what_is_ending() -> None:
    ana = OperatorFactory()
    session = answered(ana)
    end(session, ana, 5)
    before = (everything(), list(Message.objects.values()))
    with pytest.raises(ConflictError) as accepting:
        session_accept(session_id=session.pk, operator=ana, now=moment(6))
    with pytest.raises(ConflictError) as answering:
        answer(session, ana, now=moment(6))
    assert (accepting.value.code, answering.value.code) == ("ending", "ending")
    assert (everything(), list(Message.objects.values())) == before
