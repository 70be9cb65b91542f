"""Working hours where the clock is put forward, put back, or leaves out a day."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from queue_app import schedule
from queue_app.schedule import Hours, Interval, is_open, next_change, working_deadline, working_time

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


def hours_in(zone: str, opens: str, closes: str, days: range = range(7)) -> Hours:
    """The same interval on several days."""
    times = dt.time.fromisoformat(opens), dt.time.fromisoformat(closes)
    return Hours(ZoneInfo(zone), tuple(Interval(day, *times) for day in days))


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def opening(hours: Hours, after: str) -> tuple[str, str]:
    """The first opening after a moment, and its closing, in UTC."""
    opens = next_change(hours, utc(after))
    assert opens is not None
    assert is_open(hours, opens)
    closes = next_change(hours, opens)
    assert closes is not None
    return f"{opens:%m-%d %H:%M}", f"{closes:%m-%d %H:%M}"


# --- Berlin: at 1:00 UTC from 2:00 to 3:00 on 29 March, from 3:00 to 2:00 on 25 October 2026


def test_an_opening_that_the_clock_skips_is_the_first_moment_after_the_gap() -> None:
    hours = hours_in("Europe/Berlin", "02:30", "05:00")
    assert opening(hours, "2026-03-28T12:00") == ("03-29 01:00", "03-29 03:00")
    assert opening(hours, "2026-03-29T12:00") == ("03-30 00:30", "03-30 03:00")


def test_a_closing_that_the_clock_skips_is_the_first_moment_after_the_gap() -> None:
    hours = hours_in("Europe/Berlin", "22:00", "02:30")
    assert opening(hours, "2026-03-28T12:00") == ("03-28 21:00", "03-29 01:00")


def test_an_interval_that_the_clock_skips_whole_does_not_take_place() -> None:
    hours = hours_in("Europe/Berlin", "02:10", "02:50")
    assert opening(hours, "2026-03-28T12:00") == ("03-30 00:10", "03-30 00:50")


def test_an_opening_that_the_clock_shows_twice_is_the_first() -> None:
    hours = hours_in("Europe/Berlin", "02:30", "05:00")
    assert opening(hours, "2026-10-24T12:00") == ("10-25 00:30", "10-25 04:00")


def test_a_closing_that_the_clock_shows_twice_is_the_first() -> None:
    hours = hours_in("Europe/Berlin", "22:00", "02:30")
    assert opening(hours, "2026-10-24T12:00") == ("10-24 20:00", "10-25 00:30")
    # The clock shows 2:15 again.
    assert not is_open(hours, utc("2026-10-25T01:15"))


def test_an_interval_that_the_clock_shows_twice_takes_place_once() -> None:
    hours = hours_in("Europe/Berlin", "02:10", "02:50")
    assert opening(hours, "2026-10-24T12:00") == ("10-25 00:10", "10-25 00:50")
    assert opening(hours, "2026-10-25T00:50") == ("10-26 01:10", "10-26 01:50")


@pytest.mark.parametrize(
    ("begin", "length"),
    [("2026-03-28T23:00", 23), ("2026-10-24T22:00", 25), ("2026-06-30T22:00", 24)],
)
def test_a_whole_day_is_as_long_as_the_zone_makes_it(begin: str, length: int) -> None:
    sunday_or_wednesday = utc(begin).astimezone(ZoneInfo("Europe/Berlin")).weekday()
    hours = hours_in(
        "Europe/Berlin", "00:00", "00:00", range(sunday_or_wednesday, sunday_or_wednesday + 1)
    )
    start = utc(begin)
    assert next_change(hours, start - HOUR) == start
    assert next_change(hours, start) == start + length * HOUR
    assert working_time(hours, start - DAY, start + 2 * DAY) == length * HOUR


@pytest.mark.parametrize("clock", ["00:00", "02:00", "02:30", "03:00", "12:00"])
@pytest.mark.parametrize(
    "zone",
    [
        "Europe/Berlin",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "America/Sao_Paulo",
        "America/St_Johns",
        "Pacific/Apia",
    ],
)
def test_whole_days_in_a_row_have_no_hole_and_nothing_twice(zone: str, clock: str) -> None:
    hours = hours_in(zone, clock, clock)
    for year in (2010, 2011, 2018, 2026):
        start = utc(f"{year}-01-02T00:00")
        assert next_change(hours, start) is None
        assert working_time(hours, start, start + 365 * DAY) == 365 * DAY


def test_working_time_through_a_change_is_the_time_that_passes() -> None:
    hours = hours_in("Europe/Berlin", "01:00", "04:00")
    assert working_time(hours, utc("2026-03-28T12:00"), utc("2026-03-29T12:00")) == 2 * HOUR
    assert working_time(hours, utc("2026-10-24T12:00"), utc("2026-10-25T12:00")) == 4 * HOUR
    # 1:30 and an hour: 3:30 in spring, when 2:30 does not exist, and the first 2:30 in autumn.
    for start, end in (
        ("2026-03-29T00:30", "2026-03-29T01:30"),
        ("2026-10-24T23:30", "2026-10-25T00:30"),
    ):
        assert working_deadline(hours, utc(start), HOUR) == utc(end)


def test_both_showings_of_a_time_are_told_apart() -> None:
    hours = hours_in("Europe/Berlin", "00:00", "02:30")
    zone = ZoneInfo("Europe/Berlin")
    first = dt.datetime(2026, 10, 25, 2, 15, tzinfo=zone)
    assert is_open(hours, first)
    assert not is_open(hours, first.replace(fold=1))
    always = hours_in("Europe/Berlin", "00:00", "00:00")
    assert working_time(always, first, first.replace(fold=1)) == HOUR


# --- other zones ------------------------------------------------------------------------


def test_lord_howe_changes_by_half_an_hour() -> None:
    hours = hours_in("Australia/Lord_Howe", "01:45", "02:15")
    # From 2:00 back to 1:30, at 15:00 UTC on 4 April 2026: 1:45 is shown at 14:45 and at 15:15.
    assert opening(hours, "2026-04-04T12:00") == ("04-04 14:45", "04-04 15:45")
    # From 2:00 forward to 2:30, at 15:30 UTC on 3 October 2026.
    assert opening(hours, "2026-10-03T12:00") == ("10-03 15:15", "10-03 15:30")


def test_casablanca_puts_the_clock_back_for_ramadan() -> None:
    hours = hours_in("Africa/Casablanca", "09:00", "16:00")
    assert opening(hours, "2025-02-22T00:00") == ("02-22 08:00", "02-22 15:00")
    # From 3:00 to 2:00 on 23 February and from 2:00 to 3:00 on 6 April 2025.
    assert opening(hours, "2025-02-23T00:00") == ("02-23 09:00", "02-23 16:00")
    assert opening(hours, "2025-04-05T00:00") == ("04-05 09:00", "04-05 16:00")
    assert opening(hours, "2025-04-06T00:00") == ("04-06 08:00", "04-06 15:00")
    early = hours_in("Africa/Casablanca", "02:30", "06:00")
    assert opening(early, "2025-02-22T12:00") == ("02-23 01:30", "02-23 06:00")
    assert opening(early, "2025-04-05T12:00") == ("04-06 02:00", "04-06 05:00")


def test_sao_paulo_skipped_midnight() -> None:
    # From 0:00 to 1:00 on 4 November 2018, a Sunday, at 3:00 UTC.
    days = hours_in("America/Sao_Paulo", "00:00", "08:00")
    assert opening(days, "2018-11-03T18:00") == ("11-04 03:00", "11-04 10:00")
    nights = hours_in("America/Sao_Paulo", "20:00", "00:00")
    assert opening(nights, "2018-11-03T18:00") == ("11-03 23:00", "11-04 03:00")


@pytest.mark.parametrize("block", [1, 32])
def test_st_johns_showed_midnight_and_took_it_back(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "BLOCK_DAYS", block)
    monkeypatch.setattr(schedule, "_block", schedule._block.__wrapped__)
    # From 0:01 on Sunday to 23:01 on Saturday, 7 November 2010, at 2:31 UTC.
    hours = hours_in("America/St_Johns", "00:00", "08:00", range(6, 7))
    assert opening(hours, "2010-11-06T12:00") == ("11-07 02:30", "11-07 11:30")
    assert is_open(hours, utc("2010-11-07T03:00"))  # 23:30 on Saturday again


def test_apia_had_no_30_december_2011() -> None:
    # After the 29th, a Thursday, came the 31st, at 10:00 UTC.
    friday = range(4, 5)
    days = hours_in("Pacific/Apia", "09:00", "17:00", friday)
    assert opening(days, "2011-12-29T00:00") == ("01-05 19:00", "01-06 03:00")
    thursday_night = hours_in("Pacific/Apia", "20:00", "06:00", range(3, 4))
    assert opening(thursday_night, "2011-12-29T12:00") == ("12-30 06:00", "12-30 10:00")
    # The night of the day that there was not: what it has on the 31st.
    friday_night = hours_in("Pacific/Apia", "20:00", "06:00", friday)
    assert opening(friday_night, "2011-12-29T12:00") == ("12-30 10:00", "12-30 16:00")
