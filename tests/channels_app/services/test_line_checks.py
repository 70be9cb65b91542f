"""Which settings of a line can be together: what is refused, and what is only without meaning."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import translation

from channels_app.services.line_checks import line_problems
from channels_app.services.line_rows import Row


def clock(text: str) -> dt.time:
    return dt.time.fromisoformat(text)


def interval(weekday: int, opens: str, closes: str) -> Row:
    return {"weekday": weekday, "opens": clock(opens), "closes": clock(closes)}


def special(date: str, opens: str = "", closes: str = "") -> Row:
    return {
        "date": dt.date.fromisoformat(date),
        "opens": clock(opens) if opens else None,
        "closes": clock(closes) if closes else None,
    }


def text(kind: str, words: str = "Hello", position: int = 0, minutes: int | None = None) -> Row:
    return {"kind": kind, "position": position, "minutes": minutes, "text": words}


def reminders(*minutes: int) -> list[Row]:
    return [text("reminder", "Hello", number, after) for number, after in enumerate(minutes, 1)]


MONDAY = interval(0, "09:00", "18:00")
DEFAULTS: dict[str, Any] = {
    "has_hours": False,
    "closed_action": "nothing",
    "no_answer_action": "requeue",
    "no_answer_in_hours": False,
    "distribute_closed": True,
    "auto_close_minutes": 240,
    "operator_shown": "profile",
    "consent_url": "",
    "holiday_country": "",
    "holiday_subdivision": "",
    "work_intervals": [],
    "holidays": [],
    "hours_exceptions": [],
    "service_texts": [],
}
HOURS: dict[str, Any] = {"has_hours": True, "work_intervals": [MONDAY]}
CLOSED_TEXT = HOURS | {"closed_action": "text"}


def problems(**settings: Any) -> dict[str, list[str]]:
    with translation.override("en"):
        return line_problems(DEFAULTS | settings)


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        # Hours without any opening.
        ({"has_hours": True}, "work_intervals"),
        ({"has_hours": True, "hours_exceptions": [special("2026-12-24")]}, "work_intervals"),
        # Actions without what they send.
        (CLOSED_TEXT, "service_texts.closed"),
        ({"no_answer_action": "text"}, "service_texts.no_answer"),
        # A consent is a text and a page.
        ({"service_texts": [text("consent")]}, "consent_url"),
        ({"consent_url": "https://example.com"}, "service_texts.consent"),
        # Calendars.
        ({"holiday_country": "XX"}, "holiday_country"),
        ({"holiday_country": "br"}, "holiday_country"),
        ({"holiday_country": "BR", "holiday_subdivision": "BY"}, "holiday_subdivision"),
        ({"holiday_subdivision": "SP"}, "holiday_subdivision"),
        # Times that overlap.
        ({"work_intervals": [MONDAY, interval(0, "17:00", "20:00")]}, "work_intervals.1"),
        ({"work_intervals": [MONDAY, MONDAY]}, "work_intervals.1"),
        ({"work_intervals": [interval(0, "22:00", "02:00"), interval(1, "01:00", "05:00")]},
         "work_intervals.1"),
        ({"work_intervals": [interval(0, "00:00", "02:00"), interval(6, "22:00", "01:00")]},
         "work_intervals.1"),
        ({"work_intervals": [interval(2, "08:00", "08:00"), interval(3, "07:00", "09:00")]},
         "work_intervals.1"),
        ({"hours_exceptions": [special("2026-12-24", "09:00", "12:00"),
                               special("2026-12-24", "11:00", "13:00")]}, "hours_exceptions.1"),
        ({"hours_exceptions": [special("2026-12-24", "09:00", "12:00"), special("2026-12-24")]},
         "hours_exceptions.1"),
        ({"hours_exceptions": [special("2026-12-24"), special("2026-12-24")]},
         "hours_exceptions.1"),
        # Reminders after the end, or in the wrong order.
        ({"service_texts": reminders(240)}, "service_texts.reminder.1.minutes"),
        ({"service_texts": reminders(60, 300)}, "service_texts.reminder.2.minutes"),
        ({"service_texts": reminders(60, 60)}, "service_texts.reminder.2.minutes"),
        ({"service_texts": reminders(60, 30)}, "service_texts.reminder.2.minutes"),
        ({"service_texts": [text("reminder", "Hello", 2, 30)]},
         "service_texts.reminder.2.position"),
        # Placeholders.
        ({"service_texts": [text("welcome", "Hello {custumer}")]}, "service_texts.welcome"),
        ({"service_texts": [text("welcome", "Hello {operator}")]}, "service_texts.welcome"),
        ({"no_answer_action": "text", "service_texts": [text("no_answer", "{operator}")]},
         "service_texts.no_answer"),
        ({"service_texts": [text("welcome", "Until {opens_at}")]}, "service_texts.welcome"),
        ({"operator_shown": "nothing", "service_texts": [text("ending", "{operator} says bye")]},
         "service_texts.ending"),
    ],
)  # fmt: skip
def test_what_could_never_work_is_refused_with_the_field_that_is_to_be_mended(
    settings: dict[str, Any], path: str
) -> None:
    found = problems(**settings)
    assert list(found) == [path]
    assert len(found[path]) == 1


@pytest.mark.parametrize(
    "settings",
    [
        {},
        HOURS,
        {"has_hours": True, "hours_exceptions": [special("2026-12-24", "09:00", "12:00")]},
        # A line that is always open keeps what it does out of hours for when it has hours again.
        {"closed_action": "text"},
        {"closed_action": "form", "distribute_closed": False, "no_answer_in_hours": True},
        {"work_intervals": [MONDAY], "service_texts": [text("closed", "Back {opens_at}")]},
        CLOSED_TEXT | {"service_texts": [text("closed", "Back {opens_at}")]},
        HOURS | {"service_texts": [text("welcome", "Back {opens_at}")]},
        # A text whose action is another one is not sent: it may say what has no value now.
        {"service_texts": [text("no_answer", "Until {opens_at}")]},
        {"no_answer_action": "text", "service_texts": [text("no_answer")]},
        {"no_answer_action": "form"},
        {"consent_url": "https://example.com", "service_texts": [text("consent")]},
        {"holiday_country": "BR"},
        {"holiday_country": "BR", "holiday_subdivision": "SP"},
        # Times that meet.
        {"work_intervals": [interval(0, "09:00", "12:00"), interval(0, "12:00", "18:00")]},
        {"work_intervals": [interval(6, "22:00", "02:00"), interval(0, "02:00", "05:00")]},
        {"work_intervals": [interval(day, "00:00", "00:00") for day in range(7)]},
        {"hours_exceptions": [special("2026-12-24", "22:00", "02:00"),
                              special("2026-12-25", "01:00", "03:00")]},
        {"service_texts": reminders(60, 120, 239)},
        {"auto_close_minutes": 0, "service_texts": reminders(60, 40_000)},
        {"service_texts": [text("ending", "{customer} {operator} {line} {session}")]},
        {"operator_shown": "alias", "service_texts": [text("ending", "{operator} says bye")]},
        {"service_texts": [text("welcome", "{ not a word", 0)]},
    ],
)  # fmt: skip
def test_what_can_work_or_means_nothing_is_kept(settings: dict[str, Any]) -> None:
    assert problems(**settings) == {}


def test_a_misspelt_placeholder_is_told_with_the_likely_one() -> None:
    found = problems(service_texts=[text("ending", "Bye {custumer}, {custumer}, {weather}")])
    assert found == {
        "service_texts.ending": [
            "Unknown placeholder {custumer}. Did you mean {customer}?",
            "Unknown placeholder {weather}.",
        ]
    }


def test_an_overlap_names_the_other_time() -> None:
    found = problems(work_intervals=[MONDAY, interval(0, "17:00", "20:00")])
    assert found == {"work_intervals.1": ["It overlaps with Monday 09:00–18:00."]}


def test_everything_wrong_is_told_at_once() -> None:
    found = problems(
        has_hours=True,
        holiday_country="XX",
        no_answer_action="text",
        service_texts=[text("welcome", "{operator}")],
    )
    assert set(found) == {
        "work_intervals", "holiday_country", "service_texts.no_answer", "service_texts.welcome",
    }  # fmt: skip
