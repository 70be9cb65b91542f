"""What customers sent by LINE: most lies at LINE, some elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from openlines_project.lib.http import HttpDoor
from tests.channels_app.drivers.media import SAME_FAILURES, assert_refused, fetched, public_door
from tests.channels_app.drivers.wires import driver_for
from tests.standins.line_api import LineStandIn, line_api
from tests.standins.receiver import receiver
from tests.standins.server import Answer, Scripted


@pytest.fixture
def line() -> Iterator[LineStandIn]:
    with line_api() as stand_in:
        stand_in.files["5201"] = b"JPG" * 1000
        yield stand_in


def test_a_file_at_line_is_fetched_by_its_message(line: LineStandIn) -> None:
    assert fetched(driver_for("line", line), "message:5201") == b"JPG" * 1000
    assert line.calls[-1].path == "/v2/bot/message/5201/content"


def test_a_file_elsewhere_is_fetched_without_our_token() -> None:
    with receiver() as store, public_door(store) as door:
        store.script("/o.jpg", Answer(b"JPG"))
        assert fetched(driver_for("line", untrusted=door), "https://img.example/o.jpg") == b"JPG"
        assert "authorization" not in store.calls[0].headers


@pytest.mark.parametrize(("answer", "error_class"), SAME_FAILURES)
def test_each_failure_says_whether_to_try_again(
    line: LineStandIn, answer: Scripted, error_class: str
) -> None:
    line.script("content", answer)
    assert_refused(driver_for("line", line), "message:5201", error_class)


def test_a_file_line_is_still_preparing_is_fetched_later(line: LineStandIn) -> None:
    line.script("content", Answer({"status": "processing"}, status=202))
    assert_refused(driver_for("line", line), "message:5201", "retry")


@pytest.mark.parametrize("ref", ["446/1988", "message:../../v2/bot/info", ""])
def test_what_is_no_file_is_not_fetched(line: LineStandIn, ref: str) -> None:
    assert_refused(driver_for("line", line), ref, "content")
    assert not any(call.path.endswith("/info") for call in line.calls)


def test_a_private_address_is_not_called(line: LineStandIn) -> None:
    driver = driver_for("line", line, untrusted=HttpDoor(trusted=False))
    assert_refused(driver, "http://127.0.0.1:80/", "content")
