"""Each setting of a chat's end, value by value: customers by webhook, operators in the inbox."""

from __future__ import annotations

import datetime as dt

import pytest

from channels_app.models import Message
from queue_app.models import Session, TimerKind
from queue_app.services.deadlines import timer_set
from tests.factories import OperatorFactory
from tests.flows.ending_story import BEGIN, EndingStory, state, story
from tests.queue_app.desk_story import kinds

__all__ = ["story"]
pytestmark = pytest.mark.django_db

DAY = 24 * 60
CLOSING = {"ending": "Goodbye"}


# --- end by itself after ------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [1, 30, 240])
def test_a_chat_ends_by_itself_after_the_minutes_set(story: EndingStory, minutes: int) -> None:
    ana = OperatorFactory()
    story.line(ana, auto_close_minutes=minutes)
    session = story.customer(0)
    story.reply(5, ana, session)
    story.minutes_pass(6, 5 + minutes - 1)
    assert state(session) == "active"
    story.minutes_pass(5 + minutes, 5 + minutes)
    assert (state(session), session.close_reason) == ("closed", "auto")
    assert "Chat ended by itself" in story.page(ana, session)


def test_zero_minutes_mean_never(story: EndingStory) -> None:
    ana = OperatorFactory()
    story.line(ana, auto_close_minutes=0)
    session = story.customer(0)
    story.reply(5, ana, session)
    story.minutes_pass(6, 40 * DAY, step=DAY)
    assert state(session) == "active"


def test_without_a_word_about_it_it_is_four_hours(story: EndingStory) -> None:
    ana = OperatorFactory()
    story.line(ana)
    session = story.customer(0)
    story.reply(5, ana, session)
    story.minutes_pass(6, 244)
    assert state(session) == "active"
    story.minutes_pass(245, 245)
    assert state(session) == "closed"


def test_a_customer_who_waits_for_us_is_not_ended(story: EndingStory) -> None:
    ana = OperatorFactory()
    story.line(ana, auto_close_minutes=30)
    session = story.customer(0)
    story.press(ana, f"/inbox/chats/{session.pk}/accept/")
    story.minutes_pass(1, 2 * DAY, step=10)
    assert state(session) == "active"
    story.reply(2 * DAY, ana, session)
    story.customer(2 * DAY + 29)
    story.minutes_pass(2 * DAY + 30, 3 * DAY, step=10)
    assert state(session) == "active"


def test_the_minutes_begin_when_the_answer_is_sent(story: EndingStory) -> None:
    ana = OperatorFactory()
    story.line(ana, auto_close_minutes=30)
    session = story.customer(0)
    story.refuses = "content"
    story.reply(5, ana, session)
    story.minutes_pass(6, DAY)
    assert state(session) == "active"
    story.refuses = ""
    failed = Message.objects.get(direction="out")
    assert story.press(ana, f"/inbox/messages/{failed.pk}/resend/").status_code == 204
    story.minutes_pass(DAY + 1, DAY + 29)
    assert state(session) == "active"
    story.minutes_pass(DAY + 30, DAY + 30)
    assert state(session) == "closed"


def test_other_minutes_count_for_the_next_answer(story: EndingStory) -> None:
    ana = OperatorFactory()
    story.line(ana, auto_close_minutes=60)
    first, second = story.customer(0, "u1"), story.customer(0, "u2")
    story.reply(5, ana, first)
    story.change(auto_close_minutes=10)
    story.reply(6, ana, second)
    story.minutes_pass(7, 16)
    assert (state(first), state(second)) == ("active", "closed")
    story.minutes_pass(17, 65)
    assert state(first) == "closed"


# --- time to come back --------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [1, 10, 60])
def test_who_writes_within_the_minutes_set_continues_the_chat(
    story: EndingStory, minutes: int
) -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    story.line(ana, bruno, texts=CLOSING, grace_minutes=minutes)
    session = story.customer(0)
    story.reply(5, ana, session)
    assert story.end(6, ana, session) == "closing"
    story.minutes_pass(6, 6 + minutes - 1)
    assert story.customer(6 + minutes - 0.5) == session
    session.refresh_from_db()
    assert (session.state, session.operator) == ("active", ana)
    assert "the chat goes on" in story.page(ana, session)


@pytest.mark.parametrize("minutes", [1, 10, 60])
def test_who_writes_after_them_begins_a_new_chat(story: EndingStory, minutes: int) -> None:
    ana = OperatorFactory()
    story.line(ana, texts=CLOSING, grace_minutes=minutes)
    session = story.customer(0)
    story.reply(5, ana, session)
    story.end(6, ana, session)
    story.minutes_pass(6, 6 + minutes)
    assert (state(session), session.close_reason) == ("closed", "operator")
    assert story.customer(6 + minutes) != session


def test_zero_minutes_close_at_once(story: EndingStory) -> None:
    ana = OperatorFactory()
    story.line(ana, texts=CLOSING, grace_minutes=0)
    session = story.customer(0)
    story.reply(5, ana, session)
    assert story.end(6, ana, session) == "closed"
    assert story.texts() == [(6, "Goodbye")]
    assert story.customer(6.5) != session


