"""Nobody who becomes free is missed by a session that finds nobody at that very moment."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from channels_app.models import OpenChannel
from queue_app.models import QueueMember, Session
from queue_app.services import desk, queues
from queue_app.services.endings import session_end
from queue_app.services.offers import line_candidates
from queue_app.services.operators import operator_duty_set, operators_for_users
from queue_app.services.queues import (
    Member,
    line_operators_sync,
    queue_member_add,
    queue_member_remove,
)
from queue_app.services.sessions import session_accept
from queue_app.services.timers import timers_sweep
from tests.factories import OpenChannelFactory, OperatorFactory, UserFactory
from tests.queue_app.concurrency.crowd import HeldThread, all_at_once, meet, raised
from tests.queue_app.desk_story import books_check, customer_writes, line_with

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


def hold_after_the_look(monkeypatch: pytest.MonkeyPatch, action: Callable[[], Any]) -> HeldThread:
    """A thread that stops when it has read the candidates, and has not yet written its choice."""
    held = HeldThread(action)

    def look(*args: Any) -> Any:
        seen = line_candidates(*args)
        held.hold()
        return seen

    monkeypatch.setattr("queue_app.services.offers.line_candidates", look)
    return held


def comes_on_duty_meanwhile(monkeypatch: pytest.MonkeyPatch) -> Session:
    """A first message has just read that Ana is off duty when she presses the button."""
    ana = OperatorFactory(duty="off")
    connector = line_with(ana, check_availability=True)
    held = hold_after_the_look(
        monkeypatch, lambda: customer_writes(connector, "u1", now=timezone.now())
    )

    def press() -> int:
        operator_duty_set(operator=ana, duty="on", now=timezone.now())
        return desk.operator_duty_settle(operator_id=ana.pk, now=timezone.now())

    meet(held, press)
    session: Session = Session.objects.get()
    return session


def test_who_comes_on_duty_while_a_session_finds_nobody_gets_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert comes_on_duty_meanwhile(monkeypatch).state == "offered"
    books_check()


def test_without_the_lines_lock_he_would_be_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: whoever looks for waiting sessions does not wait for one about to wait."""
    monkeypatch.setattr("queue_app.services.desk.line_lock", lambda _line: 0)
    assert comes_on_duty_meanwhile(monkeypatch).wait_reason == "no_operator"


def test_who_comes_on_duty_while_a_round_ends_gets_the_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ana, bruno = OperatorFactory(), OperatorFactory(duty="off")
    connector = line_with(ana, bruno, check_availability=True, response_minutes=1)
    now = timezone.now()
    session = customer_writes(connector, "u1", now=now)
    session.timers.update(due_at=now)
    held = hold_after_the_look(monkeypatch, lambda: timers_sweep(now=timezone.now()))

    def press() -> int:
        operator_duty_set(operator=bruno, duty="on", now=timezone.now())
        return desk.operator_duty_settle(operator_id=bruno.pk, now=timezone.now())

    meet(held, press)
    session.refresh_from_db()
    assert (session.state, session.operator) == ("offered", bruno)
    books_check()


def test_a_place_freed_while_a_session_finds_all_full_is_given_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ana = OperatorFactory()
    connector = line_with(ana, max_chats=1)
    now = timezone.now()
    first = customer_writes(connector, "u1", now=now)
    session_accept(session_id=first.pk, operator=ana, now=now)
    held = hold_after_the_look(
        monkeypatch, lambda: customer_writes(connector, "u2", now=timezone.now())
    )

    def end() -> int:
        session_end(session_id=first.pk, actor=ana.user, now=timezone.now())
        return desk.place_freed(session_id=first.pk, now=timezone.now())

    assert meet(held, end) == 1
    assert Session.objects.latest("pk").state == "offered"
    books_check()


