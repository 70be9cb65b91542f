"""The desk's machine with everything people do beside accepting, answering and ending."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from channels_app.models import OpenChannel
from queue_app.models import Session, SessionHelper, SessionState, Timer, TimerKind
from queue_app.services.helpers import session_join, session_leave
from queue_app.services.notes import session_note
from queue_app.services.skips import session_skip
from queue_app.services.snoozes import session_snooze, session_wake
from queue_app.services.stops import session_spam
from queue_app.services.transfers import session_transfer
from tests.queue_app.test_desk_machine import PEOPLE, SHORT, WHICH, Desk

WHO = st.integers(0, PEOPLE - 1)


class BusyDesk(Desk):
    """Three people who pass on, hand over, help and snooze. Nobody is above a limit."""

    @rule(who=WHO, which=WHICH)
    def skip(self, who: int, which: int) -> None:
        self.act(which, lambda session: session_skip(
            session_id=session.pk, operator=self.people[who], now=self.now
        ))  # fmt: skip

    @rule(who=WHO, to=WHO, which=WHICH, asked=st.booleans())
    def transfer(self, who: int, to: int, which: int, asked: bool) -> None:
        mode = "must_accept" if asked else "at_once"
        OpenChannel.objects.update(transfer_mode=mode)

        def hand_over(session: Session) -> None:
            if session.state != SessionState.WAITING:
                session_transfer(
                    session_id=session.pk, actor=self.people[who].user,
                    to_operator=self.people[to], now=self.now,
                )  # fmt: skip

        self.act(which, hand_over)

    @rule(who=WHO, which=WHICH, minutes=st.integers(1, 20))
    def snooze(self, who: int, which: int, minutes: int) -> None:
        self.act(which, lambda session: session_snooze(
            session_id=session.pk, actor=self.people[who].user, now=self.now,
            until=self.now + dt.timedelta(minutes=minutes),
        ))  # fmt: skip

    @rule(who=WHO, which=WHICH)
    def wake(self, who: int, which: int) -> None:
        self.act(which, lambda session: session_wake(
            session_id=session.pk, actor=self.people[who].user, now=self.now
        ))  # fmt: skip

    @rule(who=WHO, which=WHICH, joins=st.booleans())
    def help(self, who: int, which: int, joins: bool) -> None:
        act = session_join if joins else session_leave
        self.act(which, lambda session: act(
            session_id=session.pk, user=self.people[who].user, now=self.now
        ))  # fmt: skip

    @rule(who=WHO, which=WHICH)
    def note(self, who: int, which: int) -> None:
        self.keys += 1
        self.act(which, lambda session: session_note(
            session_id=session.pk, user=self.people[who].user, text="Note",
            client_key=f"n{self.keys}", now=self.now,
        ))  # fmt: skip

    @rule(who=WHO, which=WHICH)
    def spam(self, who: int, which: int) -> None:
        self.act(which, lambda session: session_spam(
            session_id=session.pk, actor=self.people[who].user, now=self.now
        ))  # fmt: skip

    @invariant()
    def who_sleeps_is_his_and_is_woken(self) -> None:
        asleep = Session.objects.filter(snoozed_until__isnull=False)
        assert not asleep.exclude(state=SessionState.ACTIVE).exists()
        timers = Timer.objects.filter(kind=TimerKind.SNOOZE)
        assert set(timers.values_list("session_id", "due_at")) == set(
            asleep.values_list("pk", "snoozed_until")
        )
        silence = Timer.objects.filter(kind__in=[TimerKind.AUTO_CLOSE, TimerKind.REMINDER])
        assert not silence.filter(session__in=asleep).exists()

    @invariant()
    def nobody_helps_himself(self) -> None:
        for row in SessionHelper.objects.select_related("session"):
            assert row.session.state != SessionState.ACTIVE or (
                row.session.operator_id != row.operator_id
            )


@pytest.mark.django_db
def test_the_books_are_right_whatever_people_do() -> None:
    run_state_machine_as_test(BusyDesk, settings=SHORT)


@pytest.mark.slow
@pytest.mark.django_db
def test_the_books_are_right_whatever_people_do_for_long() -> None:
    run_state_machine_as_test(
        BusyDesk, settings=settings(SHORT, max_examples=300, stateful_step_count=60)
    )
