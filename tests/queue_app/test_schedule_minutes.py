"""Working hours are what a count of every minute says, in every zone and around every change."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from queue_app import schedule
from queue_app.schedule import Exceptional, Hours, Interval
from tests.queue_app.schedule_minutes import (
    DAY,
    Change,
    changes,
    check,
    date_of,
    minute_of,
)

FIRST_YEAR, LAST_YEAR = 2024, 2030
ZONES = [
    "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Kolkata",
    "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia",
]  # fmt: skip
# Zones whose clock changes, and when. Those that have given it up since, and St. John's, changed
# it at midnight, and Apia left out a day.
CHANGING = {
    "Europe/Berlin": (FIRST_YEAR, LAST_YEAR),
    "America/New_York": (FIRST_YEAR, LAST_YEAR),
    "Australia/Lord_Howe": (FIRST_YEAR, LAST_YEAR),
    "Africa/Casablanca": (FIRST_YEAR, LAST_YEAR),
    "America/Sao_Paulo": (2016, 2019),
    "Pacific/Apia": (2010, 2012),
    "America/St_Johns": (2009, 2011),
}
CALENDARS = [("", ""), ("", ""), ("DE", "BY"), ("US", ""), ("BR", "SP"), ("IN", "MH")]
ORDINARY = {
    "open", "closed", "overnight", "holiday", "exceptional opening", "exceptional closing",
}  # fmt: skip
OF_CHANGES = {"forward", "back", "a time in a change forward", "a time in a change back"}


# --- settings ---------------------------------------------------------------------------


def clock(minute: int) -> dt.time:
    return dt.time(minute // 60 % 24, minute % 60)


TIMES = st.one_of(
    st.integers(0, DAY - 1),
    st.integers(0, 16).map(lambda quarter: 15 * quarter),  # the hours in which clocks are changed
    st.sampled_from([0, 9 * 60, 18 * 60]),
).map(clock)


class Asked(Hours):
    """Settings that are kept by who they are, not by what they say: millions of questions."""

    __slots__ = ()
    __hash__ = object.__hash__


@st.composite
def hours_on(
    draw: st.DrawFn, zone: ZoneInfo, days: Sequence[dt.date], edges: Sequence[Change] = ()
) -> Hours:
    """Settings with something of every kind on the days that are looked at.

    There is an interval that crosses midnight, a holiday on a day that has intervals, an opening
    and a closing beside the week; and for the `edges` an interval with an end that the clock skips
    or shows twice.
    """
    weekdays = st.sampled_from([day.weekday() for day in days])
    closes = draw(st.integers(1, DAY - 1))
    intervals = [Interval(draw(weekdays), clock(draw(st.integers(closes, DAY - 1))), clock(closes))]
    for change in edges:
        shown = draw(st.sampled_from(change.odd))
        ends = draw(st.permutations([clock(shown), draw(TIMES)]))
        intervals.append(Interval(date_of(shown).weekday(), *ends))
    intervals += draw(st.lists(st.builds(Interval, weekdays, TIMES, TIMES), max_size=6))
    named = {interval.weekday for interval in intervals}
    holiday = draw(st.sampled_from([day for day in days if day.weekday() in named]))
    rest = [day for day in days if day != holiday]
    opened, closed = draw(st.lists(st.sampled_from(rest), min_size=2, max_size=2, unique=True))
    others = [day for day in rest if day != closed]
    opening = st.builds(Exceptional, st.sampled_from(others), TIMES, TIMES)
    closing = st.builds(Exceptional, st.sampled_from(others), st.none(), st.none())
    yearly = draw(st.frozensets(st.sampled_from(days), max_size=2))
    country, subdivision = draw(st.sampled_from(CALENDARS))
    return Asked(
        zone,
        intervals=tuple(draw(st.permutations(intervals))),
        holidays=frozenset({holiday}),
        yearly=frozenset((day.month, day.day) for day in yearly),
        country=country,
        subdivision=subdivision,
        exceptions=(
            Exceptional(opened, draw(TIMES), draw(TIMES)),
            Exceptional(closed, None, None),
            *draw(st.lists(opening | closing, max_size=4)),
        ),
    )


# --- where to look ----------------------------------------------------------------------

Case = tuple[Hours, list[tuple[int, int]]]  # settings and stretches of (first minute, count)


@st.composite
def around_changes(draw: st.DrawFn, name: str) -> Case:
    """The day before and the day after each change of a zone."""
    zone = ZoneInfo(name)
    found = changes(zone, *CHANGING[name])
    days = [date_of(change.minute + change.before + DAY * n) for change in found for n in (-1, 0)]
    edges = [
        next(change for change in found if change.kind == kind) for kind in ("forward", "back")
    ]
    return draw(hours_on(zone, days, edges)), [(change.minute - DAY, 2 * DAY) for change in found]


@st.composite
def weeks(draw: st.DrawFn, name: str) -> Case:
    """Twenty weeks of those years, wherever they are."""
    first = minute_of(dt.datetime(FIRST_YEAR, 1, 1, tzinfo=dt.UTC))
    last = minute_of(dt.datetime(LAST_YEAR, 12, 25, tzinfo=dt.UTC))
    starts = [
        first + day * DAY
        for day in draw(
            st.lists(st.integers(0, (last - first) // DAY), min_size=20, max_size=20, unique=True)
        )
    ]
    days = [date_of(start + n * DAY) for start in starts for n in range(7)]
    return draw(hours_on(ZoneInfo(name), days)), [(start, 7 * DAY) for start in starts]


@st.composite
def year(draw: st.DrawFn, name: str) -> Case:
    first, end = (minute_of(dt.datetime(year, 1, 1, tzinfo=dt.UTC)) for year in (2028, 2029))
    days = [date_of(minute) for minute in range(first, end, DAY)]
    return draw(hours_on(ZoneInfo(name), days)), [(first, end - first)]


def hold(cases: st.SearchStrategy[Case], *, examples: int, shrink: bool = True) -> Counter[str]:
    """Check some cases minute by minute. Returns the kinds of case that were met."""
    met: Counter[str] = Counter()

    @settings(
        max_examples=examples,
        database=None,
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, seed=st.integers(0, 2**32))
    def each(case: Case, seed: int) -> None:
        hours, stretches = case
        for first, count in stretches:
            met.update(check(hours, first, count, seed))

    each()
    return met


# --- the properties ---------------------------------------------------------------------


@pytest.fixture
def _nothing_kept() -> Iterator[None]:
    schedule._block.cache_clear()
    yield
    schedule._block.cache_clear()


@pytest.mark.parametrize("name", CHANGING)
def test_hours_are_right_on_the_days_around_every_change_of_the_clock(name: str) -> None:
    met = hold(around_changes(name), examples=8)
    assert set(met) >= ORDINARY | OF_CHANGES, met


@pytest.mark.usefixtures("_nothing_kept")
@pytest.mark.parametrize("name", ["America/St_Johns", "Pacific/Apia"])
def test_hours_are_right_wherever_the_dates_that_are_kept_together_end(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "BLOCK_DAYS", 1)
    assert set(hold(around_changes(name), examples=8)) >= OF_CHANGES


@pytest.mark.parametrize("name", ZONES)
def test_hours_are_right_in_weeks_at_random(name: str) -> None:
    met = hold(weeks(name), examples=3)
    assert set(met) >= ORDINARY, met


@pytest.mark.slow
@pytest.mark.parametrize("name", ZONES)
def test_hours_are_right_in_every_minute_of_a_year(name: str) -> None:
    met = hold(year(name), examples=5)
    assert set(met) >= ORDINARY, met
    changing = bool(changes(ZoneInfo(name), 2028, 2028))
    assert set(met) - ORDINARY >= ({"forward", "back"} if changing else set()), met


def test_no_change_of_the_clock_is_left_out() -> None:
    there = {name: len(changes(ZoneInfo(name), FIRST_YEAR, LAST_YEAR)) for name in ZONES}
    assert {name for name, count in there.items() if count} == {
        name for name in ZONES if CHANGING.get(name) == (FIRST_YEAR, LAST_YEAR)
    }
    assert all(count >= 2 * 6 for count in there.values() if count), there


# --- the properties notice --------------------------------------------------------------


def by_the_wall(zone: ZoneInfo, wall: dt.datetime) -> dt.datetime:
    """Midnight, and from there as many hours as the clock says."""
    midnight = wall.replace(hour=0, minute=0)
    return midnight.replace(tzinfo=zone).astimezone(dt.UTC) + (wall - midnight)


def with_the_offset_before(zone: ZoneInfo, wall: dt.datetime) -> dt.datetime:
    return wall.replace(tzinfo=zone, fold=0).astimezone(dt.UTC)


def at_the_last_showing(zone: ZoneInfo, wall: dt.datetime) -> dt.datetime:
    return max(INSTANT(zone, wall), wall.replace(tzinfo=zone, fold=1).astimezone(dt.UTC))


def without_a_tail(hours: Hours, day: dt.date) -> Iterator[schedule.Span]:
    midnight = INSTANT(hours.zone, dt.datetime.combine(day + schedule.DAY, dt.time()))
    for start, end in DAY_SPANS(hours, day):
        if start < midnight:
            yield start, min(end, midnight)


def without_a_tail_on_holidays(hours: Hours, day: dt.date) -> Iterator[schedule.Span]:
    cut = schedule._is_holiday(hours, day + schedule.DAY)
    return (without_a_tail if cut else DAY_SPANS)(hours, day)


def with_holidays_open(hours: Hours, day: dt.date) -> bool:
    return False


def with_the_week_beside_exceptions(hours: Hours, day: dt.date) -> list[tuple[dt.time, dt.time]]:
    week = [(i.opens, i.closes) for i in hours.intervals if i.weekday == day.weekday()]
    return DAY_TIMES(hours, day) + week


def each_by_itself(spans: Iterator[schedule.Span]) -> Iterator[schedule.Span]:
    return spans


INSTANT, DAY_SPANS, DAY_TIMES = schedule._instant, schedule._day_spans, schedule._day_times


@pytest.mark.usefixtures("_nothing_kept")
@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("_instant", by_the_wall),
        ("_instant", with_the_offset_before),
        ("_instant", at_the_last_showing),
        ("_day_spans", without_a_tail),
        ("_day_spans", without_a_tail_on_holidays),
        ("_is_holiday", with_holidays_open),
        ("_day_times", with_the_week_beside_exceptions),
        ("_merged", each_by_itself),
    ],
)
def test_a_planted_fault_is_found(
    name: str, fault: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, name, fault)
    with pytest.raises(AssertionError):
        hold(around_changes("Europe/Berlin"), examples=30, shrink=False)
