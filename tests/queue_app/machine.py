"""Customers, operators, the clock and the settings do as they like.

Jobs for the worker are run late, in any order, or never: the sweep must make up for them. What
must hold whatever happens is checked after every step.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from channels_app.drivers.base import EchoEvent
from channels_app.models import Message, OpenChannel
from channels_app.services.errors import ServiceError
from channels_app.services.intake import event_receive
from channels_app.services.open_channels import open_channel_update
from channels_app.signals import delivery_changed
from queue_app.distribution import obstacle
from queue_app.models import Operator, QueueMember, Session, SessionEvent, SessionState
from queue_app.services import desk
from queue_app.services.dialogues import dialogue_begin
from queue_app.services.endings import session_end
from queue_app.services.helpers import session_intercept, session_join, session_leave
from queue_app.services.notes import session_note
from queue_app.services.offers import line_candidates, line_conditions
from queue_app.services.operators import operator_duty_set
from queue_app.services.queues import queue_member_add, queue_member_remove
from queue_app.services.replies import session_reply
from queue_app.services.rounds import MAX_ROUNDS
from queue_app.services.sessions import session_accept, session_read
from queue_app.services.skips import session_skip
from queue_app.services.snoozes import session_snooze, session_wake
from queue_app.services.stops import session_force_stop, session_spam
from queue_app.services.timers import timers_sweep
from queue_app.services.transfers import session_transfer
from tests.factories import OperatorFactory, SuperuserFactory, moment
from tests.queue_app.desk_story import books_check, customer_receive, line_with
from tests.queue_app.line_story import hours_set, reminder_set, text_set

CUSTOMERS = [f"u{number}" for number in range(6)]
PEOPLE = 3
WHICH = st.integers(0, 7)
WHO = st.integers(0, PEOPLE)
TEXTS = {
    "welcome": "Welcome", "consent": "Do you agree?", "closed": "We are closed",
    "no_answer": "Nobody can answer", "ending": "Goodbye", "auto_close": "Goodbye, silent one",
}  # fmt: skip
RULES = ["evenly", "strictly", "everybody"]
# What happened in all examples together: a run that never came by a branch proves nothing of it.
seen: Counter[str] = Counter()

Job = Callable[[], object]


class Desk(RuleBasedStateMachine):
    """One line with three people in its queue, and a supervisor outside of it."""

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
            for event in SessionEvent.objects.all():
                seen[event.kind] += 1
                reason = event.data.get("reason")
                if event.kind in {"waiting", "closed"}:
                    seen[f"{event.kind} {reason}"] += 1
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)
        super().teardown()

    @initialize(
        rule_name=st.sampled_from(RULES),
        max_chats=st.sampled_from([0, 1, 2]),
        cap=st.sampled_from([1, 3, 1000]),
        check_availability=st.booleans(),
        limits_hold=st.booleans(),
        action=st.sampled_from(["requeue", "text", "form", "nothing"]),
        replying=st.booleans(),
        has_hours=st.booleans(),
        flags=st.fixed_dictionaries(
            {
                "away_returns": st.sampled_from(["on_message", "at_once"]),
                "prefer_last_operator": st.booleans(),
                "distribute_closed": st.booleans(),
                "closed_action": st.sampled_from(["nothing", "text"]),
                "no_answer_minutes": st.sampled_from([None, 4]),
                "transfer_mode": st.sampled_from(["at_once", "must_accept"]),
                "welcome_when": st.sampled_from(["first", "every"]),
            }
        ),
        place_freed=st.sampled_from(["ending", "first_reply", "every_reply"]),
    )
    def open_line(
        self, rule_name: str, max_chats: int, cap: int, check_availability: bool,
        limits_hold: bool, action: str, replying: bool, has_hours: bool, flags: dict[str, Any],
        place_freed: str,
    ) -> None:  # fmt: skip
        # Where hand-overs that no limit stops are possible, the limits are not checked.
        self.limits_hold = limits_hold
        self.people: list[Operator] = [OperatorFactory(max_chats=cap) for _ in range(PEOPLE)]
        self.connector = line_with(
            *self.people, distribution=rule_name, check_availability=check_availability,
            max_chats=max_chats, no_answer_action=action, auto_close_minutes=9,
            response_means="replying" if replying else "accepting",
            grace_minutes=0 if limits_hold else 3,
            place_freed="ending" if limits_hold else place_freed, **flags,
        )  # fmt: skip
        line = self.connector.open_channel
        for kind, text in TEXTS.items():
            text_set(line, kind, text)
        reminder_set(line, position=1, minutes=3, text="Are you there?")
        if has_hours:
            hours_set(line, *((day, "11:40", "12:20") for day in range(7)))
        self.connector.refresh_from_db()
        self.line_id = line.pk
        self.people.append(OperatorFactory(user=SuperuserFactory(), max_chats=cap))

    # --- what customers do ----------------------------------------------------------------

    @rule(customers=st.lists(st.sampled_from(CUSTOMERS), min_size=1, max_size=3))
    def customers_write(self, customers: list[str]) -> None:
        for customer in customers:
            assert customer_receive(self.connector, customer, now=self.now).outcome in {
                "done", "ignored",
            }  # fmt: skip

    @rule(customer=st.sampled_from(CUSTOMERS))
    def answered_outside(self, customer: str) -> None:
        self.keys += 1
        event = EchoEvent(
            key=f"e{self.keys}", chat_id=customer, message_id=f"e{self.keys}", text="Outside",
            at=self.now,
        )  # fmt: skip
        event_receive(connector=self.connector, event=event, raw=b"{}", now=self.now)

    # --- what operators do ----------------------------------------------------------------

    @rule(who=WHO, which=WHICH)
    def accept(self, who: int, which: int) -> None:
        self.act(which, session_accept, operator=self.people[who])

    @rule(who=WHO, which=WHICH)
    def reply(self, who: int, which: int) -> None:
        self.act(which, session_reply, user=self.people[who].user, text="Yes", **self.key())

    @rule(who=WHO, which=WHICH)
    def note(self, who: int, which: int) -> None:
        self.act(which, session_note, user=self.people[who].user, text="Hm", **self.key())

    @rule(target=jobs, who=WHO, which=WHICH)
    def skip(self, who: int, which: int) -> Job:
        self.act(which, session_skip, operator=self.people[who])
        return lambda: desk.line_distribute(open_channel_id=self.line_id, now=self.now)

    @rule(target=jobs, who=WHO, which=WHICH)
    def close(self, who: int, which: int) -> Job:
        closed = self.act(which, session_end, actor=self.people[who].user)
        if closed is None:
            return lambda: None
        return lambda: desk.place_freed(session_id=closed.pk, now=self.now)

    @rule(who=WHO, whom=st.integers(0, PEOPLE - 1), which=WHICH)
    def transfer(self, who: int, whom: int, which: int) -> None:
        if self.limits_hold and who == PEOPLE:
            return  # a supervisor's transfer is stopped by no limit
        actor, target = self.people[who].user, self.people[whom]
        self.act(which, session_transfer, actor=actor, to_operator=target, reason="")

    @rule(who=WHO, which=WHICH, act=st.sampled_from([session_join, session_leave]))
    def help_out(self, who: int, which: int, act: Callable[..., object]) -> None:
        self.act(which, act, user=self.people[who].user)

    @rule(which=WHICH)
    def supervisor_acts(self, which: int) -> None:
        if not self.limits_hold:
            self.act(which, session_intercept, user=self.people[PEOPLE].user)

    @rule(who=WHO, which=WHICH, minutes=st.integers(1, 20))
    def snooze(self, who: int, which: int, minutes: int) -> None:
        until = self.now + dt.timedelta(minutes=minutes)
        self.act(which, session_snooze, actor=self.people[who].user, until=until)

    @rule(who=WHO, which=WHICH)
    def wake(self, who: int, which: int) -> None:
        self.act(which, session_wake, actor=self.people[who].user)

    @rule(which=WHICH, spam=st.booleans())
    def stop(self, which: int, spam: bool) -> None:
        actor = self.people[PEOPLE].user
        if spam:
            self.act(which, session_spam, actor=actor, block=False)
        else:
            self.act(which, session_force_stop, actor=actor)

    @rule(who=WHO, which=WHICH)
    def begin_again(self, who: int, which: int) -> None:
        if not self.limits_hold:
            self.act(which, dialogue_begin, actor=self.people[who].user)

    @rule(who=WHO, which=WHICH)
    def read(self, who: int, which: int) -> None:
        self.act(which, session_read, user=self.people[who].user)

    @rule(
        target=jobs,
        who=st.integers(0, PEOPLE - 1),
        duty=st.sampled_from(["on", "on", "pause", "off"]),
    )
    def duty(self, who: int, duty: str) -> Job:
        operator = operator_duty_set(operator=self.people[who], duty=duty, now=self.now)
        return lambda: desk.operator_duty_settle(operator_id=operator.pk, now=self.now)

    # --- what administrators do -------------------------------------------------------------

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

    @rule(
        target=jobs,
        changes=st.one_of(
            st.fixed_dictionaries({"is_active": st.booleans()}),
            st.fixed_dictionaries({"distribution": st.sampled_from(RULES)}),
        ),
    )
    def line_change(self, changes: dict[str, Any]) -> Job:
        line = OpenChannel.objects.get(pk=self.line_id)
        open_channel_update(open_channel=line, changes=changes, now=self.now)
        self.connector.refresh_from_db()
        return lambda: desk.line_resettle(open_channel_id=self.line_id, now=self.now)

    # --- what the machine does ------------------------------------------------------------

    @rule(job=jobs)
    def worker(self, job: Job) -> None:
        job()

    @rule()
    def messages_go_out(self) -> None:
        waiting = Message.objects.filter(direction="out", queued_at__isnull=False)
        for message in waiting.select_related("conversation"):
            Message.objects.filter(pk=message.pk).update(state="sent", queued_at=None)
            message.refresh_from_db()
            delivery_changed.send(
                sender=Message, conversation=message.conversation, message=message, arrived=True,
                now=self.now,
            )  # fmt: skip

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

    def key(self) -> dict[str, str]:
        self.keys += 1
        return {"client_key": f"key-{self.keys:04}"}

    def act(self, which: int, action: Callable[..., object], **values: Any) -> Session | None:
        """Do something to a session, an open one mostly. None when it was refused."""
        sessions = list(Session.objects.order_by("closed_at", "pk"))
        sessions.sort(key=lambda session: session.closed_at is not None)
        if not sessions:
            return None
        session = sessions[which % len(sessions)]
        try:
            with transaction.atomic():
                action(session_id=session.pk, now=self.now, **values)
        except ServiceError:
            return None
        return session

    # --- what always holds ------------------------------------------------------------------

    @invariant()
    def books_are_right(self) -> None:
        books_check(limits=getattr(self, "limits_hold", True))

    @invariant()
    def each_text_is_sent_once(self) -> None:
        """Counted from the messages: per conversation as many as it had sessions, at most."""
        sessions = Counter(Session.objects.values_list("conversation", flat=True))
        sent = Counter(
            Message.objects.filter(author_kind="system", direction="out").values_list(
                "conversation", "text"
            )
        )
        for (conversation, text), times in sent.items():
            if text.startswith(("Do you agree?", "Welcome")) or text in TEXTS.values():
                most = 1 if text.startswith("Do you agree?") else sessions[conversation]
                closed_again = 9 if text == TEXTS["closed"] else 0  # once per closed period
                assert times <= most + closed_again, f"{text} was sent {times} times"

    @invariant()
    def rounds_end(self) -> None:
        for session in Session.objects.filter(round__gt=MAX_ROUNDS):
            assert not session.timers.filter(kind="route").exists(), "it goes round for ever"

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
            elif event.kind in LEAVES_THE_QUEUE:
                queue.pop(event.session_id, None)

    def turn_is_fair(self, event: SessionEvent, last_turn: dict[int, int]) -> None:
        assert event.data["turn"] > max(last_turn.values(), default=0)
        if event.operator_id is None:
            return  # everybody
        free = [item for item in event.data["choice"] if item["code"] in {"chosen", "later"}]
        chosen = free[0]
        assert (chosen["operator"], chosen["code"]) == (event.operator_id, "chosen")
        for other in free[1:]:
            if chosen["data"]["rule"] == "evenly":
                mine = last_turn.get(chosen["operator"], 0)
                assert mine <= last_turn.get(other["operator"], 0), "not whose turn it was"
            elif chosen["data"]["rule"] == "strictly":
                assert chosen["data"]["position"] < other["data"]["position"]
        last_turn[chosen["operator"]] = event.data["turn"]

    def nobody_waits_for_somebody_who_is_free(self) -> None:
        line = OpenChannel.objects.get(pk=self.line_id)
        waiting = Session.objects.filter(no_operator_since__isnull=False).order_by("pk").first()
        if waiting is None or not line.is_open_for_work:
            return
        people, _others_first = line_candidates(line.pk, waiting)
        for one in people:
            reason = obstacle(one, line_conditions(line), now=self.now)
            assert reason is not None, "somebody waits although somebody is free"
        assert not Session.objects.filter(
            state=SessionState.WAITING, wait_reason="line_closed"
        ).exists()


LEAVES_THE_QUEUE = {
    "waiting", "accepted", "closed", "ended", "answered_outside", "transferred", "intercepted",
}  # fmt: skip
