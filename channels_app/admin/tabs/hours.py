"""Hours: when the line works, and what happens when it does not.

The page sends its lists as parallel lists of fields: `interval_<day>_opens` and `_closes` for each
weekday, `holiday_*`, `exception_*`. A row in which nothing is filled in is none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Final

from django import forms
from django.http import QueryDict
from django.utils.functional import cached_property
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from channels_app.admin.tabs.base import StoredLine, TabForm
from channels_app.models import OpenChannel, TextKind, Weekday
from channels_app.services.line_rows import Row
from openlines_project.lib.calendars import (
    calendar_countries,
    calendar_country_names,
    calendar_subdivisions,
    country_holidays,
)

# The fields of a row by the names under which they are sent; of an interval, for each day.
LISTS: Final[Mapping[str, Mapping[str, str]]] = {
    "work_intervals": {"opens": "interval_%d_opens", "closes": "interval_%d_closes"},
    "holidays": {
        "date": "holiday_date", "every_year": "holiday_every_year", "name": "holiday_name",
    },
    "hours_exceptions": {
        "date": "exception_date", "opens": "exception_opens", "closes": "exception_closes",
    },
}  # fmt: skip
LIST_LABELS: Final[Mapping[str, Any]] = {
    "work_intervals": gettext_lazy("Working times"),
    "holidays": gettext_lazy("Own holidays"),
    "hours_exceptions": gettext_lazy("Exceptional days"),
}


@dataclass
class PageRow:
    """A row as the page shows it: what its fields hold, and what is wrong with it."""

    values: Row
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class DayRows:
    """One weekday with its intervals."""

    number: int
    label: str
    rows: list[PageRow]


class HoursTab(TabForm):
    NAME = "hours"
    LABEL = gettext_lazy("Hours")
    COLUMNS = (
        "has_hours", "holiday_country", "holiday_subdivision", "closed_action", "distribute_closed",
    )  # fmt: skip
    TEXTS = (TextKind.CLOSED,)

    class Meta:
        model = OpenChannel
        fields = (
            "has_hours", "holiday_country", "holiday_subdivision", "closed_action",
            "distribute_closed",
        )  # fmt: skip
        labels = {
            "has_hours": gettext_lazy("Use working hours"),
            "holiday_country": gettext_lazy("Country calendar"),
            "closed_action": gettext_lazy("A customer writes out of hours"),
        }
        help_texts = {
            "holiday_country": gettext_lazy("Its public holidays are days without working time."),
        }

    def __init__(self, stored: StoredLine, data: QueryDict | None = None) -> None:
        super().__init__(stored, data)
        names, country = calendar_country_names(get_language() or "en"), self.country
        # Another version of the calendars may not know the stored one: it stays to be seen.
        unknown = [(country, country)] if country and country not in names else []
        self.fields["holiday_country"].widget = forms.Select(
            attrs={"class": "select"}, choices=[("", _("None")), *unknown, *names.items()]
        )
        self.fields["holiday_subdivision"].widget = subdivision_widget(country)
        self.rows: dict[str, list[PageRow]] = {}
        for name in LISTS:
            rows = self._stored(name) if data is None else _sent(name, data)
            self.rows[name] = [PageRow(row) for row in rows]

    @property
    def units(self) -> list[str]:
        return [*super().units, *LISTS]

    def stored_values(self) -> dict[str, Any]:
        return super().stored_values() | {name: _ordered(self._stored(name)) for name in LISTS}

    def values(self) -> dict[str, Any]:
        return super().values() | {name: _ordered(rows) for name, rows in self.lists().items()}

    def lists(self) -> dict[str, list[Row]]:
        return {name: [row.values for row in rows] for name, rows in self.rows.items()}

    def rows_sent(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, names in LISTS.items():
            for row in self._stored(name):
                for key, sent in names.items():
                    place = sent % row["weekday"] if name == "work_intervals" else sent
                    value = row[key]
                    found.setdefault(place, []).append(
                        str(int(value)) if isinstance(value, bool) else value or ""
                    )
        return found

    def names(self, unit: str) -> list[str]:
        if unit == "work_intervals":
            return [name % day for name in LISTS[unit].values() for day in Weekday.values]
        if unit in LISTS:
            return list(LISTS[unit].values())
        return super().names(unit)

    def error_take(self, path: str, sentences: Sequence[str]) -> bool:
        name, _dot, rest = path.partition(".")
        if name not in LISTS:
            return super().error_take(path, sentences)
        index = rest.partition(".")[0]
        if index.isdigit() and int(index) < len(self.rows[name]):
            self.rows[name][int(index)].errors += sentences
        else:
            self.list_errors.setdefault(name, []).extend(sentences)
        return True

    def wrong(self) -> Iterator[tuple[str, Any, str]]:
        yield from super().wrong()
        for name, label in LIST_LABELS.items():
            sentences = [sentence for row in self.rows[name] for sentence in row.errors]
            for sentence in [*self.list_errors.get(name, []), *sentences]:
                yield f"id_{name}", label, sentence

    # --- for the template -----------------------------------------------------------------

    @cached_property
    def list_errors(self) -> dict[str, list[str]]:
        """What is wrong with a list as a whole, by its name."""
        return {}

    @property
    def week(self) -> list[DayRows]:
        """The days from Monday on, each with its intervals."""
        return [
            DayRows(
                day.value,
                str(day.label),
                [row for row in self.rows["work_intervals"] if row.values["weekday"] == day.value],
            )
            for day in Weekday
        ]

    @property
    def country(self) -> str:
        """The country whose calendar the page shows."""
        return self._chosen("holiday_country")

    @property
    def subdivision(self) -> str:
        return self._chosen("holiday_subdivision")

    def _chosen(self, name: str) -> str:
        found = self.data.get(name, "") if self.is_bound else getattr(self.instance, name)
        return str(found)[:10]

    def _stored(self, name: str) -> list[Row]:
        return [
            {key: _plain(value) for key, value in row.items()} for row in self.stored.lists[name]
        ]


@dataclass(frozen=True)
class CalendarYear:
    """The public holidays of a country in one year, as a page shows them."""

    country: str
    year: int
    days: list[tuple[dt.date, str]]


def calendar_year(country: str, subdivision: str, year: int) -> CalendarYear:
    """A country's year in the reader's language; without a known country it has no days.

    A region that the country has not stands for the whole country: it was chosen for another.
    """
    if country not in calendar_countries():
        return CalendarYear("", year, [])
    known = subdivision in dict(calendar_subdivisions(country))
    days = country_holidays(country, subdivision if known else "", year, get_language() or "en")
    return CalendarYear(country, year, days)


def subdivision_widget(country: str) -> forms.Select:
    """The choice of a region of a country; of none there is only the whole country."""
    choices = calendar_subdivisions(country) if country else []
    return forms.Select(attrs={"class": "select"}, choices=[("", _("The whole country")), *choices])


def _ordered(rows: list[Row]) -> list[Row]:
    """The order of a list means nothing: the same rows are the same value."""
    return sorted(rows, key=lambda row: [str(value) for value in row.values()])


def _plain(value: Any) -> Any:
    """A value of a row as its field on the page sends it."""
    if isinstance(value, dt.time):
        return f"{value:%H:%M}"
    if isinstance(value, dt.date):
        return value.isoformat()
    return value


def _sent(name: str, data: QueryDict) -> list[Row]:
    """The rows of a list as a page sent them, without those in which nothing is filled in."""
    if name == "work_intervals":
        return [
            {"weekday": day, **row}
            for day in Weekday.values
            for row in _columns(data, {key: sent % day for key, sent in LISTS[name].items()})
        ]
    rows = _columns(data, LISTS[name])
    for row in rows:
        if name == "holidays":
            row["every_year"] = row["every_year"] == "1"
        else:
            row["opens"], row["closes"] = row["opens"] or None, row["closes"] or None
    return rows


def _columns(data: QueryDict, names: Mapping[str, str]) -> list[Row]:
    lists = [data.getlist(sent) for sent in names.values()]
    rows = [
        dict(zip(names, (value.strip() for value in values), strict=True))
        for values in zip_longest(*lists, fillvalue="")
    ]
    # Whether a holiday is yearly is always said, also where there is none.
    return [row for row in rows if any(row[key] for key in row if key != "every_year")]
