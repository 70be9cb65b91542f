"""Connecting a Viber bot, asking how it is, and its settings form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from channels_app.drivers.base import Account, DriverError
from channels_app.drivers.viber import EVENT_TYPES, ViberForm
from tests.channels_app.drivers.wires import WEBHOOK, driver_for
from tests.standins.server import Answer
from tests.standins.viber_api import ViberStandIn, status, viber_api

ACCOUNT = Account(account_id="pa:75346594275468546724", name="Corner Shop")


@pytest.fixture
def viber() -> Iterator[ViberStandIn]:
    with viber_api() as stand_in:
        yield stand_in


def test_connecting_sets_the_webhook(viber: ViberStandIn) -> None:
    assert driver_for("viber", viber).connect(webhook_url=WEBHOOK) == ACCOUNT
    assert viber.called("set_webhook") == [
        {
            "url": WEBHOOK,
            "event_types": list(EVENT_TYPES),
            "send_name": True,
            "send_photo": True,
        }
    ]


def test_a_wrong_token_is_told_before_anything_is_set(viber: ViberStandIn) -> None:
    with pytest.raises(DriverError) as caught:
        driver_for("viber", viber, token="wrong").connect(webhook_url=WEBHOOK)
    assert caught.value.error_class == "auth"
    assert viber.called("set_webhook") == []


def test_an_address_viber_cannot_reach_is_told_in_its_words(viber: ViberStandIn) -> None:
    viber.script("set_webhook", status(1, "Result webhook is not valid"))
    with pytest.raises(DriverError, match="Result webhook is not valid") as caught:
        driver_for("viber", viber).connect(webhook_url=WEBHOOK)
    assert caught.value.error_class == "content"


def test_a_server_that_is_not_viber_is_told(viber: ViberStandIn) -> None:
    viber.script("get_account_info", Answer({"status": 0}))
    with pytest.raises(DriverError, match="not that of Viber"):
        driver_for("viber", viber).connect(webhook_url=WEBHOOK)


def test_disconnecting_takes_the_webhook_away(viber: ViberStandIn) -> None:
    driver = driver_for("viber", viber)
    driver.connect(webhook_url=WEBHOOK)
    driver.disconnect()
    assert viber.webhook["webhook"] == ""


def test_all_is_well_after_connecting(viber: ViberStandIn) -> None:
    driver = driver_for("viber", viber)
    driver.connect(webhook_url=WEBHOOK)
    result = driver.check(webhook_url=WEBHOOK)
    assert (result.account, result.problems) == (ACCOUNT, ())
    assert dict(result.facts) == {"Bot": "Corner Shop", "Subscribers": "35"}


@pytest.mark.parametrize(
    ("webhook", "problem"),
    [
        ({"webhook": ""}, "Viber has no address to deliver to. Connect again."),
        ({"webhook": "https://o.example/"}, "Viber delivers to another address. Connect again."),
        (
            {"webhook": WEBHOOK, "event_types": ["seen"]},
            "Viber does not deliver all we ask for. Connect again.",
        ),
    ],
)
def test_each_problem_is_a_sentence(
    viber: ViberStandIn, webhook: dict[str, Any], problem: str
) -> None:
    viber.webhook = webhook
    assert driver_for("viber", viber).check(webhook_url=WEBHOOK).problems == (problem,)


def test_the_form_takes_a_token_and_a_name() -> None:
    form = ViberForm({"token": " 445da6az1s345z78-d ", "sender_name": "Shop"})
    assert form.is_valid()
    assert form.cleaned_data == {
        "token": "445da6az1s345z78-d",
        "sender_name": "Shop",
        "api_base_url": "",
    }


@pytest.mark.parametrize(
    ("field", "typed"), [("token", "a b"), ("token", "é"), ("sender_name", "n" * 29)]
)
def test_the_form_refuses_what_is_none(field: str, typed: str) -> None:
    assert list(ViberForm({field: typed}).errors) == [field]
