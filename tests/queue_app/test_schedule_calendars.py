"""The holidays of countries: which there are, what they are called, and that lines keep them."""

from __future__ import annotations

import datetime as dt
import logging
import subprocess
import sys
from zoneinfo import ZoneInfo

import pytest

from openlines_project.lib.calendars import (
    UnknownCalendarError,
    calendar_countries,
    country_holidays,
)
from queue_app import schedule
from queue_app.schedule import Exceptional, Hours, Interval, is_open

DAILY = tuple(Interval(day, dt.time(9), dt.time(18)) for day in range(7))


def noon(year: int, month: int, day: int) -> dt.datetime:
    return dt.datetime(year, month, day, 12, tzinfo=dt.UTC)


def hours_of(country: str, subdivision: str = "", *exceptions: Exceptional) -> Hours:
    return Hours(
        ZoneInfo("UTC"), DAILY, country=country, subdivision=subdivision, exceptions=exceptions
    )


# --- lines ------------------------------------------------------------------------------


def test_a_line_keeps_its_countrys_holidays_every_year() -> None:
    hours = hours_of("BR")
    for year in (2024, 2026, 2030):
        assert not is_open(hours, noon(year, 9, 7))
        assert is_open(hours, noon(year, 9, 8))
    # Good Friday moves.
    assert not is_open(hours, noon(2026, 4, 3))
    assert is_open(hours, noon(2027, 4, 3))
    assert not is_open(hours, noon(2027, 3, 26))


def test_a_subdivision_adds_its_own() -> None:
    epiphany = noon(2026, 1, 6)
    assert is_open(hours_of("DE"), epiphany)
    assert is_open(hours_of("DE", "BE"), epiphany)
    assert not is_open(hours_of("DE", "BY"), epiphany)


def test_the_day_on_which_a_holiday_is_made_up_for_is_one() -> None:
    # 4 July 2027 is a Sunday.
    assert not is_open(hours_of("US"), noon(2027, 7, 5))
    assert is_open(hours_of("US"), noon(2027, 7, 6))


def test_new_year_made_up_for_in_the_old_year_is_found_there() -> None:
    # 1 January 2028 is a Saturday.
    assert not is_open(hours_of("US"), noon(2027, 12, 31))


def test_without_a_country_there_are_none() -> None:
    assert is_open(hours_of(""), noon(2026, 12, 25))


def test_an_exceptional_opening_counts_on_a_countrys_holiday() -> None:
    christmas = Exceptional(dt.date(2026, 12, 25), dt.time(11), dt.time(14))
    assert is_open(hours_of("DE", "", christmas), noon(2026, 12, 25))
    assert not is_open(hours_of("DE", "", christmas), noon(2027, 12, 25))


@pytest.mark.parametrize(("country", "subdivision"), [("XX", ""), ("DE", "Atlantis")])
def test_a_calendar_that_is_gone_closes_nothing_and_is_logged(
    country: str, subdivision: str, caplog: pytest.LogCaptureFixture
) -> None:
    schedule._block.cache_clear()
    schedule._country_dates.cache_clear()
    with caplog.at_level(logging.WARNING, logger="queue_app.schedule"):
        assert is_open(hours_of(country, subdivision), noon(2026, 12, 25))
    assert f"no calendar of '{country}' '{subdivision}'" in caplog.text


# --- the list ---------------------------------------------------------------------------


def test_the_holidays_of_a_year_are_listed_in_their_order() -> None:
    assert country_holidays("BR", "SP", 2026, "en") == [
        (dt.date(2026, 1, 1), "Universal Fraternization Day"),
        (dt.date(2026, 4, 3), "Good Friday"),
        (dt.date(2026, 4, 21), "Tiradentes' Day"),
        (dt.date(2026, 5, 1), "Worker's Day"),
        (dt.date(2026, 7, 9), "Constitutionalist Revolution"),
        (dt.date(2026, 9, 7), "Independence Day"),
        (dt.date(2026, 10, 12), "Our Lady of Aparecida"),
        (dt.date(2026, 11, 2), "All Souls' Day"),
        (dt.date(2026, 11, 15), "Republic Proclamation Day"),
        (dt.date(2026, 11, 20), "National Day of Zumbi and Black Awareness"),
        (dt.date(2026, 12, 25), "Christmas Day"),
    ]
    assert dt.date(2026, 7, 9) not in dict(country_holidays("BR", "", 2026, "en"))


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("pt-br", "Confraternização Universal"),
        ("pt_BR", "Confraternização Universal"),
        ("pt", "Confraternização Universal"),
        ("uk", "День всесвітнього братання"),
        ("en", "Universal Fraternization Day"),
        ("en-gb", "Universal Fraternization Day"),
        ("de", "Universal Fraternization Day"),  # there is none in German
        ("", "Universal Fraternization Day"),
    ],
)
def test_the_names_are_in_the_nearest_language(
    language: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGUAGE", "th")
    assert country_holidays("BR", "", 2026, language)[0] == (dt.date(2026, 1, 1), name)


@pytest.mark.parametrize(
    ("country", "subdivision"),
    [("XX", ""), ("DE", "XX"), ("", ""), ("de", ""), ("version", ""), ("DEU", "")],
)
def test_an_unknown_calendar_is_an_error(country: str, subdivision: str) -> None:
    with pytest.raises(UnknownCalendarError, match=f"no calendar of '{country}' '{subdivision}'"):
        country_holidays(country, subdivision, 2026, "en")


def test_countries_are_listed_by_their_two_letters_with_their_subdivisions() -> None:
    countries = calendar_countries()
    assert len(countries) > 200
    assert list(countries) == sorted(countries)
    assert all(len(code) == 2 and code.isupper() for code in countries)
    assert countries["PT"] == sorted(countries["PT"])
    assert {"RJ", "SP"} <= set(countries["BR"])
    assert countries["VA"] == []
    countries["BR"].clear()
    assert calendar_countries()["BR"]


def test_the_package_of_calendars_is_loaded_when_it_is_needed() -> None:
    code = "import sys, queue_app.schedule; sys.exit('holidays' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
