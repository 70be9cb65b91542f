"""Customers, operators and the clock do as they like: the books of the desk are always right.

Jobs for the worker are run late, in any order, or never: the sweep must make up for them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyFailure
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from channels_app.drivers.base import EchoEvent
from channels_app.models import OpenChannel
from channels_app.services.errors import ServiceError
from channels_app.services.intake import event_receive
from channels_app.services.open_channels import open_channel_update
from queue_app.distribution import obstacle
from queue_app.models import Operator, QueueMember, Session, SessionEvent, SessionState
from queue_app.services import desk
from queue_app.services.endings import session_end
from queue_app.services.offers import line_candidates
from queue_app.services.operators import operator_duty_set
from queue_app.services.queues import queue_member_add, queue_member_remove
from queue_app.services.replies import session_reply
from queue_app.services.sessions import session_accept, session_read
from queue_app.services.timers import timers_sweep
from tests.factories import OperatorFactory, SuperuserFactory, moment
from tests.queue_app.desk_story import books_check, customer_receive, line_with

CUSTOMERS = [f"u{number}" for number in range(8)]
PEOPLE = 3

Job = Callable[[], object]
WHICH = st.integers(0, 7)


class Desk(RuleBasedStateMachine):
    """One line with three people in its queue, and a colleague outside of it."""

    jobs: Bundle[Job] = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.now = moment()
        self.keys = 0

    def teardown(self) -> None:
        if hasattr(self, "line_id"):
            self.sweep()
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)
        super().teardown()

    @initialize(
        rule_name=st.sampled_from(["evenly", "strictly"]),
        check_availability=st.booleans(),
        max_chats=st.sampled_from([0, 1, 2]),
        cap=st.sampled_from([1, 3, 1000]),
    )
    def open_line(self, rule_name: str, check_availability: bool, max_chats: int, cap: int) -> None:
        self.people: list[Operator] = [OperatorFactory(max_chats=cap) for _ in range(PEOPLE)]
        self.connector = line_with(
            *self.people, distribution=rule_name, check_availability=check_availability,
            max_chats=max_chats,
        )  # fmt: skip
        self.line_id = self.connector.open_channel_id
        self.people.append(OperatorFactory(user=SuperuserFactory(), max_chats=cap))

    # --- what people do -----------------------------------------------------------------

    @rule(customers=st.lists(st.sampled_from(CUSTOMERS), min_size=1, max_size=3))
    def customers_write(self, customers: list[str]) -> None:
        for customer in customers:
            assert customer_receive(self.connector, customer, now=self.now).outcome == "done"

    @rule(who=st.integers(0, PEOPLE), which=WHICH)
    def accept(self, who: int, which: int) -> None:
        self.act(which, lambda session: session_accept(
            session_id=session.pk, operator=self.people[who], now=self.now
        ))  # fmt: skip

    @rule(who=st.integers(0, PEOPLE), which=WHICH)
    def reply(self, who: int, which: int) -> None:
        self.keys += 1
        self.act(which, lambda session: session_reply(
            session_id=session.pk, user=self.people[who].user, text="Yes",
            client_key=f"k{self.keys}", now=self.now,
        ))  # fmt: skip

    @rule(target=jobs, who=st.integers(0, PEOPLE), which=WHICH)
    def close(self, who: int, which: int) -> Job:
        closed = self.act(which, lambda session: session_end(
            session_id=session.pk, actor=self.people[who].user, now=self.now
        ))  # fmt: skip
        if closed is None:
            return lambda: None
        return lambda: desk.place_freed(session_id=closed.pk, now=self.now)

    @rule(who=st.integers(0, PEOPLE), which=WHICH)
    def read(self, who: int, which: int) -> None:
        self.act(which, lambda session: session_read(
            session_id=session.pk, user=self.people[who].user, now=self.now
        ))  # fmt: skip

    @rule(
        target=jobs,
        who=st.integers(0, PEOPLE - 1),
        duty=st.sampled_from(["on", "on", "pause", "off"]),
    )
    def duty(self, who: int, duty: str) -> Job:
        operator = operator_duty_set(operator=self.people[who], duty=duty, now=self.now)
        return lambda: desk.operator_duty_settle(operator_id=operator.pk, now=self.now)

    @rule(customer=st.sampled_from(CUSTOMERS))
    def answered_outside(self, customer: str) -> None:
        self.keys += 1
        event = EchoEvent(
            key=f"e{self.keys}", chat_id=customer, message_id=f"e{self.keys}", text="Outside",
            at=self.now,
        )  # fmt: skip
        event_receive(connector=self.connector, event=event, raw=b"{}", now=self.now)

    @rule(target=jobs, who=st.integers(0, PEOPLE - 1), stays=st.booleans())
    def queue_change(self, who: int, stays: bool) -> Job:
        user = self.people[who].user
        line = OpenChannel.objects.get(pk=self.line_id)
        if stays:
            queue_member_add(open_channel=line, user=user, position=1, now=self.now)
        else:
            for member in QueueMember.objects.filter(open_channel=line, user=user):
                queue_member_remove(queue_member=member, now=self.now)
        return lambda: desk.line_resettle(open_channel_id=self.line_id, now=self.now)

    @rule(target=jobs, is_active=st.booleans())
    def line_switch(self, is_active: bool) -> Job:
        line = OpenChannel.objects.get(pk=self.line_id)
        open_channel_update(open_channel=line, changes={"is_active": is_active}, now=self.now)
        self.connector.refresh_from_db()
        return lambda: desk.line_resettle(open_channel_id=self.line_id, now=self.now)

    # --- what the machine does ------------------------------------------------------------

    @rule(job=jobs)
    def worker(self, job: Job) -> None:
        job()

    @rule(seconds=st.integers(1, 400))
    def time_passes(self, seconds: int) -> None:
        self.now += dt.timedelta(seconds=seconds)
        timers_sweep(now=self.now)

    @rule(seconds=st.integers(1, 400))
    def time_passes_without_a_sweep(self, seconds: int) -> None:
        self.now += dt.timedelta(seconds=seconds)

    @rule()
    def sweep(self) -> None:
        desk.desk_sweep(now=self.now)
        self.nobody_waits_for_somebody_who_is_free()

    def act(self, which: int, action: Callable[[Session], Any]) -> Session | None:
        """Do something to a session, an open one mostly. None when it was refused."""
        sessions = list(Session.objects.order_by("closed_at", "pk"))
        sessions.sort(key=lambda session: session.closed_at is not None)
        if not sessions:
            return None
        session = sessions[which % len(sessions)]
        try:
            action(session)
        except ServiceError:
            return None
        return session

    # --- what always holds ------------------------------------------------------------------

    @invariant()
    def books_are_right(self) -> None:
        books_check()

    @invariant()
    def nobody_overtakes_and_turns_are_fair(self) -> None:
        queue: dict[int, dt.datetime] = {}
        last_turn: dict[int, int] = {}
        for event in SessionEvent.objects.order_by("pk"):
            if event.kind == "offered":
                since = queue.pop(event.session_id, None)
                mine = (since, event.session_id)
                for other, waits_since in queue.items():
                    assert since is not None, "a newcomer overtook somebody who waits"
                    assert mine < (waits_since, other), "the oldest comes first"
                self.turn_is_fair(event, last_turn)
            elif event.kind == "waiting" and event.data["reason"] == "no_operator":
                queue[event.session_id] = event.at
            elif event.kind in {"waiting", "accepted", "ended", "closed", "answered_outside"}:
                queue.pop(event.session_id, None)

    def turn_is_fair(self, event: SessionEvent, last_turn: dict[int, int]) -> None:
        free = [item for item in event.data["choice"] if item["code"] in {"chosen", "later"}]
        chosen = free[0]
        assert (chosen["operator"], chosen["code"]) == (event.operator_id, "chosen")
        assert event.data["turn"] > max(last_turn.values(), default=0)
        for other in free[1:]:
            if chosen["data"]["rule"] == "evenly":
                mine = last_turn.get(chosen["operator"], 0)
                assert mine <= last_turn.get(other["operator"], 0), "not whose turn it was"
            else:
                assert chosen["data"]["position"] < other["data"]["position"]
        last_turn[chosen["operator"]] = event.data["turn"]

    def nobody_waits_for_somebody_who_is_free(self) -> None:
        line = OpenChannel.objects.get(pk=self.line_id)
        waiting = Session.objects.filter(no_operator_since__isnull=False).order_by("pk").first()
        if waiting is None or not line.is_open_for_work:
            return
        people, _others_first = line_candidates(line.pk, waiting)
        for one in people:
            reason = obstacle(
                one, check_availability=line.check_availability, max_chats=line.max_chats,
                now=self.now,
            )  # fmt: skip
            assert reason is not None, "somebody waits although somebody is free"
        assert not Session.objects.filter(
            state=SessionState.WAITING, wait_reason="line_closed"
        ).exists()


SHORT = settings(
    max_examples=12, stateful_step_count=25, deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
# Enough to meet a planted fault; what comes out need not be the shortest story.
CONTROL = settings(SHORT, max_examples=200, phases=[Phase.generate], derandomize=True)
LONG = settings(SHORT, max_examples=400, stateful_step_count=60)


@pytest.mark.django_db
def test_the_books_are_right_whatever_happens() -> None:
    run_state_machine_as_test(Desk, settings=SHORT)


@pytest.mark.slow
@pytest.mark.django_db
def test_the_books_are_right_whatever_happens_for_long() -> None:
    run_state_machine_as_test(Desk, settings=LONG)


def _places_are_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("queue_app.services.endings.place_free", lambda *, session: False)


def _newcomers_overtake(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        "queue_app.services.offers.line_candidates",
        lambda line, session: (line_candidates(line, session)[0], False),
    )


def _timers_stay(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("queue_app.services.endings.timer_cancel", lambda **_which: None)


def _limits_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("queue_app.distribution.obstacle", lambda *_args, **_kwargs: None)


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize(
    "fault", [_places_are_kept, _newcomers_overtake, _timers_stay, _limits_are_forgotten]
)
def test_a_planted_fault_is_found(
    fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    with pytest.raises((AssertionError, FlakyFailure)):
        run_state_machine_as_test(Desk, settings=CONTROL)
