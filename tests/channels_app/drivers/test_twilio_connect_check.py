"""Connecting a number at Twilio, asking how it is, and its settings form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from channels_app.drivers.base import Account, DriverError
from channels_app.drivers.twilio import TwilioForm
from tests.channels_app.drivers.wires import WEBHOOK, driver_for
from tests.standins.server import Answer
from tests.standins.twilio_api import ACCOUNT, NUMBER, SERVICE, TwilioStandIn, twilio_api

BY_SERVICE: dict[str, Any] = {"number": "", "messaging_service_sid": SERVICE}


@pytest.fixture
def twilio() -> Iterator[TwilioStandIn]:
    with twilio_api() as stand_in:
        yield stand_in


def test_connecting_enters_our_address_at_the_number(twilio: TwilioStandIn) -> None:
    account = driver_for("twilio", twilio).connect(webhook_url=WEBHOOK)
    # Several numbers of one Twilio account are several channels.
    assert account == Account(account_id=NUMBER, name=NUMBER)
    (call,) = twilio.called(f"{twilio.number['sid']}.json")
    assert call.form == {"SmsUrl": WEBHOOK, "SmsMethod": "POST"}


def test_connecting_enters_our_address_at_the_service(twilio: TwilioStandIn) -> None:
    account = driver_for("twilio", twilio, **BY_SERVICE).connect(webhook_url=WEBHOOK)
    assert account == Account(account_id=SERVICE, name="Shop")
    assert twilio.service["inbound_request_url"] == WEBHOOK
    assert twilio.service["status_callback"] == WEBHOOK


@pytest.mark.parametrize("number", [f"whatsapp:{NUMBER}", "12345"])
def test_other_senders_are_set_by_hand(twilio: TwilioStandIn, number: str) -> None:
    driver = driver_for("twilio", twilio, number=number)
    assert driver.connect(webhook_url=WEBHOOK) == Account(account_id=number, name=number)
    result = driver.check(webhook_url=WEBHOOK)
    assert result.problems == ()
    assert dict(result.facts)["Webhook"] == "entered by hand in Twilio's console"
    driver.disconnect()
    assert twilio.number["sms_url"] == ""
    assert all(call.verb == "GET" for call in twilio.calls)


@pytest.mark.parametrize(
    ("changes", "error_class"),
    [
        ({"auth_token": "wrong"}, "auth"),
        ({"account_sid": ""}, "auth"),
        ({"number": ""}, "content"),
        ({"number": "+15005550999"}, "content"),
    ],
)
def test_wrong_settings_are_told_before_anything_is_set(
    twilio: TwilioStandIn, changes: dict[str, Any], error_class: str
) -> None:
    with pytest.raises(DriverError) as caught:
        driver_for("twilio", twilio, **changes).connect(webhook_url=WEBHOOK)
    assert caught.value.error_class == error_class
    assert twilio.number["sms_url"] == ""


def test_a_suspended_account_is_told(twilio: TwilioStandIn) -> None:
    twilio.script(f"{ACCOUNT}.json", Answer({"sid": ACCOUNT, "status": "suspended"}))
    with pytest.raises(DriverError, match="not active: suspended") as caught:
        driver_for("twilio", twilio).connect(webhook_url=WEBHOOK)
    assert caught.value.error_class == "auth"


def test_a_server_that_is_not_twilio_is_told(twilio: TwilioStandIn) -> None:
    twilio.script(f"{ACCOUNT}.json", Answer({"hello": 1}))
    with pytest.raises(DriverError, match="not that of Twilio"):
        driver_for("twilio", twilio).check(webhook_url=WEBHOOK)


def test_disconnecting_takes_our_address_away_and_no_other(twilio: TwilioStandIn) -> None:
    driver = driver_for("twilio", twilio)
    twilio.number["sms_url"] = "https://other.example/"
    driver.disconnect()
    assert twilio.number["sms_url"] == "https://other.example/"
    driver.connect(webhook_url=WEBHOOK)
    driver.disconnect()
    assert twilio.number["sms_url"] == ""


@pytest.mark.parametrize("changes", [{}, BY_SERVICE])
def test_all_is_well_after_connecting(twilio: TwilioStandIn, changes: dict[str, Any]) -> None:
    driver = driver_for("twilio", twilio, **changes)
    driver.connect(webhook_url=WEBHOOK)
    assert driver.check(webhook_url=WEBHOOK).problems == ()


@pytest.mark.parametrize(
    ("changes", "number", "service", "problem"),
    [
        ({}, {}, {}, "Twilio has no address to deliver to. Connect again."),
        (
            {},
            {"sms_url": "https://o.example/"},
            {},
            "Twilio delivers to another address. Connect again.",
        ),
        (BY_SERVICE, {}, {}, "Twilio has no address to deliver to. Connect again."),
        (
            BY_SERVICE,
            {},
            {"inbound_request_url": WEBHOOK, "use_inbound_webhook_on_number": True},
            "Twilio has no address to deliver to. Connect again.",
        ),
    ],
)
def test_each_problem_is_a_sentence(
    twilio: TwilioStandIn,
    changes: dict[str, Any],
    number: dict[str, Any],
    service: dict[str, Any],
    problem: str,
) -> None:
    twilio.number |= number
    twilio.service |= service
    result = driver_for("twilio", twilio, **changes).check(webhook_url=WEBHOOK)
    assert result.problems == (problem,)


@pytest.mark.parametrize(
    ("field", "typed", "kept"),
    [
        ("number", "+1 (500) 555-0006", "+15005550006"),
        ("number", "WhatsApp:+15005550006", "whatsapp:+15005550006"),
        ("number", "12345", "12345"),
        ("account_sid", f" {ACCOUNT} ", ACCOUNT),
        ("messaging_service_sid", SERVICE, SERVICE),
        ("auth_token", " a1 ", "a1"),
    ],
)
def test_the_form_takes_what_twilio_shows(field: str, typed: str, kept: str) -> None:
    form = TwilioForm({field: typed})
    assert form.is_valid(), form.errors
    assert form.cleaned_data[field] == kept


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("number", "1500555000699"),
        ("number", "+0150055"),
        ("number", "shop"),
        ("account_sid", "AC12"),
        ("account_sid", SERVICE),
        ("messaging_service_sid", ACCOUNT),
    ],
)
def test_the_form_refuses_what_is_none(field: str, typed: str) -> None:
    assert list(TwilioForm({field: typed}).errors) == [field]
