"""Who gets a chat and keeps it, setting by setting: by webhook and inbox."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from queue_app.models import Operator, Session
from queue_app.services.queues import queue_members_replace
from tests.factories import OperatorFactory
from tests.flows.setting_story import SettingStory, holder, people, story

__all__ = ["story"]
pytestmark = pytest.mark.django_db

EVERYBODY: dict[str, Any] = {"distribution": "everybody"}


# --- to everybody -------------------------------------------------------------------------


def test_to_everybody_all_are_rung_and_the_first_who_accepts_has_the_chat(
    story: SettingStory,
) -> None:
    ana, bruno, carla = people(3)
    story.line(ana, bruno, carla, **EVERYBODY)
    session = story.customer(0)
    assert [story.rings(one) for one in (ana, bruno, carla)] == [[session.pk]] * 3
    assert "New chat for 3 people" in story.shown(carla, "/inbox/mine/")
    story.accept(1, bruno, session)
    assert holder(session) == bruno
    assert [story.rings(one) for one in (ana, bruno, carla)] == [[], [], []]
    late = story.press(carla, f"/inbox/chats/{session.pk}/accept/")
    assert (late.status_code, late["X-Error-Code"]) == (409, "taken")
    assert late.content.decode() == f"{bruno.user.get_full_name()} accepted this chat before you."
    assert holder(session) == bruno


def test_not_to_everybody_one_is_rung(story: SettingStory) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno, distribution="evenly")
    session = story.customer(0)
    assert [story.rings(one) for one in (ana, bruno)] == [[session.pk], []]


def test_to_everybody_a_skip_ends_only_ones_own_offer(story: SettingStory) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno, **EVERYBODY)
    session = story.customer(0)
    story.skip(1, ana, session)
    assert [story.rings(one) for one in (ana, bruno)] == [[], [session.pk]]
    story.skip(2, bruno, session)
    session.refresh_from_db()
    assert (session.state, session.wait_reason) == ("waiting", "round_over")


def test_to_everybody_it_is_rung_again_for_all_and_for_who_came(story: SettingStory) -> None:
    ana, bruno, carla = OperatorFactory(), OperatorFactory(), OperatorFactory(duty="off")
    story.line(ana, bruno, carla, check_availability=True, response_minutes=5, **EVERYBODY)
    session = story.customer(0)
    story.skip(1, ana, session)
    story.passes(2, 4)
    assert [story.rings(one) for one in (ana, bruno, carla)] == [[], [session.pk], []]
    assert story.due(session, "response") == 5
    Operator.objects.filter(pk=carla.pk).update(duty="on")
    story.sweep(5)
    assert [story.rings(one) for one in (ana, bruno, carla)] == [[session.pk]] * 3
    assert story.due(session, "response") == 10


def test_to_everybody_limits_are_asked_when_somebody_accepts(story: SettingStory) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno, max_chats=1, **EVERYBODY)
    first, second = story.customer(0, "u1"), story.customer(0, "u2")
    story.accept(1, ana, first)
    assert story.rings(ana) == [second.pk]
    assert story.act(ana, second, "accept") == 409
    story.accept(2, bruno, second)


# --- the last operator of a returning customer --------------------------------------------


def came_back(story: SettingStory, first: Operator, last: Operator, **between: Any) -> Session:
    """`first` let the customer's first chat pass, `last` answered it; a day later he is back."""
    session = story.customer(0)
    story.skip(1, first, session)
    story.reply(2, last, session)
    assert story.end(3, last, session) == "closed"
    if between:
        story.duty(4, last, **between)
    return story.customer(24 * 60)


@pytest.mark.parametrize("distribution", ["strictly", "everybody"])
def test_the_last_operator_is_asked_first(story: SettingStory, distribution: str) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno, prefer_last_operator=True, distribution=distribution)
    again = came_back(story, ana, bruno)
    assert [story.rings(one) for one in (ana, bruno)] == [[], [again.pk]]
    story.sweep(24 * 60 + 5)
    assert story.rings(ana) == [again.pk]


@pytest.mark.parametrize(("distribution", "rung"), [("strictly", [1, 0]), ("everybody", [1, 1])])
def test_without_the_preference_the_rule_decides(
    story: SettingStory, distribution: str, rung: list[int]
) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno, prefer_last_operator=False, distribution=distribution)
    came_back(story, ana, bruno)
    assert [len(story.rings(one)) for one in (ana, bruno)] == rung


