"""Which drivers there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from channels_app.drivers import registry
from channels_app.drivers.base import ConfigForm, Driver


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    registry.drivers.cache_clear()
    yield
    registry.drivers.cache_clear()


def test_our_own_come_in_the_order_of_the_tiles() -> None:
    assert list(registry.drivers())[: len(registry.BUILT_IN)] == list(registry.BUILT_IN)
    assert (next(iter(registry.BUILT_IN)), list(registry.BUILT_IN)[-1]) == ("livechat", "custom")


@pytest.mark.parametrize("kind", list(registry.BUILT_IN))
def test_each_driver_keeps_to_the_interface(kind: str) -> None:
    driver = registry.driver_class(kind)
    assert issubclass(driver, Driver)
    assert driver.kind == kind
    assert str(driver.label)
    assert issubclass(driver.config_form, ConfigForm)
    assert set(driver.required_secrets) <= set(driver.secret_fields)
    assert set(driver.new_secrets()) <= set(driver.secret_fields)
    # A form that asks for a secret must also be savable without typing it again.
    assert not any(field.required for name, field in driver.config_form().fields.items()), (
        "an empty form means: as it was"
    )


@pytest.mark.parametrize("kind", ["", "fax", "Telegram"])
def test_an_unknown_kind_is_an_error(kind: str) -> None:
    with pytest.raises(registry.UnknownKind):
        registry.driver_class(kind)


class FaxDriver(Driver):
    kind = "fax"
    label = "Fax"


class EntryPoint:
    def __init__(self, name: str) -> None:
        self.name = name

    def load(self) -> type[Driver]:
        return FaxDriver


def test_an_installed_package_may_add_a_kind_but_not_replace_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def installed(*, group: str) -> list[Any]:
        assert group == "openlines.drivers"
        return [EntryPoint("fax"), EntryPoint("telegram")]

    monkeypatch.setattr(registry, "entry_points", installed)
    assert registry.driver_class("fax") is FaxDriver
    assert registry.driver_class("telegram") is not FaxDriver
