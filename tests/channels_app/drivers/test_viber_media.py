"""What customers sent by Viber lies at addresses anybody may have named."""

from __future__ import annotations

import pytest

from channels_app.drivers.base import DriverError
from openlines_project.lib.http import HttpDoor
from tests.channels_app.drivers.media import SAME_FAILURES, assert_refused, public_door
from tests.channels_app.drivers.wires import driver_for
from tests.standins.receiver import receiver
from tests.standins.server import Answer, Scripted


def test_a_file_is_fetched_from_its_address() -> None:
    with receiver() as store, public_door(store) as door:
        store.script(
            "/p/photo é.jpg", Answer(b"JPG" * 1000, headers={"Content-Type": "image/jpeg"})
        )
        driver = driver_for("viber", untrusted=door)
        with driver.fetch_media("http://dl.example/p/photo%20%C3%A9.jpg?Expires=1") as media:
            assert (media.name, media.content_type) == ("photo é.jpg", "image/jpeg")
            assert b"".join(media.chunks) == b"JPG" * 1000
        assert "x-viber-auth-token" not in store.calls[0].headers


@pytest.mark.parametrize(("answer", "error_class"), SAME_FAILURES)
def test_each_failure_says_whether_to_try_again(answer: Scripted, error_class: str) -> None:
    with receiver() as store, public_door(store) as door:
        store.script("/f", answer)
        assert_refused(driver_for("viber", untrusted=door), "http://dl.example/f", error_class)


@pytest.mark.parametrize(
    "ref", ["http://127.0.0.1:80/", "http://10.0.0.1/", "https://[::1]/", "http://localhost/"]
)
def test_a_private_address_is_not_called(ref: str) -> None:
    assert_refused(driver_for("viber", untrusted=HttpDoor(trusted=False)), ref, "content")


@pytest.mark.parametrize("ref", ["46105", "file:///etc/passwd", ""])
def test_what_is_no_address_is_not_called(ref: str) -> None:
    with pytest.raises(DriverError) as caught, driver_for("viber").fetch_media(ref):
        pass
    assert caught.value.error_class == "content"
