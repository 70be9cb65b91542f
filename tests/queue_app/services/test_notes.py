"""Private notes: never sent, never an answer, never twice."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from channels_app.models import Conversation, Message
from channels_app.services.delivery import conversation_deliver
from channels_app.widget.selectors import thread_before, thread_since
from queue_app.models import Operator, Session
from queue_app.services.endings import session_end
from queue_app.services.notes import session_note
from queue_app.services.replies import session_reply
from tests.factories import moment
from tests.queue_app.desk_story import everything
from tests.queue_app.services.acts import active, all_rows, offered, person, refused, waiting
from tests.queue_app.services.conftest import Sent

pytestmark = pytest.mark.django_db


def note(session: Session, operator: Operator, text: str = "Be kind", **more: Any) -> Message:
    values: dict[str, Any] = {"client_key": "note-0001", "now": moment(3)} | more
    return session_note(session_id=session.pk, user=operator.user, text=text, **values)


def test_a_note_stands_in_the_thread_and_changes_nothing_of_the_session(
    sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    before = Session.objects.values().get()
    rest = everything()[1:]
    conversation = Conversation.objects.get()
    with django_capture_on_commit_callbacks(execute=True):
        made = note(session, bruno, " Be kind\n")
    assert (made.direction, made.text, made.author, made.state) == (
        "note", "Be kind", bruno.user, "received",
    )  # fmt: skip
    assert (made.seq, made.version, made.queued_at) == (
        conversation.last_seq + 1, conversation.version + 1, None,
    )  # fmt: skip
    assert Session.objects.values().get() == before | {"version": made.version}
    assert everything()[1:] == rest
    after = Conversation.objects.get()
    assert (after.last_text, after.last_direction) == ("Hello", "in")
    assert sent == []


def test_no_customer_ever_gets_a_note() -> None:
    ana = person("Ana")
    session = active(ana)
    note(session, ana, "He is rude")
    assert conversation_deliver(conversation_id=session.conversation_id, now=moment(4)) == 0
    conversation = Conversation.objects.get()
    for thread in (thread_before(conversation, seq=None), thread_since(conversation, version=1)):
        assert "He is rude" not in [message.text for message in thread.messages]


def test_the_same_key_gives_the_first_note_back() -> None:
    ana = person("Ana")
    session = active(ana)
    first = note(session, ana)
    before = all_rows()
    assert note(session, ana, " Be kind ", now=moment(4)) == first
    assert all_rows() == before


def test_the_same_key_for_something_else_is_refused() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    note(session, ana)
    refused("key_reused", 409, partial(note, session, ana, "Be quick"))
    refused("key_reused", 409, partial(note, session, bruno))


def test_a_note_is_never_taken_for_the_answer_with_its_key() -> None:
    """The same draft, first written as a note: an answer must not be thought sent."""
    ana = person("Ana")
    session = active(ana)
    note(session, ana)
    answer = partial(
        session_reply, session_id=session.pk, user=ana.user, text="Be kind",
        client_key="note-0001", now=moment(4),
    )  # fmt: skip
    refused("key_reused", 409, answer)
    session_reply(
        session_id=session.pk, user=ana.user, text="Yes", client_key="key-0001", now=moment(5)
    )
    refused("key_reused", 409, partial(note, session, ana, "Yes", client_key="key-0001"))


@pytest.mark.parametrize(("text", "code"), [(" \n", "empty"), ("x" * 20_001, "too_long")])
def test_nothing_and_too_much_are_refused(text: str, code: str) -> None:
    ana = person("Ana")
    error = refused(code, 400, partial(note, active(ana), ana, text))
    assert list(error.fields) == ["text"]


@pytest.mark.parametrize("state", ["waiting", "offered", "closed"])
def test_a_note_may_be_written_at_any_time(state: str) -> None:
    ana = person("Ana")
    session = waiting(ana) if state == "waiting" else offered(ana)
    if state == "closed":
        session_end(session_id=session.pk, actor=ana.user, now=moment(2))
    note(session, ana)
    session.refresh_from_db()
    assert session.state == state
    assert Message.objects.get(direction="note").data["session"] == session.pk


def test_a_text_that_no_database_takes_is_cleaned() -> None:
    ana = person("Ana")
    assert note(active(ana), ana, "a\x00b\ud800c").text == "a�b�c"