@pytest.mark.parametrize("rounds", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_duty_and_first_messages_at_once_leave_nobody_waiting(rounds: int) -> None:
    """Without a point to meet at: whatever comes first, the session is offered."""
    ana = OperatorFactory(duty="off")
    connector = line_with(ana, check_availability=True)

    def press() -> None:
        operator_duty_set(operator=ana, duty="on", now=timezone.now())
        desk.operator_duty_settle(operator_id=ana.pk, now=timezone.now())

    for number in range(rounds):
        operator_duty_set(operator=ana, duty="off", now=timezone.now())
        write = partial(customer_writes, connector, f"u{number}", now=timezone.now())
        results = all_at_once([write, press])
        assert raised(results) == []
        # One who waits behind others asks the worker for them: that job is ours.
        desk.line_distribute(open_channel_id=connector.open_channel_id, now=timezone.now())
        session = Session.objects.latest("pk")
        assert (session.state, session.operator) == ("offered", ana)
        session_end(session_id=session.pk, actor=ana.user, now=timezone.now())
    books_check()


# --- the queue itself ---------------------------------------------------------------------


def removed_during_the_sweep(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sweep has just read the members when an administrator takes one out.

    Returns the first names of those in the queue afterwards.
    """
    people = [OperatorFactory(user=UserFactory(first_name=name)) for name in ("Ana", "Bruno")]
    line = OpenChannelFactory(operators=people)
    line.line_operators.filter(operator=people[1]).update(position=None)  # something to spread
    held = HeldThread(lambda: line_operators_sync(open_channel=line))

    def read(*args: Any) -> Any:
        held.hold()
        return operators_for_users(*args)

    monkeypatch.setattr("queue_app.services.queues.operators_for_users", read)
    member = QueueMember.objects.get(user=people[1].user)
    meet(held, lambda: queue_member_remove(queue_member=member, now=timezone.now()))
    rows = line.line_operators.filter(position__isnull=False).order_by("position")
    return list(rows.values_list("operator__user__first_name", flat=True))


def test_the_sweep_does_not_put_back_who_is_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert removed_during_the_sweep(monkeypatch) == ["Ana"]


def test_without_the_queues_lock_the_sweep_would_put_him_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Negative control."""
    monkeypatch.setattr("queue_app.services.queues._queue_lock", lambda _line: None)
    assert removed_during_the_sweep(monkeypatch) == ["Ana", "Bruno"]


def test_several_added_at_once_are_all_in_the_queue() -> None:
    line = OpenChannelFactory(operators=[OperatorFactory()])
    users = [UserFactory() for _ in range(6)]
    results = all_at_once(
        [
            partial(queue_member_add, open_channel=line, user=user, now=timezone.now())
            for user in users
        ]
    )
    assert raised(results) == []
    members = QueueMember.objects.filter(open_channel=line)
    assert set(members.values_list("user_id", flat=True)) > {user.pk for user in users}
    assert list(members.values_list("position", flat=True)) == list(range(1, 8))


def added_meanwhile(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """One has just read the queue he will add to, when another adds somebody."""
    line = OpenChannelFactory()
    first, second = UserFactory(first_name="Ana"), UserFactory(first_name="Bruno")
    held = HeldThread(partial(queue_member_add, open_channel=line, user=first, now=timezone.now()))
    members_of = queues._members

    def read(open_channel: OpenChannel) -> list[Member]:
        members = members_of(open_channel)
        held.hold()
        return members

    monkeypatch.setattr(queues, "_members", read)
    meet(held, partial(queue_member_add, open_channel=line, user=second, now=timezone.now()))
    return set(QueueMember.objects.values_list("user__first_name", flat=True))


def test_two_additions_at_once_lose_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    assert added_meanwhile(monkeypatch) == {"Ana", "Bruno"}


def test_without_the_queues_lock_an_addition_would_be_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Negative control: each writes the queue it has read, and itself."""
    monkeypatch.setattr(queues, "_queue_lock", lambda _line: None)
    assert added_meanwhile(monkeypatch) == {"Ana"}