def test_while_it_ends_its_page_says_until_when(story: EndingStory) -> None:
    ana = OperatorFactory()
    story.line(ana, texts=CLOSING, grace_minutes=10)
    session = story.customer(0)
    story.reply(5, ana, session)
    story.end(6, ana, session)
    assert "This chat is ending, it closes at 12:16" in story.page(ana, session)
    refused = story.press(
        ana, f"/inbox/chats/{session.pk}/reply/", text="One more thing", client_key="key-00000009"
    )
    assert (refused.status_code, refused["X-Error-Code"]) == (409, "ending")
    story.minutes_pass(7, 16)
    assert "Chat closed" in story.page(ana, session)


def test_other_minutes_to_come_back_count_for_the_next_end(story: EndingStory) -> None:
    ana = OperatorFactory()
    story.line(ana, texts=CLOSING, grace_minutes=10)
    first, second = story.customer(0, "u1"), story.customer(0, "u2")
    for session in (first, second):
        story.reply(1, ana, session)
    story.end(2, ana, first)
    story.change(grace_minutes=30)
    story.end(2, ana, second)
    story.minutes_pass(3, 12)
    assert (state(first), state(second)) == ("closed", "closing")
    story.minutes_pass(13, 32)
    assert state(second) == "closed"


def test_a_place_is_free_when_the_chat_ends_not_when_it_closes(story: EndingStory) -> None:
    ana = OperatorFactory()
    story.line(ana, texts=CLOSING, grace_minutes=10, max_chats=1)
    session = story.customer(0, "u1")
    story.reply(1, ana, session)
    waiting = story.customer(1, "u2")
    assert waiting.wait_reason == "no_operator"
    story.end(2, ana, session)
    assert state(waiting) == "offered"
    # And the first one may yet go on, above the limit.
    story.customer(3, "u1")
    ana.refresh_from_db()
    assert (state(session), ana.open_chats) == ("active", 2)
    story.end(4, ana, session)
    assert story.end(4, ana, waiting) == "closed"


# --- end waiting chats after --------------------------------------------------------------


@pytest.mark.parametrize("days", [1, 30])
def test_a_customer_who_has_waited_for_the_days_set_is_closed_with_a_note(
    story: EndingStory, days: int
) -> None:
    ana = OperatorFactory()
    story.line(ana, ceiling_days=days, texts={"auto_close": "Still there"})
    session = story.customer(0)
    set_ceiling(session, days)
    story.press(ana, f"/inbox/chats/{session.pk}/accept/")
    story.minutes_pass(1, days * DAY - 1, step=DAY // 2)
    story.minutes_pass(days * DAY - 1, days * DAY - 1)
    assert state(session) == "active"
    story.minutes_pass(days * DAY, days * DAY)
    assert (state(session), session.close_reason) == ("closed", "auto")
    assert f"The customer waited {days} days for an answer." in story.page(ana, session)
    assert story.heard == []


def set_ceiling(session: Session, days: int) -> None:
    """As the arrival of the first message leaves it."""
    due_at = BEGIN + dt.timedelta(days=days)
    timer_set(session_id=session.pk, kind=TimerKind.CEILING, due_at=due_at)


# --- a closed line ------------------------------------------------------------------------


def test_on_an_inactive_line_a_chat_ends_by_itself_silently(story: EndingStory) -> None:
    ana = OperatorFactory()
    story.line(
        ana, auto_close_minutes=30, texts={"auto_close": "Still there"},
        reminders=[(10, "Hello?")],
    )  # fmt: skip
    session = story.customer(0)
    story.reply(5, ana, session)
    story.change(is_active=False)
    story.minutes_pass(6, 34)
    assert (state(session), session.operator) == ("active", ana)
    story.minutes_pass(35, 35)
    assert (state(session), session.close_reason) == ("closed", "auto")
    assert story.texts() == []


def test_on_an_active_one_he_hears_of_it(story: EndingStory) -> None:
    ana = OperatorFactory()
    story.line(
        ana, auto_close_minutes=30, texts={"auto_close": "Still there"},
        reminders=[(10, "Hello?")],
    )  # fmt: skip
    session = story.customer(0)
    story.reply(5, ana, session)
    story.minutes_pass(6, 50)
    assert story.texts() == [(15, "Hello?"), (35, "Still there")]
    assert state(session) == "closed"


# --- never a new chat, never a second text ------------------------------------------------


def test_a_chat_that_ends_twice_says_goodbye_once(story: EndingStory) -> None:
    ana = OperatorFactory()
    story.line(ana, texts={"ending": "Goodbye", "auto_close": "Still there"}, grace_minutes=10)
    session = story.customer(0)
    story.reply(1, ana, session)
    story.end(2, ana, session)
    story.customer(3)
    story.reply(4, ana, session)
    assert story.end(5, ana, session) == "closed"
    story.minutes_pass(6, 600, step=5)
    assert story.texts() == [(2, "Goodbye")]
    assert Session.objects.count() == 1
    assert kinds(session).count("ended") == 1
