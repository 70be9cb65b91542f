"""Each automatic text of a chat's end, set and not set, in the customer's words."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from channels_app.models import WorkInterval
from queue_app.models import LineOperator, SessionText
from tests.factories import OperatorFactory, UserFactory
from tests.flows.ending_story import EndingStory, state, story

__all__ = ["story"]
pytestmark = pytest.mark.django_db


# --- closing text -------------------------------------------------------------------------


def test_the_closing_text_is_sent_when_the_operator_ends_the_chat(story: EndingStory) -> None:
    ana = OperatorFactory()
    story.line(ana, texts={"ending": "Goodbye"})
    session = story.customer(0)
    story.reply(1, ana, session)
    assert story.end(2, ana, session) == "closing"
    story.minutes_pass(3, 60)
    assert story.texts() == [(2, "Goodbye")]


def test_without_a_closing_text_nothing_is_sent(story: EndingStory) -> None:
    ana = OperatorFactory()
    story.line(ana, texts={"auto_close": "Still there"})
    session = story.customer(0)
    story.reply(1, ana, session)
    assert story.end(2, ana, session) == "closed"
    assert story.texts() == []


def test_a_customer_nobody_answered_gets_none(story: EndingStory) -> None:
    ana = OperatorFactory()
    story.line(ana, texts={"ending": "Goodbye"})
    session = story.customer(0)
    assert story.end(2, ana, session) == "closed"
    assert story.texts() == []


# --- the text of the end by itself --------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "heard", "then"),
    [
        ({"auto_close": "Still there"}, [(31, "Still there")], "closing"),
        ({"ending": "Goodbye"}, [], "closed"),
        ({}, [], "closed"),
    ],
)
def test_the_end_by_itself_has_its_own_text_or_none(
    story: EndingStory, texts: dict[str, str], heard: list[Any], then: str
) -> None:
    ana = OperatorFactory()
    story.line(ana, texts=texts, auto_close_minutes=30, grace_minutes=10)
    session = story.customer(0)
    story.reply(1, ana, session)
    story.minutes_pass(2, 31)
    assert (state(session), story.texts()) == (then, heard)
    story.minutes_pass(32, 41)
    assert (state(session), story.texts()) == ("closed", heard)


# --- reminders ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reminders", "heard"),
    [
        ([], []),
        ([(10, "Hello?")], [(11, "Hello?")]),
        (
            [(10, "Hello?"), (20, "Anybody?"), (60, "Last call")],
            [(11, "Hello?"), (21, "Anybody?"), (61, "Last call")],
        ),
    ],
)
def test_reminders_come_their_minutes_after_the_answer(
    story: EndingStory, reminders: list[tuple[int, str]], heard: list[Any]
) -> None:
    ana = OperatorFactory()
    story.line(ana, reminders=reminders, auto_close_minutes=0)
    session = story.customer(0)
    story.reply(1, ana, session)
    story.minutes_pass(2, 200)
    assert story.texts() == heard
    assert state(session) == "active"


def test_a_reminded_customer_who_writes_hears_only_what_is_new(story: EndingStory) -> None:
    ana = OperatorFactory()
    story.line(ana, reminders=[(10, "Hello?"), (20, "Anybody?")], auto_close_minutes=0)
    session = story.customer(0)
    story.reply(1, ana, session)
    story.minutes_pass(2, 12)
    story.customer(13)
    story.minutes_pass(14, 60)
    story.reply(61, ana, session)
    story.minutes_pass(62, 200)
    assert story.texts() == [(11, "Hello?"), (81, "Anybody?")]


# --- the time to answer -------------------------------------------------------------------


@pytest.mark.parametrize(("hours", "sent"), [(0, True), (2, True), (1, False)])
def test_a_closing_text_is_not_sent_when_the_time_to_answer_is_over(
    story: EndingStory, hours: int, sent: bool
) -> None:
    ana = OperatorFactory()
    story.line(ana, texts={"ending": "Goodbye"}, config={"reply_window_hours": hours})
    session = story.customer(0)
    story.reply(1, ana, session)
    assert story.end(90, ana, session) == ("closing" if sent else "closed")
    assert story.texts() == ([(90, "Goodbye")] if sent else [])
    assert SessionText.objects.get().skipped == ("" if sent else "window")
    words = "Closing text not sent: the time to answer is over"
    assert (words in story.page(ana, session)) is not sent


def test_reminders_and_the_end_by_itself_are_not_sent_either(story: EndingStory) -> None:
    ana = OperatorFactory()
    story.line(
        ana, texts={"auto_close": "Still there"}, config={"reply_window_hours": 1},
        reminders=[(30, "Hello?"), (90, "Anybody?")], auto_close_minutes=120,
    )  # fmt: skip
    session = story.customer(0)
    story.reply(1, ana, session)
    story.minutes_pass(2, 121)
    assert story.texts() == [(31, "Hello?")]
    assert state(session) == "closed"
    rows = SessionText.objects.order_by("pk").values_list("kind", "occurrence", "skipped")
    assert list(rows) == [
        ("reminder", "1", ""), ("reminder", "2", "window"), ("auto_close", "", "window"),
    ]  # fmt: skip
    page = story.page(ana, session)
    assert "Reminder not sent: the time to answer is over" in page
    assert "Closing text not sent: the time to answer is over" in page


# --- placeholders -------------------------------------------------------------------------


def test_placeholders_are_replaced_by_what_the_customer_may_know(story: EndingStory) -> None:
    ana = OperatorFactory(user=UserFactory(first_name="Maria", last_name="Lima"))
    text = "{customer}, {operator} of {line} says goodbye to chat {session}"
    story.line(ana, texts={"ending": text}, name="Internal", public_name="Corner Shop")
    session = story.customer(0)
    story.reply(1, ana, session)
    story.end(2, ana, session)
    words = f"Ana Prado, Maria Lima of Corner Shop says goodbye to chat {session.pk}"
    assert story.texts() == [(2, words)]


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ("profile", "Yours, Maria Lima"),
        ("alias", "Yours, Team Sun"),
        ("nothing", "Yours,"),
    ],
)
def test_the_operator_is_called_as_the_line_shows_him(
    story: EndingStory, shown: str, words: str
) -> None:
    ana = OperatorFactory(user=UserFactory(first_name="Maria", last_name="Lima"))
    story.line(ana, texts={"ending": "Yours, {operator}"}, operator_shown=shown)
    LineOperator.objects.update(alias_name="Team Sun")
    session = story.customer(0)
    story.reply(1, ana, session)
    story.end(2, ana, session)
    assert story.texts() == [(2, words)]


@pytest.mark.parametrize(
    ("language", "zone", "words"),
    [
        ("en", "UTC", "Back Tuesday 09:00"),
        ("pt-br", "UTC", "Back terça-feira 09:00"),
        # 12:00 UTC is 07:00 in New York: it opens today.
        ("en", "America/New_York", "Back Monday 09:00"),
    ],
)
def test_the_opening_is_told_in_the_lines_language_and_zone(
    story: EndingStory, language: str, zone: str, words: str
) -> None:
    ana = OperatorFactory()
    line = story.line(
        ana, texts={"ending": "Back {opens_at}"}, has_hours=True, language=language,
        time_zone=zone,
    )  # fmt: skip
    for weekday in range(7):
        WorkInterval.objects.create(
            open_channel=line, weekday=weekday, opens=dt.time(9), closes=dt.time(18)
        )
    session = story.customer(0)
    story.reply(1, ana, session)
    story.end(2, ana, session)
    assert story.texts() == [(2, words)]


def test_a_changed_text_counts_for_the_next_end(story: EndingStory) -> None:
    ana = OperatorFactory()
    line = story.line(ana, texts={"ending": "Goodbye"})
    first, second = story.customer(0, "u1"), story.customer(0, "u2")
    for session in (first, second):
        story.reply(1, ana, session)
    story.end(2, ana, first)
    line.service_texts.update(text="See you")
    story.change()
    story.end(3, ana, second)
    assert story.texts() == [(2, "Goodbye"), (3, "See you")]
