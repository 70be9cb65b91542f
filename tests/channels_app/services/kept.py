"""What the tests of kept events share: poisoned messages, deliveries and the thread."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest

from channels_app.models import Connector, Message
from channels_app.services import intake_apply
from channels_app.services.intake import delivery_receive
from tests.factories import moment


class Poison:
    """Some messages cannot be stored, until they are healed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *message_ids: str) -> None:
        self.message_ids = set(message_ids)
        original: Callable[..., Any] = intake_apply._message_store

        def store(*, event: Any, **values: Any) -> Any:
            if event.message_id in self.message_ids:
                raise RuntimeError("poison")
            return original(event=event, **values)

        monkeypatch.setattr(intake_apply, "_message_store", store)


def deliver(connector: Connector, *bodies: dict[str, Any], at: dt.datetime) -> list[str]:
    raw = json.dumps(list(bodies)).encode()
    return [item.outcome for item in delivery_receive(connector=connector, raw=raw, now=at)]


def at(seconds: float) -> dt.datetime:
    return moment() + dt.timedelta(seconds=seconds)


def thread() -> list[str]:
    return [
        message.text or message.kind for message in Message.objects.order_by("conversation", "seq")
    ]
