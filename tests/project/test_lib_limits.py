import datetime as dt
from typing import Any

import pytest
import time_machine
from django.core.cache import cache

from openlines_project.lib.limits import Limit, wait_seconds

NOW = dt.datetime(2026, 3, 2, 12, 0, 0, tzinfo=dt.UTC)
FOUR = (Limit("four", 4, 10),)


@pytest.fixture(autouse=True)
def _still_clock() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def test_the_limit_is_reached_and_the_wait_named() -> None:
    assert [wait_seconds(FOUR, "a") for _ in range(4)] == [0, 0, 0, 0]
    assert wait_seconds(FOUR, "a") == 10


def test_everybody_has_a_limit_of_his_own() -> None:
    for _ in range(5):
        wait_seconds(FOUR, "a")
    assert wait_seconds(FOUR, "b") == 0


def test_the_next_window_begins_anew() -> None:
    for _ in range(5):
        wait_seconds(FOUR, "a")
    with time_machine.travel(NOW + dt.timedelta(seconds=10), tick=False):
        assert wait_seconds(FOUR, "a") == 0


def test_the_longest_wait_of_several_limits_counts() -> None:
    both = (Limit("short", 1, 10), Limit("long", 1, 600))
    assert wait_seconds(both, "a") == 0
    assert wait_seconds(both, "a") == 600


def test_a_cache_that_is_away_keeps_nobody_out(monkeypatch: Any) -> None:
    def away(*args: Any, **kwargs: Any) -> Any:
        raise ConnectionError

    monkeypatch.setattr(cache, "add", away)
    assert [wait_seconds(FOUR, "a") for _ in range(6)] == [0] * 6
