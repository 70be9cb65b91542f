"""Accepting and reading a session."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks

from channels_app.models import Connector, Conversation
from channels_app.services.errors import ConflictError, ForbiddenError, ServiceError
from channels_app.tasks import deliver_seen
from queue_app.models import LineOperator, Operator, Session
from queue_app.services.endings import session_end
from queue_app.services.locks import SessionGoneError
from queue_app.services.operators import operator_duty_set
from queue_app.services.sessions import session_accept, session_read
from tests.factories import (
    ConversationFactory,
    OperatorFactory,
    SessionFactory,
    SuperuserFactory,
    UserFactory,
    moment,
)
from tests.queue_app.desk_story import (
    books_check,
    customer_writes,
    everything,
    kinds,
    last_event,
    line_with,
    outcomes,
    timers_of,
)

pytestmark = pytest.mark.django_db


def maria() -> Operator:
    operator: Operator = OperatorFactory(user=UserFactory(first_name="Maria", last_name=""))
    return operator


def waiting_session(*operators: Operator, **settings: Any) -> Session:
    """A session that found nobody, because everybody was off duty; now they are on it."""
    for operator in operators:
        operator_duty_set(operator=operator, duty="off", now=moment())
    connector = line_with(*operators, check_availability=True, **settings)
    session = customer_writes(connector, "u1", now=moment())
    assert (session.state, session.wait_reason) == ("waiting", "no_operator")
    for operator in operators:
        operator_duty_set(operator=operator, duty="on", now=moment())
    return session


def refused(session: Session, operator: Operator, error_class: type[ServiceError]) -> ServiceError:
    """Accepting is refused, and not a row has changed."""
    before = everything()
    with pytest.raises(error_class) as caught:
        session_accept(session_id=session.pk, operator=operator, now=moment(2))
    assert everything() == before
    return caught.value


# --- accepting --------------------------------------------------------------------------


def test_an_operator_accepts_what_was_offered_to_him() -> None:
    ana = OperatorFactory()
    session = customer_writes(line_with(ana), "u1", now=moment())
    version = session.conversation.version
    accepted = session_accept(session_id=session.pk, operator=ana, now=moment(1))
    assert accepted == session
    assert (accepted.state, accepted.operator, accepted.accepted_at) == ("active", ana, moment(1))
    assert kinds(session) == ["started", "offered", "accepted"]
    event = last_event(session)
    assert (event.at, event.actor, event.operator) == (moment(1), ana.user, ana)
    assert event.data == {"reaction_s": 60.0, "by_hand": False}
    assert timers_of(session) == []
    assert outcomes(session) == [(ana.pk, "accepted")]
    # The page of everybody who sees the chat is told.
    assert Conversation.objects.get(pk=session.conversation_id).version == version + 1
    assert accepted.version == version + 1
    books_check()


def test_an_operator_takes_a_waiting_chat_by_hand() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = waiting_session(ana, bruno)
    accepted = session_accept(session_id=session.pk, operator=bruno, now=moment(1))
    assert (accepted.state, accepted.operator) == ("active", bruno)
    assert (accepted.wait_reason, accepted.no_operator_since) == ("", None)
    assert last_event(session).data == {"reaction_s": 60.0, "by_hand": True}
    assert outcomes(session) == [(bruno.pk, "accepted")]
    bruno.refresh_from_db()
    assert bruno.open_chats == 1
    books_check()


def test_a_chat_that_is_taken_says_by_whom() -> None:
    holder, ana = maria(), OperatorFactory()
    session = customer_writes(line_with(holder, ana), "u1", now=moment())
    session_accept(session_id=session.pk, operator=holder, now=moment(1))
    error = refused(session, ana, ConflictError)
    assert (error.code, error.detail, error.status) == ("taken", "Taken by Maria", 409)


def test_a_chat_offered_to_another_is_his_for_now() -> None:
    holder, ana = maria(), OperatorFactory()
    session = customer_writes(line_with(holder, ana), "u1", now=moment())
    error = refused(session, ana, ForbiddenError)
    assert (error.code, error.detail) == ("offered_to_another", "This chat is offered to Maria.")
    assert error.status == 403


def test_a_closed_chat_is_accepted_by_nobody() -> None:
    ana = OperatorFactory()
    session = customer_writes(line_with(ana), "u1", now=moment())
    session_end(session_id=session.pk, actor=ana.user, now=moment(1))
    assert refused(session, ana, ConflictError).code == "closed"


def test_accepting_twice_changes_nothing_more() -> None:
    ana = OperatorFactory()
    session = customer_writes(line_with(ana), "u1", now=moment())
    session_accept(session_id=session.pk, operator=ana, now=moment(1))
    before = everything()
    again = session_accept(session_id=session.pk, operator=ana, now=moment(2))
    assert (again.state, again.accepted_at) == ("active", moment(1))
    assert everything() == before


def test_the_limit_of_the_line_refuses_a_chat_taken_by_hand_and_says_the_number() -> None:
    ana = OperatorFactory()
    session = waiting_session(ana, max_chats=2)
    for _ in range(2):
        conversation = ConversationFactory(connector=session.conversation.connector)
        SessionFactory(conversation=conversation, operator=ana)
    error = refused(session, ana, ConflictError)
    assert (error.code, error.detail) == ("full", "You have 2 of 2 chats. End one first.")


def test_an_offer_that_is_not_accepted_counts_against_the_limit() -> None:
    ana = OperatorFactory()
    session = waiting_session(ana, max_chats=1)
    connector = session.conversation.connector
    conversation = ConversationFactory(connector=connector)
    SessionFactory(conversation=conversation, operator=ana, state="offered")
    assert refused(session, ana, ConflictError).code == "full"


def test_the_cap_over_all_lines_refuses_too_and_says_the_true_number() -> None:
    ana = OperatorFactory(max_chats=1)
    session = waiting_session(ana)
    stale = Operator.objects.get(pk=ana.pk)
    SessionFactory(operator=ana)  # on another line
    error = refused(session, stale, ConflictError)
    assert error.detail == "You have 1 of 1 chats. End one first."


def test_accepting_an_offer_at_the_limit_is_no_second_place() -> None:
    ana = OperatorFactory()
    session = customer_writes(line_with(ana, max_chats=1), "u1", now=moment())
    session_accept(session_id=session.pk, operator=ana, now=moment(1))
    books_check()


def test_an_administrator_outside_the_queue_takes_a_chat_and_is_counted() -> None:
    session = waiting_session(OperatorFactory())
    boss = OperatorFactory(user=SuperuserFactory())
    session_accept(session_id=session.pk, operator=boss, now=moment(1))
    row = LineOperator.objects.get(open_channel=session.open_channel, operator=boss)
    assert (row.position, row.open_chats) == (None, 1)
    books_check()


def test_a_chat_that_does_not_exist_is_not_found() -> None:
    error = refused(Session(pk=4711), OperatorFactory(), SessionGoneError)
    assert (error.code, error.status) == ("not_found", 404)


# --- reading ----------------------------------------------------------------------------


def test_reading_sets_the_counter_to_zero_and_tells_the_other_pages() -> None:
    ana = OperatorFactory()
    connector = line_with(ana)
    customer_writes(connector, "u1", now=moment())
    session = customer_writes(connector, "u1", now=moment(1))
    assert session.unread == 2
    session_read(session_id=session.pk, user=ana.user, now=moment(2))
    session.refresh_from_db()
    assert (session.unread, session.version) == (0, 3)
    assert Conversation.objects.get(pk=session.conversation_id).version == 3


def test_reading_again_changes_nothing() -> None:
    ana = OperatorFactory()
    session = customer_writes(line_with(ana), "u1", now=moment())
    session_read(session_id=session.pk, user=ana.user, now=moment(1))
    before = (everything(), list(Conversation.objects.values()))
    session_read(session_id=session.pk, user=ana.user, now=moment(2))
    assert (everything(), list(Conversation.objects.values())) == before


@pytest.mark.parametrize(("kind", "told"), [("whatsapp", 1), ("custom", 0)])
def test_a_platform_that_shows_reading_is_told(
    kind: str,
    told: int,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(deliver_seen, "apply_async", lambda **options: asked.append(options))
    ana = OperatorFactory()
    connector = line_with(ana)
    session = customer_writes(connector, "u1", now=moment())
    Connector.objects.filter(pk=connector.pk).update(kind=kind)
    for minute in (1, 2):  # what is read already is not told again
        with django_capture_on_commit_callbacks(execute=True):
            session_read(session_id=session.pk, user=ana.user, now=moment(minute))
    assert [options["args"] for options in asked] == [(session.conversation_id,)] * told


def test_a_colleague_who_looks_on_does_not_make_it_read() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = customer_writes(line_with(ana, bruno), "u1", now=moment())
    before = everything()
    session_read(session_id=session.pk, user=bruno.user, now=moment(1))
    assert everything() == before
