"""The Hours tab: times of the week, holidays, exceptional days, and what customers get then."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.test import Client

from channels_app.models import OpenChannel, WorkInterval
from channels_app.services.line_rows import rows_stored
from channels_app.services.open_channels import open_channel_update
from tests.channels_app.admin.line_page import (
    address,
    changed,
    dotted,
    form_sent,
    opened,
    sent,
)
from tests.factories import OpenChannelFactory, moment

pytestmark = pytest.mark.django_db

MONDAY = {"weekday": 0, "opens": dt.time(9), "closes": dt.time(18)}


def open_line() -> OpenChannel:
    return open_channel_update(
        open_channel=OpenChannelFactory(),
        changes={"has_hours": True, "work_intervals": [MONDAY]},
        now=moment(),
    )


def stored(line: OpenChannel, name: str) -> list[Any]:
    return [tuple(str(value) for value in row.values()) for row in rows_stored(line)[name]]


def test_a_week_is_saved_with_several_times_a_day(administrator: Client) -> None:
    line = OpenChannelFactory()
    page = sent(
        administrator, line, has_hours="on",
        interval_0_opens=["13:30", "09:00"], interval_0_closes=["18:00", "12:30"],
        interval_5_opens=["22:00", ""], interval_5_closes=["02:00", ""],
    )  # fmt: skip
    assert administrator.post(address(line), page).status_code == 302
    assert stored(line, "work_intervals") == [
        ("0", "09:00:00", "12:30:00"),
        ("0", "13:30:00", "18:00:00"),
        ("5", "22:00:00", "02:00:00"),
    ]
    assert json.loads(LogEntry.objects.get().change_message) == [
        {"changed": {"fields": ["Working hours", "Working times"]}}
    ]


def test_the_page_shows_the_times_as_it_would_send_them(administrator: Client) -> None:
    page = sent(administrator, open_line())
    assert (page["interval_0_opens"], page["interval_0_closes"]) == (["09:00"], ["18:00"])
    assert "interval_1_opens" not in page


def test_without_scripts_every_day_has_a_row_to_fill_in(administrator: Client) -> None:
    text = administrator.get(address(OpenChannelFactory())).content.decode()
    apart = re.findall(r"<noscript>.*?</noscript>", text, re.DOTALL)
    for day in range(7):
        assert any(f'name="interval_{day}_opens"' in part for part in apart)
    assert any('name="holiday_date"' in part for part in apart)
    assert any('name="exception_date"' in part for part in apart)


def test_opening_and_saving_the_page_changes_nothing(administrator: Client) -> None:
    line = open_channel_update(
        open_channel=open_line(),
        changes={
            "holidays": [{"date": "2026-12-24", "every_year": True, "name": "Christmas Eve"}],
            "hours_exceptions": [{"date": "2026-12-31"}],
        },
        now=moment(),
    )
    before = list(WorkInterval.objects.values())
    assert administrator.post(address(line), sent(administrator, line)).status_code == 302
    line.refresh_from_db()
    assert line.version == 3
    assert list(WorkInterval.objects.values()) == before
    assert not LogEntry.objects.exists()


def test_holidays_and_exceptional_days_are_saved(administrator: Client) -> None:
    line = open_line()
    page = sent(
        administrator, line,
        holiday_date=["2026-12-24", "", "2027-01-02"],
        holiday_every_year=["1", "0", "0"],
        holiday_name=["Christmas Eve", "", ""],
        exception_date=["2026-12-31", "2026-11-28"],
        exception_opens=["", "09:00"],
        exception_closes=["", "22:00"],
    )  # fmt: skip
    assert administrator.post(address(line), page).status_code == 302
    assert stored(line, "holidays") == [
        ("2026-12-24", "True", "Christmas Eve"), ("2027-01-02", "False", ""),
    ]  # fmt: skip
    assert stored(line, "hours_exceptions") == [
        ("2026-11-28", "09:00:00", "22:00:00"), ("2026-12-31", "None", "None"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"interval_0_opens": [], "interval_0_closes": []}, "Add a working time"),
        ({"interval_0_opens": ["09:00", "17:00"], "interval_0_closes": ["18:00", "19:00"]},
         "It overlaps with Monday 09:00–18:00."),
        ({"interval_0_closes": ""}, "Give both times."),
        ({"interval_0_closes": "25:99"}, "invalid"),
        ({"holiday_date": ["", "2026-12-24"], "holiday_every_year": ["0", "0"],
          "holiday_name": ["Christmas", "Eve"]}, "Give the date."),
        ({"exception_date": "2026-12-31", "exception_opens": "09:00", "exception_closes": ""},
         "Give both times, or none for a closed day."),
        ({"exception_date": "", "exception_opens": "09:00", "exception_closes": "10:00"},
         "Give the date."),
        ({"holiday_country": "XX"}, "There is no calendar of this country."),
        ({"holiday_country": "BR", "holiday_subdivision": "BY"},
         "This country has no such region."),
        ({"closed_action": "text"}, "Write the text that is to be sent"),
        ({"closed_action": "text", "text_closed": "Back {open_at}"},
         "Did you mean {opens_at}?"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_on_the_tab_and_nothing_is_saved(
    administrator: Client, changes: dict[str, Any], words: str
) -> None:
    line = open_line()
    before = rows_stored(line)
    answer = administrator.post(address(line), sent(administrator, line, name="New", **changes))
    text = answer.content.decode()
    assert answer.status_code == 200
    assert words in text
    assert (opened(text), dotted(text, "hours")) == ("hours", "has an error")
    assert 'aria-invalid="true"' in text or "id_work_intervals" in text
    # The page still has what was written on it.
    again = form_sent(text)
    for name, value in changes.items():
        wanted = value if isinstance(value, list) else [value]
        assert [found for found in again.get(name, []) if found] == [one for one in wanted if one]
    line.refresh_from_db()
    assert (line.name != "New", line.version) == (True, 2)
    assert rows_stored(line) == before


def test_hours_that_are_switched_off_are_kept(administrator: Client) -> None:
    line = open_line()
    page = sent(administrator, line, closed_action="text", text_closed="Back {opens_at}")
    administrator.post(address(line), page)
    page = sent(administrator, line, has_hours=None)
    assert administrator.post(address(line), page).status_code == 302
    line.refresh_from_db()
    assert (line.has_hours, line.closed_action) == (False, "text")
    assert stored(line, "work_intervals") == [("0", "09:00:00", "18:00:00")]


def test_a_second_editor_is_told_of_hours_in_words(administrator: Client) -> None:
    line = open_line()
    page = sent(administrator, line, name="My name")
    open_channel_update(
        open_channel=line,
        now=moment(),
        changes={
            "work_intervals": [MONDAY, MONDAY | {"weekday": 1}],
            "holidays": [{"date": "2026-12-24", "every_year": True}],
            "hours_exceptions": [{"date": "2026-12-31"}],
        },
    )
    answer = administrator.post(address(line), page)
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "Working times: now Monday 09:00–18:00, Tuesday 09:00–18:00" in text
    assert "Own holidays: now December 24, every year" in text
    assert "Exceptional days: now 12/31/2026 closed" in text
    # Saving again puts only the new name on top.
    assert administrator.post(address(line), form_sent(text)).status_code == 302
    line.refresh_from_db()
    assert line.name == "My name"
    assert len(rows_stored(line)["work_intervals"]) == 2
    assert len(rows_stored(line)["holidays"]) == 1


def test_a_second_editors_own_hours_go_on_top(administrator: Client) -> None:
    line = open_line()
    page = sent(administrator, line, interval_0_opens="10:00")
    open_channel_update(
        open_channel=line, changes={"work_intervals": [MONDAY | {"weekday": 4}]}, now=moment()
    )
    told = administrator.post(address(line), page).content.decode()
    administrator.post(address(line), changed(form_sent(told)))
    assert stored(line, "work_intervals") == [("0", "10:00:00", "18:00:00")]


# --- calendars ----------------------------------------------------------------------------


def calendar(client: Client, line: OpenChannel, **query: str) -> Any:
    return client.get(f"/admin/channels_app/openchannel/{line.pk}/calendar/", query)


def test_a_country_shows_its_regions_and_its_year(administrator: Client) -> None:
    line = OpenChannelFactory(time_zone="America/Sao_Paulo")
    with time_machine.travel(dt.datetime(2026, 1, 1, 2, 0, tzinfo=dt.UTC), tick=False):
        text = calendar(administrator, line, country="BR", subdivision="SP").content.decode()
    # In São Paulo it is still the year before.
    assert re.search(r"\d+ holidays in 2025", text)
    assert '<option value="SP" selected>São Paulo</option>' in text
    assert "Constitutionalist Revolution" in text


def test_the_region_of_another_country_is_none(administrator: Client) -> None:
    text = calendar(
        administrator, OpenChannelFactory(), country="DE", subdivision="SP"
    ).content.decode()
    assert '<option value="BY">Bayern</option>' in text
    assert "selected" not in text


@pytest.mark.parametrize("country", ["", "XX", "<script>", "B" * 500])
def test_no_country_has_no_calendar(administrator: Client, country: str) -> None:
    answer = calendar(administrator, OpenChannelFactory(), country=country)
    assert answer.status_code == 200
    assert "holidays in" not in answer.content.decode()
    assert "<script>" not in answer.content.decode()
