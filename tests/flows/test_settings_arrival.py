"""The texts a customer's message sets going, setting by setting, in the customer's words."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from channels_app.models import Conversation
from queue_app.models import Session, SessionText
from tests.factories import OperatorFactory
from tests.flows.setting_story import BEGIN, SettingStory, story, texts_of
from tests.queue_app.desk_story import kinds

__all__ = ["story"]
pytestmark = pytest.mark.django_db

DAY = 24 * 60
# It is Monday, 12:00.
NIGHT = 8 * 60
WEEKDAYS = [{"weekday": day, "opens": "09:00", "closes": "18:00"} for day in range(5)]
HOURS: dict[str, Any] = {"has_hours": True, "work_intervals": WEEKDAYS, "closed_action": "text"}
PAGE = "https://shop.example/privacy"


def said(story: SettingStory) -> list[str]:
    return [text for _minute, text in story.texts()]


def ended(story: SettingStory, minute: float, session: Session) -> None:
    """The chat's operator answers and ends it."""
    assert session.operator is not None
    story.reply(minute, session.operator, session)
    assert story.end(minute + 1, session.operator, session) == "closed"


# --- welcome ------------------------------------------------------------------------------


@pytest.mark.parametrize(("when", "welcomes"), [("first", 1), ("every", 2)])
def test_the_welcome_comes_in_a_new_conversation_or_in_every_chat(
    story: SettingStory, when: str, welcomes: int
) -> None:
    story.line(OperatorFactory(), welcome_when=when, texts={"welcome": "Welcome"})
    first = story.customer(0)
    story.customer(1)
    assert story.texts() == [(0, "Welcome")]
    ended(story, 2, first)
    second = story.customer(DAY)
    story.customer(DAY + 1)
    assert second != first
    assert story.texts() == [(0, "Welcome"), (DAY, "Welcome")][:welcomes]


@pytest.mark.parametrize("when", ["first", "every"])
def test_without_its_words_there_is_no_welcome(story: SettingStory, when: str) -> None:
    story.line(OperatorFactory(), welcome_when=when, texts={"ending": "Goodbye"})
    story.customer(0)
    assert story.heard == []


def test_a_welcome_is_no_answer(story: SettingStory) -> None:
    story.line(OperatorFactory(), texts={"welcome": "Welcome"})
    session = story.customer(0)
    assert (session.state, session.turn, session.unread) == ("offered", "operator", 1)
    assert session.first_reply_at is None
    assert story.due(session, "auto_close") is None


def test_a_changed_welcome_counts_for_the_next_conversation(story: SettingStory) -> None:
    story.line(OperatorFactory(), texts={"welcome": "Welcome"})
    story.customer(0, "u1")
    story.change(service_texts=texts_of(welcome="Good day"))
    story.customer(1, "u2")
    story.change(service_texts=[])
    story.customer(2, "u3")
    assert story.texts() == [(0, "Welcome"), (1, "Good day")]


def test_an_inactive_line_says_nothing(story: SettingStory) -> None:
    story.line(OperatorFactory(), texts={"welcome": "Welcome"}, is_active=False)
    story.customer(0)
    story.change(is_active=True)
    story.customer(1)
    assert story.heard == []


# --- consent ------------------------------------------------------------------------------

CONSENT: dict[str, Any] = {"texts": {"consent": "We keep what you write:"}, "consent_url": PAGE}


def test_the_consent_is_asked_once_and_the_next_message_is_it(story: SettingStory) -> None:
    story.line(OperatorFactory(), **CONSENT)
    session = story.customer(0)
    conversation = Conversation.objects.get()
    assert said(story) == [f"We keep what you write:\n{PAGE}"]
    assert (conversation.consent_asked_at, conversation.consented_at) == (BEGIN, None)
    assert "consented" not in kinds(session)
    story.customer(3)
    story.customer(4)
    conversation.refresh_from_db()
    assert conversation.consented_at == BEGIN + dt.timedelta(minutes=3)
    assert kinds(session).count("consented") == 1
    ended(story, 5, session)
    story.customer(DAY)
    assert len(said(story)) == 1


