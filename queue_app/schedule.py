"""A line's working hours: whether it is open, when that changes, how much working time passes.

Pure rules: settings and instants in, instants out. Instants are aware, in any zone, and come back
in UTC; a naive one is a `ValueError`. All arithmetic is done in UTC.

**From the clock on the wall to an instant.** An interval begins, and ends, at the first instant at
which the clock of the line's zone shows that time or a later one (`_instant`). It is one rule for
openings and closings, and all the rest follows from it:

- a time that the clock skips is the first instant after the gap;
- a time that the clock shows twice is its first showing, also for a closing: who closes at 2:30
  does not open again when the clock is put back to 2:00;
- two intervals that meet on the clock meet in time, so that a line that is open all day is open
  all of a day of 23 or 25 hours, and of one that its zone left out.

**Which intervals a day has.** Those that begin on it: its exceptional openings if it has any
exception, else none on a holiday, else those of its weekday. An interval that ends on the next day
runs to its end, whatever that day is. Intervals that meet or overlap are one.

**Horizon.** Questions about the future look `HORIZON` ahead: a year, and some weeks for what
returns on a movable date.
"""

from __future__ import annotations

import datetime as dt
import logging
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from zoneinfo import ZoneInfo

from openlines_project.lib.calendars import UnknownCalendarError, country_holidays

logger = logging.getLogger(__name__)

HORIZON = dt.timedelta(days=400)
NEVER = "never"  # the closed period that has no end within the horizon
DAY = dt.timedelta(days=1)
SECOND = dt.timedelta(seconds=1)
BLOCK_DAYS = 32  # the dates that are computed and kept together

Span = tuple[dt.datetime, dt.datetime]  # open from the first instant until before the second


@dataclass(frozen=True, slots=True)
class Interval:
    """Open every week on `weekday` (0 = Monday) between two times of the line's zone.

    `closes` no later than `opens` is a time of the next day; the same time is 24 hours on the
    clock. Raises `ValueError` for a weekday that there is not.
    """

    weekday: int
    opens: dt.time
    closes: dt.time

    def __post_init__(self) -> None:
        if not 0 <= self.weekday <= 6:
            raise ValueError(f"no such weekday: {self.weekday}")


@dataclass(frozen=True, slots=True)
class Exceptional:
    """What one date has instead of its weekday's intervals and whether it is a holiday or not.

    A date may have several openings. Without times it is closed, if it has no opening beside.
    Raises `ValueError` for one time without the other.
    """

    date: dt.date
    opens: dt.time | None
    closes: dt.time | None

    def __post_init__(self) -> None:
        if (self.opens is None) != (self.closes is None):
            raise ValueError("an exceptional opening has both times, a closing has none")


