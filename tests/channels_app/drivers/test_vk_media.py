"""What customers sent by VK lies at addresses of VK's stores."""

from __future__ import annotations

import pytest

from openlines_project.lib.http import HttpDoor
from tests.channels_app.drivers.media import SAME_FAILURES, assert_refused, public_door
from tests.channels_app.drivers.wires import driver_for
from tests.standins.receiver import receiver
from tests.standins.server import Answer, Scripted


def test_a_file_is_fetched_from_its_address() -> None:
    with receiver() as store, public_door(store) as door:
        store.script("/9.ogg", Answer(b"OggS" * 100, headers={"Content-Type": "audio/ogg"}))
        driver = driver_for("vk", untrusted=door)
        with driver.fetch_media("https://psv.example/9.ogg") as media:
            assert (media.name, media.content_type) == ("9.ogg", "audio/ogg")
            assert b"".join(media.chunks) == b"OggS" * 100
        assert store.calls[0].query == {}


@pytest.mark.parametrize(("answer", "error_class"), SAME_FAILURES)
def test_each_failure_says_whether_to_try_again(answer: Scripted, error_class: str) -> None:
    with receiver() as store, public_door(store) as door:
        store.script("/f", answer)
        assert_refused(driver_for("vk", untrusted=door), "https://psv.example/f", error_class)


@pytest.mark.parametrize("ref", ["http://127.0.0.1:80/", "file:///etc/passwd", "x"])
def test_a_private_address_is_not_called(ref: str) -> None:
    assert_refused(driver_for("vk", untrusted=HttpDoor(trusted=False)), ref, "content")
