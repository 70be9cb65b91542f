"""Connectors of Viber, VK, LINE and Twilio whose platform is a stand-in on loopback."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from channels_app.drivers.registry import driver_class
from channels_app.models import Connector
from channels_app.services import connectors
from openlines_project.lib.http import HttpDoor
from tests.channels_app.drivers.wires import SETTINGS
from tests.factories.wires import wire_connector
from tests.standins import line_api, twilio_api, viber_api, vk_api

__all__ = ["SEND", "STANDINS", "connected", "quick_and_even", "standins"]

STANDINS: dict[str, Callable[[], Any]] = {
    "viber": viber_api.viber_api,
    "vk": vk_api.vk_api,
    "line": line_api.line_api,
    "twilio": twilio_api.twilio_api,
}
SEND = {"viber": "send_message", "vk": "messages.send", "line": "push", "twilio": "Messages.json"}
TIME_OUT = 0.4


@pytest.fixture(autouse=True)
def quick_and_even(monkeypatch: pytest.MonkeyPatch) -> None:
    door = HttpDoor(trusted=True, private_targets=["127.0.0.1:*"], timeout=TIME_OUT)
    monkeypatch.setattr(connectors, "trusted_door", lambda: door)
    monkeypatch.setattr(random, "uniform", lambda _least, _most: 1.0)


@pytest.fixture
def standins() -> Iterator[Callable[[str], Any]]:
    with ExitStack() as stack:
        yield lambda kind: stack.enter_context(STANDINS[kind]())


def connected(kind: str, stand_in: Any, **values: Any) -> Connector:
    secrets = {name: SETTINGS[kind][name] for name in driver_class(kind).secret_fields}
    config = {name: value for name, value in SETTINGS[kind].items() if name not in secrets}
    return wire_connector(
        kind, config=config | {"api_base_url": stand_in.url}, secrets=secrets, **values
    )
