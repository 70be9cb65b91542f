"""Connecting a LINE account, asking how it is, and its settings form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from channels_app.drivers.base import Account, DriverError
from channels_app.drivers.line import LineForm
from tests.channels_app.drivers.wires import WEBHOOK, driver_for
from tests.standins.line_api import BOT, LineStandIn, line_api
from tests.standins.server import Answer

ACCOUNT = Account(account_id=BOT["userId"], name="Corner Shop")


@pytest.fixture
def line() -> Iterator[LineStandIn]:
    with line_api() as stand_in:
        yield stand_in


def test_connecting_enters_our_address(line: LineStandIn) -> None:
    assert driver_for("line", line).connect(webhook_url=WEBHOOK) == ACCOUNT
    assert line.endpoint == {"endpoint": WEBHOOK, "active": True}


@pytest.mark.parametrize("changes", [{"channel_token": "wrong"}, {"channel_secret": ""}])
def test_wrong_settings_are_told_before_anything_is_set(
    line: LineStandIn, changes: dict[str, Any]
) -> None:
    with pytest.raises(DriverError) as caught:
        driver_for("line", line, **changes).connect(webhook_url=WEBHOOK)
    assert caught.value.error_class == "auth"
    assert line.endpoint == {}


def test_line_cannot_be_told_to_stop(line: LineStandIn) -> None:
    driver_for("line", line).disconnect()
    assert line.calls == []


def test_all_is_well_after_connecting(line: LineStandIn) -> None:
    driver = driver_for("line", line)
    driver.connect(webhook_url=WEBHOOK)
    result = driver.check(webhook_url=WEBHOOK)
    assert (result.account, result.problems) == (ACCOUNT, ())
    assert dict(result.facts) == {"Account": "Corner Shop"}
    # LINE itself has tried the address.
    assert line.called("test") == [{}]


@pytest.mark.parametrize(
    ("endpoint", "problem"),
    [
        ({}, "LINE has no address to deliver to. Connect again."),
        ({"endpoint": "https://o.example/"}, "LINE delivers to another address. Connect again."),
        (
            {"endpoint": WEBHOOK, "active": False},
            "LINE does not deliver: switch on “Use webhook” in its console.",
        ),
    ],
)
def test_each_problem_is_a_sentence(
    line: LineStandIn, endpoint: dict[str, Any], problem: str
) -> None:
    line.endpoint = endpoint
    assert driver_for("line", line).check(webhook_url=WEBHOOK).problems == (problem,)
    assert line.called("test") == []


def test_what_line_found_when_it_tried_the_address_is_told(line: LineStandIn) -> None:
    line.endpoint = {"endpoint": WEBHOOK, "active": True}
    line.script("test", Answer({"success": False, "reason": "REQUEST_TIMEOUT", "detail": ""}))
    problems = driver_for("line", line).check(webhook_url=WEBHOOK).problems
    assert problems == ("LINE cannot deliver: REQUEST_TIMEOUT",)


def test_a_server_that_is_not_line_is_told(line: LineStandIn) -> None:
    line.script("info", Answer({"hello": 1}))
    with pytest.raises(DriverError, match="not that of LINE"):
        driver_for("line", line).check(webhook_url=WEBHOOK)


@pytest.mark.parametrize("field", ["channel_secret", "channel_token"])
def test_the_form_takes_one_word(field: str) -> None:
    form = LineForm({field: " abc+/= "})
    assert form.is_valid()
    assert form.cleaned_data[field] == "abc+/="
    assert list(LineForm({field: "a b"}).errors) == [field]
    assert list(LineForm({field: "é"}).errors) == [field]
