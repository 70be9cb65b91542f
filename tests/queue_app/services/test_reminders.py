"""Reminders: up to three, each once per chat, one after another while the customer is silent."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db.models import F

from channels_app.models import Conversation, Message, OpenChannel, ServiceText
from channels_app.services.receipts import message_state_forward
from queue_app.models import Operator, Session, SessionText
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
    timers_of,
)

pytestmark = pytest.mark.django_db


def chat(operator: Operator, *minutes: int, **line: Any) -> Session:
    """An accepted chat of a line with a reminder after each of these minutes."""
    connector = line_with(operator, **({"auto_close_minutes": 0} | line))
    for position, after in enumerate(minutes, 1):
        ServiceTextFactory(
            open_channel=connector.open_channel, kind="reminder", position=position,
            minutes=after, text=f"Reminder {position}",
        )  # fmt: skip
    session = customer_writes(connector, "u1", now=moment())
    return session_accept(session_id=session.pk, operator=operator, now=moment(1))


def answer(session: Session, operator: Operator, minute: int, state: str = "sent") -> Message:
    """He writes, and it is sent at once, or what else becomes of it."""
    message = session_reply(
        session_id=session.pk, user=operator.user, text="Yes", now=moment(minute),
        client_key=f"key-{minute:05d}",
    )  # fmt: skip
    if state != "queued":
        message_state_forward(message=message, state=state, now=moment(minute))
    return message


def reminded(session: Session) -> list[tuple[str, dt.datetime]]:
    """The automatic texts of the chat, with their moments."""
    texts = Message.objects.filter(conversation=session.conversation_id, author_kind="system")
    return list(texts.order_by("seq").values_list("text", "created_at"))


def sweep_minutely(until: int, *, since: int = 0) -> None:
    for minute in range(since, until + 1):
        timers_sweep(now=moment(minute))


def change(session: Session, **changes: Any) -> None:
    """The line has other settings from now on."""
    lines = OpenChannel.objects.filter(pk=session.open_channel_id)
    lines.update(version=F("version") + 1, **changes)


def test_three_reminders_come_at_their_minutes_after_the_answer() -> None:
    ana = OperatorFactory()
    session = chat(ana, 10, 30, 60)
    answer(session, ana, 2)
    assert timers_of(session) == [("reminder", moment(12))]
    sweep_minutely(200)
    assert reminded(session) == [
        ("Reminder 1", moment(12)), ("Reminder 2", moment(32)), ("Reminder 3", moment(62)),
    ]  # fmt: skip
    assert timers_of(session) == []
    assert last_event(session).data == {"kind": "reminder", "occurrence": "3", "skipped": ""}
    rows = SessionText.objects.order_by("pk").values_list("kind", "occurrence", "skipped")
    assert list(rows) == [("reminder", str(number), "") for number in (1, 2, 3)]
    books_check()


def test_a_reminder_is_no_reply_and_moves_no_deadline() -> None:
    ana = OperatorFactory()
    session = chat(ana, 10, auto_close_minutes=60)
    answer(session, ana, 2)
    timers_sweep(now=moment(12))
    text = Message.objects.get(author_kind="system")
    message_state_forward(message=text, state="read", now=moment(13))
    session.refresh_from_db()
    assert (session.turn, session.replied_at) == ("customer", moment(2))
    assert timers_of(session) == [("auto_close", moment(62))]
    assert Conversation.objects.get().version == session.version + 1  # the receipt


def test_without_reminders_nothing_is_set() -> None:
    ana = OperatorFactory()
    session = chat(ana)
    answer(session, ana, 2)
    assert timers_of(session) == []


def test_the_customers_message_stops_them() -> None:
    ana = OperatorFactory()
    session = chat(ana, 10, 30)
    answer(session, ana, 2)
    customer_writes(session.conversation.connector, "u1", now=moment(11))
    sweep_minutely(100)
    assert reminded(session) == []


def test_a_new_silence_goes_on_with_the_next_reminder() -> None:
    ana = OperatorFactory()
    session = chat(ana, 10, 30)
    answer(session, ana, 2)
    sweep_minutely(15)
    customer_writes(session.conversation.connector, "u1", now=moment(16))
    answer(session, ana, 20)
    assert timers_of(session) == [("reminder", moment(50))]
    sweep_minutely(200, since=20)
    assert reminded(session) == [("Reminder 1", moment(12)), ("Reminder 2", moment(50))]


def test_a_further_answer_begins_the_silence_anew() -> None:
    ana = OperatorFactory()
    session = chat(ana, 10)
    answer(session, ana, 2)
    answer(session, ana, 8)
    sweep_minutely(100)
    assert reminded(session) == [("Reminder 1", moment(18))]


def test_a_sweep_that_was_away_sends_no_two_at_once() -> None:
    ana = OperatorFactory()
    session = chat(ana, 10, 30, 60)
    answer(session, ana, 2)
    sweep_minutely(500, since=300)
    assert reminded(session) == [
        ("Reminder 1", moment(300)), ("Reminder 2", moment(320)), ("Reminder 3", moment(350)),
    ]  # fmt: skip


def test_reminders_of_the_same_minutes_come_one_after_another() -> None:
    ana = OperatorFactory()
    session = chat(ana, 10, 10)
    answer(session, ana, 2)
    sweep_minutely(20)
    assert reminded(session) == [("Reminder 1", moment(12)), ("Reminder 2", moment(13))]


def test_the_order_is_that_of_the_minutes() -> None:
    ana = OperatorFactory()
    session = chat(ana, 30, 10)
    answer(session, ana, 2)
    sweep_minutely(50)
    assert reminded(session) == [("Reminder 2", moment(12)), ("Reminder 1", moment(32))]


@pytest.mark.parametrize("state", ["queued", "failed"])
def test_nobody_is_reminded_of_an_answer_he_does_not_have(state: str) -> None:
    ana = OperatorFactory()
    session = chat(ana, 10)
    answer(session, ana, 2)
    later = answer(session, ana, 8, state)
    timers_sweep(now=moment(12))
    assert reminded(session) == []
    assert timers_of(session) == [("reminder", moment(22))]
    Message.objects.filter(pk=later.pk).update(state="read")
    timers_sweep(now=moment(22))
    assert reminded(session) == [("Reminder 1", moment(22))]


@pytest.mark.parametrize(
    "changed", [{"turn": "operator"}, {"snoozed_until": moment(500)}, {"state": "closing"}]
)
def test_the_state_is_looked_at_again(changed: dict[str, Any]) -> None:
    ana = OperatorFactory()
    session = chat(ana, 10)
    answer(session, ana, 2)
    Session.objects.filter(pk=session.pk).update(**changed)
    assert timers_sweep(now=moment(12)) == 1
    assert (reminded(session), timers_of(session), SessionText.objects.count()) == ([], [], 0)


def test_one_that_cannot_be_sent_is_recorded_and_the_next_has_its_time() -> None:
    ana = OperatorFactory()
    session = chat(ana, 10, 30)
    answer(session, ana, 2)
    change(session, is_active=False)
    timers_sweep(now=moment(12))
    assert last_event(session).data == {
        "kind": "reminder", "occurrence": "1", "skipped": "line_closed",
    }  # fmt: skip
    change(session, is_active=True)
    sweep_minutely(100, since=13)
    assert reminded(session) == [("Reminder 2", moment(32))]


def test_a_changed_reminder_counts_for_what_happens_next() -> None:
    ana = OperatorFactory()
    session = chat(ana, 10, 30)
    answer(session, ana, 2)
    ServiceText.objects.filter(position=1).update(text="Hello?", minutes=5)
    ServiceText.objects.filter(position=2).delete()
    change(session)
    # The one that is set keeps its time and has its words of now; there is no other any more.
    sweep_minutely(100)
    assert reminded(session) == [("Hello?", moment(12))]


def test_the_end_of_the_chat_ends_the_reminders() -> None:
    ana = OperatorFactory()
    session = chat(ana, 10, 30, 90, auto_close_minutes=60)
    answer(session, ana, 2)
    sweep_minutely(200)
    assert [text for text, _at in reminded(session)] == ["Reminder 1", "Reminder 2"]
    assert kinds(session)[-3:] == ["text", "text", "closed"]
    books_check()
