"""What goes out to Viber, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from channels_app.drivers.base import SendResult
from openlines_project.lib.http import HttpDoor
from tests.channels_app.drivers.telegram_driver import outgoing_file
from tests.channels_app.drivers.wires import CHATS, driver_for, failure, message_for
from tests.standins.server import DROP, HANG, HANG_ACCEPTED, Answer, Scripted
from tests.standins.viber_api import ViberStandIn, status, viber_api

URL = "https://desk.example/files/1/?t=x"
MEGABYTE = 1024 * 1024


@pytest.fixture
def viber() -> Iterator[ViberStandIn]:
    with viber_api() as stand_in:
        yield stand_in


def sent(viber: ViberStandIn, **changes: Any) -> dict[str, Any]:
    driver_for("viber", viber).send(message_for("viber", **changes))
    return viber.accepted[-1]


# --- what is sent -------------------------------------------------------------------------


def test_a_text_goes_to_its_customer_under_the_name_of_the_sender(viber: ViberStandIn) -> None:
    result = driver_for("viber", viber).send(message_for("viber", text="1 < 2 & *not bold*"))
    # A number of 64 bits, kept to the last digit.
    assert result == SendResult(external_id="5098034272017990001")
    assert viber.accepted == [
        {
            "receiver": CHATS["viber"],
            "sender": {"name": "Corner Shop"},
            "type": "text",
            "text": "1 < 2 & *not bold*",
        }
    ]


def test_without_a_name_the_sender_has_a_general_one(viber: ViberStandIn) -> None:
    driver_for("viber", viber, sender_name="").send(message_for("viber"))
    assert viber.accepted[0]["sender"] == {"name": "Support"}


def test_a_text_of_the_full_length_is_sent_whole(viber: ViberStandIn) -> None:
    assert sent(viber, text="é" * 7000)["text"] == "é" * 7000


@pytest.mark.parametrize(
    ("kind", "content_type", "size", "as_what"),
    [
        ("image", "image/jpeg", MEGABYTE, {"type": "picture", "text": ""}),
        ("image", "image/jpeg", MEGABYTE + 1, {"type": "file"}),
        ("image", "image/webp", 10, {"type": "file"}),
        ("video", "video/mp4", 26 * MEGABYTE, {"type": "video"}),
        ("video", "video/mp4", 26 * MEGABYTE + 1, {"type": "file"}),
        ("video", "video/webm", 10, {"type": "file"}),
        ("file", "application/pdf", 50 * MEGABYTE, {"type": "file"}),
    ],
)
def test_a_file_is_sent_as_what_viber_shows(
    viber: ViberStandIn, kind: str, content_type: str, size: int, as_what: dict[str, Any]
) -> None:
    file = outgoing_file(kind=kind, name="n.bin", content_type=content_type, size=size, url=URL)
    found = sent(viber, text="", files=[file])
    assert found["media"] == URL
    assert {name: found.get(name) for name in as_what} == as_what
    if as_what["type"] != "picture":
        assert found["size"] == size
        assert "text" not in found
    assert found.get("file_name") == ("n.bin" if as_what["type"] == "file" else None)


def test_a_picture_has_a_caption(viber: ViberStandIn) -> None:
    file = outgoing_file(kind="image", content_type="image/png", url=URL)
    assert sent(viber, text="See here", files=[file])["text"] == "See here"


def test_buttons_are_a_keyboard(viber: ViberStandIn) -> None:
    found = sent(viber, buttons=[{"text": "Black", "payload": "black"}])
    assert found["keyboard"] == {
        "Type": "keyboard",
        "DefaultHeight": False,
        "Buttons": [
            {
                "Columns": 6,
                "Rows": 1,
                "ActionType": "reply",
                "ActionBody": "Black",  # what the customer is seen to have written
                "Text": "Black",
            }
        ],
    }
    assert "min_api_version" not in found


def test_a_button_of_ours_is_pressed_without_a_message(viber: ViberStandIn) -> None:
    found = sent(viber, buttons=[{"text": "Good", "payload": "ol:rate:5:Zk3v9QpL"}])
    (button,) = found["keyboard"]["Buttons"]
    assert (button["ActionBody"], button["Text"]) == ("ol:rate:5:Zk3v9QpL", "Good")
    assert button["Silent"] is True
    assert found["min_api_version"] == 6


# --- what is not even tried ---------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"text": ""},
        {"text": " \n"},
        {"text": "a" * 7001},
        {"text": "", "files": [outgoing_file()]},
        {"text": "", "files": [outgoing_file(url=URL), outgoing_file(url=URL)]},
        {"text": "with words", "files": [outgoing_file(url=URL)]},
        {"text": "", "files": [outgoing_file(url=URL, size=50 * MEGABYTE + 1)]},
        {
            "text": "a" * 513,
            "files": [outgoing_file(kind="image", content_type="image/png", url=URL)],
        },
        {"buttons": [{"text": "", "payload": "a"}]},
    ],
    ids=["empty", "blank", "long", "no url", "two", "words", "large", "caption", "no text"],
)
def test_what_viber_would_refuse_is_not_sent(viber: ViberStandIn, changes: dict[str, Any]) -> None:
    error = failure(driver_for("viber", viber), message_for("viber", **changes))
    assert error.error_class == "content"
    assert viber.calls == []


def test_without_a_token_nothing_is_called(viber: ViberStandIn) -> None:
    driver = driver_for("viber", viber, token="")
    with pytest.raises(Exception, match="token is missing"):
        driver.send(message_for("viber"))
    assert viber.calls == []


# --- refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "error_class"),
    [
        (status(2, "invalidAuthToken"), "auth"),
        (status(3, "badData"), "content"),
        (status(5, "receiverNotRegistered"), "contact"),
        (status(6, "receiverNotSubscribed"), "contact"),
        (status(7, "publicAccountBlocked"), "auth"),
        (status(10, "webhookNotSet"), "auth"),
        (status(12, "tooManyRequests"), "retry"),
        (status(13, "apiVersionNotSupported"), "content"),
        (status(21, "unsupportedCountry"), "contact"),
        (status(24, "noBalance"), "content"),
        (status(99, "General error"), "retry"),
        (Answer({"status": 3}, status=400), "content"),
        (Answer(b"", status=400), "content"),
        (Answer(b"", status=401), "auth"),
        (Answer(b"", status=403), "auth"),
        (Answer(b"", status=500), "retry"),
        (Answer(b"<html>Bad Gateway</html>", status=502), "retry"),
        (Answer(b"<html>hello</html>"), "unknown"),
        (Answer({"status": True}), "unknown"),
        (Answer(b"", status=302, headers={"Location": "http://127.0.0.1:1/"}), "content"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.status} {str(value.body)[:60]}",
)
def test_each_refusal_says_what_may_be_done(
    viber: ViberStandIn, answer: Scripted, error_class: str
) -> None:
    viber.script("send_message", answer)
    error = failure(driver_for("viber", viber), message_for("viber"))
    assert error.error_class == error_class
    assert (len(viber.calls), viber.accepted) == (1, [])


def test_viber_says_how_long_to_wait(viber: ViberStandIn) -> None:
    viber.script("send_message", Answer(b"", status=429, headers={"Retry-After": "37"}))
    error = failure(driver_for("viber", viber), message_for("viber"))
    assert (error.error_class, error.retry_after) == ("retry", 37.0)


def test_vibers_reason_is_shown_without_the_token(viber: ViberStandIn) -> None:
    viber.script("send_message", status(3, f"{viber.token}\nis odd"))
    error = failure(driver_for("viber", viber), message_for("viber"))
    assert str(error) == "The message was refused by Viber: *** is odd (3)"


@pytest.mark.parametrize(
    ("silence", "accepted"), [(HANG, 0), (HANG_ACCEPTED, 1), (DROP, 0)], ids=repr
)
def test_an_answer_that_is_lost_leaves_the_message_unknown(
    viber: ViberStandIn, silence: Scripted, accepted: int
) -> None:
    viber.script("send_message", silence)
    driver = driver_for("viber", viber, timeout=0.5)
    assert failure(driver, message_for("viber")).error_class == "unknown"
    assert len(viber.accepted) == accepted


def test_without_a_connection_nothing_was_sent() -> None:
    with viber_api() as viber:
        driver = driver_for("viber", viber)
    assert failure(driver, message_for("viber")).error_class == "retry"


def test_a_private_api_address_must_be_named(viber: ViberStandIn) -> None:
    driver = driver_for("viber", viber, trusted=HttpDoor(trusted=True))
    error = failure(driver, message_for("viber"))
    assert error.error_class == "auth"
    assert "PRIVATE_TARGETS" in str(error)
    assert viber.calls == []
