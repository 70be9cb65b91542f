"""Combinations of a line's settings that could never do what they say.

Two kinds of combination are told apart. **Impossible**: a setting in force that cannot work, such
as "send a text" without the text; it is refused, and the field that is to be mended is named.
**Irrelevant**: a setting that another one has switched off, such as the out-of-hours text of a line
that is always open; it is kept, means nothing, and may come back. Pages hide it.

Pure over the settings as they would be stored: columns by name, lists as their rows.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from channels_app.durations import duration_words
from channels_app.models import ClosedAction, NoAnswerAction, OperatorShown, TextKind, Weekday
from channels_app.placeholders import PLACEHOLDERS, placeholders_empty, placeholders_unknown
from channels_app.services.line_rows import Problems, Row, text_path
from openlines_project.lib.calendars import calendar_countries

DAY_SECONDS = 24 * 3600
WEEK_SECONDS = 7 * DAY_SECONDS
Settings = Mapping[str, Any]


def line_problems(settings: Settings) -> Problems:
    """What cannot be, by the path of the field that is to be mended; empty when all is well."""
    problems: Problems = {}
    for check in (_hours, _intervals, _exceptions, _calendar, _texts_wanted, _reminders, _words):
        for path, sentence in check(settings):
            problems.setdefault(path, []).append(sentence)
    return problems


def text_in_force(settings: Settings, kind: str) -> bool:
    """Whether a text of this kind would be sent at all, if there is one."""
    if kind == TextKind.CLOSED:
        return bool(settings["has_hours"] and settings["closed_action"] == ClosedAction.TEXT)
    if kind == TextKind.NO_ANSWER:
        return bool(settings["no_answer_action"] == NoAnswerAction.TEXT)
    if kind == TextKind.AUTO_CLOSE:
        return bool(settings["auto_close_minutes"])
    return True


Found = Iterator[tuple[str, str]]


# --- hours --------------------------------------------------------------------------------


def _hours(settings: Settings) -> Found:
    opens = settings["work_intervals"] or any(row["opens"] for row in settings["hours_exceptions"])
    if settings["has_hours"] and not opens:
        yield "work_intervals", _("Add a working time, or switch working hours off.")


def _intervals(settings: Settings) -> Found:
    """Times of one week, which is a circle: Sunday night runs into Monday."""
    spans = [
        (row["weekday"] * DAY_SECONDS + _seconds(row["opens"]), _length(row), row)
        for row in settings["work_intervals"]
    ]
    for index, (start, length, _row) in enumerate(spans):
        for other_start, other_length, other in spans[:index]:
            ahead = (start - other_start) % WEEK_SECONDS
            if ahead < other_length or WEEK_SECONDS - ahead < length:
                yield (
                    f"work_intervals.{index}",
                    _("It overlaps with %(time)s.")
                    % {"time": f"{Weekday(other['weekday']).label} {_times(other)}"},
                )
                break


def _exceptions(settings: Settings) -> Found:
    by_date: dict[dt.date, list[Row]] = {}
    for index, row in enumerate(settings["hours_exceptions"]):
        path = f"hours_exceptions.{index}"
        others = by_date.setdefault(row["date"], [])
        if any(row["opens"] is None or other["opens"] is None for other in others):
            yield path, _("This day is closed: it can have no other entry.")
        else:
            for other in others:
                start, other_start = _seconds(row["opens"]), _seconds(other["opens"])
                if start < other_start + _length(other) and other_start < start + _length(row):
                    yield path, _("It overlaps with %(time)s.") % {"time": _times(other)}
                    break
        others.append(row)


def _calendar(settings: Settings) -> Found:
    country, subdivision = settings["holiday_country"], settings["holiday_subdivision"]
    if not country:
        if subdivision:
            yield "holiday_subdivision", _("Choose its country first.")
        return
    countries = calendar_countries()
    if country not in countries:
        yield "holiday_country", _("There is no calendar of this country.")
    elif subdivision and subdivision not in countries[country]:
        yield "holiday_subdivision", _("This country has no such region.")


# --- texts --------------------------------------------------------------------------------


def _texts_wanted(settings: Settings) -> Found:
    kinds = {row["kind"] for row in settings["service_texts"]}
    for kind in (TextKind.CLOSED, TextKind.NO_ANSWER):
        if text_in_force(settings, kind) and kind not in kinds:
            yield text_path(kind), _("Write the text that is to be sent, or choose another action.")
    if TextKind.CONSENT in kinds and not settings["consent_url"]:
        yield "consent_url", _("Give the page that the consent is about, or take its text out.")
    if settings["consent_url"] and TextKind.CONSENT not in kinds:
        yield text_path(TextKind.CONSENT), _("Write the text of the consent, or take its page out.")


def _reminders(settings: Settings) -> Found:
    rows = sorted(
        (row for row in settings["service_texts"] if row["kind"] == TextKind.REMINDER),
        key=lambda row: row["position"],
    )
    end = settings["auto_close_minutes"]
    before = 0
    for number, row in enumerate(rows, start=1):
        path = text_path(TextKind.REMINDER, row["position"])
        if row["position"] != number:
            yield f"{path}.position", _("Reminder %(n)d is missing.") % {"n": number}
        elif row["minutes"] <= before:
            yield f"{path}.minutes", _("It has to come later than the reminder before it.")
        elif end and row["minutes"] >= end:
            words = _("It has to come before the chat ends by itself, after %(time)s.")
            yield f"{path}.minutes", words % {"time": duration_words(end)}
        before = row["minutes"]


def _words(settings: Settings) -> Found:
    """Placeholders that do not exist, or never have a value in the text they stand in."""
    for row in settings["service_texts"]:
        path, text = text_path(row["kind"], row["position"]), row["text"]
        for name in _once(placeholders_unknown(text)):
            near = difflib.get_close_matches(name.strip().lower(), PLACEHOLDERS, n=1)
            if near:
                yield path, _("Unknown placeholder {%(name)s}. Did you mean {%(near)s}?") % {
                    "name": name, "near": near[0],
                }  # fmt: skip
            else:
                yield path, _("Unknown placeholder {%(name)s}.") % {"name": name}
        # A text that is not sent may wait for the hours to be switched on again.
        in_force = text_in_force(settings, row["kind"])
        empty = placeholders_empty(
            text, row["kind"], has_hours=settings["has_hours"] or not in_force
        )
        for name in _once(empty):
            yield path, _without_value(name)
        hidden = settings["operator_shown"] == OperatorShown.NOTHING
        if hidden and in_force and "{operator}" in text and "operator" not in empty:
            yield path, _("{operator} is always empty: customers see nothing of the operator here.")


def _without_value(name: str) -> str:
    if name == "opens_at":
        return _("{opens_at} is always empty: this line has no working hours.")
    return _("{operator} is always empty here: nobody has the chat yet when this text is sent.")


def _once(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _seconds(time: dt.time) -> int:
    return time.hour * 3600 + time.minute * 60 + time.second


def _length(row: Row) -> int:
    """Until the closing, which is on the next day when it is not later; equal is 24 hours."""
    return (_seconds(row["closes"]) - _seconds(row["opens"])) % DAY_SECONDS or DAY_SECONDS


def _times(row: Row) -> str:
    return f"{row['opens']:%H:%M}–{row['closes']:%H:%M}"
