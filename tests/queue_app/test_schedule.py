"""Working hours: the rules of intervals, holidays and exceptions, in a zone without surprises."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from queue_app import schedule
from queue_app.schedule import Exceptional, Hours, Interval, is_open

UTC = ZoneInfo("UTC")
KOLKATA = ZoneInfo("Asia/Kolkata")
MONDAY = dt.date(2026, 3, 2)
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)


def time(text: str) -> dt.time:
    return dt.time.fromisoformat(text)


def weekly(*intervals: tuple[int, str, str], **more: Any) -> Hours:
    return Hours(
        more.pop("zone", UTC),
        intervals=tuple(
            Interval(day, time(opens), time(closes)) for day, opens, closes in intervals
        ),
        **more,
    )


def opened(date: dt.date, opens: str, closes: str) -> Exceptional:
    return Exceptional(date, time(opens), time(closes))


def closed(date: dt.date) -> Exceptional:
    return Exceptional(date, None, None)


def at(weekday: int, clock: str, zone: ZoneInfo = UTC, *, weeks: int = 0) -> dt.datetime:
    """A moment of the week that begins on 2 March 2026, or of a later one."""
    day = MONDAY + dt.timedelta(days=weekday, weeks=weeks)
    return dt.datetime.combine(day, time(clock), zone).astimezone(dt.UTC)


def open_at(hours: Hours, weekday: int, *clocks: str) -> list[bool]:
    return [is_open(hours, at(weekday, clock, hours.zone)) for clock in clocks]


# --- intervals --------------------------------------------------------------------------


def test_an_opening_belongs_to_the_hours_and_a_closing_does_not() -> None:
    hours = weekly((MON, "09:00", "18:00"))
    clocks = ("08:59:59", "09:00", "17:59:59", "18:00")
    assert open_at(hours, MON, *clocks) == [False, True, True, False]
    assert open_at(hours, TUE, *clocks) == [False] * 4


def test_a_day_may_have_a_break() -> None:
    hours = weekly((MON, "14:00", "18:00"), (MON, "09:00", "12:00"))
    assert open_at(hours, MON, "11:59", "12:00", "13:59", "14:00") == [True, False, False, True]


def test_intervals_that_overlap_or_hold_each_other_are_one() -> None:
    hours = weekly((MON, "09:00", "18:00"), (MON, "10:00", "11:00"), (MON, "17:00", "20:00"))
    assert open_at(hours, MON, "09:30", "11:00", "18:30", "20:00") == [True, True, True, False]
    assert schedule.next_change(hours, at(MON, "10:30")) == at(MON, "20:00")


def test_the_same_hours_are_other_moments_in_another_zone() -> None:
    hours = weekly((MON, "09:00", "18:00"), zone=KOLKATA)
    assert not is_open(hours, at(MON, "03:29"))
    assert is_open(hours, at(MON, "03:30"))
    assert not is_open(hours, at(MON, "12:30"))


def test_an_interval_across_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    hours = weekly((FRI, "22:00", "02:00"))
    assert open_at(hours, FRI, "01:00", "21:59", "22:00", "23:59") == [False, False, True, True]
    assert open_at(hours, SAT, "00:00", "01:59", "02:00", "22:00") == [True, True, False, False]


def test_the_night_of_sunday_ends_on_monday() -> None:
    hours = weekly((SUN, "20:00", "06:00"))
    assert open_at(hours, MON, "05:59", "06:00") == [True, False]


def test_until_midnight_is_until_the_end_of_the_day() -> None:
    hours = weekly((MON, "18:00", "00:00"))
    assert open_at(hours, MON, "00:00", "17:59", "18:00", "23:59") == [False, False, True, True]
    assert open_at(hours, TUE, "00:00") == [False]


@pytest.mark.parametrize("clock", ["00:00", "09:00"])
def test_the_same_time_twice_is_a_whole_day(clock: str) -> None:
    hours = weekly((WED, clock, clock))
    begin, end = at(WED, clock), at(THU, clock)
    assert not is_open(hours, begin - schedule.SECOND)
    assert schedule.working_time(hours, at(MON, "00:00"), at(SUN, "00:00")) == schedule.DAY
    assert schedule.next_change(hours, begin) == end


def test_all_day_every_day_never_closes() -> None:
    hours = weekly(*((day, "00:00", "00:00") for day in range(7)))
    assert open_at(hours, TUE, "00:00", "12:00", "23:59:59") == [True] * 3
    assert schedule.next_change(hours, at(MON, "12:00")) is None


def test_without_intervals_it_is_always_closed_but_for_an_exceptional_opening() -> None:
    assert not is_open(Hours(UTC), at(MON, "12:00"))
    hours = Hours(UTC, exceptions=(opened(MONDAY, "10:00", "14:00"),))
    assert open_at(hours, MON, "09:59", "12:00", "14:00") == [False, True, False]
    assert open_at(hours, TUE, "12:00") == [False]


def test_a_day_that_there_is_not_is_refused() -> None:
    for weekday in (-1, 7):
        with pytest.raises(ValueError, match="no such weekday"):
            Interval(weekday, time("09:00"), time("18:00"))


# --- holidays ---------------------------------------------------------------------------

DAILY = tuple((day, "09:00", "18:00") for day in range(7))


def test_a_holiday_of_one_year_closes_that_year_only() -> None:
    hours = weekly(*DAILY, holidays=frozenset({dt.date(2026, 3, 4)}))
    assert open_at(hours, WED, "12:00") == [False]
    assert open_at(hours, THU, "12:00") == [True]
    assert is_open(hours, dt.datetime(2027, 3, 4, 12, tzinfo=dt.UTC))


def test_a_yearly_holiday_closes_every_year() -> None:
    hours = weekly(*DAILY, yearly=frozenset({(12, 24)}))
    for year in (2025, 2026, 2031):
        assert not is_open(hours, dt.datetime(year, 12, 24, 12, tzinfo=dt.UTC))
        assert is_open(hours, dt.datetime(year, 12, 25, 12, tzinfo=dt.UTC))


def test_a_yearly_29_february_counts_in_leap_years() -> None:
    hours = weekly(*DAILY, yearly=frozenset({(2, 29)}))
    assert not is_open(hours, dt.datetime(2028, 2, 29, 12, tzinfo=dt.UTC))
    for month, day in ((2, 28), (3, 1)):
        assert is_open(hours, dt.datetime(2027, month, day, 12, tzinfo=dt.UTC))


def test_a_holiday_takes_its_own_night_and_leaves_that_of_the_day_before() -> None:
    nights = weekly(*((day, "20:00", "04:00") for day in range(7)))
    hours = weekly(
        *((day, "20:00", "04:00") for day in range(7)), holidays=frozenset({dt.date(2026, 3, 4)})
    )
    assert open_at(nights, WED, "03:59", "04:00", "20:00") == [True, False, True]
    assert open_at(hours, WED, "03:59", "04:00", "20:00") == [True, False, False]
    assert open_at(hours, THU, "03:59", "20:00") == [False, True]


def test_a_holiday_is_one_of_the_lines_zone() -> None:
    hours = weekly(
        *((day, "00:00", "00:00") for day in range(7)),
        zone=KOLKATA,
        holidays=frozenset({dt.date(2026, 3, 4)}),
    )
    begin = dt.datetime(2026, 3, 3, 18, 30, tzinfo=dt.UTC)
    assert is_open(hours, begin - schedule.SECOND)
    assert not is_open(hours, begin)
    assert schedule.next_change(hours, begin) == begin + schedule.DAY


# --- exceptions -------------------------------------------------------------------------


def test_exceptional_openings_take_the_place_of_the_weeks_intervals() -> None:
    openings = (opened(MONDAY, "11:00", "12:00"), opened(MONDAY, "16:00", "20:00"))
    hours = weekly(*DAILY, exceptions=openings)
    clocks = ("09:30", "11:30", "12:00", "16:00", "19:59", "20:00")
    assert open_at(hours, MON, *clocks) == [False, True, False, True, True, False]
    assert open_at(hours, TUE, "09:30", "19:00") == [True, False]


def test_an_exceptional_opening_takes_the_place_of_a_holiday() -> None:
    hours = weekly(
        *DAILY,
        holidays=frozenset({MONDAY}),
        yearly=frozenset({(3, 2)}),
        exceptions=(opened(MONDAY, "10:00", "12:00"),),
    )
    assert open_at(hours, MON, "09:30", "10:00", "12:00") == [False, True, False]


def test_an_exceptional_closing_closes_its_day_and_not_the_night_before() -> None:
    hours = weekly(
        *DAILY, (SUN, "20:00", "02:00"), exceptions=(closed(MONDAY + dt.timedelta(days=7)),)
    )
    noon = at(MON, "12:00", weeks=1)
    assert is_open(hours, at(MON, "01:59", weeks=1))
    assert not is_open(hours, at(MON, "02:00", weeks=1))
    assert not is_open(hours, noon)
    assert is_open(hours, noon + schedule.DAY)


def test_an_exceptional_night_runs_into_a_closed_day() -> None:
    tuesday = MONDAY + schedule.DAY
    hours = weekly(*DAILY, exceptions=(opened(MONDAY, "22:00", "03:00"), closed(tuesday)))
    assert open_at(hours, MON, "12:00", "22:00") == [False, True]
    assert open_at(hours, TUE, "02:59", "03:00", "12:00") == [True, False, False]


def test_an_opening_beside_a_closing_of_the_same_date_counts() -> None:
    hours = weekly(*DAILY, exceptions=(closed(MONDAY), opened(MONDAY, "10:00", "12:00")))
    assert open_at(hours, MON, "09:30", "11:00", "12:30") == [False, True, False]


def test_an_exceptional_opening_with_one_time_is_refused() -> None:
    for times in ((time("09:00"), None), (None, time("09:00"))):
        with pytest.raises(ValueError, match="both times"):
            Exceptional(MONDAY, *times)


# --- instants ---------------------------------------------------------------------------


def test_a_moment_may_come_in_any_zone_and_goes_back_in_utc() -> None:
    hours = weekly((MON, "09:00", "18:00"))
    now = at(MON, "10:00").astimezone(KOLKATA)
    assert is_open(hours, now)
    for moment in (
        schedule.next_change(hours, now),
        schedule.next_opening(hours, now),
        schedule.working_deadline(hours, now, dt.timedelta(0)),
        schedule.working_deadline(hours, now, dt.timedelta(hours=1)),
    ):
        assert moment is not None
        assert moment.tzinfo is dt.UTC


def test_a_moment_without_a_zone_is_refused() -> None:
    naive = dt.datetime(2026, 3, 2, 12)  # noqa: DTZ001
    hours = weekly((MON, "09:00", "18:00"))
    for ask in (schedule.is_open, schedule.next_change, schedule.next_opening):
        with pytest.raises(ValueError, match="time zone"):
            ask(hours, naive)
    with pytest.raises(ValueError, match="time zone"):
        schedule.working_time(hours, at(MON, "12:00"), naive)
    with pytest.raises(ValueError, match="time zone"):
        schedule.working_deadline(hours, naive, dt.timedelta(hours=1))


def test_settings_that_say_the_same_are_worked_out_once() -> None:
    # They are read from the database anew for each message.
    now = at(MON, "12:00")
    assert is_open(weekly(*DAILY, yearly=frozenset({(1, 1), (12, 25)})), now)
    before = schedule._block.cache_info().misses
    assert is_open(weekly(*DAILY, yearly=frozenset({(12, 25), (1, 1)})), now)
    assert schedule._block.cache_info().misses == before
