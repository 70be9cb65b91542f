"""The desk of `test_desk_machine`, with automatic texts, a time to come back, and silence."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyFailure
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from channels_app.models import Message, OpenChannel
from channels_app.services.errors import ServiceError
from channels_app.services.receipts import message_state_forward
from queue_app.models import Session, SessionEvent
from queue_app.services.endings import session_end
from queue_app.services.line_rules import line_rules_forget
from queue_app.services.replies import session_reply
from tests.factories import OperatorFactory, ServiceTextFactory, SuperuserFactory
from tests.queue_app.desk_story import line_with
from tests.queue_app.machine import PEOPLE, WHICH, Desk
from tests.queue_app.test_desk_machine import CONTROL, SHORT


class EndingDesk(Desk):
    """Chats end with a text and by themselves, and go on when the customer comes back."""

    @initialize(
        max_chats=st.sampled_from([0, 1]),
        grace=st.sampled_from([0, 3, 10]),
        auto_close=st.sampled_from([0, 5]),
        texts=st.sets(st.sampled_from(["ending", "auto_close", "reminder"])),
    )
    def open_line(self, max_chats: int, grace: int, auto_close: int, texts: set[str]) -> None:
        self.limits_hold = grace == 0  # who comes back is stopped by no limit
        self.people = [OperatorFactory() for _ in range(PEOPLE)]
        self.people.append(OperatorFactory(user=SuperuserFactory()))
        self.connector = line_with(
            *self.people[:PEOPLE], max_chats=max_chats, grace_minutes=grace,
            auto_close_minutes=auto_close,
        )  # fmt: skip
        self.line_id = self.connector.open_channel_id
        line_rules_forget()
        line = OpenChannel.objects.get(pk=self.line_id)
        for kind in texts:
            is_reminder = kind == "reminder"
            ServiceTextFactory(
                open_channel=line, kind=kind, text=kind, position=int(is_reminder),
                minutes=2 if is_reminder else None,
            )  # fmt: skip

    def held(self, which: int) -> Session | None:
        """One of the chats that somebody has or is offered."""
        sessions = Session.objects.filter(state__in=["offered", "active"]).order_by("pk")
        chats = list(sessions.select_related("operator__user"))
        return chats[which % len(chats)] if chats else None

    @rule(which=WHICH)
    def holder_answers(self, which: int) -> None:
        session = self.held(which)
        if session is not None and session.operator is not None:
            self.keys += 1
            with suppress(ServiceError):
                session_reply(
                    session_id=session.pk, user=session.operator.user, text="Yes",
                    client_key=f"h{self.keys}", now=self.now,
                )  # fmt: skip

    @rule(which=WHICH)
    def holder_ends(self, which: int) -> None:
        session = self.held(which)
        if session is not None and session.operator is not None:
            session_end(session_id=session.pk, actor=session.operator.user, now=self.now)

    @rule(state=st.sampled_from(["sent", "sent", "read", "failed"]))
    def platform_answers(self, state: str) -> None:
        for message in Message.objects.filter(direction="out", state="queued"):
            message_state_forward(message=message, state=state, now=self.now)

    @invariant()
    def nobody_hears_a_text_twice(self) -> None:
        told = Message.objects.filter(author_kind="system").values_list("conversation", "text")
        chats = Counter(Session.objects.values_list("conversation", flat=True))
        for (conversation, text), times in Counter(told).items():
            assert times <= chats[conversation], f"{text} came too often"

    @invariant()
    def nobody_is_ended_by_the_clock_while_he_waits_for_us(self) -> None:
        talk = ("replied", "answered_outside", "ended", "resumed", "closed")
        events = SessionEvent.objects.filter(kind__in=talk).order_by("session", "seq")
        before: SessionEvent | None = None
        for event in events:
            is_first_end = event.kind == "ended" or (
                event.kind == "closed" and (before is None or before.kind != "ended")
            )
            if is_first_end and event.data["reason"] == "auto":
                assert before is not None, "ended by itself without an answer"
                assert before.session_id == event.session_id
                assert before.kind in {"replied", "answered_outside"}
            before = event


@pytest.mark.django_db
def test_chats_end_and_go_on_and_the_books_are_right() -> None:
    run_state_machine_as_test(EndingDesk, settings=SHORT)


@pytest.mark.slow
@pytest.mark.django_db
def test_chats_end_and_go_on_for_long() -> None:
    run_state_machine_as_test(
        EndingDesk, settings=settings(SHORT, max_examples=150, stateful_step_count=60)
    )


@pytest.mark.slow
@pytest.mark.django_db
def test_a_time_to_come_back_that_is_forgotten_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: what is ending would never close."""
    monkeypatch.setattr("queue_app.services.endings.timer_set", lambda **_timer: None)
    with pytest.raises((AssertionError, FlakyFailure)):
        run_state_machine_as_test(EndingDesk, settings=CONTROL)
