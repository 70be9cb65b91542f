"""One answer is one message, however often and from wherever it is sent."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from channels_app.models import Message
from queue_app.models import Session
from queue_app.services.endings import session_end
from queue_app.services.operators import operator_duty_set
from queue_app.services.replies import session_reply
from tests.factories import OperatorFactory
from tests.queue_app.concurrency.crowd import (
    all_at_once,
    quietly,
    raised,
)
from tests.queue_app.desk_story import books_check, customer_writes, line_with

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


# --- one answer -----------------------------------------------------------------------------


def test_twenty_identical_answers_at_once_are_one_message() -> None:
    ana = OperatorFactory()
    session = customer_writes(line_with(ana), "u1", now=timezone.now())

    def answer() -> Message:
        return session_reply(
            session_id=session.pk, user=ana.user, text="On its way", client_key="key-0001",
            now=timezone.now(),
        )  # fmt: skip

    results = all_at_once([answer] * 20)
    assert raised(results) == []
    message = Message.objects.get(direction="out")
    assert {result.pk for result in results} == {message.pk}
    session.refresh_from_db()
    assert (session.state, session.events.filter(kind="accepted").count()) == ("active", 1)
    books_check()


def test_an_answer_and_a_message_at_once_leave_no_gap() -> None:
    ana = OperatorFactory()
    connector = line_with(ana)
    session = customer_writes(connector, "u1", now=timezone.now())

    def answer(number: int) -> Message:
        return session_reply(
            session_id=session.pk, user=ana.user, text="Yes", client_key=f"key-{number}",
            now=timezone.now(),
        )  # fmt: skip

    actions: list[Callable[[], Any]] = [partial(answer, number) for number in range(6)]
    actions += [lambda: customer_writes(connector, "u1", now=timezone.now())] * 6
    assert raised(all_at_once(actions)) == []
    numbers = list(Message.objects.order_by("seq").values_list("seq", flat=True))
    assert numbers == list(range(1, 14))
    books_check()


def test_ending_and_writing_at_once_lose_no_message() -> None:
    """The message goes into the session before its end, or opens the next one."""
    ana = OperatorFactory()
    connector = line_with(ana)
    for user in [f"u{number}" for number in range(10)]:
        session = customer_writes(connector, user, now=timezone.now())
        end = partial(session_end, session_id=session.pk, actor=ana.user, now=timezone.now())
        write = partial(customer_writes, connector, user, now=timezone.now())
        results = all_at_once([end, write])
        assert raised(results) == []
        sessions = list(Session.objects.filter(conversation=session.conversation))
        assert len(sessions) in {1, 2}
        assert session.conversation.messages.count() == 2
        if len(sessions) == 2:
            assert sessions[1].state == "offered"
    books_check()


def test_duty_pressed_by_ten_at_once_is_set_once() -> None:
    ana = OperatorFactory(duty="off")
    press = quietly(lambda: operator_duty_set(operator=ana, duty="on", now=timezone.now()))
    assert raised(all_at_once([press] * 10)) == []
    ana.refresh_from_db()
    assert ana.duty == "on"
