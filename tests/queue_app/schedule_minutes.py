"""Working hours minute by minute, from the words of their rules: slow, and plainly right.

Nothing here comes from `queue_app.schedule` but the settings. Time is counted in minutes since
1970; what a line's clock shows is counted in the same way.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate, pairwise
from random import Random
from zoneinfo import ZoneInfo

import holidays

from queue_app import schedule
from queue_app.schedule import Exceptional, Hours

MINUTE = dt.timedelta(minutes=1)
DAY = 24 * 60
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def instant(minute: int) -> dt.datetime:
    return EPOCH + minute * MINUTE


def minute_of(moment: dt.datetime) -> int:
    return (moment - EPOCH) // MINUTE


def date_of(shown: int) -> dt.date:
    """The date of a clock that shows `shown`."""
    return (EPOCH + shown * MINUTE).date()


# --- the clock --------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """The clock is put from `minute + before` to `minute + after` at a minute."""

    minute: int
    before: int
    after: int

    @property
    def odd(self) -> range:
        """What the clock skips, or shows twice."""
        ends = sorted((self.before, self.after))
        return range(self.minute + ends[0], self.minute + ends[1])

    @property
    def kind(self) -> str:
        return "forward" if self.after > self.before else "back"


def offset(zone: ZoneInfo, minute: int) -> int:
    shift = dt.datetime.fromtimestamp(60 * minute, zone).utcoffset()
    assert shift is not None
    return shift // MINUTE


@cache
def changes(zone: ZoneInfo, first_year: int, last_year: int) -> tuple[Change, ...]:
    """Every change of the offset in some years."""
    first = minute_of(dt.datetime(first_year, 1, 1, tzinfo=dt.UTC))
    last = minute_of(dt.datetime(last_year + 1, 1, 1, tzinfo=dt.UTC))
    found = []
    for hour in range(first, last, 60):
        if offset(zone, hour) != offset(zone, hour + 60):
            minute = next(
                m for m in range(hour, hour + 61) if offset(zone, m) != offset(zone, hour)
            )
            found.append(Change(minute, offset(zone, hour), offset(zone, hour + 60)))
    return tuple(found)


def readings(zone: ZoneInfo, first: int, count: int) -> Iterator[int]:
    """What the clock shows, minute by minute; an offset is looked up twice an hour if it stays."""
    for hour in range(first, first + count, 60):
        minutes = range(hour, min(hour + 60, first + count))
        shift = offset(zone, minutes[0])
        if shift == offset(zone, minutes[-1]):
            yield from range(minutes[0] + shift, minutes[-1] + shift + 1)
        else:
            yield from (minute + offset(zone, minute) for minute in minutes)


@lru_cache(maxsize=64)
def latest(zone: ZoneInfo, first: int, count: int) -> list[int]:
    """The latest that the clock has shown by each minute: what was shown once does not come back.

    It begins some days earlier, with what the clock may have shown before it was put back.
    """
    run_up = 2 * DAY
    shown = accumulate(readings(zone, first - run_up, count + run_up), max)
    return list(shown)[run_up:]


# --- the settings -----------------------------------------------------------------------


def of_day(time: dt.time) -> int:
    return 60 * time.hour + time.minute


@cache
def calendar(country: str, subdivision: str) -> holidays.HolidayBase:
    return holidays.country_holidays(country, subdiv=subdivision or None, years=range(2008, 2032))


def is_holiday(hours: Hours, day: dt.date) -> bool:
    return (
        day in hours.holidays
        or any(day.month == month and day.day == number for month, number in hours.yearly)
        or (hours.country != "" and day in calendar(hours.country, hours.subdivision))
    )


def exceptions_on(hours: Hours, day: dt.date) -> list[Exceptional]:
    return [exception for exception in hours.exceptions if exception.date == day]


def begun_on(hours: Hours, day: dt.date) -> list[tuple[int, int]]:
    """The intervals of a date, in minutes of the day; no later end than beginning: the next."""
    if there := exceptions_on(hours, day):
        return [
            (of_day(exception.opens), of_day(exception.closes))
            for exception in there
            if exception.opens is not None and exception.closes is not None
        ]
    if is_holiday(hours, day):
        return []
    return [
        (of_day(interval.opens), of_day(interval.closes))
        for interval in hours.intervals
        if interval.weekday == day.weekday()
    ]


def day_minutes(hours: Hours, day: dt.date) -> bytes:
    """Which times of a date are open: what begins on it, and what runs on from the day before."""
    minutes = bytearray(DAY)
    for opens, closes in begun_on(hours, day):
        for time in range(opens, closes if closes > opens else DAY):
            minutes[time] = 1
    for opens, closes in begun_on(hours, day - dt.timedelta(days=1)):
        for time in range(closes if closes <= opens else 0):
            minutes[time] = 1
    return bytes(minutes)


def open_minutes(hours: Hours, first: int, count: int) -> bytes:
    """1 for an open minute, 0 for a closed one."""
    clock = latest(hours.zone, first, count)
    days = range(clock[0] // DAY, clock[-1] // DAY + 1)
    shown = b"".join(day_minutes(hours, date_of(day * DAY)) for day in days)
    return bytes(shown[minute - days[0] * DAY] for minute in clock)


# --- what a stretch of time is good for ---------------------------------------------------


def kinds(hours: Hours, first: int, minutes: bytes) -> set[str]:
    """The kinds of case that are met in a stretch."""
    met = {"open"} if 1 in minutes else set()
    met |= {"closed"} if 0 in minutes else set()
    clock = latest(hours.zone, first, len(minutes))
    days = [date_of(day * DAY) for day in range(clock[0] // DAY, clock[-1] // DAY + 1)]
    weekdays = {interval.weekday for interval in hours.intervals}
    for day in days:
        own = begun_on(hours, day)
        if day != days[-1] and any(0 < closes <= opens for opens, closes in own):
            met.add("overnight")
        there = exceptions_on(hours, day)
        met |= {"exceptional opening" if own else "exceptional closing"} if there else set()
        if not there and day.weekday() in weekdays and is_holiday(hours, day):
            met.add("holiday")
    shifts = list(readings(hours.zone, first, len(minutes)))
    for index, (before, after) in enumerate(pairwise(shifts)):
        if after - before != 1:
            change = Change(first + index + 1, before - first - index, after - first - index - 1)
            met.add(change.kind)
            if any(_edges(hours, day) & set(change.odd) for day in days):
                met.add(f"a time in a change {change.kind}")
    return met


def _edges(hours: Hours, day: dt.date) -> set[int]:
    midnight = (day - EPOCH.date()).days * DAY
    return {
        midnight + time
        for opens, closes in begun_on(hours, day)
        for time in (opens, closes if closes > opens else closes + DAY)
    }


# --- the module against it --------------------------------------------------------------


def check(hours: Hours, first: int, count: int, seed: int) -> Counter[str]:
    """Ask `queue_app.schedule` about every minute of a stretch, and how long and how far from some.

    Returns the kinds of case that were met.
    """
    random = Random(seed)
    minutes = open_minutes(hours, first, count)
    within = dt.timedelta(seconds=random.choice([0, 0, 1, 59.999999]))
    answers = bytes(schedule.is_open(hours, instant(first + i) + within) for i in range(count))
    assert answers == minutes, f"at {instant(first + _difference(answers, minutes))}"
    turns = [i for i in range(1, count) if minutes[i] != minutes[i - 1]]
    picks = {0, *turns[:40], *(i - 1 for i in turns[:40])}
    picks |= {random.randrange(count) for _ in range(20)}
    for index in sorted(picks):
        _check_following(hours, first, minutes, index, within)
    opened = [i for i, minute in enumerate(minutes) if minute]
    for _ in range(20):
        start, end = sorted(random.choices(range(count + 1), k=2))
        worked = minutes.count(1, start, end)
        passed = schedule.working_time(hours, instant(first + start), instant(first + end))
        assert passed == worked * MINUTE
        _check_deadline(hours, first, minutes, opened, start, random.randint(0, 2 * DAY))
    return Counter(kinds(hours, first, minutes))


def _difference(answers: bytes, minutes: bytes) -> int:
    return next(i for i, pair in enumerate(zip(answers, minutes, strict=True)) if len({*pair}) > 1)


def _check_following(
    hours: Hours, first: int, minutes: bytes, index: int, within: dt.timedelta
) -> None:
    now = instant(first + index) + within
    end = instant(first + len(minutes))
    turn = minutes.find(1 - minutes[index], index + 1)
    opening = turn if not minutes[index] else minutes.find(b"\0\1", index) + 1 or -1
    for found, expected in (
        (schedule.next_change(hours, now), turn),
        (schedule.next_opening(hours, now), opening),
    ):
        assert found is None or found > now
        if expected == -1:
            assert found is None or found >= end
        else:
            assert found == instant(first + expected)
    if minutes[index]:
        assert schedule.closed_period(hours, now) == ""
    elif turn != -1:
        assert schedule.closed_period(hours, now) == instant(first + turn).isoformat()


def _check_deadline(
    hours: Hours, first: int, minutes: bytes, opened: list[int], start: int, length: int
) -> None:
    """The end of the minute that makes the length full."""
    deadline = schedule.working_deadline(hours, instant(first + start), length * MINUTE)
    passed = minutes.count(1, 0, start)
    if length == 0:
        assert deadline == instant(first + start)
    elif passed + length <= len(opened):
        assert deadline == instant(first + opened[passed + length - 1] + 1)
    else:
        assert deadline is None or deadline > instant(first + len(minutes))
