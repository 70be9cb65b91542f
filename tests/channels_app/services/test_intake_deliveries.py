"""Keys of events, and deliveries that are kept whole: switched off, not understood, replayed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from channels_app.drivers.base import (
    IgnoredEvent,
    ReceiptEvent,
)
from channels_app.drivers.custom import CustomDriver
from channels_app.models import (
    Connector,
    InboundEvent,
    Message,
)
from channels_app.services.intake import delivery_receive, event_replay
from channels_app.services.intake_effect import event_key
from tests.channels_app.services.outside import (
    receive,
    written,
)
from tests.factories import (
    ConnectorFactory,
    OpenChannelFactory,
    OperatorFactory,
    TelegramConnectorFactory,
    moment,
)
from tests.flows.wire import custom_message, telegram_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def connector() -> Connector:
    connector: Connector = ConnectorFactory(
        open_channel=OpenChannelFactory(operators=[OperatorFactory()])
    )
    return connector


def raw_of(*bodies: Any) -> bytes:
    return json.dumps(bodies[0] if len(bodies) == 1 else list(bodies)).encode()


# --- keys ---------------------------------------------------------------------------------


def test_an_event_without_a_key_gets_one_from_its_content() -> None:
    first = event_key(written(key=""))
    assert first == event_key(written(key=""))
    assert first.startswith("sha256:")
    assert len(first) <= 200
    assert first != event_key(written(key="", text="Hello!"))
    assert first != event_key(written(key="", chat_id="u2"))


@pytest.mark.parametrize("key", ["k" * 201, "null \x00 byte", "half a \ud800 pair"])
def test_a_key_the_database_cannot_hold_is_hashed(key: str) -> None:
    assert event_key(written(key=key)).startswith("sha256:")
    assert event_key(written(key=key)) != event_key(written(key=key + "x"))


def test_receipts_of_one_message_have_a_key_each() -> None:
    keys = {
        event_key(ReceiptEvent(message_id="m", status=status))
        for status in ("sent", "delivered", "read", "failed")
    }
    assert len(keys) == 4


# --- deliveries ---------------------------------------------------------------------------


def test_a_delivery_of_a_switched_off_connector_is_kept_and_can_be_replayed_once() -> None:
    connector = ConnectorFactory(status="disabled")
    raw = raw_of(custom_message("m1"), custom_message("m2"))
    (received,) = delivery_receive(connector=connector, raw=raw, now=moment())
    assert received.outcome == "ignored"
    assert not Message.objects.exists()
    assert delivery_receive(connector=connector, raw=raw, now=moment())[0].outcome == "duplicate"
    event = InboundEvent.objects.get()
    assert (event.state, bytes(event.raw or b""), event.pending_at) == ("ignored", raw, None)
    replayed = event_replay(inbound_event=event, now=moment(1))
    assert replayed.outcome == "done"
    assert Message.objects.count() == 2
    assert replayed.message_id == Message.objects.get(external_id="m2").pk
    event.refresh_from_db()
    assert (event.state, event.raw, event.done_at) == ("done", None, moment(1))
    assert event_replay(inbound_event=event, now=moment(2)).outcome == "duplicate"
    assert Message.objects.count() == 2


def test_a_replayed_delivery_does_not_repeat_what_came_by_another_way(
    connector: Connector,
) -> None:
    raw = raw_of(custom_message("m1"), custom_message("m2"))
    connector.status = "disabled"
    delivery_receive(connector=connector, raw=raw, now=moment())
    connector.status = "connected"
    receive(connector, written("m1"))
    assert event_replay(
        inbound_event=InboundEvent.objects.get(key__startswith="raw:"), now=moment()
    )
    assert set(Message.objects.values_list("external_id", flat=True)) == {"m1", "m2"}
    # The platform delivers it once more, now that we listen.
    outcomes = delivery_receive(connector=connector, raw=raw, now=moment())
    assert [item.outcome for item in outcomes] == ["duplicate", "duplicate"]


def test_what_cannot_be_read_is_kept_as_dead_and_stays_when_it_still_cannot() -> None:
    connector = TelegramConnectorFactory()
    (received,) = delivery_receive(connector=connector, raw=b"{not json", now=moment())
    assert received.outcome == "dead"
    event = InboundEvent.objects.get()
    assert (event.state, bytes(event.raw or b""), event.error) == (
        "dead", b"{not json", "The body is not JSON.",
    )  # fmt: skip
    assert event_replay(inbound_event=event, now=moment(1)).outcome == "dead"
    event.refresh_from_db()
    assert (event.state, event.attempts, event.pending_at) == ("dead", 1, None)
    assert event.raw is not None


def test_a_drivers_fault_leaves_a_dead_letter_that_can_be_replayed_when_it_is_mended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connector = ConnectorFactory()
    with monkeypatch.context() as broken:

        def parse(_driver: CustomDriver, _raw: bytes) -> Any:
            raise KeyError("chat")

        broken.setattr(CustomDriver, "parse", parse)
        raw = raw_of(custom_message("m1"))
        (received,) = delivery_receive(connector=connector, raw=raw, now=moment())
    assert received.outcome == "dead"
    event = InboundEvent.objects.get()
    assert event.error == "KeyError: 'chat'"
    assert event_replay(inbound_event=event, now=moment()).outcome == "done"
    assert Message.objects.count() == 1


def test_one_bad_update_leaves_its_neighbours(connector: Connector) -> None:
    bot = TelegramConnectorFactory()
    raw = raw_of(
        telegram_text(1, "first"), {"update_id": 2, "message": 7}, telegram_text(3, "last")
    )
    outcomes = [item.outcome for item in delivery_receive(connector=bot, raw=raw, now=moment())]
    assert outcomes == ["done", "done"]
    assert list(Message.objects.order_by("seq").values_list("text", flat=True)) == [
        "first", "last",
    ]  # fmt: skip


def test_an_ignored_event_leaves_its_notice_on_the_connector(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    ignored = IgnoredEvent(key="1", reason="A group.", notice="The bot was added to a group.")
    monkeypatch.setattr(CustomDriver, "parse", lambda _driver, _raw: [ignored])
    assert delivery_receive(connector=connector, raw=b"{}", now=moment()) == []
    connector.refresh_from_db()
    assert connector.notice == "The bot was added to a group."
    assert not InboundEvent.objects.exists()
