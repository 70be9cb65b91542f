"""What goes out by Twilio, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from channels_app.drivers.base import DriverError, SendResult
from tests.channels_app.drivers.telegram_driver import outgoing_file
from tests.channels_app.drivers.wires import CHATS, WEBHOOK, driver_for, failure, message_for
from tests.standins.server import DROP, HANG, HANG_ACCEPTED, Answer, Scripted
from tests.standins.twilio_api import (
    ACCOUNT,
    NUMBER,
    SERVICE,
    TwilioStandIn,
    refused,
    twilio_api,
)

URL = "https://desk.example/files/1/?t=x"
MEGABYTE = 1024 * 1024


@pytest.fixture
def twilio() -> Iterator[TwilioStandIn]:
    with twilio_api() as stand_in:
        yield stand_in


def sent(twilio: TwilioStandIn, *, config: Any = None, **changes: Any) -> Any:
    driver_for("twilio", twilio, **(config or {})).send(message_for("twilio", **changes))
    return twilio.accepted[-1]


# --- what is sent -------------------------------------------------------------------------


def test_a_text_goes_to_its_number(twilio: TwilioStandIn) -> None:
    result = driver_for("twilio", twilio).send(message_for("twilio", text="1 < 2 & é"))
    assert result == SendResult(external_id="SM" + "0" * 31 + "1")
    assert twilio.accepted == [
        {"To": CHATS["twilio"], "From": NUMBER, "Body": "1 < 2 & é", "StatusCallback": WEBHOOK}
    ]
    assert twilio.calls[0].path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"


def test_without_a_public_address_no_state_is_told(twilio: TwilioStandIn) -> None:
    driver = driver_for("twilio", twilio)
    driver.webhook_url = ""
    driver.send(message_for("twilio"))
    assert "StatusCallback" not in twilio.accepted[0]


def test_a_service_chooses_the_number(twilio: TwilioStandIn) -> None:
    form = sent(twilio, config={"number": "", "messaging_service_sid": SERVICE})
    assert form["MessagingServiceSid"] == SERVICE
    assert "From" not in form


@pytest.mark.parametrize("number", [NUMBER, f"whatsapp:{NUMBER}"])
@pytest.mark.parametrize(
    ("chat_id", "sender"),
    [("+351910000002", NUMBER), ("whatsapp:+351910000002", f"whatsapp:{NUMBER}")],
)
def test_an_answer_goes_the_way_the_message_came(
    twilio: TwilioStandIn, number: str, chat_id: str, sender: str
) -> None:
    form = sent(twilio, config={"number": number}, chat_id=chat_id)
    assert (form["To"], form["From"]) == (chat_id, sender)


def test_only_whatsapp_has_a_time_to_answer() -> None:
    assert driver_for("twilio").capabilities.reply_window_hours == 0
    by_whatsapp = driver_for("twilio", number=f"whatsapp:{NUMBER}")
    assert by_whatsapp.capabilities.reply_window_hours == 24


def test_a_file_is_fetched_from_us(twilio: TwilioStandIn) -> None:
    form = sent(twilio, text="See here", files=[outgoing_file(url=URL)])
    assert (form["MediaUrl"], form["Body"]) == (URL, "See here")
    assert "Body" not in sent(twilio, text="", files=[outgoing_file(url=URL)])


def test_what_buttons_would_say_stands_below_the_text(twilio: TwilioStandIn) -> None:
    buttons = [{"text": "1 Good", "payload": "ol:a"}, {"text": "2 Bad", "payload": "ol:b"}]
    assert sent(twilio, text="How was it?", buttons=buttons)["Body"] == "How was it?\n1 Good\n2 Bad"
    assert sent(twilio, text="a" * 1595, buttons=buttons)["Body"] == "a" * 1595


def test_a_text_of_the_full_length_is_sent_whole(twilio: TwilioStandIn) -> None:
    assert sent(twilio, text="é" * 1600)["Body"] == "é" * 1600


@pytest.mark.parametrize(
    "changes",
    [
        {"text": " \n"},
        {"text": "a" * 1601},
        {"files": [outgoing_file()]},
        {"files": [outgoing_file(url=URL), outgoing_file(url=URL)]},
        {"files": [outgoing_file(url=URL, size=5 * MEGABYTE + 1)]},
        {
            "files": [outgoing_file(url=URL, size=16 * MEGABYTE + 1)],
            "chat_id": "whatsapp:+351910000002",
        },
    ],
    ids=["blank", "long", "no url", "two", "large", "large on WhatsApp"],
)
def test_what_twilio_would_refuse_is_not_sent(
    twilio: TwilioStandIn, changes: dict[str, Any]
) -> None:
    error = failure(driver_for("twilio", twilio), message_for("twilio", **changes))
    assert error.error_class == "content"
    assert twilio.calls == []


@pytest.mark.parametrize("missing", ["account_sid", "auth_token", "number"])
def test_without_access_data_nothing_is_called(twilio: TwilioStandIn, missing: str) -> None:
    config: dict[str, Any] = {missing: ""}
    driver = driver_for("twilio", twilio, **config)
    with pytest.raises(DriverError) as caught:
        driver.send(message_for("twilio"))
    assert caught.value.error_class == "auth"
    assert twilio.calls == []


# --- refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "error_class"),
    [
        (refused(401, 20003), "auth"),
        (refused(404, 20404), "auth"),
        (refused(400, 21606, "not a valid, SMS-capable inbound phone number"), "auth"),
        (refused(400, 21610, "Attempt to send to unsubscribed recipient"), "contact"),
        (refused(400, 21211, "Invalid 'To' Phone Number"), "contact"),
        (refused(400, 21614, "not a mobile number"), "contact"),
        (refused(400, 21408, "Permission to send an SMS has not been enabled"), "content"),
        (refused(400, 21617, "exceeds the 1600 character limit"), "content"),
        (refused(400, 30007, "filtered"), "content"),
        (refused(400, 63016, "outside the allowed window"), "window"),
        (refused(400, 63018, "Rate limit exceeded"), "retry"),
        (refused(429, 20429), "retry"),
        (refused(500, 20500), "retry"),
        (Answer(b"", status=400), "content"),
        (Answer(b"", status=401), "auth"),
        (Answer(b"", status=403), "auth"),
        (Answer(b"<html>Bad Gateway</html>", status=502), "retry"),
        (Answer(b"<html>hello</html>"), "unknown"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.status} {str(value.body)[:60]}",
)
def test_each_refusal_says_what_may_be_done(
    twilio: TwilioStandIn, answer: Scripted, error_class: str
) -> None:
    twilio.script("Messages.json", answer)
    error = failure(driver_for("twilio", twilio), message_for("twilio"))
    assert error.error_class == error_class
    assert (len(twilio.calls), twilio.accepted) == (1, [])


def test_twilio_says_how_long_to_wait(twilio: TwilioStandIn) -> None:
    twilio.script("Messages.json", refused(429, 20429, **{"Retry-After": "9"}))
    error = failure(driver_for("twilio", twilio), message_for("twilio"))
    assert (error.error_class, error.retry_after) == ("retry", 9.0)


def test_twilios_reason_is_shown_without_the_token(twilio: TwilioStandIn) -> None:
    twilio.script("Messages.json", refused(400, 21617, f"{twilio.token}\nis odd"))
    error = failure(driver_for("twilio", twilio), message_for("twilio"))
    assert str(error) == "The message was refused by Twilio: *** is odd (21617)"


@pytest.mark.parametrize(
    ("silence", "accepted"), [(HANG, 0), (HANG_ACCEPTED, 1), (DROP, 0)], ids=repr
)
def test_an_answer_that_is_lost_leaves_the_message_unknown(
    twilio: TwilioStandIn, silence: Scripted, accepted: int
) -> None:
    twilio.script("Messages.json", silence)
    driver = driver_for("twilio", twilio, timeout=0.5)
    assert failure(driver, message_for("twilio")).error_class == "unknown"
    assert len(twilio.accepted) == accepted