def test_an_agreement_may_come_in_a_later_chat(story: SettingStory) -> None:
    story.line(OperatorFactory(), **CONSENT)
    ended(story, 1, story.customer(0))
    later = story.customer(DAY)
    assert Conversation.objects.get().consented_at == BEGIN + dt.timedelta(days=1)
    assert "consented" in kinds(later)
    assert len(said(story)) == 1


def test_without_its_words_nobody_is_asked_and_nobody_agrees(story: SettingStory) -> None:
    story.line(OperatorFactory(), texts={"welcome": "Welcome"})
    session = story.customer(0)
    story.customer(3)
    conversation = Conversation.objects.get()
    assert (conversation.consent_asked_at, conversation.consented_at) == (None, None)
    assert said(story) == ["Welcome"]
    assert "consented" not in kinds(session)


# --- their order --------------------------------------------------------------------------


def test_welcome_consent_and_out_of_hours_come_in_this_order(story: SettingStory) -> None:
    story.line(OperatorFactory())
    story.change(
        **HOURS, consent_url=PAGE, welcome_when="every",
        service_texts=texts_of(closed="Closed", consent="Consent", welcome="Welcome"),
    )  # fmt: skip
    session = story.customer(NIGHT)
    assert said(story) == ["Welcome", f"Consent\n{PAGE}", "Closed"]
    ended(story, NIGHT + 2, session)
    # Another chat of the same conversation, in another night.
    story.customer(NIGHT + DAY)
    assert said(story)[3:] == ["Welcome", "Closed"]


# --- placeholders and language ------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "zone", "night", "words"),
    [
        ("en", "UTC", 4 * DAY + NIGHT, "Monday 09:00"),
        ("pt-br", "UTC", 4 * DAY + NIGHT, "segunda-feira 09:00"),
        ("pt-br", "UTC", NIGHT, "terça-feira 09:00"),
        # 20:00 in UTC is 05:00 of Tuesday in Tokyo, and 12:00 on a Sunday 21:00.
        ("en", "Asia/Tokyo", NIGHT, "Tuesday 09:00"),
        ("pt-br", "Asia/Tokyo", 6 * DAY, "segunda-feira 09:00"),
    ],
)
def test_the_opening_is_told_by_the_lines_language_and_clock(
    story: SettingStory, language: str, zone: str, night: int, words: str
) -> None:
    story.line(OperatorFactory(), language=language, time_zone=zone)
    story.change(**HOURS, service_texts=texts_of(closed="{opens_at}"))
    story.customer(night)
    assert said(story) == [words]


def test_placeholders_stand_for_what_the_customer_may_know(story: SettingStory) -> None:
    welcome = "{customer}, this is {line}, chat {session}"
    story.line(
        OperatorFactory(), texts={"welcome": welcome}, name="Internal", public_name="Corner Shop"
    )
    session = story.customer(0)
    assert said(story) == [f"Ana Prado, this is Corner Shop, chat {session.pk}"]


@pytest.mark.parametrize(
    "name", ["{operator}", "{session} {line}", "{0.__class__}", "{% now 'Y' %}", "{{ customer }}"]
)
def test_braces_in_a_name_stay_braces(story: SettingStory, name: str) -> None:
    story.line(OperatorFactory(), texts={"welcome": "Hello {customer}, welcome to {line}"})
    story.customer(0, name=name)
    assert said(story) == [f"Hello {name}, welcome to Corner Shop"]


# --- the time to answer -------------------------------------------------------------------


@pytest.mark.parametrize(("hours", "sent"), [(0, True), (2, True), (1, False)])
def test_a_text_that_comes_when_the_time_to_answer_is_over_is_not_sent(
    story: SettingStory, hours: int, sent: bool
) -> None:
    ana = OperatorFactory()
    story.line(
        ana, texts={"welcome": "Welcome", "no_answer": "Nobody"}, no_answer_action="text",
        no_answer_minutes=90, response_minutes=720, config={"reply_window_hours": hours},
    )  # fmt: skip
    session = story.customer(0)
    story.sweep(90)
    assert story.texts() == [(0, "Welcome"), (90, "Nobody")][: 2 if sent else 1]
    rows = SessionText.objects.order_by("pk").values_list("kind", "skipped")
    assert list(rows) == [("welcome", ""), ("no_answer", "" if sent else "window")]
    words = "No-answer text not sent: the time to answer is over"
    assert (words in story.page(ana, session)) is not sent
