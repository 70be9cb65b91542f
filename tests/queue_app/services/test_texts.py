"""Automatic texts: once, in words for the customer, or the reason why not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import transaction

from channels_app.models import (
    Connector,
    Conversation,
    Message,
    OpenChannel,
    WorkInterval,
)
from channels_app.services.messages import MAX_TEXT
from queue_app.models import LineOperator, Operator, Session, SessionText
from queue_app.services.locks import session_lock
from queue_app.services.replies import session_reply
from queue_app.services.sessions import session_accept
from queue_app.services.texts import service_text_send
from tests.factories import OperatorFactory, UserFactory, moment
from tests.queue_app.desk_story import (
    customer_writes,
    everything,
    last_event,
    line_with,
    timers_of,
)

pytestmark = pytest.mark.django_db


def maria() -> Operator:
    operator: Operator = OperatorFactory(user=UserFactory(first_name="Maria", last_name="Lima"))
    return operator


def chat(operator: Operator | None = None, **line: Any) -> Session:
    """A chat of "Customer u1", accepted when there is an operator."""
    connector = line_with(*([operator] if operator else []), **line)
    session = customer_writes(connector, "u1", now=moment())
    if operator is not None:
        session_accept(session_id=session.pk, operator=operator, now=moment(1))
    return session


def send(session: Session, text: str = "Hello", *, minute: int = 5, **more: Any) -> bool:
    """Send a text of a kind, as the services do. Returns whether it was its first time."""
    with transaction.atomic():
        conversation, locked = session_lock(session.pk)
        first = service_text_send(
            session=locked, conversation=conversation, text=text, now=moment(minute),
            **({"kind": "ending"} | more),
        )  # fmt: skip
        Session.objects.filter(pk=session.pk).update(event_seq=locked.event_seq)
    return first


def sent() -> list[str]:
    messages = Message.objects.filter(direction="out").order_by("seq")
    return list(messages.values_list("text", flat=True))


def test_a_text_is_queued_and_written_down() -> None:
    session = chat()
    assert send(session, minute=5)
    message = Message.objects.get(direction="out")
    assert (message.text, message.author, message.author_kind) == ("Hello", None, "system")
    assert (message.state, message.queued_at) == ("queued", moment(5))
    row = SessionText.objects.get()
    assert (row.session, row.kind, row.occurrence, row.at) == (session, "ending", "", moment(5))
    assert (row.message, row.skipped) == (message, "")
    event = last_event(session)
    assert (event.kind, event.actor, event.operator) == ("text", None, None)
    assert event.data == {"kind": "ending", "occurrence": "", "skipped": ""}


def test_it_is_no_reply() -> None:
    ana = OperatorFactory()
    session = chat(ana)
    before = Session.objects.values().get()
    send(session)
    after = Session.objects.values().get()
    assert after == {**before, "event_seq": before["event_seq"] + 1}
    assert timers_of(session) == []


def test_a_text_of_a_kind_goes_once_per_chat() -> None:
    session = chat()
    assert send(session, "Hello")
    before = (everything(), list(Message.objects.values()), list(SessionText.objects.values()))
    assert not send(session, "Hello again", minute=9)
    after = (everything(), list(Message.objects.values()), list(SessionText.objects.values()))
    assert after == before
    assert send(session, "Nobody", kind="no_answer")
    assert sent() == ["Hello", "Nobody"]


def test_what_may_come_again_is_told_apart_by_its_occurrence() -> None:
    session = chat()
    assert [send(session, kind="closed", occurrence=day) for day in ("mon", "tue", "mon")] == [
        True, True, False,
    ]  # fmt: skip
    assert len(sent()) == 2


def test_another_chat_has_its_own_texts() -> None:
    connector = line_with()
    sessions = [customer_writes(connector, user, now=moment()) for user in ("u1", "u2")]
    assert [send(session) for session in sessions] == [True, True]


@pytest.mark.parametrize(
    ("code", "rows", "changed"),
    [
        ("line_closed", OpenChannel, {"is_active": False}),
        ("line_closed", OpenChannel, {"archived_at": moment()}),
        ("unreachable", Conversation, {"unreachable_at": moment()}),
        ("connector_off", Connector, {"status": "broken"}),
        ("connector_off", Connector, {"status": "disabled"}),
        ("window", Connector, {"config": {"reply_window_hours": 1}}),
    ],
)
def test_where_nothing_can_be_sent_the_reason_is_written_down_once(
    code: str, rows: Any, changed: dict[str, Any]
) -> None:
    session = chat()
    rows.objects.update(**changed)
    assert not send(session, minute=60)
    assert sent() == []
    row = SessionText.objects.get()
    assert (row.kind, row.skipped, row.message) == ("ending", code, None)
    assert last_event(session).data == {"kind": "ending", "occurrence": "", "skipped": code}
    assert not send(session, minute=61)
    assert SessionText.objects.count() == 1


def test_when_only_a_person_may_still_answer_it_is_skipped() -> None:
    ana = OperatorFactory()
    session = chat(ana)
    Connector.objects.update(kind="messenger")
    assert not send(session, minute=24 * 60)
    assert (sent(), SessionText.objects.get().skipped) == ([], "window")
    session_reply(
        session_id=session.pk, user=ana.user, text="Here I am", client_key="k1",
        now=moment(24 * 60),
    )  # fmt: skip
    assert sent() == ["Here I am"]


@pytest.mark.parametrize(("standby", "words"), [(True, []), (False, ["Hello"])])
def test_into_a_chat_that_another_program_answers_it_is_not_sent(
    standby: bool, words: list[str]
) -> None:
    session = chat()
    Connector.objects.update(kind="messenger")
    Message.objects.update(data={"standby": standby})
    assert send(session) is not standby
    assert sent() == words
    assert SessionText.objects.get().skipped == ("standby" if standby else "")


def test_within_the_time_to_answer_it_is_sent() -> None:
    session = chat()
    Connector.objects.update(config={"reply_window_hours": 1})
    assert send(session, minute=59)
    assert sent() == ["Hello"]


@pytest.mark.parametrize("text", ["{operator}", " ", "{operator} \n"])
def test_a_text_of_which_nothing_is_left_is_not_sent(text: str) -> None:
    session = chat()
    assert not send(session, text)
    assert (sent(), SessionText.objects.get().skipped) == ([], "empty")


def test_the_placeholders_have_the_customers_values() -> None:
    session = chat(maria(), public_name="Corner Shop")
    send(session, "{customer}/{operator}/{line}/{session}/{opens_at}")
    assert sent() == [f"Customer u1/Maria Lima/Corner Shop/{session.pk}/"]


def test_a_customers_name_is_neither_a_placeholder_nor_a_trick() -> None:
    session = chat(maria())
    Conversation.objects.update(display_name="{operator}\n\u202eAna")
    send(session, "Hello {customer}, {operator} here")
    assert sent() == ["Hello {operator} Ana, Maria Lima here"]


@pytest.mark.parametrize(
    ("shown", "alias", "words"),
    [
        ("profile", "", "Yours, Maria Lima"),
        ("alias", "Team Sun", "Yours, Team Sun"),
        ("alias", "", "Yours,"),
        ("nothing", "Team Sun", "Yours,"),
    ],
)
def test_the_operator_is_called_what_customers_see(shown: str, alias: str, words: str) -> None:
    session = chat(maria(), operator_shown=shown)
    LineOperator.objects.update(alias_name=alias)
    send(session, "Yours, {operator}")
    assert sent() == [words]


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "We open Monday 09:00"), ("pt-br", "We open segunda-feira 09:00")],
)
def test_the_opening_is_told_in_the_lines_language_and_zone(language: str, words: str) -> None:
    # moment() is Monday, 2 March 2026, 12:00 UTC: in Kiritimati it is Tuesday already.
    session = chat(has_hours=True, language=language, time_zone="Pacific/Kiritimati")
    WorkInterval.objects.create(
        open_channel=session.open_channel, weekday=0, opens=dt.time(9), closes=dt.time(18)
    )
    OpenChannel.objects.update(version=99)
    send(session, "We open {opens_at}")
    assert sent() == [words]


def test_a_line_that_is_always_open_has_no_opening() -> None:
    session = chat()
    send(session, "We open {opens_at}.")
    assert sent() == ["We open."]


def test_a_link_stands_below_the_words() -> None:
    session = chat()
    send(session, "Our form:", link=lambda: "https://example.com/forms/x/")
    assert sent() == ["Our form:\nhttps://example.com/forms/x/"]


def test_a_text_grown_too_long_is_cut_rather_than_lost() -> None:
    session = chat()
    Conversation.objects.update(display_name="A" * 200)
    assert send(session, "{customer}" * 200)
    assert sum(len(text) for text in sent()) == MAX_TEXT
    assert SessionText.objects.get().message == Message.objects.filter(direction="out").first()
