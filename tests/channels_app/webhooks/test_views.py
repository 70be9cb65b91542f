"""The platforms' door: who may deliver, what is answered, and that nothing makes it fall over."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from channels_app.drivers.custom import CustomDriver
from channels_app.models import Connector, Conversation, InboundEvent, Message
from channels_app.selectors import connector_cache_clear
from channels_app.services.intake import event_replay
from channels_app.webhooks import views
from queue_app.models import Session
from tests.factories import ConnectorFactory, OpenChannelFactory, TelegramConnectorFactory
from tests.flows.wire import (
    custom_message,
    custom_post,
    custom_signature,
    telegram_text,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def connector() -> Connector:
    connector: Connector = ConnectorFactory()
    return connector


@pytest.fixture
def bot() -> Connector:
    bot: Connector = TelegramConnectorFactory()
    return bot


def address(connector: Connector) -> str:
    return f"/webhooks/{connector.public_id}/"


def nothing_was_written() -> bool:
    models = (InboundEvent, Conversation, Message, Session)
    return not any(model.objects.exists() for model in models)


# --- who may deliver ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "token",
    [None, "", "wrong", "telegram-webhook-secret-012345678", "telegram-webhook-secret-01234567890"],
)
def test_telegram_without_its_secret_is_refused(
    client: Client, bot: Connector, token: str | None
) -> None:
    headers = {} if token is None else {"X-Telegram-Bot-Api-Secret-Token": token}
    body = json.dumps(telegram_text(1, "Hello"))
    answer = client.post(address(bot), body, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.content) == (401, b"")
    assert nothing_was_written()
    bot.refresh_from_db()
    assert bot.last_event_at is None


def test_a_secret_of_other_characters_is_refused_and_no_fault(
    client: Client, bot: Connector
) -> None:
    answer = client.post(
        address(bot), b"{}", content_type="application/json",
        HTTP_X_TELEGRAM_BOT_API_SECRET_TOKEN="sécret-\udce9",
    )  # fmt: skip
    assert answer.status_code == 401


RAW = json.dumps(custom_message("m1")).encode()


def signed(raw: bytes = RAW, **options: Any) -> str:
    return custom_signature(raw, **options)


@pytest.mark.parametrize(
    "signature",
    [
        lambda: "",
        lambda: "t=1,v1=2",
        lambda: signed(RAW + b" "),
        lambda: signed(json.dumps(json.loads(RAW), indent=1).encode()),
        lambda: signed(secret="another-secret-0123456789"),
        lambda: signed(at=timezone.now() - dt.timedelta(seconds=302)),
        lambda: signed(at=timezone.now() + dt.timedelta(seconds=302)),
        lambda: signed().replace("t=", "t=-"),
        lambda: "t=abc,v1=" + "0" * 64,
        lambda: "t=1e99,v1=" + "0" * 64,
        lambda: "t=" + "9" * 400 + ",v1=" + "0" * 64,
        lambda: signed() + ",t=1",
        lambda: signed().split(",")[0],
        lambda: signed().replace("v1=", "v1=é"),
    ],
)
def test_a_custom_delivery_with_a_wrong_signature_is_refused(
    client: Client, connector: Connector, signature: Any
) -> None:
    answer = client.post(
        address(connector), RAW, content_type="application/json",
        headers={"X-OpenLines-Signature": signature()},
    )  # fmt: skip
    assert (answer.status_code, answer.content) == (401, b"")
    assert nothing_was_written()


def test_without_any_signature_nobody_gets_in(client: Client, connector: Connector) -> None:
    answer = client.post(address(connector), RAW, content_type="application/json")
    assert answer.status_code == 401
    assert nothing_was_written()


@pytest.mark.parametrize(
    ("kind", "secrets"),
    [("custom", {}), ("custom", {"secret": ""}), ("telegram", {"token": "1:a"}), ("livechat", {})],
)
def test_a_channel_without_a_secret_is_never_open(
    client: Client, kind: str, secrets: dict[str, str]
) -> None:
    connector = ConnectorFactory(kind=kind, secrets=secrets)
    for headers in (
        {},
        {"X-OpenLines-Signature": signed(secret="")},
        {"X-Telegram-Bot-Api-Secret-Token": ""},
    ):
        answer = client.post(
            address(connector), RAW, content_type="application/json", headers=headers
        )
        assert answer.status_code == 401
    assert nothing_was_written()


def test_one_channels_signature_does_not_open_another(client: Client, connector: Connector) -> None:
    other = ConnectorFactory(secrets={"secret": "another-secret-0123456789"})
    assert custom_post(client, other, custom_message("m1")).status_code == 401
    assert nothing_was_written()


def test_one_of_several_signatures_is_enough(client: Client, connector: Connector) -> None:
    signature = signed(secret="old-secret-0123456789") + ",v1=" + signed().split("v1=")[1]
    answer = client.post(
        address(connector), RAW, content_type="application/json",
        headers={"X-OpenLines-Signature": signature},
    )  # fmt: skip
    assert answer.status_code == 200


@pytest.mark.parametrize("verb", ["put", "delete", "patch", "options", "head"])
def test_only_deliveries_and_handshakes_are_taken(
    client: Client, connector: Connector, verb: str
) -> None:
    answer = getattr(client, verb)(address(connector))
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(
    "public_id", ["unknown", "x" * 5000, "a%00b", "%F0%9F%98%80", "a%20b", "..%2f..", "%ff"]
)
def test_an_unknown_connector_is_not_found(client: Client, public_id: str) -> None:
    for verb in (client.post, client.get):
        assert verb(f"/webhooks/{public_id}/").status_code == 404


def test_a_handshake_a_channel_does_not_know_is_refused(
    client: Client, connector: Connector
) -> None:
    answer = client.get(address(connector), {"hub.challenge": "<script>"})
    assert (answer.status_code, answer.content) == (403, b"")


def test_a_handshake_is_answered_as_plain_text(
    client: Client, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        CustomDriver, "challenge", lambda _driver, query: query["hub.challenge"], raising=False
    )
    answer = client.get(address(connector), {"hub.challenge": "<script>"})
    assert (answer.status_code, answer.content) == (200, b"<script>")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


# --- what is answered ---------------------------------------------------------------------


def test_what_became_of_each_event_is_told(client: Client, connector: Connector) -> None:
    bodies = [
        custom_message("m1"),
        {"event": "typing", "external_user": {"id": "u1"}},
        custom_message("m2", "And?"),
    ]
    answer = custom_post(client, connector, bodies)
    first, second = Message.objects.order_by("seq")
    expected = [
        {
            "message_id": message.pk,
            "conversation_id": message.conversation_id,
            "duplicate": False,
        }
        for message in (first, second)
    ]
    assert (answer.status_code, answer.json()) == (200, {"results": expected})
    again = custom_post(client, connector, bodies)
    assert again.json() == {"results": [{**item, "duplicate": True} for item in expected]}
    assert Message.objects.count() == 2


def test_the_time_of_the_last_event_is_kept_and_a_fault_there_is_none(
    client: Client, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_values: Any) -> None:
        raise OperationalError("read only")

    with monkeypatch.context() as planted:
        planted.setattr(views, "connector_heard", fail)
        assert custom_post(client, connector, custom_message("m1")).status_code == 200
    custom_post(client, connector, custom_message("m2"))
    connector.refresh_from_db()
    assert connector.last_event_at is not None


def test_an_empty_list_is_nothing_and_no_fault(client: Client, connector: Connector) -> None:
    answer = custom_post(client, connector, [])
    assert (answer.status_code, answer.json()) == (200, {"results": []})


def test_a_switched_off_connector_keeps_deliveries_for_a_replay(client: Client) -> None:
    connector = ConnectorFactory(status="disabled")
    answer = custom_post(client, connector, custom_message("m1"))
    assert answer.status_code == 200
    assert not Message.objects.exists()
    event = InboundEvent.objects.get()
    assert (event.state, event.error) == ("ignored", "switched off")
    assert event_replay(inbound_event=event, now=timezone.now()).outcome == "done"
    assert Message.objects.count() == 1


def test_a_wrong_signature_of_a_switched_off_connector_is_refused_as_well(client: Client) -> None:
    connector = ConnectorFactory(status="disabled", secrets={"secret": "another-0123456789abc"})
    assert custom_post(client, connector, custom_message("m1")).status_code == 401
    assert nothing_was_written()


def test_an_inactive_line_takes_messages(client: Client) -> None:
    connector = ConnectorFactory(open_channel=OpenChannelFactory(is_active=False))
    assert custom_post(client, connector, custom_message("m1")).status_code == 200
    assert Session.objects.get().wait_reason == "line_closed"


def test_a_channel_whose_driver_is_gone_is_asked_to_come_again(client: Client) -> None:
    connector = ConnectorFactory(kind="carrier-pigeon")
    answer = custom_post(client, connector, custom_message("m1"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert client.get(address(connector)).status_code == 503
    assert nothing_was_written()


def test_a_database_that_is_away_at_once_is_503(
    client: Client, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_public_id: str) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(views, "connector_by_public_id", away)
    answer = custom_post(client, connector, custom_message("m1"))
    assert (answer.status_code, answer.headers["Retry-After"], answer.content) == (503, "5", b"")


def test_a_database_that_goes_away_at_the_worst_moment_is_503(
    client: Client, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**_values: Any) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(views, "delivery_receive", away)
    answer = custom_post(client, connector, custom_message("m1"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


# --- the cache ----------------------------------------------------------------------------


def test_a_connector_switched_off_here_is_off_at_once(client: Client, connector: Connector) -> None:
    from channels_app.services.connectors import connector_disconnect

    custom_post(client, connector, custom_message("m1"))
    connector_disconnect(connector=connector, now=timezone.now())
    custom_post(client, connector, custom_message("m2"))
    assert Message.objects.count() == 1
    assert InboundEvent.objects.get(state="ignored")


def test_a_deleted_connector_is_503_while_it_is_remembered_and_then_404(
    client: Client, connector: Connector
) -> None:
    custom_post(client, connector, {"event": "typing", "external_user": {"id": "u1"}})
    Connector.objects.all().delete()
    connector_cache_clear()
    assert custom_post(client, connector, custom_message("m1")).status_code == 404
