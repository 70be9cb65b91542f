"""Spam, force, and senders we hear nothing more of."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any

import pytest

from channels_app.models import Conversation, InboundEvent, Message, ServiceText
from queue_app.models import Operator, Session, SessionText
from queue_app.services.endings import session_end
from queue_app.services.line_rules import line_rules_forget
from queue_app.services.replies import session_reply
from queue_app.services.stops import (
    conversation_block,
    conversation_unblock,
    session_force_stop,
    session_spam,
    session_spam_undo,
)
from queue_app.services.texts import service_text_send
from tests.factories import moment
from tests.queue_app.desk_story import (
    books_check,
    customer_receive,
    customer_writes,
    last_event,
    outcomes,
    timers_of,
)
from tests.queue_app.services.acts import (
    active,
    answered,
    offered,
    person,
    refused,
    supervisor,
    waiting,
)
from tests.queue_app.services.conftest import Sent

pytestmark = pytest.mark.django_db


def spam(session: Session, operator: Operator, *, block: bool = False) -> Session:
    return session_spam(session_id=session.pk, actor=operator.user, block=block, now=moment(3))


def undo(session: Session, operator: Operator, now: dt.datetime | None = None) -> Session:
    return session_spam_undo(session_id=session.pk, actor=operator.user, now=now or moment(4))


def force(session: Session, operator: Operator) -> Session:
    return session_force_stop(session_id=session.pk, actor=operator.user, now=moment(3))


def text_queued(session: Session) -> Message:
    """An automatic text that waits to be sent."""
    session = Session.objects.select_related("conversation__connector__open_channel").get(
        pk=session.pk
    )
    assert service_text_send(
        session=session, conversation=session.conversation, kind="welcome", text="Welcome",
        now=moment(2),
    )  # fmt: skip
    Session.objects.filter(pk=session.pk).update(event_seq=session.event_seq)
    return Message.objects.get(author_kind="system")


# --- spam ---------------------------------------------------------------------------------


def test_spam_is_closed_without_a_word() -> None:
    ana = person("Ana")
    session = answered(ana)
    ServiceText.objects.create(open_channel=session.open_channel, kind="ending", text="Bye")
    line_rules_forget()
    closed = spam(session, ana)
    assert (closed.state, closed.close_reason, closed.closed_at) == ("closed", "spam", moment(3))
    assert (last_event(session).kind, last_event(session).data["reason"]) == ("closed", "spam")
    assert [message.text for message in Message.objects.filter(direction="out")] == ["Yes"]
    assert Conversation.objects.get().blocked_at is None
    assert timers_of(session) == []
    books_check()


def test_texts_of_the_line_are_called_back_and_words_of_people_are_not() -> None:
    ana = person("Ana")
    session = answered(ana)
    text = text_queued(session)
    spam(session, ana)
    text.refresh_from_db()
    assert (text.deleted_at, text.queued_at) == (moment(3), None)
    assert SessionText.objects.get().skipped == "spam"
    assert Message.objects.get(text="Yes").state == "queued"
    assert text.version == Conversation.objects.get().version


def test_a_text_that_is_being_sent_is_left_alone() -> None:
    ana = person("Ana")
    session = answered(ana)
    text = text_queued(session)
    Message.objects.filter(pk=text.pk).update(state="sending", lease_until=moment(5))
    spam(session, ana)
    text.refresh_from_db()
    assert (text.state, text.deleted_at) == ("sending", None)
    assert SessionText.objects.get().skipped == ""


def test_spam_may_be_said_by_who_may_end_it() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    refused("not_yours", 403, partial(spam, session, bruno))
    assert spam(session, supervisor("end_any_session")).state == "closed"
    refused("closed", 409, partial(spam, session, ana))


@pytest.mark.parametrize("state", ["waiting", "offered", "closing"])
def test_every_open_chat_may_be_spam(state: str) -> None:
    ana = person("Ana")
    session = waiting(ana) if state == "waiting" else offered(ana)
    if state == "closing":
        session = answered_and_ending(session, ana)
    assert spam(session, ana).state == "closed"
    if state == "offered":
        assert outcomes(session) == [(ana.pk, "withdrawn")]
    books_check()


def answered_and_ending(session: Session, operator: Operator) -> Session:
    ServiceText.objects.create(open_channel=session.open_channel, kind="ending", text="Bye")
    line_rules_forget()
    session_reply(
        session_id=session.pk, user=operator.user, text="Yes", client_key="key-0001",
        now=moment(1),
    )  # fmt: skip
    ended = session_end(session_id=session.pk, actor=operator.user, now=moment(2))
    assert ended.state == "closing"
    return ended


def test_spam_by_mistake_is_taken_back_for_thirty_days() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    spam(session, ana, block=True)
    month = dt.timedelta(days=30)
    refused(
        "too_late", 409, partial(undo, session, ana, moment(3) + month + dt.timedelta(seconds=1))
    )
    refused("permission", 403, partial(undo, session, person("Carla")))
    after = undo(session, bruno, moment(3) + month)
    assert (after.state, after.close_reason) == ("closed", "operator")
    assert Conversation.objects.get().blocked_at is None
    assert (last_event(session).kind, last_event(session).actor) == ("spam_undone", bruno.user)
    refused("not_spam", 409, partial(undo, session, ana))


def test_after_the_undo_the_customer_is_heard_in_a_new_chat() -> None:
    ana = person("Ana")
    session = active(ana)
    spam(session, ana, block=True)
    undo(session, ana)
    after = customer_writes(session.conversation.connector, "u1", now=moment(5))
    assert after != session
    assert after.state == "offered"
    session.refresh_from_db()
    assert session.state == "closed"


# --- force --------------------------------------------------------------------------------


def test_with_the_right_any_chat_is_stopped_without_a_word() -> None:
    ana = person("Ana")
    session = answered(ana)
    text = text_queued(session)
    boss = supervisor("end_any_session")
    closed = force(session, boss)
    assert (closed.state, closed.close_reason, closed.operator) == ("closed", "forced", ana)
    assert (last_event(session).actor, last_event(session).operator) == (boss.user, ana)
    text.refresh_from_db()
    assert text.deleted_at == moment(3)
    books_check()


def test_without_the_right_not_even_the_owner_stops_a_chat() -> None:
    ana = person("Ana")
    session = active(ana)
    refused("permission", 403, partial(force, session, ana))
    session_end(session_id=session.pk, actor=ana.user, now=moment(2))
    refused("closed", 409, partial(force, session, supervisor("end_any_session")))


# --- blocked senders ----------------------------------------------------------------------


def block(session: Session, operator: Operator) -> Conversation:
    return conversation_block(session_id=session.pk, actor=operator.user, now=moment(3))


def unblock(session: Session, operator: Operator) -> Conversation:
    return conversation_unblock(session_id=session.pk, actor=operator.user, now=moment(6))


def test_a_blocked_sender_is_ignored_and_counted(
    sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    ana = person("Ana")
    session = active(ana)
    connector = session.conversation.connector
    spam(session, ana, block=True)
    before = Conversation.objects.values().get()
    messages = Message.objects.count()
    with django_capture_on_commit_callbacks(execute=True):
        first = customer_receive(connector, "u1", now=moment(4), key="m-1")
        again = customer_receive(connector, "u1", now=moment(4), key="m-1")
        second = customer_receive(connector, "u1", now=moment(5), key="m-2")
    assert [first.outcome, again.outcome, second.outcome] == ["ignored", "duplicate", "ignored"]
    assert Conversation.objects.values().get() == before | {"ignored_count": 2}
    assert Message.objects.count() == messages
    assert Session.objects.count() == 1
    assert sent == []
    kept = InboundEvent.objects.filter(state="ignored")
    assert kept.count() == 2
    assert all(event.raw for event in kept)


def test_a_sender_who_is_heard_again_begins_anew() -> None:
    ana = person("Ana")
    session = active(ana)
    connector = session.conversation.connector
    block(session, ana)
    customer_receive(connector, "u1", now=moment(4), text="Buy")
    assert not Message.objects.filter(text="Buy").exists()
    unblock(session, ana)
    assert customer_receive(connector, "u1", now=moment(7), text="Sorry").outcome == "done"
    assert Message.objects.filter(text="Sorry").exists()
    assert Conversation.objects.get().ignored_count == 1


def test_blocking_leaves_the_chat_and_a_trace() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    block(session, bruno)
    session.refresh_from_db()
    assert (session.state, session.operator) == ("active", ana)
    trace = Message.objects.get(direction="system")
    assert (trace.kind, trace.author) == ("shut", bruno.user)
    refused("blocked", 409, partial(block, session, ana))
    unblock(session, ana)
    assert Message.objects.filter(direction="system", kind="let_in").exists()
    refused("not_blocked", 409, partial(unblock, session, ana))


def test_people_of_other_lines_block_nobody() -> None:
    ana = person("Ana")
    session = active(ana)
    refused("permission", 403, partial(block, session, person("Carla")))
    block(session, supervisor("end_any_session"))


def test_others_are_heard_while_one_is_blocked() -> None:
    ana = person("Ana")
    session = active(ana)
    block(session, ana)
    other = customer_writes(session.conversation.connector, "u2", now=moment(4))
    assert other.state == "offered"
