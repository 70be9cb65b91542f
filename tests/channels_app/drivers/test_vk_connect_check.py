"""Connecting a community of VK, asking how it is, and its settings form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from channels_app.drivers.base import Account, DriverError
from channels_app.drivers.vk import EVENTS, VkForm
from tests.channels_app.drivers.wires import SETTINGS, WEBHOOK, driver_for
from tests.standins.vk_api import GROUP, VkStandIn, error, ok, vk_api

ACCOUNT = Account(account_id=str(GROUP), name="Corner Shop")


@pytest.fixture
def vk() -> Iterator[VkStandIn]:
    with vk_api() as stand_in:
        yield stand_in


def test_connecting_enters_our_address(vk: VkStandIn) -> None:
    assert driver_for("vk", vk).connect(webhook_url=WEBHOOK) == ACCOUNT
    (server,) = vk.servers
    assert (server["url"], server["secret_key"]) == (WEBHOOK, SETTINGS["vk"]["secret"])
    assert len(server["title"]) <= 14
    assert set(EVENTS) <= set(vk.settings)


def test_connecting_again_keeps_the_address_and_brings_the_secret_up_to_date(
    vk: VkStandIn,
) -> None:
    driver_for("vk", vk).connect(webhook_url=WEBHOOK)
    driver_for("vk", vk, secret="another1").connect(webhook_url=WEBHOOK)
    assert [server["secret_key"] for server in vk.servers] == ["another1"]
    assert len(vk.called("groups.addCallbackServer")) == 1


def test_a_wrong_code_is_told_before_vk_asks_for_it(vk: VkStandIn) -> None:
    with pytest.raises(DriverError) as caught:
        driver_for("vk", vk, confirmation_code="old").connect(webhook_url=WEBHOOK)
    assert str(caught.value) == "The confirmation code is another one. VK shows 5a1c9f2e."
    assert caught.value.error_class == "content"
    assert vk.servers == []


def test_a_key_for_messages_only_leaves_the_address_to_be_entered_by_hand(vk: VkStandIn) -> None:
    refusal = error(15, "Access denied")
    vk.script("groups.getCallbackConfirmationCode", refusal)
    vk.script("groups.getCallbackServers", refusal)
    driver = driver_for("vk", vk)
    assert driver.connect(webhook_url=WEBHOOK) == ACCOUNT
    result = driver.check(webhook_url=WEBHOOK)
    assert result.problems == ()
    facts = dict(result.facts)
    assert facts["Callback API"] == "entered by hand; the key may not look at it"


def test_another_refusal_is_not_passed_over(vk: VkStandIn) -> None:
    vk.script("groups.getCallbackConfirmationCode", error(29, "Rate limit reached"))
    with pytest.raises(DriverError, match="Rate limit reached"):
        driver_for("vk", vk).connect(webhook_url=WEBHOOK)


@pytest.mark.parametrize(
    ("changes", "error_class"),
    [
        ({"access_token": "wrong"}, "auth"),
        ({"group_id": ""}, "auth"),
        ({"group_id": "77"}, "content"),
        ({"secret": ""}, "auth"),
    ],
)
def test_wrong_settings_are_told_before_anything_is_set(
    vk: VkStandIn, changes: dict[str, Any], error_class: str
) -> None:
    with pytest.raises(DriverError) as caught:
        driver_for("vk", vk, **changes).connect(webhook_url=WEBHOOK)
    assert caught.value.error_class == error_class
    assert vk.servers == []


def test_disconnecting_takes_our_address_away_and_no_other(vk: VkStandIn) -> None:
    driver = driver_for("vk", vk)
    vk.servers = [{"id": 1, "url": "https://other.example/", "secret_key": "x", "status": "ok"}]
    driver.disconnect()
    assert vk.called("groups.deleteCallbackServer") == []
    driver.connect(webhook_url=WEBHOOK)
    driver.disconnect()
    assert vk.called("groups.deleteCallbackServer") == [{"group_id": str(GROUP), "server_id": "4"}]


def test_all_is_well_after_connecting(vk: VkStandIn) -> None:
    driver = driver_for("vk", vk)
    driver.connect(webhook_url=WEBHOOK)
    result = driver.check(webhook_url=WEBHOOK)
    assert (result.account, result.problems) == (ACCOUNT, ())
    assert dict(result.facts) == {"Community": "Corner Shop"}


def test_each_problem_is_a_sentence(vk: VkStandIn) -> None:
    driver = driver_for("vk", vk)

    def problems() -> tuple[str, ...]:
        return driver.check(webhook_url=WEBHOOK).problems

    assert problems() == ("VK has no address to deliver to. Connect again.",)
    vk.servers = [{"id": 4, "url": WEBHOOK, "secret_key": "x", "status": "ok"}]
    assert problems() == ("VK does not deliver all we ask for. Connect again.",)
    vk.servers[0]["status"] = "failed"
    assert problems() == ("VK has not confirmed the address. Check the confirmation code.",)


def test_a_server_that_is_not_vk_is_told(vk: VkStandIn) -> None:
    vk.script("groups.getById", ok("hello"))
    with pytest.raises(DriverError, match="not that of VK"):
        driver_for("vk", vk).check(webhook_url=WEBHOOK)


def test_groups_come_as_a_list_in_older_versions(vk: VkStandIn) -> None:
    vk.script("groups.getById", ok([{"id": GROUP, "name": "Old"}]))
    assert driver_for("vk", vk).check(webhook_url="").account == Account(
        account_id=str(GROUP), name="Old"
    )


@pytest.mark.parametrize(
    ("field", "typed", "kept"),
    [
        ("group_id", " 123456 ", "123456"),
        ("group_id", "club123456", "123456"),
        ("group_id", "-123456", "123456"),
        ("secret", " aB3 ", "aB3"),
        ("access_token", " vk1.a.x ", "vk1.a.x"),
        ("confirmation_code", " 5a1c ", "5a1c"),
    ],
)
def test_the_form_takes_what_vk_shows(field: str, typed: str, kept: str) -> None:
    form = VkForm({field: typed})
    assert form.is_valid()
    assert form.cleaned_data[field] == kept


@pytest.mark.parametrize(
    ("field", "typed"),
    [("group_id", "shop"), ("group_id", "12 34"), ("secret", "with-sign"), ("secret", "a" * 51)],
)
def test_the_form_refuses_what_is_none(field: str, typed: str) -> None:
    assert list(VkForm({field: typed}).errors) == [field]
