"""The address of a client: what our proxies say, and nothing that a client says of itself."""

from __future__ import annotations

from typing import Any

from django.test import RequestFactory

from openlines_project.lib.clients import client_home, sign_in_address


def asked(remote: Any, forwarded: Any = None) -> Any:
    extra = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    return client_home(RequestFactory().get("/", REMOTE_ADDR=remote, **extra))


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


def test_failed_sign_ins_are_counted_by_an_address_a_database_takes(settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]

    def counted(forwarded: str) -> str | None:
        return sign_in_address(
            RequestFactory().get("/", REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)
        )

    assert counted("203.0.113.9") == "203.0.113.9"
    assert counted("2001:db8::1") == counted("2001:db8::2") == "2001:db8::"
    assert sign_in_address(RequestFactory().get("/", REMOTE_ADDR="")) is None