@dataclass(frozen=True, slots=True)
class Hours:
    """The working hours of a line that has them. Without intervals it is always closed.

    `holidays` are single dates, `yearly` are (month, day), 29 February in leap years only.
    `country` and `subdivision` are codes of `calendar_countries`.
    """

    zone: ZoneInfo
    intervals: tuple[Interval, ...] = ()
    holidays: frozenset[dt.date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()
    country: str = ""
    subdivision: str = ""
    exceptions: tuple[Exceptional, ...] = ()


# --- questions --------------------------------------------------------------------------


def is_open(hours: Hours, now: dt.datetime) -> bool:
    """Whether `now` lies in the working hours. An opening belongs to them, a closing does not."""
    now = _utc(now)
    day = now.astimezone(hours.zone).toordinal()
    # Yesterday's may run on; tomorrow's have begun where midnight was shown and taken back.
    for number in range((day - 1) // BLOCK_DAYS, (day + 1) // BLOCK_DAYS + 1):
        spans = _block(hours, number)
        begun = bisect_right(spans, now, key=itemgetter(0))
        if begun and now < spans[begun - 1][1]:
            return True
    return False


def next_change(hours: Hours, now: dt.datetime) -> dt.datetime | None:
    """The first moment after `now` at which `is_open` changes, None without one in `HORIZON`."""
    now = _utc(now)
    limit = now + HORIZON
    for opens, closes in _spans(hours, now, limit):
        change = opens if opens > now else closes
        return change if change <= limit else None
    return None


def next_opening(hours: Hours, now: dt.datetime) -> dt.datetime | None:
    """The first moment after `now` at which it turns open, None without one in `HORIZON`.

    While it is open, that is the opening after the next closing.
    """
    now = _utc(now)
    limit = now + HORIZON
    for opens, _closes in _spans(hours, now, limit):
        if opens > now:
            return opens if opens <= limit else None
    return None


def working_time(hours: Hours, start: dt.datetime, end: dt.datetime) -> dt.timedelta:
    """The open time between two instants; zero when the end is not after the start."""
    start, end = _utc(start), _utc(end)
    total = dt.timedelta()
    if start >= end:
        return total
    for opens, closes in _spans(hours, start, end):
        if opens >= end:
            break
        total += min(closes, end) - max(opens, start)
    return total


def working_deadline(hours: Hours, start: dt.datetime, length: dt.timedelta) -> dt.datetime | None:
    """The first instant at which `length` of working time has passed since `start`.

    It may be a closing time. A length that is not positive has passed at `start`. None when it
    does not come within `HORIZON` of `start`.
    """
    start = _utc(start)
    if length <= dt.timedelta():
        return start
    limit = start + HORIZON
    for opens, closes in _spans(hours, start, limit):
        begun = max(opens, start)
        if length <= closes - begun:
            deadline = begun + length
            return deadline if deadline <= limit else None
        length -= closes - begun
    return None


def closed_period(hours: Hours, now: dt.datetime) -> str:
    """The key of the closed period of `now`, at most 32 characters; empty while it is open.

    It is the end of the period, in ISO 8601 or `NEVER`: the same as long as a text that names the
    next opening would say the same.
    """
    if is_open(hours, now):
        return ""
    opening = next_opening(hours, now)
    return opening.isoformat() if opening else NEVER


# --- from the settings to spans of time ---------------------------------------------------


@lru_cache(maxsize=512)
def _country_dates(country: str, subdivision: str, year: int) -> frozenset[dt.date]:
    try:
        named = country_holidays(country, subdivision, year, "")
    except UnknownCalendarError as error:
        # Another version of the package may know fewer: no reason to answer nobody.
        logger.warning("%s: no holidays from it", error)
        return frozenset()
    return frozenset(day for day, _name in named)


# --- from the settings to spans of time ---------------------------------------------------


def _utc(moment: dt.datetime) -> dt.datetime:
    """The same instant in UTC: two times of one zone are compared and subtracted by the wall."""
    if moment.tzinfo is None:
        raise ValueError("an instant has a time zone")
    return moment.astimezone(dt.UTC)


def _instant(zone: ZoneInfo, wall: dt.datetime) -> dt.datetime:
    """The first instant at which the clock of `zone` shows `wall`, naive, or a later time.

    PEP 495: of a time shown twice fold 0 is the first; one that is skipped has the offset before
    the gap with fold 0 and the one after it with fold 1, which makes two instants around the gap.
    """

    def shown(moment: dt.datetime) -> dt.datetime:
        return moment.astimezone(zone).replace(tzinfo=None)

    late = wall.replace(tzinfo=zone, fold=0).astimezone(dt.UTC)
    if shown(late) == wall:
        return late
    early = wall.replace(tzinfo=zone, fold=1).astimezone(dt.UTC)
    seconds = range((late - early) // SECOND)
    return early + SECOND * bisect_left(
        seconds, wall, key=lambda second: shown(early + SECOND * second)
    )


def _is_holiday(hours: Hours, day: dt.date) -> bool:
    if day in hours.holidays or (day.month, day.day) in hours.yearly:
        return True
    if not hours.country:
        return False
    return day in _country_dates(hours.country, hours.subdivision, day.year)


def _day_times(hours: Hours, day: dt.date) -> list[tuple[dt.time, dt.time]]:
    """The openings and closings of the intervals that begin on a date."""
    special = [exception for exception in hours.exceptions if exception.date == day]
    if special:
        return [
            (exception.opens, exception.closes)
            for exception in special
            if exception.opens is not None and exception.closes is not None
        ]
    if _is_holiday(hours, day):
        return []
    weekday = day.weekday()
    return [
        (interval.opens, interval.closes)
        for interval in hours.intervals
        if interval.weekday == weekday
    ]


def _day_spans(hours: Hours, day: dt.date) -> Iterator[Span]:
    for opens, closes in _day_times(hours, day):
        last_day = day if closes > opens else day + DAY
        start = _instant(hours.zone, dt.datetime.combine(day, opens))
        end = _instant(hours.zone, dt.datetime.combine(last_day, closes))
        if start < end:  # else the clock skipped all of it
            yield start, end


def _merged(spans: Iterator[Span]) -> Iterator[Span]:
    """One span for those that meet or overlap; they come, and go, in the order of beginning."""
    current: Span | None = None
    for span in spans:
        if current is None:
            current = span
        elif span[0] <= current[1]:
            current = (current[0], max(current[1], span[1]))
        else:
            yield current
            current = span
    if current is not None:
        yield current


@lru_cache(maxsize=1024)
def _block(hours: Hours, number: int) -> tuple[Span, ...]:
    """The spans that begin on the dates of a block, merged, in order.

    Blocks follow each other: a later date has no earlier beginning, because the first showing of
    a later time is no earlier.
    """
    dates = (dt.date.fromordinal(number * BLOCK_DAYS + offset) for offset in range(BLOCK_DAYS))
    return tuple(_merged(iter(sorted(span for day in dates for span in _day_spans(hours, day)))))


def _spans(hours: Hours, since: dt.datetime, until: dt.datetime) -> Iterator[Span]:
    """The spans that end after `since` and begin by `until`, merged, in order; some later ones.

    Beginnings before `since` and ends after `until` are not to be relied on: what they are merged
    with was not looked at.
    """
    first = (since.astimezone(hours.zone).toordinal() - 1) // BLOCK_DAYS
    last = (until.astimezone(hours.zone).toordinal() + 1) // BLOCK_DAYS
    return _merged(
        span
        for number in range(first, last + 1)
        for span in _block(hours, number)
        if span[1] > since
    )
