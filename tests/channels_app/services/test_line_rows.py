"""The lists of a line: replaced whole, with the columns, in one version."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from channels_app.models import Holiday, HoursException, OpenChannel, ServiceText, WorkInterval
from channels_app.services.errors import InvalidError
from channels_app.services.line_rows import rows_clean, rows_stored
from channels_app.services.open_channels import open_channel_create, open_channel_update
from tests.channels_app.services.test_open_channels import changes as told  # noqa: F401
from tests.factories import OpenChannelFactory, moment

pytestmark = pytest.mark.django_db

MONDAY = {"weekday": 0, "opens": dt.time(9), "closes": dt.time(18)}
TUESDAY = MONDAY | {"weekday": 1}
WELCOME = {"kind": "welcome", "position": 0, "minutes": None, "text": "Hello"}


def update(line: OpenChannel, **changes: Any) -> OpenChannel:
    return open_channel_update(open_channel=line, changes=changes, now=moment())


def test_lists_and_columns_are_one_change(told: list[list[str]]) -> None:  # noqa: F811
    line = update(
        OpenChannelFactory(),
        has_hours=True,
        work_intervals=[MONDAY],
        holidays=[{"date": dt.date(2026, 12, 24), "every_year": True}],
        hours_exceptions=[{"date": dt.date(2026, 12, 31)}],
        service_texts=[WELCOME],
    )
    assert line.version == 2
    assert told == [
        ["has_hours", "work_intervals", "holidays", "hours_exceptions", "service_texts"]
    ]
    assert rows_stored(line) == {
        "work_intervals": [MONDAY],
        "holidays": [{"date": dt.date(2026, 12, 24), "every_year": True, "name": ""}],
        "hours_exceptions": [{"date": dt.date(2026, 12, 31), "opens": None, "closes": None}],
        "service_texts": [WELCOME],
    }


def test_a_new_line_may_have_its_lists_at_once() -> None:
    line = open_channel_create(now=moment(), work_intervals=[MONDAY], service_texts=[WELCOME])
    stored = rows_stored(line)
    assert (stored["work_intervals"], stored["service_texts"]) == ([MONDAY], [WELCOME])


def test_a_list_is_replaced_whole_and_others_stay(told: list[list[str]]) -> None:  # noqa: F811
    line = update(OpenChannelFactory(), work_intervals=[MONDAY], service_texts=[WELCOME])
    line = update(line, work_intervals=[TUESDAY])
    assert rows_stored(line)["work_intervals"] == [TUESDAY]
    assert rows_stored(line)["service_texts"] == [WELCOME]
    assert told[1:] == [["work_intervals"]]
    line = update(line, work_intervals=[])
    assert rows_stored(line)["work_intervals"] == []
    assert line.version == 4


def test_the_same_list_in_another_order_changes_nothing(told: list[list[str]]) -> None:  # noqa: F811
    line = update(OpenChannelFactory(), work_intervals=[MONDAY, TUESDAY])
    before = list(WorkInterval.objects.values_list("pk", flat=True))
    line = update(line, work_intervals=[TUESDAY, MONDAY])
    assert (line.version, len(told)) == (2, 1)
    assert list(WorkInterval.objects.values_list("pk", flat=True)) == before


def test_times_may_be_given_as_words() -> None:
    line = update(
        OpenChannelFactory(),
        work_intervals=[{"weekday": 0, "opens": "09:00", "closes": "18:00"}],
        holidays=[{"date": "2026-12-24"}],
    )
    assert rows_stored(line)["work_intervals"] == [MONDAY]
    assert Holiday.objects.get().date == dt.date(2026, 12, 24)


def test_the_ends_of_a_text_are_cut() -> None:
    line = update(OpenChannelFactory(), service_texts=[WELCOME | {"text": "\n Hello \n"}])
    assert rows_stored(line)["service_texts"] == [WELCOME]


def test_one_line_has_nothing_of_another() -> None:
    other = update(OpenChannelFactory(), work_intervals=[TUESDAY])
    line = update(OpenChannelFactory(), work_intervals=[MONDAY])
    assert rows_stored(line)["work_intervals"] == [MONDAY]
    assert rows_stored(other)["work_intervals"] == [TUESDAY]


@pytest.mark.parametrize(
    ("name", "rows", "path"),
    [
        ("work_intervals", "x", "work_intervals"),
        ("work_intervals", {"weekday": 0}, "work_intervals"),
        ("work_intervals", [MONDAY] * 71, "work_intervals"),
        ("work_intervals", ["x"], "work_intervals.0"),
        ("work_intervals", [MONDAY, MONDAY | {"weekday": 7}], "work_intervals.1.weekday"),
        ("work_intervals", [MONDAY | {"opens": ""}], "work_intervals.0.opens"),
        ("work_intervals", [{"weekday": 0, "opens": "09:00"}], "work_intervals.0.closes"),
        ("work_intervals", [MONDAY | {"opens": "25:99"}], "work_intervals.0.opens"),
        ("work_intervals", [MONDAY | {"open_channel_id": 1}], "work_intervals.0.open_channel_id"),
        ("holidays", [{"date": ""}], "holidays.0.date"),
        ("holidays", [{"date": "2026-02-30"}], "holidays.0.date"),
        ("holidays", [{"date": "2026-12-24"}] * 2, "holidays.1.date"),
        ("holidays", [{"date": "2026-12-24", "name": "n" * 101}], "holidays.0.name"),
        ("hours_exceptions", [{"date": "2026-12-24", "opens": "9:00"}],
         "hours_exceptions.0.closes"),
        ("hours_exceptions", [{"date": "2026-12-24", "closes": "9:00"}],
         "hours_exceptions.0.opens"),
        ("service_texts", [WELCOME | {"kind": "hello"}], "service_texts.0.kind"),
        ("service_texts", [WELCOME | {"text": " "}], "service_texts.0.text"),
        ("service_texts", [WELCOME | {"text": "x" * 2001}], "service_texts.0.text"),
        ("service_texts", [WELCOME | {"minutes": 5}], "service_texts.0.minutes"),
        ("service_texts", [WELCOME | {"position": 1}], "service_texts.0.position"),
        ("service_texts", [WELCOME, WELCOME], "service_texts.1.kind"),
        ("service_texts", [{"kind": "reminder", "position": 1, "text": "Hello"}],
         "service_texts.0.minutes"),
        ("service_texts", [{"kind": "reminder", "position": 4, "minutes": 5, "text": "Hello"}],
         "service_texts.0.position"),
        ("service_texts", [{"kind": "reminder", "position": 1, "minutes": 0, "text": "Hello"}],
         "service_texts.0.minutes"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_named_and_nothing_is_written(
    name: str, rows: Any, path: str, told: list[list[str]]  # noqa: F811
) -> None:  # fmt: skip
    line = OpenChannelFactory(name="Before")
    with pytest.raises(InvalidError) as caught:
        update(line, name="After", **{name: rows})
    assert list(caught.value.fields) == [path]
    line.refresh_from_db()
    assert (line.name, line.version, told) == ("Before", 1, [])
    for model in (WorkInterval, Holiday, HoursException, ServiceText):
        assert not model._default_manager.exists()


def test_an_impossible_combination_of_stored_and_new_is_refused() -> None:
    line = update(OpenChannelFactory(), has_hours=True, work_intervals=[MONDAY])
    with pytest.raises(InvalidError) as caught:
        update(line, work_intervals=[])
    assert list(caught.value.fields) == ["work_intervals"]
    assert rows_stored(line)["work_intervals"] == [MONDAY]


def test_what_is_wrong_in_one_row_says_nothing_of_the_others() -> None:
    rows, problems = rows_clean("work_intervals", [MONDAY, {"weekday": 8}])
    assert rows[0] == MONDAY
    assert set(problems) == {
        "work_intervals.1.weekday", "work_intervals.1.opens", "work_intervals.1.closes",
    }  # fmt: skip