def test_a_last_operator_who_cannot_take_it_is_passed_over(story: SettingStory) -> None:
    ana, bruno = people(2)
    story.line(
        ana, bruno, prefer_last_operator=True, distribution="strictly", check_availability=True
    )
    again = came_back(story, ana, bruno, duty="off")
    assert again.operator == ana


# --- response means -----------------------------------------------------------------------


@pytest.mark.parametrize(("means", "has_it"), [("accepting", "ana"), ("replying", "bruno")])
def test_who_accepts_and_does_not_write(story: SettingStory, means: str, has_it: str) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno, response_means=means, response_minutes=5)
    session = story.customer(0)
    story.accept(3, ana, session)
    story.passes(4, 7)
    assert (holder(session), session.state) == (ana, "active")
    story.sweep(8)
    assert holder(session) == {"ana": ana, "bruno": bruno}[has_it]
    story.passes(9, 12)
    assert holder(session) == {"ana": ana, "bruno": bruno}[has_it]


@pytest.mark.parametrize("means", ["accepting", "replying"])
def test_after_the_first_reply_no_silence_takes_a_chat_away(
    story: SettingStory, means: str
) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno, response_means=means, response_minutes=5)
    session = story.customer(0)
    story.accept(1, ana, session)
    story.reply(2, ana, session)
    story.customer(3)
    story.passes(4, 600, step=60)
    assert (holder(session), session.state) == (ana, "active")


def test_with_replying_the_next_one_has_his_own_time_to_write(story: SettingStory) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno, response_means="replying", response_minutes=5)
    session = story.customer(0)
    story.accept(1, ana, session)
    story.sweep(6)
    assert (holder(session), session.state) == (bruno, "offered")
    story.accept(9, bruno, session)
    story.passes(10, 13)
    assert holder(session) == bruno
    story.sweep(14)
    assert holder(session) is None


# --- the inbox must be open ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "demand", "gets_it"),
    [(True, True, "bruno"), (True, False, "ana"), (False, True, "ana"), (False, False, "ana")],
)
def test_an_open_inbox_is_demanded_where_availability_is_checked(
    story: SettingStory, check: bool, demand: bool, gets_it: str
) -> None:
    ana, bruno = people(2)
    story.line(
        ana, bruno, distribution="strictly", check_availability=check, demand_connection=demand
    )
    story.looks(0, bruno)
    session = story.customer(1)
    assert session.operator == {"ana": ana, "bruno": bruno}[gets_it]


@pytest.mark.parametrize(("check", "demand"), [(True, True), (True, False), (False, True)])
def test_a_closed_inbox_gives_offers_back_and_no_chats(
    story: SettingStory, check: bool, demand: bool
) -> None:
    ana, bruno = people(2)
    story.line(
        ana, bruno, distribution="strictly", check_availability=check, demand_connection=demand,
        response_minutes=30,
    )  # fmt: skip
    story.looks(0, ana)
    story.looks(0, bruno)
    chat, offer = story.customer(0, "u1"), story.customer(0, "u2")
    story.accept(0, ana, chat)
    story.looks(1, bruno)
    story.sweep(1.4)
    assert (holder(chat), holder(offer)) == (ana, ana)
    story.sweep(1.6)
    assert holder(chat) == ana
    assert holder(offer) == (bruno if check and demand else ana)


def test_who_opens_his_inbox_gets_what_waits(story: SettingStory) -> None:
    ana = OperatorFactory()
    story.line(ana, check_availability=True, demand_connection=True)
    session = story.customer(0)
    assert session.wait_reason == "no_operator"
    story.looks(1, ana)
    assert holder(session) == ana


# --- somebody leaves ----------------------------------------------------------------------


@pytest.mark.parametrize(("returns", "at_once"), [("on_message", False), ("at_once", True)])
def test_chats_he_has_answered_go_on_as_the_line_says(
    story: SettingStory, returns: str, at_once: bool
) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno, distribution="strictly", check_availability=True, away_returns=returns)
    session = story.customer(0)
    story.reply(1, ana, session)
    story.duty(2, ana, "off")
    story.sweep(3)
    assert holder(session) == (bruno if at_once else ana)
    story.customer(4)
    assert holder(session) == bruno


