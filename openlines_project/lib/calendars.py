"""The public holidays of countries, from the package `holidays`, their names from `babel`.

Codes are those of the package: countries by ISO 3166-1, subdivisions by its own lists, which are
mostly those of ISO 3166-2. Loading it takes a twentieth of a second and most lines have no
country: it is imported when it is asked for.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from functools import lru_cache


class UnknownCalendarError(LookupError):
    """There is no calendar of this country or of this subdivision."""


def calendar_countries() -> dict[str, list[str]]:
    """The countries that have a calendar, by ISO 3166-1 code, with their subdivisions' codes.

    The first call in a process loads all calendars, which takes a tenth of a second: it is for
    forms, not for the way of a message.
    """
    import holidays

    known = holidays.list_supported_countries(include_aliases=False)
    return {country: sorted(known[country]) for country in sorted(known)}


@lru_cache(maxsize=8)
def calendar_country_names(language: str) -> dict[str, str]:
    """The names of the countries that have a calendar, by code, in the order of their names.

    `language` as Django names it ("pt-br"); a country without a name in it goes by its code.
    """
    from babel import Locale
    from babel.core import UnknownLocaleError

    try:
        locale = Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        locale = Locale("en")
    names = {code: locale.territories.get(code, code) for code in calendar_countries()}
    return dict(sorted(names.items(), key=lambda item: (sort_key(item[1]), item[0])))


def sort_key(name: str) -> str:
    """A name as people look for it: accents and case tell nothing apart."""
    plain = unicodedata.normalize("NFKD", name)
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).casefold()


def calendar_subdivisions(country: str) -> list[tuple[str, str]]:
    """The subdivisions of a country that have a calendar: code and name, by name.

    One without a known name is called by its code. Empty for an unknown country.
    """
    import holidays

    try:
        calendar = holidays.country_holidays(country)
    except NotImplementedError:
        return []
    names: dict[str, str] = {}
    for name, code in calendar.subdivisions_aliases.items():
        names.setdefault(code, name)
    found = [(code, names.get(code, code)) for code in calendar.subdivisions]
    return sorted(found, key=lambda item: item[1].casefold())


def country_holidays(
    country: str, subdivision: str, year: int, language: str
) -> list[tuple[dt.date, str]]:
    """The public holidays of a year in their order, with the days on which they are made up for.

    `subdivision` may be empty: what the whole country has. The names are in `language` ("pt-br",
    "pt_BR", "pt") if the calendar has it, else in English, else in the country's own. Raises
    `UnknownCalendarError`.
    """
    import holidays

    unknown = UnknownCalendarError(f"no calendar of {country!r} {subdivision!r}")
    if len(country) != 2 or not country.isupper():  # the package has other names in it
        raise unknown
    try:
        calendar = holidays.country_holidays(country, subdiv=subdivision or None, language="en")
    except NotImplementedError:
        raise unknown from None
    found = holidays.country_holidays(
        country,
        subdiv=subdivision or None,
        years=year,
        # Without any it would look into the server's environment.
        language=_calendar_language(language, calendar.supported_languages)
        or calendar.default_language,
    )
    return sorted((day, name) for day, name in found.items() if day.year == year)


def _calendar_language(language: str, supported: tuple[str, ...]) -> str:
    """The nearest to a language of those that a calendar has, empty without any."""
    wanted = language.replace("-", "_").lower()
    for near in (wanted, wanted.partition("_")[0], "en"):
        for code in supported:
            if near and near in {code.lower(), code.lower().partition("_")[0]}:
                return code
    return ""
