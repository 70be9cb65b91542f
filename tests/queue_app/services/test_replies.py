"""Answering: once, by whom it belongs to, where it can be sent."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from channels_app.models import Connector, Conversation, Message
from channels_app.services.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    ServiceError,
)
from queue_app.models import Operator, Session
from queue_app.services.endings import session_end
from queue_app.services.replies import TYPING_EXPIRES_SECONDS, session_reply, session_typing
from queue_app.services.sessions import session_accept
from tests.factories import ConnectorFactory, OperatorFactory, UserFactory, moment
from tests.queue_app.desk_story import (
    books_check,
    customer_writes,
    everything,
    kinds,
    last_event,
    line_with,
    timers_of,
)
from tests.queue_app.services.conftest import Sent

pytestmark = pytest.mark.django_db


def reply(
    session: Session,
    operator: Operator,
    text: str = "On its way",
    *,
    key: str = "key-0001",
    now: dt.datetime | None = None,
    **more: Any,
) -> Message:
    return session_reply(
        session_id=session.pk, user=operator.user, text=text, client_key=key,
        now=now or moment(2), **more,
    )  # fmt: skip


def active_session(operator: Operator, *others: Operator) -> Session:
    session = customer_writes(line_with(operator, *others), "u1", now=moment())
    return session_accept(session_id=session.pk, operator=operator, now=moment(1))


def refused(
    session: Session, operator: Operator, error_class: type[ServiceError], **values: Any
) -> ServiceError:
    """The answer is refused, and nothing was written or queued."""
    before = (everything(), list(Message.objects.values()), list(Conversation.objects.values()))
    with pytest.raises(error_class) as caught:
        reply(session, operator, **values)
    after = (everything(), list(Message.objects.values()), list(Conversation.objects.values()))
    assert after == before
    return caught.value


def test_an_answer_is_queued_with_the_change_of_the_session(
    sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    ana = OperatorFactory()
    session = active_session(ana)
    with django_capture_on_commit_callbacks(execute=True):
        message = reply(session, ana)
    assert (message.direction, message.state, message.seq) == ("out", "queued", 2)
    assert (message.text, message.author, message.queued_at) == ("On its way", ana.user, moment(2))
    session.refresh_from_db()
    assert (session.turn, session.unread, session.waiting_since) == ("customer", 0, None)
    assert (session.first_reply_at, session.replied_at) == (moment(2), moment(2))
    event = last_event(session)
    assert (event.kind, event.operator, event.actor) == ("replied", ana, ana.user)
    assert event.data == {"first": True, "waited_s": 120.0, "since_start_s": 120.0, "seq": 2}
    assert sent == [("deliver_conversation", session.conversation_id)]
    conversation = Conversation.objects.get(pk=session.conversation_id)
    assert (conversation.last_text, conversation.last_direction) == ("On its way", "out")
    assert conversation.version == message.version == session.version


def test_the_wait_is_measured_from_the_first_message_of_the_burst() -> None:
    ana = OperatorFactory()
    session = active_session(ana)
    connector = session.conversation.connector
    reply(session, ana, key="key-0001", now=moment(2))
    customer_writes(connector, "u1", now=moment(5))
    customer_writes(connector, "u1", now=moment(7))
    reply(session, ana, key="key-0002", now=moment(8))
    assert last_event(session).data["waited_s"] == 180.0
    reply(session, ana, key="key-0003", now=moment(9))
    assert last_event(session).data == {
        "first": False, "waited_s": None, "since_start_s": 540.0, "seq": 6,
    }  # fmt: skip
    session.refresh_from_db()
    assert (session.first_reply_at, session.replied_at) == (moment(2), moment(9))


def test_answering_an_offer_accepts_it_first() -> None:
    ana = OperatorFactory()
    session = customer_writes(line_with(ana), "u1", now=moment())
    message = reply(session, ana)
    session.refresh_from_db()
    assert (session.state, session.operator, session.turn) == ("active", ana, "customer")
    assert kinds(session) == ["started", "offered", "accepted", "replied"]
    assert timers_of(session) == []
    # Accepting was a visible change of its own, before the answer.
    assert message.version == session.version == 3
    books_check()


def test_the_same_key_gives_the_first_message_back() -> None:
    ana = OperatorFactory()
    session = active_session(ana)
    first = reply(session, ana, "On its way")
    before = (everything(), list(Message.objects.values()))
    # White space around it was not sent the first time either.
    assert reply(session, ana, " On its way\n", now=moment(3)) == first
    assert (everything(), list(Message.objects.values())) == before


def test_the_same_key_after_the_end_of_the_chat_still_gives_the_first_message() -> None:
    ana = OperatorFactory()
    session = active_session(ana)
    first = reply(session, ana)
    session_end(session_id=session.pk, actor=ana.user, now=moment(3))
    assert reply(session, ana, now=moment(4)) == first
    assert Message.objects.filter(direction="out").count() == 1


def test_the_same_key_with_another_text_is_refused() -> None:
    ana = OperatorFactory()
    session = active_session(ana)
    reply(session, ana, "On its way")
    error = refused(session, ana, ConflictError, text="Not on its way")
    assert (error.code, error.status) == ("key_reused", 409)
    assert error.detail == "This message was sent already, with another text."


def test_the_same_key_with_other_files_is_refused() -> None:
    ana = OperatorFactory()
    session = active_session(ana)
    reply(session, ana, "See this", files=[SimpleUploadedFile("map.png", b"\x89PNG 1")])
    error = refused(
        session, ana, ConflictError, text="See this",
        files=[SimpleUploadedFile("map.png", b"\x89PNG 22")],
    )  # fmt: skip
    assert error.code == "key_reused"


def test_a_key_of_another_person_is_refused() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = active_session(ana, bruno)
    reply(session, ana)
    assert refused(session, bruno, ConflictError).code == "key_reused"


def test_two_chats_may_use_the_same_key() -> None:
    ana = OperatorFactory()
    connector = line_with(ana)
    sessions = [customer_writes(connector, user, now=moment()) for user in ("u1", "u2")]
    messages = {reply(session, ana).pk for session in sessions}
    assert len(messages) == 2


def test_another_operators_chat_is_not_answered() -> None:
    maria = OperatorFactory(user=UserFactory(first_name="Maria", last_name=""))
    ana = OperatorFactory()
    session = active_session(maria, ana)
    error = refused(session, ana, ForbiddenError)
    assert (error.code, error.detail) == ("not_yours", "This chat belongs to Maria.")


def test_an_offer_to_another_is_not_answered() -> None:
    bruno, ana = OperatorFactory(), OperatorFactory()
    session = customer_writes(line_with(bruno, ana), "u1", now=moment())
    assert refused(session, ana, ForbiddenError).code == "not_yours"


def test_a_waiting_chat_must_be_accepted_first() -> None:
    ana = OperatorFactory(duty="off")
    session = customer_writes(line_with(ana, check_availability=True), "u1", now=moment())
    error = refused(session, ana, ConflictError)
    assert (error.code, error.detail) == ("not_accepted", "Accept the chat before you answer.")


def test_a_closed_chat_is_not_answered() -> None:
    ana = OperatorFactory()
    session = active_session(ana)
    session_end(session_id=session.pk, actor=ana.user, now=moment(1))
    assert refused(session, ana, ConflictError).code == "closed"


@pytest.mark.parametrize("change", [{"is_active": False}, {"archived_at": moment()}])
def test_nothing_is_sent_on_a_closed_line(change: dict[str, Any]) -> None:
    ana = OperatorFactory()
    session = active_session(ana)
    line = session.open_channel
    for name, value in change.items():
        setattr(line, name, value)
    line.save()
    error = refused(session, ana, ConflictError)
    assert (error.code, error.status) == ("line_closed", 409)
    assert error.detail == "This open channel is closed. Nothing was sent."


def test_an_offer_stays_an_offer_when_the_answer_cannot_be_sent() -> None:
    ana = OperatorFactory()
    session = customer_writes(line_with(ana), "u1", now=moment())
    Conversation.objects.update(unreachable_at=moment(1))
    assert refused(session, ana, ConflictError).code == "unreachable"
    session.refresh_from_db()
    assert session.state == "offered"


def test_a_customer_who_blocked_us_gets_nothing_until_he_writes() -> None:
    ana = OperatorFactory()
    session = active_session(ana)
    Conversation.objects.update(unreachable_at=moment(1))
    error = refused(session, ana, ConflictError)
    assert error.code == "unreachable"
    assert error.detail == (
        "The customer has blocked us. You can write again when he writes to you."
    )
    customer_writes(session.conversation.connector, "u1", now=moment(3))
    assert reply(session, ana, now=moment(4)).state == "queued"


@pytest.mark.parametrize("status", ["disabled", "broken"])
def test_nothing_is_sent_through_a_channel_that_is_off(status: str) -> None:
    ana = OperatorFactory()
    session = active_session(ana)
    connector = session.conversation.connector
    connector.name, connector.status = "Shop", status
    connector.save()
    error = refused(session, ana, ConflictError)
    assert error.code == "connector_off"
    assert error.detail == "The channel Shop is not connected. Nothing was sent."


@pytest.mark.parametrize(
    ("text", "code"), [("", "empty"), (" \n\t ", "empty"), ("x" * 20_001, "too_long")]
)
def test_nothing_and_too_much_are_refused(text: str, code: str) -> None:
    ana = OperatorFactory()
    session = active_session(ana)
    error = refused(session, ana, InvalidError, text=text)
    assert error.code == code
    assert list(error.fields) == ["text"]


def test_a_refused_answer_does_not_accept_the_offer() -> None:
    ana = OperatorFactory()
    session = customer_writes(line_with(ana), "u1", now=moment())
    assert refused(session, ana, InvalidError, text="").code == "empty"


def test_a_text_that_no_database_takes_is_cleaned() -> None:
    ana = OperatorFactory()
    session = active_session(ana)
    assert reply(session, ana, "a\x00b\ud800c").text == "a\ufffdb\ufffdc"


def test_a_long_answer_is_one_event_and_several_messages() -> None:
    ana = OperatorFactory()
    connector = ConnectorFactory(
        open_channel=line_with(ana).open_channel, config={"text_limit": 20}
    )
    session = customer_writes(connector, "u1", now=moment())
    session_accept(session_id=session.pk, operator=ana, now=moment(1))
    first = reply(session, ana, "First half of it. Second half of it.")
    rows = list(Message.objects.filter(direction="out").order_by("seq"))
    assert len(rows) > 1
    assert rows[0] == first
    assert [row.client_key for row in rows] == ["key-0001"] + [None] * (len(rows) - 1)
    assert kinds(session).count("replied") == 1
    assert reply(session, ana, "First half of it. Second half of it.") == first


@pytest.mark.parametrize("kind", ["telegram", "custom", "livechat"])
def test_the_customer_sees_that_somebody_writes_where_the_channel_shows_it(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    asked: list[int] = []

    def enqueue(_task: object, *ids: int, expires: float) -> bool:
        asked.extend(ids)
        return expires == TYPING_EXPIRES_SECONDS

    monkeypatch.setattr("queue_app.services.replies.enqueue", enqueue)
    operator, other = OperatorFactory(), OperatorFactory()
    session = active_session(operator)
    Connector.objects.filter(pk=session.conversation.connector_id).update(kind=kind)
    session = Session.objects.get(pk=session.pk)
    assert session_typing(session=session, user=other.user) is False
    assert session_typing(session=session, user=operator.user) is (kind == "telegram")
    assert asked == ([session.conversation_id] if kind == "telegram" else [])


def test_nobody_is_told_that_an_offer_is_being_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("queue_app.services.replies.enqueue", lambda *_ids, **_more: True)
    operator = OperatorFactory()
    session = customer_writes(line_with(operator), "u1", now=moment())
    Connector.objects.filter(pk=session.conversation.connector_id).update(kind="telegram")
    session = Session.objects.get(pk=session.pk)
    assert session.state == "offered"
    assert session_typing(session=session, user=operator.user) is False
