"""What follows when nobody answers, setting by setting: by webhook, inbox and the form's page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail

from channels_app.models import Message
from crm_app.models import FormSubmission
from queue_app.models import Assignment, Session
from tests.crm_app.public.visitor import opened, send
from tests.factories import OperatorFactory, SuperuserFactory
from tests.factories.crm import default_form
from tests.flows.setting_story import SettingStory, holder, people, story
from tests.queue_app.desk_story import kinds

__all__ = ["story"]
pytestmark = pytest.mark.django_db

NOBODY = "Nobody can answer just now"
TEXTS = {"no_answer": NOBODY}
LONG: dict[str, Any] = {"response_minutes": 720}


def waits(session: Session) -> tuple[str, str]:
    session.refresh_from_db()
    return session.state, session.wait_reason


def offers(session: Session) -> int:
    return Assignment.objects.filter(session=session).count()


# --- the four actions ---------------------------------------------------------------------


def test_put_back_in_the_queue_it_is_offered_again_and_the_customer_hears_nothing(
    story: SettingStory,
) -> None:
    ana, bruno = people(2)
    story.line(
        ana, bruno, no_answer_action="requeue", texts=TEXTS, distribution="strictly",
        response_minutes=5,
    )  # fmt: skip
    session = story.customer(0)
    story.passes(1, 10)
    story.sweep(10.1)
    assert (holder(session), session.round) == (ana, 2)
    assert story.heard == []
    story.accept(11, ana, session)


def test_a_new_round_begins_a_response_time_after_the_last_at_the_earliest(
    story: SettingStory,
) -> None:
    ana = OperatorFactory()
    story.line(ana, OperatorFactory(duty="off"), check_availability=True, response_minutes=5)
    session = story.customer(0)
    story.skip(1, ana, session)
    story.passes(1, 4)
    assert (waits(session), offers(session)) == (("waiting", "round_over"), 1)
    story.sweep(5)
    assert (holder(session), offers(session)) == (ana, 2)


@pytest.mark.parametrize(
    ("action", "heard"), [("text", [(10, NOBODY)]), ("nothing", []), ("requeue", [])]
)
def test_the_customer_is_told_once_or_never(
    story: SettingStory, action: str, heard: list[Any]
) -> None:
    story.line(*people(2), no_answer_action=action, texts=TEXTS, response_minutes=5)
    story.customer(0)
    story.passes(1, 9)
    assert story.heard == []
    story.sweep(10)
    assert story.heard == heard
    story.customer(15)
    story.passes(20, 300, step=10)
    assert story.heard == heard


@pytest.mark.parametrize("action", ["text", "form", "nothing"])
def test_told_or_not_it_waits_for_who_takes_it_or_comes(story: SettingStory, action: str) -> None:
    default_form()
    ana, bruno, carla = OperatorFactory(), OperatorFactory(), OperatorFactory(duty="off")
    story.line(
        ana, bruno, carla, no_answer_action=action, texts=TEXTS, response_minutes=5,
        check_availability=True,
    )  # fmt: skip
    first, second = story.customer(0, "u1"), story.customer(0, "u2")
    story.passes(1, 120, step=2)
    assert [waits(session) for session in (first, second)] == [("waiting", "round_over")] * 2
    assert [offers(session) for session in (first, second)] == [2, 2]
    story.accept(121, ana, first)
    story.duty(122, carla, "on")
    assert offers(second) == 3


def test_with_three_operators_the_customer_hears_it_after_the_third(story: SettingStory) -> None:
    ana, bruno, carla = people(3)
    story.line(
        ana, bruno, carla, no_answer_action="text", texts=TEXTS, distribution="strictly",
        response_minutes=5,
    )  # fmt: skip
    session = story.customer(0)
    for minute, operator in ((4, ana), (9, bruno), (14, carla)):
        story.sweep(minute)
        assert (holder(session), story.heard) == (operator, [])
        story.sweep(minute + 1)
    assert (waits(session), story.heard) == (("waiting", "round_over"), [(15, NOBODY)])


@pytest.mark.parametrize(("action", "heard"), [("text", [(5, NOBODY)]), ("nothing", [])])
def test_an_offer_to_everybody_is_over_with_the_response_time(
    story: SettingStory, action: str, heard: list[Any]
) -> None:
    ana, bruno = people(2)
    story.line(
        ana, bruno, no_answer_action=action, texts=TEXTS, distribution="everybody",
        response_minutes=5,
    )  # fmt: skip
    session = story.customer(0)
    story.passes(1, 30)
    assert (waits(session), story.heard) == (("waiting", "round_over"), heard)
    story.accept(31, bruno, session)


def test_who_has_been_answered_hears_nothing(story: SettingStory) -> None:
    ana = OperatorFactory()
    story.line(ana, no_answer_action="text", no_answer_minutes=10, texts=TEXTS, response_minutes=5)
    session = story.customer(0)
    story.accept(4, ana, session)
    story.passes(5, 60)
    assert story.heard == []


# --- twenty rounds ------------------------------------------------------------------------


def test_after_twenty_rounds_it_rests_and_the_supervisors_are_told_once(
    story: SettingStory,
) -> None:
    chief = SuperuserFactory()
    ana = OperatorFactory()
    story.line(ana, no_answer_action="requeue", texts=TEXTS, response_minutes=1, name="Repairs")
    first, second = story.customer(0, "u1"), story.customer(0.5, "u2")
    story.passes(1, 19.5, step=0.5)
    assert mail.outbox == []
    story.passes(20, 60)
    assert [offers(session) for session in (first, second)] == [20, 20]
    assert [waits(session) for session in (first, second)] == [("waiting", "round_over")] * 2
    (letter,) = mail.outbox
    assert letter.to == [chief.email]
    assert "Repairs" in letter.subject
    assert story.heard == []
    story.accept(61, ana, first)


# --- no answer after ----------------------------------------------------------------------


@pytest.mark.parametrize(("minutes", "told_at"), [(None, 10), (3, 3), (10, 10), (60, 10)])
def test_the_minutes_or_the_round_whichever_is_first(
    story: SettingStory, minutes: int | None, told_at: int
) -> None:
    story.line(
        *people(2), no_answer_action="text", no_answer_minutes=minutes, texts=TEXTS,
        response_minutes=5,
    )  # fmt: skip
    story.customer(0)
    story.passes(1, 90)
    assert story.heard == [(told_at, NOBODY)]


def test_after_the_minutes_the_offer_stands_all_the_same(story: SettingStory) -> None:
    ana, bruno = people(2)
    story.line(
        ana, bruno, no_answer_action="text", no_answer_minutes=3, texts=TEXTS, response_minutes=5,
        distribution="strictly",
    )  # fmt: skip
    session = story.customer(0)
    story.passes(1, 4)
    assert (holder(session), story.due(session, "response")) == (ana, 5)
    story.accept(4, ana, session)


@pytest.mark.parametrize(("in_hours", "told_at"), [(False, 60), (True, 120)])
def test_the_minutes_run_by_the_clock_or_in_working_time(
    story: SettingStory, in_hours: bool, told_at: int
) -> None:
    # It is Monday 12:00: open until 12:30, and again from 13:30.
    story.line(OperatorFactory(), **LONG)
    story.change(
        has_hours=True, no_answer_action="text", no_answer_minutes=60,
        no_answer_in_hours=in_hours,
        service_texts=[{"kind": "no_answer", "text": NOBODY}],
        work_intervals=[
            {"weekday": 0, "opens": "09:00", "closes": "12:30"},
            {"weekday": 0, "opens": "13:30", "closes": "18:00"},
        ],
    )  # fmt: skip
    story.customer(0)
    story.passes(1, 130)
    assert story.heard == [(told_at, NOBODY)]


# --- nobody at all ------------------------------------------------------------------------


@pytest.mark.parametrize(("minutes", "told_at"), [(None, 5), (20, 20)])
def test_nobody_at_all_is_no_round(story: SettingStory, minutes: int | None, told_at: int) -> None:
    ana = OperatorFactory(duty="off")
    story.line(
        ana, no_answer_action="text", no_answer_minutes=minutes, texts=TEXTS, response_minutes=5,
        check_availability=True,
    )  # fmt: skip
    session = story.customer(0)
    story.passes(1, told_at - 1)
    assert story.heard == []
    story.passes(told_at, 60)
    assert (waits(session), story.heard) == (("waiting", "no_operator"), [(told_at, NOBODY)])
    assert "round_over" not in kinds(session)
    story.duty(61, ana, "on")
    assert holder(session) == ana


def test_an_empty_queue_is_nobody_at_all(story: SettingStory) -> None:
    story.line(no_answer_action="text", texts=TEXTS, response_minutes=5)
    session = story.customer(0)
    story.passes(1, 30)
    assert (waits(session), story.heard) == (("waiting", "no_operator"), [(5, NOBODY)])


@pytest.mark.parametrize("action", ["nothing", "requeue"])
def test_nobody_at_all_and_nothing_to_say(story: SettingStory, action: str) -> None:
    story.line(no_answer_action=action, texts=TEXTS, response_minutes=5)
    session = story.customer(0)
    story.passes(1, 60)
    assert (waits(session), story.heard) == (("waiting", "no_operator"), [])


# --- the form -----------------------------------------------------------------------------


def form_path(text: str) -> str:
    found = re.search(r"(/forms/\S+)", text)
    assert found, text
    return found[1]


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (TEXTS, NOBODY),
        ({}, "Leave us your details, and we get back to you."),
    ],
)
def test_the_form_comes_once_below_the_lines_words_or_ours(
    story: SettingStory, texts: dict[str, str], words: str
) -> None:
    default_form()
    story.line(*people(1), no_answer_action="form", texts=texts, response_minutes=5)
    story.customer(0)
    story.passes(1, 60)
    ((minute, text),) = story.heard
    assert minute == 5
    assert text.splitlines()[0] == words
    assert form_path(text)


def test_a_form_the_customer_fills_in_stands_in_his_chat_and_is_new_there(
    story: SettingStory,
) -> None:
    default_form()
    ana = OperatorFactory()
    story.line(ana, no_answer_action="form", response_minutes=5, default_country="BR")
    session = story.customer(0)
    story.sweep(5)
    path = form_path(story.heard[0][1])
    session.refresh_from_db()
    unread, version = session.unread, session.version
    story.at(8)
    visitor, page = opened(path)
    with story.worker():
        assert send(visitor, path, page).status_code == 303
        assert send(visitor, path, page).status_code == 200  # twice is once
    filled = Message.objects.get(direction="system", kind="form")
    assert [field["value"] for field in filled.data["fields"]] == [
        "Paulo Anjos", "+5511983212345", "paulo@example.com",
    ]  # fmt: skip
    assert FormSubmission.objects.count() == 1
    session.refresh_from_db()
    assert session.unread == unread + 1
    assert session.version > version
    assert "form_submitted" in kinds(session)
    # It waits as before, and whoever takes it has the data before his eyes.
    assert waits(session) == ("waiting", "round_over")
    story.accept(9, ana, session)
    page = story.page(ana, session)
    assert "The customer filled in the form." in page
    assert "+5511983212345" in page
