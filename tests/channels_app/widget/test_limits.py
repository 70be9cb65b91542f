import datetime as dt
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import RequestFactory

from channels_app.widget.limits import Limit, client_address, wait_seconds

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


def asked(remote: Any, forwarded: Any = None) -> Any:
    extra = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    return client_address(RequestFactory().get("/", REMOTE_ADDR=remote, **extra))


def test_a_forged_header_changes_nothing() -> None:
    assert asked("203.0.113.9", "198.51.100.1") == "203.0.113.9"


def test_the_address_before_our_own_proxies_counts(settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", "127.0.0.1"]
    assert asked("127.0.0.1", "198.51.100.1, 203.0.113.9, 10.1.2.3") == "203.0.113.9"
    assert asked("127.0.0.1", "junk, 10.1.2.3") == "10.1.2.3"
    assert asked("127.0.0.1") == "127.0.0.1"
    assert asked("", "203.0.113.9") == "203.0.113.9"


def test_a_client_that_is_no_proxy_of_ours_is_not_believed(settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    assert asked("203.0.113.9", "10.1.2.3") == "203.0.113.9"


def test_an_ipv6_home_is_counted_as_one() -> None:
    assert asked("2001:db8::1") == asked("2001:db8::ffff") == "2001:db8::/64"
    assert asked("::ffff:203.0.113.9") == "203.0.113.9"


def test_no_address_at_all_is_counted_too() -> None:
    assert asked("") == "unknown"
