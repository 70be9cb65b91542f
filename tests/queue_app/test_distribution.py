"""The rules of the distribution, without a database."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_app.distribution import (
    CONNECTED_FOR,
    Candidate,
    Conditions,
    Decision,
    Rule,
    distribute,
    is_connected,
    is_on_leave,
    obstacle,
)

NOW = dt.datetime(2026, 3, 2, 12, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
ANA, BRUNO, CARLA = 11, 12, 13


def candidate(operator_id: int, position: int, **values: Any) -> Candidate:
    """Somebody on duty with room for chats."""
    plain = Candidate(
        line_operator_id=operator_id + 100, operator_id=operator_id, position=position, turn=0,
        last_offer_at=None, line_chats=0, open_chats=0, max_open_chats=1000, duty="on",
        is_active=True,
    )  # fmt: skip
    return dataclasses.replace(plain, **values)


def choose(
    rule: Rule, *candidates: Candidate, check: bool = False, limit: int = 0, **more: Any
) -> Decision:
    conditions = Conditions(
        check_availability=check, demand_connection=more.pop("connected", False), max_chats=limit
    )
    return distribute(rule, candidates, conditions, tried=more.pop("tried", ()), now=NOW, **more)


def codes(decision: Decision) -> list[tuple[int, str]]:
    return [(reason.operator_id, reason.code) for reason in decision.reasons]


# --- one choice -------------------------------------------------------------------------


def test_evenly_takes_the_one_whose_last_offer_is_oldest() -> None:
    ana = candidate(ANA, 1, turn=9, last_offer_at=NOW)
    bruno = candidate(BRUNO, 2, turn=7, last_offer_at=NOW - HOUR)
    decision = choose("evenly", ana, bruno)
    assert decision.chosen == (bruno,)
    assert [reason.as_json() for reason in decision.reasons] == [
        {
            "operator": ANA,
            "code": "later",
            "data": {"rule": "evenly", "last_offer_at": "2026-03-02T12:00:00+00:00"},
        },
        {
            "operator": BRUNO,
            "code": "chosen",
            "data": {"rule": "evenly", "last_offer_at": "2026-03-02T11:00:00+00:00"},
        },
    ]


def test_evenly_takes_the_first_place_among_those_who_had_none() -> None:
    decision = choose("evenly", candidate(ANA, 1), candidate(BRUNO, 2))
    assert [one.operator_id for one in decision.chosen] == [ANA]


def test_evenly_goes_by_the_turn_and_not_by_the_clock() -> None:
    # The clock of another machine was behind when Ana got hers.
    ana = candidate(ANA, 1, turn=8, last_offer_at=NOW - HOUR)
    bruno = candidate(BRUNO, 2, turn=7, last_offer_at=NOW)
    assert choose("evenly", ana, bruno).chosen == (bruno,)


def test_strictly_takes_the_first_place_whoever_had_the_last_offer() -> None:
    ana = candidate(ANA, 1, turn=9, last_offer_at=NOW)
    decision = choose("strictly", candidate(BRUNO, 2), ana)
    assert decision.chosen == (ana,)
    assert [reason.as_json() for reason in decision.reasons] == [
        {"operator": BRUNO, "code": "later", "data": {"rule": "strictly", "position": 2}},
        {"operator": ANA, "code": "chosen", "data": {"rule": "strictly", "position": 1}},
    ]


def test_who_let_it_pass_is_not_asked_again_in_the_round() -> None:
    decision = choose("strictly", candidate(ANA, 1), candidate(BRUNO, 2), tried={ANA})
    assert [one.operator_id for one in decision.chosen] == [BRUNO]
    assert codes(decision) == [(ANA, "tried"), (BRUNO, "chosen")]
    assert decision.round_over is False


@pytest.mark.parametrize("rule", ["evenly", "strictly", "everybody"])
def test_a_round_is_over_when_all_who_could_have_it_let_it_pass(rule: Rule) -> None:
    decision = choose(
        rule, candidate(ANA, 1), candidate(BRUNO, 2, duty="off"), tried={ANA}, check=True
    )
    assert decision.chosen == ()
    assert decision.round_over is True
    assert codes(decision) == [(ANA, "tried"), (BRUNO, "off_duty")]


def test_nobody_available_is_no_round() -> None:
    decision = choose("evenly", candidate(ANA, 1, duty="off"), check=True)
    assert (decision.chosen, decision.round_over) == ((), False)


def test_an_empty_queue_is_no_round() -> None:
    decision = choose("evenly")
    assert (decision.chosen, decision.round_over, decision.reasons) == ((), False, ())


def test_somebody_who_had_it_and_left_the_queue_makes_no_round() -> None:
    decision = choose("evenly", candidate(BRUNO, 1, duty="off"), tried={ANA}, check=True)
    assert (decision.chosen, decision.round_over) == ((), False)


def test_who_filled_up_between_the_reading_and_the_offer_is_passed_over() -> None:
    ana = candidate(ANA, 1, open_chats=4, max_open_chats=5)
    decision = choose("strictly", ana, candidate(BRUNO, 2), passed_over={ANA})
    assert codes(decision) == [(ANA, "full_global"), (BRUNO, "chosen")]


# --- to everybody, and the last operator --------------------------------------------------


def test_to_everybody_asks_all_who_can_whatever_their_limits() -> None:
    ana = candidate(ANA, 1, line_chats=3)
    bruno = candidate(BRUNO, 2, open_chats=5, max_open_chats=5)
    carla = candidate(CARLA, 3, duty="off")
    decision = choose("everybody", ana, bruno, carla, limit=3, check=True)
    assert decision.chosen == (ana, bruno)
    assert codes(decision) == [(CARLA, "off_duty"), (ANA, "chosen"), (BRUNO, "chosen")]
    assert decision.reasons[-1].data == {"rule": "everybody"}


@pytest.mark.parametrize("rule", ["evenly", "strictly", "everybody"])
def test_the_last_operator_is_asked_before_all_others(rule: Rule) -> None:
    ana, bruno = candidate(ANA, 1), candidate(BRUNO, 2, turn=9)
    decision = choose(rule, ana, bruno, preferred=BRUNO)
    assert decision.chosen == (bruno,)
    assert (BRUNO, "chosen") in codes(decision)
    assert (ANA, "later") in codes(decision)
    assert {reason.operator_id: reason.data for reason in decision.reasons}[BRUNO] == {
        "rule": "last_operator"
    }


@pytest.mark.parametrize("rule", ["evenly", "strictly"])
@pytest.mark.parametrize(
    "values", [{"duty": "off"}, {"line_chats": 2}, {"open_chats": 1, "max_open_chats": 1}]
)
def test_a_last_operator_who_cannot_is_passed_by(rule: Rule, values: dict[str, Any]) -> None:
    ana, bruno = candidate(ANA, 1), candidate(BRUNO, 2, **values)
    decision = choose(rule, ana, bruno, preferred=BRUNO, check=True, limit=2)
    assert decision.chosen == (ana,)


def test_a_full_last_operator_is_one_of_everybody() -> None:
    """An offer to him alone would take a place he does not have."""
    ana, bruno = candidate(ANA, 1), candidate(BRUNO, 2, line_chats=2)
    decision = choose("everybody", ana, bruno, preferred=BRUNO, limit=2)
    assert decision.chosen == (ana, bruno)


def test_a_last_operator_of_another_queue_changes_nothing() -> None:
    ana = candidate(ANA, 1)
    decision = choose("evenly", ana, preferred=CARLA)
    assert decision.chosen == (ana,)
    assert decision.reasons[0].data == {"rule": "evenly", "last_offer_at": None}


def test_a_last_operator_who_let_it_pass_is_not_asked_again() -> None:
    ana, bruno = candidate(ANA, 1), candidate(BRUNO, 2)
    decision = choose("strictly", ana, bruno, preferred=ANA, tried={ANA})
    assert decision.chosen == (bruno,)


@pytest.mark.parametrize(
    ("seen_at", "connected"),
    [
        (None, False),
        (NOW - CONNECTED_FOR - dt.timedelta(seconds=1), False),
        (NOW - CONNECTED_FOR, True),
        (NOW, True),
    ],
)
def test_connected_is_who_was_heard_from_in_ninety_seconds(
    seen_at: dt.datetime | None, connected: bool
) -> None:
    assert is_connected(seen_at, now=NOW) is connected
    one = candidate(ANA, 1, seen_at=seen_at)
    assert bool(choose("evenly", one, check=True, connected=True).chosen) is connected
    assert choose("evenly", one).chosen == (one,)  # where the line does not ask for it
    if not connected:
        assert codes(choose("evenly", one, check=True, connected=True)) == [(ANA, "not_connected")]


# --- obstacles --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "check", "limit", "code", "data"),
    [
        ({"is_active": False}, False, 0, "inactive", {}),
        ({"is_active": False, "duty": "off"}, True, 0, "inactive", {}),
        ({"duty": "off"}, True, 0, "off_duty", {}),
        ({"duty": "pause"}, True, 0, "paused", {}),
        ({"leave_from": NOW - HOUR}, True, 0, "on_leave", {}),
        ({"line_chats": 3}, False, 3, "full", {"chats": 3, "limit": 3}),
        ({"line_chats": 4}, False, 3, "full", {"chats": 4, "limit": 3}),
        (
            {"open_chats": 5, "max_open_chats": 5}, False, 0,
            "full_global", {"chats": 5, "limit": 5},
        ),
        ({"open_chats": 0, "max_open_chats": 0}, False, 0, "full_global", {"chats": 0, "limit": 0}),
    ],
)  # fmt: skip
def test_an_obstacle_has_a_code_and_its_values(
    values: dict[str, Any], check: bool, limit: int, code: str, data: dict[str, int]
) -> None:
    conditions = Conditions(check_availability=check, max_chats=limit)
    reason = obstacle(candidate(ANA, 1, **values), conditions, now=NOW)
    assert reason is not None
    assert reason.as_json() == {"operator": ANA, "code": code, "data": data}
    decision = choose("evenly", candidate(ANA, 1, **values), check=check, limit=limit)
    assert (decision.chosen, codes(decision)) == ((), [(ANA, code)])


@pytest.mark.parametrize(
    ("values", "check", "limit"),
    [
        ({"duty": "off"}, False, 0),
        ({"duty": "pause"}, False, 0),
        ({"leave_from": NOW - HOUR}, False, 0),
        ({"line_chats": 2, "open_chats": 9}, False, 3),
        ({"line_chats": 900, "open_chats": 999}, False, 0),
        ({"leave_from": NOW + HOUR}, True, 0),
        ({"leave_until": NOW}, True, 0),
    ],
)
def test_nothing_stands_in_the_way(values: dict[str, Any], check: bool, limit: int) -> None:
    conditions = Conditions(check_availability=check, max_chats=limit)
    reason = obstacle(candidate(ANA, 1, **values), conditions, now=NOW)
    assert reason is None


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        (None, None, False),
        (NOW - HOUR, NOW + HOUR, True),
        (NOW, NOW + HOUR, True),
        (NOW - HOUR, NOW, False),
        (NOW + HOUR, None, False),
        (NOW - HOUR, None, True),
        (None, NOW + HOUR, True),
        (None, NOW - HOUR, False),
    ],
)
def test_a_leave_lasts_from_its_beginning_to_just_before_its_end(
    begin: dt.datetime | None, end: dt.datetime | None, expected: bool
) -> None:
    assert is_on_leave(begin, end, now=NOW) is expected


# --- what is written down -----------------------------------------------------------------


def test_at_most_twenty_codes_are_kept_and_the_chosen_one_is_first() -> None:
    people = [candidate(number, number, duty="off") for number in range(1, 31)]
    people.append(candidate(99, 31))
    kept = choose("strictly", *people, check=True).as_json()
    assert kept["more"] == 11
    assert len(kept["choice"]) == 20
    assert kept["choice"][0] == {
        "operator": 99, "code": "chosen", "data": {"rule": "strictly", "position": 31},
    }  # fmt: skip
    assert [item["operator"] for item in kept["choice"][1:]] == list(range(1, 20))


def test_twenty_codes_leave_no_rest() -> None:
    kept = choose("evenly", *[candidate(number, number) for number in range(1, 21)]).as_json()
    assert (len(kept["choice"]), kept["more"]) == (20, 0)


# --- random histories ---------------------------------------------------------------------


class Desk:
    """A line's queue in memory: who had how many offers, and whose turn was when."""

    def __init__(self, people: int) -> None:
        self.candidates = {number: candidate(number, number) for number in range(1, people + 1)}
        self.turn = 0
        self.counts = dict.fromkeys(self.candidates, 0)

    def set_duty(self, operator_id: int, duty: str) -> None:
        one = self.candidates[operator_id]
        self.candidates[operator_id] = dataclasses.replace(one, duty=duty)

    def offer(self, rule: Rule, tried: set[int]) -> int | None:
        people = list(self.candidates.values())
        decision = choose(rule, *people, check=True, tried=tried)
        if not decision.chosen:
            return None
        self.turn += 1
        chosen = decision.chosen[0].operator_id
        self.candidates[chosen] = dataclasses.replace(
            self.candidates[chosen], turn=self.turn, last_offer_at=NOW
        )
        self.counts[chosen] += 1
        return chosen


