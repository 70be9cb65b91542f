"""What waits is tried again when a place is freed or the line changes."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from channels_app.models import Connector, OpenChannel
from channels_app.services.open_channels import open_channel_update
from queue_app import tasks
from queue_app.models import Operator, QueueMember
from queue_app.services import desk
from queue_app.services.endings import session_end
from queue_app.services.queues import queue_member_add, queue_member_remove
from queue_app.services.sessions import session_accept
from queue_app.services.timers import timers_sweep
from tests.factories import OperatorFactory, moment
from tests.queue_app.desk_story import (
    books_check,
    customer_writes,
    duty,
    held_by,
    kinds,
    last_event,
    line_with,
    outcomes,
)

pytestmark = pytest.mark.django_db


# --- a place is freed -----------------------------------------------------------------------


def test_a_freed_place_goes_to_who_has_waited_longest() -> None:
    ana = OperatorFactory()
    connector = line_with(ana, max_chats=1)
    first, second, third = (
        customer_writes(connector, user, now=moment(minute))
        for minute, user in enumerate(["u1", "u2", "u3"])
    )
    session_end(session_id=first.pk, actor=ana.user, now=moment(5))
    assert desk.place_freed(session_id=first.pk, now=moment(5)) == 1
    second.refresh_from_db()
    third.refresh_from_db()
    assert (second.state, third.state) == ("offered", "waiting")
    books_check()


def test_a_place_freed_on_one_line_helps_another_when_the_cap_was_reached() -> None:
    ana = OperatorFactory(max_chats=1)
    first, second = line_with(ana), line_with(ana)
    held = customer_writes(first, "u1", now=moment())
    waiting = customer_writes(second, "u2", now=moment(1))
    assert waiting.wait_reason == "no_operator"
    session_end(session_id=held.pk, actor=ana.user, now=moment(2))
    assert desk.place_freed(session_id=held.pk, now=moment(2)) == 1
    assert held_by(second) == [ana.pk]
    books_check()


def test_an_operator_who_was_full_gets_what_the_others_let_pass() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(ana, bruno, max_chats=1)
    held = customer_writes(connector, "u1", now=moment())
    session_accept(session_id=held.pk, operator=ana, now=moment())
    passed = customer_writes(connector, "u2", now=moment(1))
    timers_sweep(now=moment(6))
    passed.refresh_from_db()
    assert (passed.wait_reason, outcomes(passed)) == ("round_over", [(bruno.pk, "expired")])
    session_end(session_id=held.pk, actor=ana.user, now=moment(7))
    assert desk.place_freed(session_id=held.pk, now=moment(7)) == 1
    passed.refresh_from_db()
    assert (passed.state, passed.round) == ("offered", 2)
    books_check()


def test_who_let_it_pass_himself_begins_no_new_round_by_ending_a_chat() -> None:
    ana = OperatorFactory()
    connector = line_with(ana)
    passed = customer_writes(connector, "u1", now=moment())
    timers_sweep(now=moment(5))
    other = customer_writes(connector, "u2", now=moment(6))
    session_end(session_id=other.pk, actor=ana.user, now=moment(7))
    assert desk.place_freed(session_id=other.pk, now=moment(7)) == 0
    passed.refresh_from_db()
    assert (passed.wait_reason, passed.round) == ("round_over", 1)


def test_a_chat_nobody_held_frees_nothing() -> None:
    ana = OperatorFactory(duty="off")
    connector = line_with(ana, check_availability=True)
    session = customer_writes(connector, "u1", now=moment())
    session_end(session_id=session.pk, actor=ana.user, now=moment(1))
    assert desk.place_freed(session_id=session.pk, now=moment(1)) == 0


# --- the line changes -----------------------------------------------------------------------


def settings_change(connector: Connector, minute: int, **changes: Any) -> int:
    """An administrator saves, and the worker does what follows. Returns offers made."""
    open_channel_update(open_channel=connector.open_channel, changes=changes, now=moment(minute))
    return desk.line_resettle(open_channel_id=connector.open_channel_id, now=moment(minute))


def test_a_line_that_opens_again_distributes_what_came_meanwhile() -> None:
    ana = OperatorFactory()
    connector = line_with(ana)
    settings_change(connector, 0, is_active=False)
    fresh = Connector.objects.get(pk=connector.pk)
    session = customer_writes(fresh, "u1", now=moment(1))
    assert (session.state, session.wait_reason) == ("waiting", "line_closed")
    assert kinds(session) == ["started", "waiting"]
    assert settings_change(connector, 2, is_active=True) == 1
    session.refresh_from_db()
    assert (session.state, session.operator) == ("offered", ana)


def test_a_line_that_opened_again_is_noticed_by_the_sweep_too() -> None:
    ana = OperatorFactory()
    connector = line_with(ana, is_active=False)
    session = customer_writes(connector, "u1", now=moment(1))
    OpenChannel.objects.update(is_active=True)
    assert desk.desk_sweep(now=moment(2)) == 1
    session.refresh_from_db()
    assert session.state == "offered"


def test_what_found_nobody_waits_on_a_closed_line_for_its_opening() -> None:
    ana = OperatorFactory(duty="off")
    connector = line_with(ana, check_availability=True)
    session = customer_writes(connector, "u1", now=moment())
    settings_change(connector, 1, is_active=False)
    assert duty(ana, "on", 2) == 0
    session.refresh_from_db()
    assert (session.state, session.wait_reason) == ("waiting", "line_closed")
    assert settings_change(connector, 3, is_active=True) == 1
    books_check()


def test_nothing_is_taken_back_on_a_closed_line() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(ana, bruno, check_availability=True)
    session = customer_writes(connector, "u1", now=moment())
    settings_change(connector, 1, is_active=False)
    assert duty(ana, "off", 2) == 0
    desk.desk_sweep(now=moment(3))
    session.refresh_from_db()
    assert (session.state, session.operator) == ("offered", ana)
    # Once it is open again, what happened meanwhile counts.
    settings_change(connector, 4, is_active=True)
    session.refresh_from_db()
    assert (session.state, session.operator) == ("offered", bruno)
    books_check()


def test_checking_availability_from_now_on_takes_offers_from_who_is_off_duty() -> None:
    ana, bruno = OperatorFactory(duty="off"), OperatorFactory()
    connector = line_with(ana, bruno, distribution="strictly")
    session = customer_writes(connector, "u1", now=moment())
    assert session.operator == ana
    settings_change(connector, 1, check_availability=True)
    session.refresh_from_db()
    assert session.operator == bruno
    books_check()


def test_a_higher_limit_helps_those_who_wait() -> None:
    ana = OperatorFactory()
    connector = line_with(ana, max_chats=1)
    for user in ("u1", "u2", "u3"):
        customer_writes(connector, user, now=moment())
    assert settings_change(connector, 1, max_chats=2) == 1
    assert settings_change(connector, 2, max_chats=0) == 1
    assert held_by(connector) == [ana.pk] * 3
    books_check()


def test_a_new_member_gets_what_everybody_let_pass() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(ana)
    session = customer_writes(connector, "u1", now=moment())
    timers_sweep(now=moment(5))
    queue_member_add(open_channel=connector.open_channel, user=bruno.user, now=moment(6))
    assert desk.line_resettle(open_channel_id=connector.open_channel_id, now=moment(6)) == 1
    session.refresh_from_db()
    assert session.operator == bruno


def test_the_last_member_taken_out_leaves_the_session_waiting() -> None:
    ana = OperatorFactory()
    connector = line_with(ana)
    session = customer_writes(connector, "u1", now=moment())
    queue_member_remove(queue_member=QueueMember.objects.get(), now=moment(1))
    assert desk.line_resettle(open_channel_id=connector.open_channel_id, now=moment(1)) == 0
    session.refresh_from_db()
    assert (session.state, session.wait_reason) == ("waiting", "no_operator")
    assert last_event(session).data == {"reason": "no_operator", "choice": [], "more": 0}
    books_check()


# --- the doors of the worker --------------------------------------------------------------


def test_each_job_calls_its_service() -> None:
    ana, bruno = OperatorFactory(duty="off"), OperatorFactory()
    connector = line_with(ana, check_availability=True, max_chats=1)
    now = timezone.now()
    first = customer_writes(connector, "u1", now=now)
    second = customer_writes(connector, "u2", now=now)
    Operator.objects.update(duty="on")
    tasks.operator_duty_changed(ana.pk)
    assert held_by(connector) == [ana.pk, None]
    session_end(session_id=first.pk, actor=ana.user, now=now)
    tasks.place_freed(first.pk)
    assert held_by(connector) == [ana.pk, ana.pk]
    third = customer_writes(connector, "u3", now=now)
    queue_member_add(open_channel=connector.open_channel, user=bruno.user, now=now)
    tasks.line_redistribute(connector.open_channel_id)
    assert held_by(connector) == [ana.pk, ana.pk, bruno.pk]
    second.timers.update(due_at=now - dt.timedelta(hours=1))
    tasks.timers_sweep()
    assert held_by(connector) == [ana.pk, None, bruno.pk]
    session_end(session_id=third.pk, actor=bruno.user, now=now)
    customer_writes(connector, "u4", now=now)
    tasks.line_distribute(connector.open_channel_id)
    tasks.desk_sweep()
    books_check()
