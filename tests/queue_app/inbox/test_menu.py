"""The menu of a chat offers what the services allow, and asks before what cannot be undone."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.utils import timezone

from queue_app.abilities import ACTIONS
from queue_app.inbox.menu import menu_entries
from queue_app.models import Session
from tests.factories import OperatorFactory, SuperuserFactory
from tests.queue_app.inbox.stories import Desk, desk

pytestmark = pytest.mark.django_db


def offered(story: Desk, session: Session) -> set[str]:
    html = story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    return set(re.findall(r'class="menu-item[^"]*" id="act-([a-z-]+)"', html))


def colleague(story: Desk) -> None:
    story.line.line_operators.create(operator=OperatorFactory(), position=2)


def test_whose_the_chat_is_may_do_the_most_with_it() -> None:
    story = desk()
    session = story.chat()
    assert offered(story, session) == {"close", "transfer", "snooze", "spam", "block"}
    colleague(story)
    assert "skip" in offered(story, session)
    session.answered_at = timezone.now()
    session.save()
    assert "skip" not in offered(story, session)


def test_a_chat_of_others_may_be_joined_and_taken_over_by_who_may() -> None:
    story = desk()
    hers = story.chat(operator=OperatorFactory())
    assert offered(story, hers) == {"join", "block"}
    story.client.force_login(SuperuserFactory())
    everything = {"close", "transfer", "join", "intercept", "spam", "block", "force-stop"}
    assert offered(story, hers) == everything


def test_a_snoozed_chat_is_woken_and_a_closed_one_taken_up_again() -> None:
    story = desk()
    asleep = story.chat(snoozed_until=timezone.now() + dt.timedelta(hours=1))
    assert {"wake", "snooze"} <= offered(story, asleep)
    spam = story.chat(state="closed", closed_at=timezone.now(), close_reason="spam")
    assert offered(story, spam) == {"new", "spam-undo", "block"}


@pytest.mark.parametrize("asks", [True, False])
def test_ending_is_asked_once_more_where_the_line_says_so(asks: bool) -> None:
    story = desk()
    story.line.ask_before_ending = asks
    story.line.save()
    session = story.chat()
    html = story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    question = f'hx-get="/inbox/chats/{session.pk}/ask/close/"'
    at_once = f'hx-post="/inbox/chats/{session.pk}/close/"'
    assert (question in html, at_once in html) == (asks, not asks)


def test_every_act_of_the_menu_has_its_own_line() -> None:
    session = desk().chat()
    entries = menu_entries(session, dict.fromkeys(ACTIONS, True))
    assert len({entry.id for entry in entries}) == len(entries) == len(ACTIONS) - 2
    assert menu_entries(session, dict.fromkeys(ACTIONS, False)) == []
    # Notes and first words are written below the thread.
    assert [entry.letter for entry in entries if entry.key] == ["T", "S"]
    # What frightens is asked first.
    assert all(entry.asks for entry in entries if entry.is_danger)
