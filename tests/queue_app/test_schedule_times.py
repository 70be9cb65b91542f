"""Working hours: the next change, the length of working time, and the key of a closed period."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from queue_app.schedule import (
    HORIZON,
    NEVER,
    Exceptional,
    Hours,
    Interval,
    closed_period,
    is_open,
    next_change,
    next_opening,
    working_deadline,
    working_time,
)

UTC = ZoneInfo("UTC")
HOUR = dt.timedelta(hours=1)
NONE = dt.timedelta()
OFFICE = Hours(
    UTC,
    tuple(
        Interval(day, dt.time(opens), dt.time(closes))
        for day in range(5)
        for opens, closes in ((9, 12), (13, 17))
    ),
)
ALWAYS = Hours(UTC, tuple(Interval(day, dt.time(), dt.time()) for day in range(7)))
NIGHTS = Hours(UTC, tuple(Interval(day, dt.time(20), dt.time(4)) for day in range(7)))


def day(number: int, hour: float = 0) -> dt.datetime:
    """An hour of a day of March 2026; the 2nd is a Monday."""
    return dt.datetime(2026, 3, number, tzinfo=dt.UTC) + hour * HOUR


def once(when: dt.datetime, *, length: int = 2, within: Hours | None = None) -> Hours:
    """Hours with an opening on one date alone."""
    opening = Exceptional(when.date(), when.time(), (when + length * HOUR).time())
    return Hours(UTC, intervals=within.intervals if within else (), exceptions=(opening,))


# --- the next change ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "change"),
    [
        (day(2, 8), day(2, 9)),
        (day(2, 9), day(2, 12)),
        (day(2, 11.99), day(2, 12)),
        (day(2, 12), day(2, 13)),
        (day(2, 17), day(3, 9)),
        (day(6, 17), day(9, 9)),
    ],
)
def test_the_next_change_is_later_than_now(now: dt.datetime, change: dt.datetime) -> None:
    assert next_change(OFFICE, now) == change
    assert is_open(OFFICE, now) != is_open(OFFICE, change)


def test_meeting_intervals_do_not_change_where_they_meet() -> None:
    hours = Hours(UTC, (Interval(0, dt.time(9), dt.time(0)), Interval(1, dt.time(0), dt.time(7))))
    assert next_change(hours, day(2, 10)) == day(3, 7)


def test_a_change_is_looked_for_a_horizon_ahead() -> None:
    now = day(2, 12)
    last = once(now + HORIZON, length=2)
    assert next_change(last, now) == next_opening(last, now) == now + HORIZON
    beyond = once(now + HORIZON + HOUR)
    assert next_change(beyond, now) is None
    assert next_opening(beyond, now) is None
    assert next_change(Hours(UTC), now) is None
    assert next_opening(Hours(UTC), now) is None


def test_a_closing_is_looked_for_a_horizon_ahead() -> None:
    now = day(2)
    end = Exceptional((now + HORIZON).date(), None, None)
    closing = Hours(UTC, ALWAYS.intervals, exceptions=(end,))
    assert next_change(closing, now) == now + HORIZON
    assert next_change(closing, now - HOUR) is None


# --- the next opening ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "opening"),
    [
        (day(2, 8), day(2, 9)),
        (day(2, 9), day(2, 13)),  # open: the one after the break
        (day(2, 12), day(2, 13)),
        (day(2, 16), day(3, 9)),
        (day(6, 14), day(9, 9)),
    ],
)
def test_the_next_opening_is_later_than_now(now: dt.datetime, opening: dt.datetime) -> None:
    assert next_opening(OFFICE, now) == opening


def test_what_never_closes_never_opens() -> None:
    assert next_opening(ALWAYS, day(2, 12)) is None


# --- working time -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "worked"),
    [
        (day(2, 10), day(2, 11), HOUR),
        (day(2, 8), day(2, 20), 7 * HOUR),
        (day(2, 11.5), day(2, 13.5), HOUR),
        (day(2, 12), day(2, 13), NONE),
        (day(2, 10), day(2, 10), NONE),
        (day(2, 11), day(2, 10), NONE),
        (day(7), day(9), NONE),  # a weekend
        (day(2), day(9), 5 * 7 * HOUR),
        (day(2, 16), day(3, 10), 2 * HOUR),
    ],
)
def test_working_time_is_what_was_open(
    start: dt.datetime, end: dt.datetime, worked: dt.timedelta
) -> None:
    assert working_time(OFFICE, start, end) == worked


def test_working_time_has_no_horizon() -> None:
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    assert working_time(ALWAYS, start, start + 4 * HORIZON) == 4 * HORIZON


def test_what_overlaps_is_worked_once() -> None:
    hours = Hours(
        UTC, (Interval(0, dt.time(9), dt.time(12)), Interval(0, dt.time(11), dt.time(13)))
    )
    assert working_time(hours, day(2), day(3)) == 4 * HOUR


def test_the_moments_of_a_session_may_be_anything() -> None:
    start = day(2, 10) + dt.timedelta(microseconds=1)
    end = day(2, 10) + dt.timedelta(seconds=1, microseconds=3)
    assert working_time(OFFICE, start, end) == dt.timedelta(seconds=1, microseconds=2)


# --- the end of a length of working time ----------------------------------------------------


@pytest.mark.parametrize(
    ("start", "length", "deadline"),
    [
        (day(2, 10), HOUR, day(2, 11)),
        (day(2, 11), HOUR, day(2, 12)),  # a closing, not the next opening
        (day(2, 11), 1.5 * HOUR, day(2, 13.5)),
        (day(2, 8), HOUR, day(2, 10)),
        (day(6, 16), 2 * HOUR, day(9, 10)),
        (day(2, 9), 35 * HOUR, day(6, 17)),
        (day(7, 12), NONE, day(7, 12)),
        (day(7, 12), -HOUR, day(7, 12)),
    ],
)
def test_a_deadline_counts_working_time(
    start: dt.datetime, length: dt.timedelta, deadline: dt.datetime
) -> None:
    assert working_deadline(OFFICE, start, length) == deadline
    assert working_time(OFFICE, start, deadline) == max(length, NONE)


def test_a_deadline_in_the_night_of_the_day_before() -> None:
    assert working_deadline(NIGHTS, day(3, 3), 2 * HOUR) == day(3, 21)


def test_a_deadline_that_does_not_come_in_time_is_none() -> None:
    start = day(2, 12)
    assert working_deadline(Hours(UTC), start, HOUR) is None
    assert working_deadline(once(day(9, 9)), start, 2 * HOUR) == day(9, 11)
    assert working_deadline(once(day(9, 9)), start, 2 * HOUR + dt.timedelta(seconds=1)) is None
    assert working_deadline(ALWAYS, start, HORIZON) == start + HORIZON
    assert working_deadline(ALWAYS, start, HORIZON + HOUR) is None


# --- the key of a closed period --------------------------------------------------------------


def test_a_closed_period_has_one_key_and_the_next_one_another() -> None:
    night = {closed_period(OFFICE, moment) for moment in (day(2, 17), day(2, 23), day(3, 8.99))}
    weekend = {closed_period(OFFICE, moment) for moment in (day(6, 17), day(8, 3), day(9, 8))}
    assert night == {"2026-03-03T09:00:00+00:00"}
    assert weekend == {"2026-03-09T09:00:00+00:00"}


def test_there_is_no_closed_period_while_it_is_open() -> None:
    assert closed_period(OFFICE, day(2, 9)) == ""
    assert closed_period(ALWAYS, day(2, 9)) == ""


def test_a_closed_period_without_an_end_has_a_key_too() -> None:
    assert {closed_period(Hours(UTC), day(number)) for number in (2, 9, 30)} == {NEVER}


def test_a_new_holiday_at_the_end_makes_it_another_period() -> None:
    # What the customer was told, "back on Tuesday at 9:00", is no longer true.
    hours = Hours(UTC, OFFICE.intervals, holidays=frozenset({day(3).date()}))
    assert closed_period(OFFICE, day(2, 20)) != closed_period(hours, day(2, 20))
    assert closed_period(hours, day(2, 20)) == closed_period(hours, day(3, 20))
