"""Codes become sentences for the reader."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.utils import timezone, translation

from channels_app.models import OpenChannel
from queue_app.explanations import (
    WhyLine,
    moment_words,
    reason_words,
    return_words,
    wait_words,
    why_lines,
)
from queue_app.models import Operator, SessionEvent, WaitReason
from queue_app.selectors import session_why
from queue_app.services.desk import operator_duty_settle
from queue_app.services.operators import operator_duty_set
from queue_app.services.sessions import session_accept
from queue_app.services.timers import timers_sweep
from tests.factories import OperatorFactory, UserFactory, moment
from tests.queue_app.desk_story import customer_writes, last_event, line_with

NAMES = {1: "Ana", 2: "Bruno", 3: "Carla"}
NOON = "2026-03-02T12:00:00+00:00"


@pytest.fixture(autouse=True)
def _reader() -> Any:
    with time_machine.travel(moment(30), tick=False), translation.override("en"):
        yield


def event(kind: str, who: int | None = None, **data: Any) -> SessionEvent:
    operator = Operator(user=User(first_name=NAMES[who])) if who else None
    return SessionEvent(kind=kind, operator=operator, data=data)


def choice(operator: int, code: str, **data: Any) -> dict[str, Any]:
    return {"operator": operator, "code": code, "data": data}


def why(*events: SessionEvent) -> list[WhyLine]:
    return why_lines(events, names=NAMES, line=OpenChannel(response_minutes=5))


@pytest.mark.parametrize(
    ("code", "data", "sentence"),
    [
        ("chosen", {"rule": "evenly", "last_offer_at": None}, "chosen, had no offer yet"),
        ("later", {"rule": "evenly", "last_offer_at": None}, "had no offer yet, stands behind"),
        (
            "chosen", {"rule": "evenly", "last_offer_at": NOON},
            "chosen, last offer 12:00, the oldest",
        ),
        ("later", {"rule": "evenly", "last_offer_at": NOON}, "last offer 12:00, not the oldest"),
        ("chosen", {"rule": "strictly", "position": 2}, "first in the queue who can, place 2"),
        ("later", {"rule": "strictly", "position": 3}, "stands behind, place 3"),
        ("tried", {}, "had the offer in this round"),
        ("off_duty", {}, "off duty"),
        ("paused", {}, "paused"),
        ("on_leave", {}, "on leave"),
        ("inactive", {}, "account switched off"),
        ("not_connected", {}, "has no inbox open"),
        ("chosen", {"rule": "last_operator"}, "chosen, answered this customer last"),
        ("chosen", {"rule": "everybody"}, "asked with everybody who can"),
        ("full", {"chats": 5, "limit": 5}, "5 of 5 chats"),
        ("full_global", {"chats": 9, "limit": 8}, "9 of 8 chats"),
        ("not_invented_yet", {}, "not_invented_yet"),
    ],
)  # fmt: skip
def test_each_code_has_its_sentence(code: str, data: dict[str, Any], sentence: str) -> None:
    assert reason_words(choice(1, code, **data)) == sentence


def test_a_code_stored_without_values_is_still_told() -> None:
    assert reason_words({"operator": 1, "code": "full"}) == "0 of 0 chats"


def test_a_moment_is_a_clock_time_today_and_has_its_date_otherwise() -> None:
    with timezone.override(dt.timezone(dt.timedelta(hours=-3))):
        assert moment_words(moment()) == "09:00"
        assert moment_words(moment() - dt.timedelta(days=1)) == "03/01/2026 09:00"
        # Yesterday in UTC, and yesterday for the reader, who is behind it.
        assert moment_words(dt.datetime(2026, 3, 2, 2, 0, tzinfo=dt.UTC)) == "03/01/2026 23:00"


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (WaitReason.NO_OPERATOR, "nobody is available"),
        (WaitReason.ROUND_OVER, "everybody let it pass"),
        (WaitReason.LINE_CLOSED, "the line is closed"),
        (WaitReason.ANSWERED_OUTSIDE, "answered in the platform's own app"),
        (WaitReason.UNROUTED, "not distributed yet"),
        ("", ""),
        (WaitReason.HOURS, "waits for the opening"),
        ("tides", "tides"),
    ],
)
def test_each_reason_to_wait_has_its_sentence(reason: str, sentence: str) -> None:
    assert wait_words(reason) == sentence


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("off_duty", "went off duty"),
        ("paused", "paused"),
        ("on_leave", "went on leave"),
        ("removed", "is not available for this line any more"),
        ("inactive", "account switched off"),
        ("not_connected", "has no inbox open"),
        ("rule", "the line distributes in another way now"),
        ("else", "else"),
    ],
)
def test_each_reason_to_take_an_offer_back_has_its_sentence(code: str, sentence: str) -> None:
    assert return_words(code) == sentence


@pytest.mark.parametrize(
    ("length", "sentence"),
    [
        (dt.timedelta(hours=2), "waits for the opening, 14:30"),
        (dt.timedelta(days=3), "waits for the opening, Thursday 12:30"),
        (dt.timedelta(days=9), "waits for the opening, 11 Mar 12:30"),
    ],
)
def test_who_waits_for_the_opening_is_told_when_that_is(
    length: dt.timedelta, sentence: str
) -> None:
    opens_at = moment(30) + length
    assert wait_words(WaitReason.HOURS, opens_at=opens_at) == sentence
    assert wait_words(WaitReason.HOURS, opens_at=opens_at.isoformat()) == sentence
    assert wait_words(WaitReason.NO_OPERATOR, opens_at=opens_at) == "nobody is available"


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (event("skipped", 1, reason="Speaks French"), "Ana: passed it on: Speaks French"),
        (event("skipped", 1, reason=""), "Ana: passed it on"),
        (event("expired", 1, waited_s=300, replying=True), "Ana: not answered within 5 min"),
        (event("expired", None, waited_s=300), "Everybody: not accepted within 5 min"),
        (event("returned", None, why="rule"),
         "Everybody: the line distributes in another way now"),
        (event("intercepted", 1, by=2), "Bruno: took it over"),
        (event("started", 3, by_operator=True), "Carla: began this chat"),
    ],
)  # fmt: skip
def test_each_way_a_chat_changed_hands_has_its_line(told: SessionEvent, line: str) -> None:
    assert [one.text for one in why(told)] == [line]


def test_a_transfer_says_by_whom() -> None:
    told = event("transferred", 1, to=2, to_line=None)
    told.actor = User(first_name="Ana")
    assert why(told) == [WhyLine("check", "Bruno: transferred by Ana", chosen=True)]
    told.data = {"to": None, "to_line": 7}
    assert why(told) == [WhyLine("transfer", "Transferred to this line by Ana")]


def test_only_the_newest_choice_is_told_person_by_person() -> None:
    first = [choice(1, "chosen", rule="strictly", position=1), choice(2, "later")]
    second = [choice(2, "chosen", rule="strictly", position=2), choice(1, "tried")]
    assert why(
        event("offered", 1, choice=first, more=0),
        event("expired", 1, waited_s=300.2),
        event("offered", 2, choice=second, more=0),
    ) == [
        WhyLine("clock", "Ana: not accepted within 5 min"),
        WhyLine("check", "Bruno: first in the queue who can, place 2", chosen=True),
        WhyLine("minus", "Ana: had the offer in this round"),
    ]


def test_the_rest_beyond_the_codes_is_counted() -> None:
    kept = [choice(1, "off_duty")]
    assert why(event("waiting", choice=kept, more=11, reason="no_operator")) == [
        WhyLine("minus", "Ana: off duty"),
        WhyLine("minus", "and 11 more"),
    ]


def test_an_empty_queue_is_told_as_the_reason_to_wait() -> None:
    assert why(event("waiting", choice=[], more=0, reason="no_operator")) == [
        WhyLine("clock", "nobody is available")
    ]


def test_a_wait_without_a_choice_is_the_newest_decision() -> None:
    offered = [choice(1, "chosen", rule="strictly", position=1)]
    assert why(
        event("offered", 1, choice=offered, more=0),
        event("returned", 1, why="removed"),
        event("waiting", reason="line_closed"),
    ) == [
        WhyLine("minus", "Ana: is not available for this line any more"),
        WhyLine("clock", "the line is closed"),
    ]


def test_taking_a_waiting_chat_is_told() -> None:
    assert why(
        event("waiting", choice=[choice(1, "off_duty")], more=0, reason="no_operator"),
        event("accepted", 3, by_hand=True),
    ) == [
        WhyLine("minus", "Ana: off duty"),
        WhyLine("check", "Carla: took it from the waiting chats", chosen=True),
    ]


def test_accepting_ones_own_offer_adds_no_line() -> None:
    offered = [choice(1, "chosen", rule="evenly", last_offer_at=None)]
    assert why(event("offered", 1, choice=offered), event("accepted", 1, by_hand=False)) == [
        WhyLine("check", "Ana: chosen, had no offer yet", chosen=True)
    ]


def test_a_wait_that_was_not_measured_falls_back_on_the_lines_setting() -> None:
    assert why(event("expired", 1, waited_s=None)) == [
        WhyLine("clock", "Ana: not accepted within 5 min")
    ]
    assert why(event("expired", 1, waited_s=12)) == [
        WhyLine("clock", "Ana: not accepted within 1 min")
    ]


def test_somebody_who_is_no_more_has_no_name() -> None:
    assert why(event("offered", None, choice=[choice(404, "off_duty")])) == [
        WhyLine("minus", "?: off duty")
    ]


@pytest.mark.django_db
def test_the_whole_way_of_a_chat_reads_right() -> None:
    ana, bruno, carla = (
        OperatorFactory(user=UserFactory(first_name=name, last_name=""))
        for name in ("Ana", "Bruno", "Carla")
    )
    connector = line_with(ana, bruno, carla, check_availability=True, max_chats=1)
    operator_duty_set(operator=carla, duty="off", now=moment())
    first = customer_writes(connector, "u1", now=moment(1))
    assert [line.text for line in session_why(first)] == [
        "Ana: chosen, had no offer yet",
        "Carla: off duty",
        "Bruno: had no offer yet, stands behind",
    ]
    session_accept(session_id=first.pk, operator=ana, now=moment(2))
    second = customer_writes(connector, "u2", now=moment(3))
    assert last_event(second).data["choice"][0] == {
        "operator": bruno.pk, "code": "chosen", "data": {"rule": "evenly", "last_offer_at": None},
    }  # fmt: skip
    assert timers_sweep(now=moment(8)) == 1
    second.refresh_from_db()
    assert [(line.icon, line.text, line.chosen) for line in session_why(second)] == [
        ("clock", "Bruno: not accepted within 5 min", False),
        ("minus", "Ana: 1 of 1 chats", False),
        ("minus", "Bruno: had the offer in this round", False),
        ("minus", "Carla: off duty", False),
    ]
    operator_duty_set(operator=carla, duty="on", now=moment(9))
    assert operator_duty_settle(operator_id=carla.pk, now=moment(9)) == 1
    second.refresh_from_db()
    assert second.operator == carla
    assert [line.text for line in session_why(second)] == [
        "Bruno: not accepted within 5 min",
        "Carla: chosen, had no offer yet",
        "Ana: 1 of 1 chats",
        "Bruno: last offer 12:03, not the oldest",
    ]
