"""A form a customer sent: once in his chat, also in one that has ended."""

from __future__ import annotations

from typing import Any

import pytest

from channels_app.models import Conversation, Message
from queue_app.models import Session, SessionEvent
from queue_app.services.endings import session_end
from queue_app.services.form_answers import form_attach
from tests.factories import moment
from tests.factories.crm import FormSubmissionFactory
from tests.queue_app.desk_story import books_check, customer_writes, kinds, last_event
from tests.queue_app.services.acts import active, all_rows, person

pytestmark = pytest.mark.django_db


def attached(session: Session, submission: Any, *, minute: int = 3) -> bool:
    return form_attach(submission=submission, context={"session": session.pk}, now=moment(minute))


def test_it_stands_in_the_chat_with_its_labels_and_is_new_there() -> None:
    session = active(person("Ana"))
    before = Conversation.objects.get()
    data = {"name": "Paulo", "email": ""}
    submission = FormSubmissionFactory(data=data, labels={"name": "Your name"})
    assert attached(session, submission) is True
    message = Message.objects.get(direction="system")
    assert (message.kind, message.created_at) == ("form", moment(3))
    assert message.data["fields"] == [{"label": "Your name", "value": "Paulo"}]
    assert message.data["consent"] == submission.consent_version
    event = last_event(session)
    assert (event.kind, event.at) == ("form_submitted", moment(3))
    assert event.data == {
        "form": submission.form_id, "submission": submission.pk, "seq": message.seq
    }  # fmt: skip
    unread = session.unread
    session.refresh_from_db()
    after = Conversation.objects.get()
    assert session.unread == unread + 1
    assert after.version > before.version
    assert session.version == after.version
    # Neither an answer nor a message: nothing else of the chat changes.
    assert (session.state, session.turn, session.waiting_since) == (
        "active", "operator", moment(),
    )  # fmt: skip
    books_check()


def test_twice_is_once() -> None:
    session = active(person("Ana"))
    submission = FormSubmissionFactory()
    assert attached(session, submission) is True
    before = all_rows()
    assert attached(session, submission, minute=4) is False
    assert all_rows() == before


def test_two_submissions_are_two() -> None:
    session = active(person("Ana"))
    assert attached(session, FormSubmissionFactory()) is True
    assert attached(session, FormSubmissionFactory()) is True
    assert kinds(session).count("form_submitted") == 2


def test_a_chat_that_has_ended_keeps_it_and_stays_ended() -> None:
    ana = person("Ana")
    session = active(ana)
    session_end(session_id=session.pk, actor=ana.user, now=moment(2))
    assert attached(session, FormSubmissionFactory()) is True
    session.refresh_from_db()
    assert (session.state, session.unread, session.closed_at) == ("closed", 0, moment(2))
    assert last_event(session).kind == "form_submitted"
    assert Message.objects.filter(direction="system", kind="form").count() == 1
    books_check()


def test_it_belongs_to_the_chat_its_link_was_made_for() -> None:
    ana = person("Ana")
    first = active(ana)
    session_end(session_id=first.pk, actor=ana.user, now=moment(2))
    second = customer_writes(first.conversation.connector, "u1", now=moment(5))
    assert second.conversation_id == first.conversation_id
    assert attached(first, FormSubmissionFactory(), minute=6) is True
    assert last_event(first).kind == "form_submitted"
    assert "form_submitted" not in kinds(second)
    second.refresh_from_db()
    assert second.unread == 1


@pytest.mark.parametrize("context", [{}, {"session": None}, {"session": "5"}, {"session": 10**9}])
def test_a_form_of_no_chat_changes_nothing(context: dict[str, Any]) -> None:
    active(person("Ana"))
    submission = FormSubmissionFactory()
    before = all_rows()
    assert form_attach(submission=submission, context=context, now=moment(3)) is False
    assert all_rows() == before
    assert not SessionEvent.objects.filter(kind="form_submitted").exists()
