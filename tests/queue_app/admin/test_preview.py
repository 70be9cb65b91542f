"""What the settings page of a line asks the desk."""

from __future__ import annotations

import datetime as dt

import pytest

from channels_app.models import OpenChannel
from channels_app.services.open_channels import open_channel_update
from queue_app.admin.preview import OpenState, open_state
from tests.factories import OpenChannelFactory, moment

pytestmark = pytest.mark.django_db

NIGHT = {"weekday": 0, "opens": "22:00", "closes": "02:00"}


def line_open(*intervals: dict[str, object], zone: str = "UTC") -> OpenChannel:
    changes = {"has_hours": True, "time_zone": zone, "work_intervals": list(intervals)}
    return open_channel_update(open_channel=OpenChannelFactory(), changes=changes, now=moment())


def at(day: int, hour: int) -> dt.datetime:
    """In March 2026, whose second is a Monday."""
    return dt.datetime(2026, 3, day, hour, tzinfo=dt.UTC)


def test_a_line_without_hours_has_no_state() -> None:
    assert open_state(OpenChannelFactory(), at(2, 12)) is None


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (at(2, 12), OpenState(is_open=False, until="22:00")),
        (at(2, 23), OpenState(is_open=True, until="Tuesday 02:00")),
        (at(3, 1), OpenState(is_open=True, until="02:00")),
        (at(4, 12), OpenState(is_open=False, until="Monday 22:00")),
        (at(3, 12), OpenState(is_open=False, until="March 9, 2026 22:00")),
    ],
)
def test_the_change_is_told_as_people_say_it(now: dt.datetime, state: OpenState) -> None:
    assert open_state(line_open(NIGHT), now) == state


def test_times_are_those_of_the_lines_zone() -> None:
    line = line_open(NIGHT, zone="America/Sao_Paulo")
    assert open_state(line, at(3, 2)) == OpenState(is_open=True, until="Tuesday 02:00")


def test_a_line_that_is_always_open_has_no_end() -> None:
    week = [{"weekday": day, "opens": "00:00", "closes": "00:00"} for day in range(7)]
    assert open_state(line_open(*week), at(2, 12)) == OpenState(is_open=True, until="")
