"""What the drivers of HTTP platforms share."""

from __future__ import annotations

import pytest

from channels_app.drivers.base import DriverError
from channels_app.drivers.wire import busy, file_address, same, same_origin
from openlines_project.lib.http import HttpAnswer
from tests.channels_app.drivers.telegram_driver import outgoing_file


@pytest.mark.parametrize(
    ("given", "expected", "is_same"),
    [
        ("abc", "abc", True),
        ("abc", "abd", False),
        ("", "abc", False),
        ("é", "é", True),
        ("\udcff", "\udcff", True),
        ("\udcff", "?", False),
    ],
)
def test_any_characters_are_compared(given: str, expected: str, is_same: bool) -> None:
    assert same(given, expected) is is_same


@pytest.mark.parametrize(
    ("url", "is_same"),
    [
        ("https://api.example/any/path?x=1", True),
        ("https://api.example", True),
        ("http://api.example/", False),
        ("https://api.example:8443/", False),
        ("https://api.example.evil.example/", False),
        ("https://evil.example/@api.example", False),
        ("https://api.example@evil.example/", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_an_address_is_of_the_api_by_scheme_host_and_port(url: str, is_same: bool) -> None:
    assert same_origin(url, "https://api.example") is is_same


@pytest.mark.parametrize(
    ("status", "seconds"), [(429, "7"), (408, "7"), (500, "7"), (503, ""), (599, "7")]
)
def test_a_busy_platform_is_asked_again(status: int, seconds: str) -> None:
    error = busy(HttpAnswer(status, {"retry-after": seconds}, b""), "Viber")
    assert error is not None
    assert error.error_class == "retry"
    assert error.retry_after == (7.0 if seconds else None)


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404])
def test_other_answers_are_not_busy(status: int) -> None:
    assert busy(HttpAnswer(status, {}, b""), "Viber") is None


def test_a_file_without_an_address_is_not_sent() -> None:
    assert file_address(outgoing_file(url="https://desk.example/f")) == "https://desk.example/f"
    with pytest.raises(DriverError, match="PUBLIC_URL") as caught:
        file_address(outgoing_file())
    assert caught.value.error_class == "content"
