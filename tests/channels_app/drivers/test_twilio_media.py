"""What customers sent lies at Twilio, behind our access data, or at its store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from openlines_project.lib.http import HttpDoor
from tests.channels_app.drivers.media import SAME_FAILURES, assert_refused, fetched, public_door
from tests.channels_app.drivers.wires import driver_for
from tests.standins.receiver import receiver
from tests.standins.server import Answer, Scripted
from tests.standins.twilio_api import TwilioStandIn, twilio_api

PATH = "/2010-04-01/Accounts/AC0/Messages/MM1/Media/ME1"


@pytest.fixture
def twilio() -> Iterator[TwilioStandIn]:
    with twilio_api() as stand_in:
        stand_in.files["ME1"] = b"JPG" * 1000
        yield stand_in


def test_a_file_is_fetched_with_our_access_data(twilio: TwilioStandIn) -> None:
    assert fetched(driver_for("twilio", twilio), twilio.url + PATH) == b"JPG" * 1000


def test_the_store_twilio_points_to_does_not_get_our_access_data(twilio: TwilioStandIn) -> None:
    place = Answer(b"", status=307, headers={"Location": "https://store.example/ME1?sig=x"})
    twilio.script("media", place)
    with receiver() as store, public_door(store) as door:
        store.script("/ME1", Answer(b"JPG"))
        driver = driver_for("twilio", twilio, untrusted=door)
        assert fetched(driver, twilio.url + PATH) == b"JPG"
        assert "authorization" not in store.calls[0].headers


def test_another_host_does_not_get_our_access_data(twilio: TwilioStandIn) -> None:
    with receiver() as store, public_door(store) as door:
        store.script("/ME1", Answer(b"JPG"))
        driver = driver_for("twilio", twilio, untrusted=door)
        assert fetched(driver, "https://elsewhere.example/ME1") == b"JPG"
        assert "authorization" not in store.calls[0].headers
    assert twilio.calls == []


@pytest.mark.parametrize(("answer", "error_class"), SAME_FAILURES)
def test_each_failure_says_whether_to_try_again(
    twilio: TwilioStandIn, answer: Scripted, error_class: str
) -> None:
    twilio.script("media", answer)
    assert_refused(driver_for("twilio", twilio), twilio.url + PATH, error_class)


@pytest.mark.parametrize("location", ["http://127.0.0.1:80/", "", "ftp://x.example/"])
def test_a_private_address_is_not_called(twilio: TwilioStandIn, location: str) -> None:
    twilio.script("media", Answer(b"", status=302, headers={"Location": location}))
    driver = driver_for("twilio", twilio, untrusted=HttpDoor(trusted=False))
    assert_refused(driver, twilio.url + PATH, "content" if location else "retry")