@pytest.mark.parametrize("returns", ["on_message", "at_once"])
def test_chats_he_has_not_answered_go_on_at_once(story: SettingStory, returns: str) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno, distribution="strictly", check_availability=True, away_returns=returns)
    session = story.customer(0)
    story.accept(1, ana, session)
    story.duty(2, ana, "off")
    assert (holder(session), session.state) == (bruno, "offered")


def test_a_switched_off_account_hands_on_what_it_has(story: SettingStory) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno, distribution="strictly", check_availability=False)
    offer, chat, answered = (story.customer(0, user) for user in ("u1", "u2", "u3"))
    story.accept(1, ana, chat)
    story.reply(1, ana, answered)
    ana.user.is_active = False
    ana.user.save()
    story.sweep(2)
    assert [holder(session) for session in (offer, chat, answered)] == [bruno, bruno, ana]
    story.customer(3, "u3")
    assert holder(answered) == bruno


def test_who_is_taken_out_of_the_queue_keeps_what_he_has_answered(story: SettingStory) -> None:
    ana, bruno = people(2)
    line = story.line(ana, bruno, distribution="strictly", check_availability=False)
    offer, answered = story.customer(0, "u1"), story.customer(0, "u2")
    story.reply(1, ana, answered)
    with story.worker():
        queue_members_replace(open_channel=line, members=[{"user": bruno.user}], now=timezone.now())
    assert (holder(offer), holder(answered)) == (bruno, ana)
    story.customer(2, "u2")
    assert holder(answered) == bruno


# --- when a place is free -----------------------------------------------------------------

ONE_PLACE: dict[str, Any] = {"max_chats": 1}


@pytest.mark.parametrize(
    ("freed", "gets_it"), [("ending", False), ("first_reply", True), ("every_reply", True)]
)
def test_a_reply_frees_a_place_or_does_not(story: SettingStory, freed: str, gets_it: bool) -> None:
    ana = OperatorFactory()
    story.line(ana, place_freed=freed, **ONE_PLACE)
    first, second = story.customer(0, "u1"), story.customer(0, "u2")
    story.accept(1, ana, first)
    assert holder(second) is None
    story.reply(2, ana, first)
    assert holder(second) == (ana if gets_it else None)
    story.end(3, ana, first)
    assert holder(second) == ana


@pytest.mark.parametrize(
    ("freed", "gets_it"), [("ending", False), ("first_reply", True), ("every_reply", False)]
)
def test_a_customer_who_writes_again_takes_the_place_back_or_does_not(
    story: SettingStory, freed: str, gets_it: bool
) -> None:
    ana = OperatorFactory()
    story.line(ana, place_freed=freed, **ONE_PLACE)
    first = story.customer(0, "u1")
    story.reply(1, ana, first)
    story.customer(2, "u1")
    second = story.customer(3, "u2")
    assert second.operator == (ana if gets_it else None)
    story.reply(4, ana, first)
    assert holder(second) == (ana if freed != "ending" else None)


@pytest.mark.parametrize(
    ("freed", "gets_it"), [("ending", False), ("first_reply", True), ("every_reply", True)]
)
def test_a_snoozed_chat_counts_only_where_the_end_frees_a_place(
    story: SettingStory, freed: str, gets_it: bool
) -> None:
    story.limits_hold = False  # what wakes counts again, whoever came meanwhile
    ana = OperatorFactory()
    story.line(ana, place_freed=freed, **ONE_PLACE)
    first, second = story.customer(0, "u1"), story.customer(0, "u2")
    story.accept(1, ana, first)
    assert story.act(ana, first, "snooze", minutes="60") == 204
    assert holder(second) == (ana if gets_it else None)
    story.sweep(61)
    third = story.customer(62, "u3")
    assert third.operator is None


# --- a change of the rule -----------------------------------------------------------------


def test_a_change_to_everybody_rings_all_for_what_is_not_accepted(story: SettingStory) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno, distribution="strictly")
    accepted, offered = story.customer(0, "u1"), story.customer(0, "u2")
    story.accept(1, ana, accepted)
    story.change(distribution="everybody")
    assert holder(accepted) == ana
    assert [story.rings(one) for one in (ana, bruno)] == [[offered.pk]] * 2


def test_a_change_from_everybody_rings_one(story: SettingStory) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno, **EVERYBODY)
    accepted, offered = story.customer(0, "u1"), story.customer(0, "u2")
    story.accept(1, bruno, accepted)
    story.change(distribution="strictly")
    assert holder(accepted) == bruno
    assert [story.rings(one) for one in (ana, bruno)] == [[offered.pk], []]
