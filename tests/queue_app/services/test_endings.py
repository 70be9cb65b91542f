"""Ending a session: by whom, with which text, closed at once or after the time to come back."""

from __future__ import annotations

from typing import Any

import pytest

from channels_app.services.errors import ForbiddenError
from queue_app.models import Operator, Session
from queue_app.services.endings import session_end
from queue_app.services.operators import operator_duty_set
from queue_app.services.sessions import session_accept
from queue_app.signals import session_closed
from tests.factories import OperatorFactory, SuperuserFactory, UserFactory, moment
from tests.queue_app.desk_story import (
    books_check,
    customer_writes,
    everything,
    last_event,
    line_with,
    outcomes,
    timers_of,
)
from tests.queue_app.services.conftest import Sent

pytestmark = pytest.mark.django_db


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