@given(people=st.integers(1, 9), sessions=st.integers(0, 60))
def test_evenly_stays_within_one_when_everybody_is_there(people: int, sessions: int) -> None:
    desk = Desk(people)
    order = [desk.offer("evenly", set()) for _ in range(sessions)]
    assert order == [1 + number % people for number in range(sessions)]
    assert max(desk.counts.values()) - min(desk.counts.values()) <= 1


@given(
    people=st.integers(2, 7),
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("offer"), st.integers(1, 7)),
            st.tuples(st.sampled_from(["on", "off", "pause"]), st.integers(1, 7)),
        ),
        max_size=60,
    ),
    staying=st.integers(1, 3),
)
def test_those_who_stay_keep_within_one_while_others_come_and_go(
    people: int, steps: list[tuple[str, int]], staying: int
) -> None:
    staying = min(staying, people)
    desk = Desk(people)
    for step, number in steps:
        if step == "offer":
            before = {who: one.turn for who, one in desk.candidates.items() if one.duty == "on"}
            chosen = desk.offer("evenly", set())
            if before:
                assert chosen == min(before, key=lambda who: (before[who], who))
        elif staying < number <= people:
            desk.set_duty(number, step)
    counts = [desk.counts[number] for number in range(1, staying + 1)]
    assert max(counts) - min(counts) <= 1


