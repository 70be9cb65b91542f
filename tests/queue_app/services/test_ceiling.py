"""The longest wait: a customer who waits for us is not closed by itself before it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db.models import F

from channels_app.models import Message, OpenChannel
from channels_app.services.receipts import message_state_forward
from queue_app.models import Operator, Session, Timer, TimerKind
from queue_app.services.deadlines import timer_set
from queue_app.services.endings import session_end
from queue_app.services.replies import session_reply
from queue_app.services.sessions import session_accept
from queue_app.services.timers import timers_sweep
from tests.factories import OperatorFactory, ServiceTextFactory, moment
from tests.queue_app.desk_story import (
    books_check,
    customer_writes,
    kinds,
    last_event,
    line_with,
    outcomes,
    timers_of,
)

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)
MINUTE = dt.timedelta(minutes=1)


def chat(*operators: Operator, **line: Any) -> Session:
    """A chat that began at minute 0, on a line whose longest wait is 30 days."""
    connector = line_with(*operators, **({"ceiling_days": 30, "auto_close_minutes": 0} | line))
    ServiceTextFactory(open_channel=connector.open_channel, kind="auto_close", text="Still there")
    return customer_writes(connector, "u1", now=moment())


def answer(session: Session, operator: Operator, now: dt.datetime) -> None:
    message = session_reply(
        session_id=session.pk, user=operator.user, text="Yes", now=now,
        client_key=f"key-{now:%m%d%H%M}",
    )  # fmt: skip
    message_state_forward(message=message, state="sent", now=now)


def ceiling_of(session: Session) -> list[dt.datetime]:
    timers = Timer.objects.filter(session=session, kind=TimerKind.CEILING)
    return list(timers.values_list("due_at", flat=True))


def test_who_has_waited_in_the_queue_for_thirty_days_is_closed_with_a_note() -> None:
    session = chat()
    assert timers_sweep(now=moment() + 30 * DAY - MINUTE) == 0
    assert timers_sweep(now=moment() + 30 * DAY) == 1
    session.refresh_from_db()
    assert (session.state, session.close_reason, session.no_operator_since) == (
        "closed", "auto", None,
    )  # fmt: skip
    assert last_event(session).data == {
        "reason": "auto", "resolution_s": 30 * 86400.0, "answered": False,
    }  # fmt: skip
    note = Message.objects.get(direction="system")
    assert (note.kind, note.data) == ("ceiling", {"days": 30})
    assert not Message.objects.filter(direction="out").exists()
    books_check()


def test_an_accepted_chat_that_nobody_answered_is_closed_too_and_frees_its_place() -> None:
    ana = OperatorFactory()
    session = chat(ana)
    session_accept(session_id=session.pk, operator=ana, now=moment(1))
    timers_sweep(now=moment() + 30 * DAY)
    session.refresh_from_db()
    assert (session.state, session.operator) == ("closed", ana)
    assert not Message.objects.filter(direction="out").exists()
    books_check()


def test_an_offer_ends_with_it() -> None:
    ana = OperatorFactory()
    session = chat(ana, response_minutes=720)
    Session.objects.filter(pk=session.pk).update(waiting_since=moment() - 30 * DAY)
    timer_set(session_id=session.pk, kind=TimerKind.CEILING, due_at=moment(5))
    timers_sweep(now=moment(5))
    assert outcomes(session) == [(ana.pk, "withdrawn")]
    books_check()


def test_while_we_wait_for_the_customer_it_moves_on() -> None:
    ana = OperatorFactory()
    session = chat(ana)
    answer(session, ana, moment(1))
    timers_sweep(now=moment() + 30 * DAY)
    assert ceiling_of(session) == [moment() + 60 * DAY]
    session.refresh_from_db()
    assert session.state == "active"


def test_the_wait_counts_from_the_customers_last_turn() -> None:
    ana = OperatorFactory()
    session = chat(ana)
    answer(session, ana, moment(1))
    customer_writes(session.conversation.connector, "u1", now=moment() + 10 * DAY)
    timers_sweep(now=moment() + 30 * DAY)
    assert ceiling_of(session) == [moment() + 40 * DAY]
    timers_sweep(now=moment() + 40 * DAY - MINUTE)
    session.refresh_from_db()
    assert session.state == "active"
    timers_sweep(now=moment() + 40 * DAY)
    session.refresh_from_db()
    assert (session.state, session.close_reason) == ("closed", "auto")
    assert Message.objects.get(direction="system").kind == "ceiling"


def test_before_it_nothing_ends_a_chat_whose_customer_waits() -> None:
    ana = OperatorFactory()
    session = chat(ana, auto_close_minutes=60)
    answer(session, ana, moment(1))
    customer_writes(session.conversation.connector, "u1", now=moment(2))
    for day in range(30):
        timers_sweep(now=moment(1) + day * DAY)
    session.refresh_from_db()
    assert session.state == "active"


def test_other_days_count_when_the_time_set_has_come() -> None:
    session = chat()
    OpenChannel.objects.update(ceiling_days=50, version=F("version") + 1)
    timers_sweep(now=moment() + 30 * DAY)
    assert ceiling_of(session) == [moment() + 50 * DAY]
    timers_sweep(now=moment() + 50 * DAY)
    session.refresh_from_db()
    assert session.state == "closed"
    assert Message.objects.get(direction="system").data == {"days": 50}


def test_a_chat_that_ends_and_goes_on_keeps_it() -> None:
    ana = OperatorFactory()
    session = chat(ana)
    ServiceTextFactory(open_channel=session.open_channel, kind="ending")
    answer(session, ana, moment(1))
    session_end(session_id=session.pk, actor=ana.user, now=moment(2))
    assert timers_of(session) == [("grace", moment(12))]
    assert ceiling_of(session) == [moment() + 30 * DAY]
    customer_writes(session.conversation.connector, "u1", now=moment(3))
    assert (timers_of(session), ceiling_of(session)) == ([], [moment() + 30 * DAY])
    books_check()


def test_what_is_ending_is_left_to_its_own_time() -> None:
    ana = OperatorFactory()
    session = chat(ana)
    ServiceTextFactory(open_channel=session.open_channel, kind="ending")
    answer(session, ana, moment(1))
    session_end(session_id=session.pk, actor=ana.user, now=moment(2))
    timer_set(session_id=session.pk, kind=TimerKind.CEILING, due_at=moment(5))
    timers_sweep(now=moment(5))
    session.refresh_from_db()
    assert session.state == "closing"
    assert ceiling_of(session) == [moment(5) + 30 * DAY]
    timers_sweep(now=moment(12))
    assert (kinds(session)[-1], timers_of(session), ceiling_of(session)) == ("closed", [], [])
    books_check()
