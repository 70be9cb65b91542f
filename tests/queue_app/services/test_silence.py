"""The customer is silent: when it begins to count, what ends it, and the end by itself."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from django.db.models import F

from channels_app.drivers.base import EchoEvent
from channels_app.drivers.livechat import LiveChatDriver
from channels_app.models import Message, OpenChannel
from channels_app.services.delivery import conversation_deliver
from channels_app.services.intake import event_receive
from channels_app.services.receipts import message_state_forward
from queue_app.models import AssignmentOutcome, Operator, Session, SessionText, Timer
from queue_app.services.endings import session_end
from queue_app.services.handover import session_give
from queue_app.services.locks import session_lock
from queue_app.services.replies import session_reply
from queue_app.services.sessions import session_accept
from queue_app.services.silence import silence_begin
from queue_app.services.texts import service_text_send
from queue_app.services.timers import timers_sweep
from tests.factories import (
    LiveChatConnectorFactory,
    OpenChannelFactory,
    OperatorFactory,
    ServiceTextFactory,
    moment,
)
from tests.queue_app.desk_story import (
    books_check,
    customer_writes,
    everything,
    kinds,
    last_event,
    line_with,
    timers_of,
)

pytestmark = pytest.mark.django_db


def chat(*operators: Operator, **line: Any) -> Session:
    """A chat the first operator accepted at minute 1; it ends after an hour of silence."""
    connector = line_with(*operators, **({"auto_close_minutes": 60} | line))
    session = customer_writes(connector, "u1", now=moment())
    return session_accept(session_id=session.pk, operator=operators[0], now=moment(1))


def answer(session: Session, operator: Operator, minute: int) -> Message:
    """He writes; whether it is sent is another matter."""
    return session_reply(
        session_id=session.pk, user=operator.user, text="Yes", now=moment(minute),
        client_key=f"key-{minute:05d}",
    )  # fmt: skip


def becomes(message: Message, state: str, minute: int) -> None:
    """The platform tells how far the message has come."""
    message.refresh_from_db()
    message_state_forward(message=message, state=state, now=moment(minute))


def answered(operator: Operator, minute: int = 2, **line: Any) -> Session:
    """A chat whose answer was sent at this minute."""
    session = chat(operator, **line)
    becomes(answer(session, operator, minute), "sent", minute)
    return session


def change(session: Session, **changes: Any) -> None:
    """The line has other settings from now on."""
    lines = OpenChannel.objects.filter(pk=session.open_channel_id)
    lines.update(version=F("version") + 1, **changes)


def state_of(session: Session) -> tuple[str, str]:
    session.refresh_from_db()
    return session.state, session.close_reason


# --- when it begins -----------------------------------------------------------------------


def test_it_counts_from_the_moment_the_answer_is_sent() -> None:
    ana = OperatorFactory()
    session = chat(ana)
    message = answer(session, ana, 2)
    assert timers_of(session) == []
    becomes(message, "sent", 7)
    assert timers_of(session) == [("auto_close", moment(67))]
    books_check()


@pytest.mark.parametrize("state", ["delivered", "read"])
def test_a_receipt_that_is_faster_than_the_sender_begins_it_too(state: str) -> None:
    ana = OperatorFactory()
    session = chat(ana)
    becomes(answer(session, ana, 2), state, 3)
    assert timers_of(session) == [("auto_close", moment(63))]


def test_receipts_after_it_was_sent_move_nothing() -> None:
    ana = OperatorFactory()
    session = answered(ana)
    message = Message.objects.get(direction="out")
    for state, minute in (("delivered", 5), ("read", 30)):
        becomes(message, state, minute)
    assert timers_of(session) == [("auto_close", moment(62))]


def test_the_next_answer_begins_it_anew() -> None:
    ana = OperatorFactory()
    session = answered(ana)
    becomes(answer(session, ana, 20), "sent", 21)
    assert timers_of(session) == [("auto_close", moment(81))]


@pytest.mark.parametrize("state", ["failed", "unknown", "queued"])
def test_an_answer_that_did_not_arrive_begins_nothing(state: str) -> None:
    ana = OperatorFactory()
    session = chat(ana)
    message = answer(session, ana, 2)
    if state == "failed":
        becomes(message, "failed", 3)
    Message.objects.filter(pk=message.pk).update(state=state)
    assert timers_of(session) == []
    timers_sweep(now=moment(40_000))
    assert state_of(session) == ("active", "")


def test_an_unconfirmed_answer_begins_it_when_the_platform_confirms_it() -> None:
    ana = OperatorFactory()
    session = chat(ana)
    message = answer(session, ana, 2)
    Message.objects.filter(pk=message.pk).update(state="unknown", queued_at=None)
    becomes(message, "delivered", 30)
    assert timers_of(session) == [("auto_close", moment(90))]


def test_the_live_chat_counts_from_when_the_page_can_read_it() -> None:
    ana = OperatorFactory()
    line = OpenChannelFactory(operators=[ana], auto_close_minutes=60)
    connector = LiveChatConnectorFactory(open_channel=line)
    visit = LiveChatDriver.event_from_visitor(
        visitor_id="visitor-0001", client_id="client-0001", text="Hello"
    )
    event_receive(connector=connector, event=visit, raw=b"{}", now=moment())
    session = Session.objects.get()
    answer(session, ana, 2)
    assert timers_of(session) == []
    assert conversation_deliver(conversation_id=session.conversation_id, now=moment(3)) == 1
    assert timers_of(session) == [("auto_close", moment(63))]


def test_an_answer_in_the_platforms_own_app_begins_it_at_once() -> None:
    ana = OperatorFactory()
    session = chat(ana)
    event = EchoEvent(key="e1", chat_id="u1", message_id="e1", text="Outside", at=moment())
    event_receive(connector=session.conversation.connector, event=event, raw=b"{}", now=moment(4))
    assert timers_of(session) == [("auto_close", moment(64))]
    books_check()


def test_an_answer_to_words_the_customer_has_added_to_begins_nothing() -> None:
    ana = OperatorFactory()
    session = chat(ana)
    first = answer(session, ana, 2)
    customer_writes(session.conversation.connector, "u1", now=moment(3))
    becomes(first, "sent", 4)
    assert timers_of(session) == []
    # Nor does it when the answer to those words is still on its way.
    answer(session, ana, 5)
    becomes(first, "read", 6)
    assert timers_of(session) == []


def test_an_automatic_text_begins_nothing_and_moves_nothing() -> None:
    ana = OperatorFactory()
    session = answered(ana)
    with transaction.atomic():
        conversation, locked = session_lock(session.pk)
        service_text_send(
            session=locked, conversation=conversation, kind="closed", text="Later", now=moment(9)
        )
        locked.save(update_fields=["event_seq"])
    becomes(Message.objects.get(author_kind="system"), "sent", 10)
    assert timers_of(session) == [("auto_close", moment(62))]
    session.refresh_from_db()
    assert session.turn == "customer"


def test_zero_minutes_never_end_a_chat() -> None:
    ana = OperatorFactory()
    session = answered(ana, auto_close_minutes=0)
    assert timers_of(session) == []


def test_a_snoozed_chat_counts_no_silence() -> None:
    ana = OperatorFactory()
    session = chat(ana)
    message = answer(session, ana, 2)
    Session.objects.filter(pk=session.pk).update(snoozed_until=moment(500))
    becomes(message, "sent", 3)
    assert timers_of(session) == []
    with transaction.atomic():
        _conversation, locked = session_lock(session.pk)
        locked.snoozed_until = None
        silence_begin(session=locked, now=moment(500))
    assert timers_of(session) == [("auto_close", moment(560))]


# --- it changes hands ---------------------------------------------------------------------


def give(session: Session, operator: Operator, minute: int) -> None:
    with transaction.atomic():
        conversation, locked = session_lock(session.pk)
        session_give(
            session=locked, conversation=conversation, operator=operator, step="transfer",
            event="transferred", now=moment(minute), actor=None, data={},
            others=AssignmentOutcome.TRANSFERRED,
        )  # fmt: skip


def test_a_chat_that_changes_hands_goes_on_counting() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = answered(ana)
    give(session, bruno, 30)
    assert timers_of(session) == [("auto_close", moment(62))]


def test_a_snoozed_chat_that_changes_hands_counts_from_then() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = answered(ana)
    Session.objects.filter(pk=session.pk).update(snoozed_until=moment(500))
    Timer.objects.all().delete()
    give(session, bruno, 30)
    assert timers_of(session) == [("auto_close", moment(90))]


def test_what_was_answered_outside_counts_from_when_somebody_takes_it() -> None:
    ana = OperatorFactory()
    connector = line_with(ana, auto_close_minutes=60)
    session = customer_writes(connector, "u1", now=moment())
    event = EchoEvent(key="e1", chat_id="u1", message_id="e1", text="Outside", at=moment())
    event_receive(connector=connector, event=event, raw=b"{}", now=moment(1))
    assert timers_of(session) == []
    session_accept(session_id=session.pk, operator=ana, now=moment(5))
    assert timers_of(session) == [("auto_close", moment(65))]


# --- the end by itself --------------------------------------------------------------------


def test_an_hour_of_silence_ends_the_chat_and_not_a_second_earlier() -> None:
    ana = OperatorFactory()
    session = answered(ana)
    assert timers_sweep(now=moment(61, 59)) == 0
    assert timers_sweep(now=moment(62)) == 1
    assert state_of(session) == ("closed", "auto")
    assert (last_event(session).actor, last_event(session).operator) == (None, ana)
    assert last_event(session).data["reason"] == "auto"
    books_check()


def test_with_a_text_of_its_own_the_customer_has_time_to_come_back() -> None:
    ana = OperatorFactory()
    session = chat(ana, grace_minutes=10)
    ServiceTextFactory(open_channel=session.open_channel, kind="ending", text="Goodbye")
    ServiceTextFactory(open_channel=session.open_channel, kind="auto_close", text="Still there")
    becomes(answer(session, ana, 2), "sent", 2)
    timers_sweep(now=moment(62))
    assert state_of(session) == ("closing", "")
    assert [message.text for message in Message.objects.filter(author_kind="system")] == [
        "Still there"
    ]
    assert kinds(session)[-2:] == ["text", "ended"]
    assert last_event(session).data == {"reason": "auto"}
    assert timers_of(session) == [("grace", moment(72))]
    books_check()
    timers_sweep(now=moment(72))
    assert state_of(session) == ("closed", "auto")
    assert Message.objects.filter(author_kind="system").count() == 1


def test_the_text_of_the_operators_end_is_not_sent_at_the_end_by_itself() -> None:
    ana = OperatorFactory()
    session = chat(ana)
    ServiceTextFactory(open_channel=session.open_channel, kind="ending", text="Goodbye")
    becomes(answer(session, ana, 2), "sent", 2)
    timers_sweep(now=moment(62))
    assert state_of(session) == ("closed", "auto")
    assert not Message.objects.filter(author_kind="system").exists()


def test_a_chat_that_had_its_closing_text_ends_by_itself_without_another() -> None:
    ana = OperatorFactory()
    session = chat(ana)
    ServiceTextFactory(open_channel=session.open_channel, kind="ending", text="Goodbye")
    ServiceTextFactory(open_channel=session.open_channel, kind="auto_close", text="Still there")
    becomes(answer(session, ana, 2), "sent", 2)
    session_end(session_id=session.pk, actor=ana.user, now=moment(3))
    customer_writes(session.conversation.connector, "u1", now=moment(4))
    becomes(answer(session, ana, 5), "sent", 5)
    timers_sweep(now=moment(65))
    assert state_of(session) == ("closed", "auto")
    texts = Message.objects.filter(author_kind="system").values_list("text", flat=True)
    assert list(texts) == ["Goodbye"]


def test_the_customers_message_keeps_it_open() -> None:
    ana = OperatorFactory()
    session = answered(ana)
    customer_writes(session.conversation.connector, "u1", now=moment(61))
    timers_sweep(now=moment(40_000))
    assert state_of(session) == ("active", "")
    books_check()


@pytest.mark.parametrize("changed", [{"turn": "operator"}, {"snoozed_until": moment(500)}])
def test_the_state_is_looked_at_again(changed: dict[str, Any]) -> None:
    """The timer stayed behind, as after a fault."""
    ana = OperatorFactory()
    session = answered(ana)
    Session.objects.filter(pk=session.pk).update(**changed)
    before = [rows for rows in everything() if rows and "due_at" not in rows[0]]
    assert timers_sweep(now=moment(62)) == 1
    assert [rows for rows in everything() if rows and "due_at" not in rows[0]] == before
    assert timers_of(session) == []


@pytest.mark.parametrize("closed", [{"is_active": False}, {"archived_at": moment(10)}])
def test_on_a_closed_line_a_chat_ends_silently(closed: dict[str, Any]) -> None:
    ana = OperatorFactory()
    session = chat(ana)
    ServiceTextFactory(open_channel=session.open_channel, kind="auto_close", text="Still there")
    becomes(answer(session, ana, 2), "sent", 2)
    OpenChannel.objects.update(**closed)
    timers_sweep(now=moment(62))
    assert state_of(session) == ("closed", "auto")
    assert not Message.objects.filter(author_kind="system").exists()
    assert not SessionText.objects.exists()
    books_check()