@given(
    people=st.integers(1, 6),
    on_duty=st.sets(st.integers(1, 6)),
    rule=st.sampled_from(["evenly", "strictly"]),
    earlier=st.integers(0, 12),
)
def test_a_round_reaches_everybody_who_is_there_once(
    people: int, on_duty: set[int], rule: Rule, earlier: int
) -> None:
    desk = Desk(people)
    for _ in range(earlier):
        desk.offer("evenly", set())
    for number in range(1, people + 1):
        desk.set_duty(number, "on" if number in on_duty else "off")
    tried: list[int] = []
    while (chosen := desk.offer(rule, set(tried))) is not None:
        tried.append(chosen)
    expected = sorted(number for number in on_duty if number <= people)
    assert sorted(tried) == expected
    if rule == "strictly":
        assert tried == expected


@given(free=st.lists(st.booleans(), min_size=1, max_size=8))
def test_strictly_is_exactly_the_first_free_place(free: list[bool]) -> None:
    people = [
        candidate(number, number, line_chats=0 if is_free else 2, turn=50 - number)
        for number, is_free in enumerate(free, start=1)
    ]
    decision = choose("strictly", *people, limit=2)
    expected = free.index(True) + 1 if any(free) else None
    assert [one.operator_id for one in decision.chosen] == ([expected] if expected else [])
