"""An operator begins: from an old message, or with the first word."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from channels_app.models import Conversation, Message, OpenChannel
from queue_app.models import Operator, Session
from queue_app.services.dialogues import conversation_write, dialogue_begin
from queue_app.services.endings import session_end
from queue_app.services.helpers import session_join
from queue_app.services.stops import conversation_block
from tests.factories import ConversationFactory, MessageFactory, moment
from tests.queue_app.desk_story import (
    books_check,
    customer_writes,
    kinds,
    last_event,
    line_with,
    outcomes,
    timers_of,
)
from tests.queue_app.services.acts import (
    active,
    all_rows,
    offered,
    person,
    refused,
    supervisor,
    waiting,
)

pytestmark = pytest.mark.django_db


def closed(operator: Operator, *others: Operator, **settings: Any) -> Session:
    session = active(operator, *others, **settings)
    return session_end(session_id=session.pk, actor=operator.user, now=moment(2))


def begin(session: Session, operator: Operator, message_id: int | None = None) -> Session:
    return dialogue_begin(
        session_id=session.pk, actor=operator.user, now=moment(5), message_id=message_id
    )


def write(conversation: Conversation, operator: Operator, text: str = "Hi", **more: Any) -> Message:
    values: dict[str, Any] = {"client_key": "key-0009", "now": moment(5)} | more
    return conversation_write(
        conversation_id=conversation.pk, user=operator.user, text=text, **values
    )


# --- from a message -----------------------------------------------------------------------


def test_an_ended_chat_is_taken_up_again_as_a_new_one() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    old = closed(ana, bruno)
    message = Message.objects.get(direction="in")
    new = begin(old, bruno, message.pk)
    new.refresh_from_db()
    assert (new.state, new.operator, new.turn, new.parent) == ("active", bruno, "operator", old)
    assert (new.started_at, new.accepted_at, new.waiting_since) == (moment(5), moment(5), None)
    assert new.conversation == old.conversation
    event = last_event(new)
    assert (event.kind, event.operator, event.actor) == ("started", bruno, bruno.user)
    assert event.data == {
        "first": False, "by_operator": True, "parent": old.pk, "message": message.pk,
    }  # fmt: skip
    assert outcomes(new) == [(bruno.pk, "accepted")]
    assert timers_of(new) == []
    old.refresh_from_db()
    assert old.state == "closed"
    books_check()


def test_pressed_twice_it_is_the_same_one() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    old = closed(ana, bruno)
    new = begin(old, bruno)
    before = all_rows()
    assert begin(old, bruno) == new
    assert all_rows() == before
    error = refused("open_session", 409, partial(begin, old, ana))
    assert error.detail == "There is an open chat with this customer already."


def test_an_open_chat_is_not_taken_up_again() -> None:
    ana = person("Ana")
    refused("open_session", 409, partial(begin, active(ana), ana))


def test_a_message_of_another_conversation_begins_nothing() -> None:
    ana = person("Ana")
    error = refused("invalid", 400, partial(begin, closed(ana), ana, MessageFactory().pk))
    assert list(error.fields) == ["message"]


def test_people_of_the_line_take_up_and_who_may_take_over() -> None:
    ana = person("Ana")
    old = closed(ana)
    refused("permission", 403, partial(begin, old, person("Carla")))
    boss = supervisor("intercept_session")
    assert begin(old, boss).operator == boss


def test_nothing_is_taken_up_with_a_blocked_sender_or_on_a_closed_line() -> None:
    ana = person("Ana")
    old = closed(ana)
    OpenChannel.objects.update(is_active=False)
    refused("line_closed", 409, partial(begin, old, ana))
    OpenChannel.objects.update(is_active=True)
    conversation_block(session_id=old.pk, actor=ana.user, now=moment(3))
    refused("blocked", 409, partial(begin, old, ana))


# --- the first word -----------------------------------------------------------------------


def test_who_writes_first_has_the_chat_without_the_queue() -> None:
    ana, bruno = person("Ana"), person("Bruno", duty="off")
    conversation = ConversationFactory(connector=line_with(ana, bruno))
    message = write(conversation, bruno)
    assert (message.direction, message.state, message.author) == ("out", "queued", bruno.user)
    session = Session.objects.get()
    assert (session.state, session.operator, session.turn) == ("active", bruno, "customer")
    assert (session.first_reply_at, session.unread, session.is_first) == (moment(5), 0, True)
    assert kinds(session) == ["started", "replied"]
    assert last_event(session).data == {
        "first": True, "waited_s": None, "since_start_s": 0.0, "seq": message.seq,
    }  # fmt: skip
    bruno.refresh_from_db()
    assert bruno.open_chats == 1
    books_check()


def test_it_counts_for_his_limit_and_is_not_stopped_by_it() -> None:
    ana = person("Ana", max_chats=0)
    conversation = ConversationFactory(connector=line_with(ana, max_chats=1))
    write(conversation, ana)
    ana.refresh_from_db()
    assert ana.open_chats == 1


def test_the_customers_answer_comes_into_the_same_chat() -> None:
    ana = person("Ana")
    connector = line_with(ana)
    first = customer_writes(connector, "u1", now=moment())
    session_end(session_id=first.pk, actor=ana.user, now=moment(1))
    write(first.conversation, ana)
    begun = Session.objects.latest("pk")
    assert customer_writes(connector, "u1", now=moment(6)) == begun
    begun.refresh_from_db()
    assert (begun.state, begun.turn, begun.unread) == ("active", "operator", 1)


def test_the_same_key_writes_once() -> None:
    ana = person("Ana")
    conversation = ConversationFactory(connector=line_with(ana))
    first = write(conversation, ana)
    before = all_rows()
    assert write(conversation, ana, now=moment(6)) == first
    assert all_rows() == before
    refused("key_reused", 409, partial(write, conversation, ana, "Bye"))


def test_into_his_own_open_chat_it_is_an_answer() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = offered(ana, bruno)
    write(session.conversation, ana)
    session.refresh_from_db()
    assert (session.state, session.operator) == ("active", ana)
    session_join(session_id=session.pk, user=bruno.user, now=moment(5))
    write(session.conversation, bruno, client_key="key-0010")
    assert Session.objects.count() == 1
    assert kinds(session)[-2:] == ["joined", "replied"]


def test_beside_an_open_chat_of_somebody_else_nobody_begins_another() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    error = refused("open_session", 409, partial(write, session.conversation, bruno))
    assert error.detail == "Ana has an open chat with this customer."


def test_beside_a_chat_that_waits_nobody_begins_another() -> None:
    ana = person("Ana")
    session = waiting(ana)
    error = refused("open_session", 409, partial(write, session.conversation, ana))
    assert error.detail == "There is an open chat with this customer already."


def test_strangers_to_the_line_do_not_write_first() -> None:
    conversation = ConversationFactory(connector=line_with(person("Ana")))
    refused("permission", 403, partial(write, conversation, person("Carla")))
    # Seeing every chat is not writing in one.
    reader = supervisor("view_all_sessions")
    refused("permission", 403, partial(write, conversation, reader))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"unreachable_at": moment()}, "unreachable"),
        ({"blocked_at": moment()}, "blocked"),
    ],
)
def test_where_nothing_can_be_sent_no_chat_begins(change: dict[str, Any], code: str) -> None:
    ana = person("Ana")
    conversation = ConversationFactory(connector=line_with(ana), **change)
    refused(code, 409, partial(write, conversation, ana))


def test_without_words_no_chat_begins() -> None:
    ana = person("Ana")
    conversation = ConversationFactory(connector=line_with(ana))
    refused("empty", 400, partial(write, conversation, ana, " "))


def test_files_come_with_the_first_word() -> None:
    ana = person("Ana")
    conversation = ConversationFactory(connector=line_with(ana))
    write(conversation, ana, files=[SimpleUploadedFile("a.txt", b"one")])
    assert Message.objects.filter(direction="out").count() == 2
    assert Session.objects.count() == 1
