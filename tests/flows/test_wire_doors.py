"""Who may deliver to Viber's, VK's, LINE's and Twilio's addresses, over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from channels_app.models import ConnectorStatus, Conversation, InboundEvent, Message
from tests.channels_app.drivers.wires import OURS
from tests.factories.wires import KINDS, wire_connector
from tests.flows.wires import FORM, signature_headers, wire_post

pytestmark = pytest.mark.django_db


def text_of(kind: str) -> bytes:
    path: Path = OURS / kind / ("sms.form" if kind == "twilio" else "text.json")
    return path.read_bytes()


def post(client: Client, connector: Any, raw: bytes, **headers: str) -> int:
    answer = client.post(
        f"/webhooks/{connector.public_id}/",
        raw,
        content_type=FORM if connector.kind == "twilio" else "application/json",
        headers=headers,
    )
    return answer.status_code


def nothing_was_written() -> bool:
    models = (InboundEvent, Conversation, Message)
    return not any(model.objects.exists() for model in models)


@pytest.mark.parametrize("kind", KINDS)
def test_an_unsigned_delivery_is_refused(client: Client, kind: str) -> None:
    raw = text_of(kind)
    if kind == "vk":
        raw = raw.replace(b"aVkSecretOfTests1", b"aVkSecretOfTests2")
    assert post(client, wire_connector(kind), raw) == 401
    assert nothing_was_written()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "vk"])
def test_a_changed_delivery_is_refused(client: Client, kind: str) -> None:
    connector = wire_connector(kind)
    raw = text_of(kind)
    url = f"http://testserver/webhooks/{connector.public_id}/"
    assert post(client, connector, raw + b"&x=1", **signature_headers(connector, raw, url)) == 401
    assert nothing_was_written()


@pytest.mark.parametrize("kind", KINDS)
def test_without_secrets_nobody_may_deliver(client: Client, kind: str) -> None:
    connector = wire_connector(kind)
    raw = text_of(kind)
    url = f"http://testserver/webhooks/{connector.public_id}/"
    headers = signature_headers(connector, raw, url)
    bare = wire_connector(kind, secrets={}, public_id="bare-of-secrets")
    assert post(client, bare, raw, **headers) == 401
    assert nothing_was_written()


@pytest.mark.parametrize("kind", KINDS)
def test_a_switched_off_channel_says_yes_and_takes_nothing(client: Client, kind: str) -> None:
    connector = wire_connector(kind, status=ConnectorStatus.DISABLED)
    answer = wire_post(client, connector, text_of(kind))
    assert answer.status_code == 200
    if kind == "vk":
        assert answer.content == b"ok"
    assert not Message.objects.exists()
    assert InboundEvent.objects.get().state == "ignored"


def test_vk_gets_its_code_before_the_channel_is_connected(client: Client) -> None:
    connector = wire_connector("vk", status=ConnectorStatus.NOT_CONFIGURED)
    raw = b'{"type": "confirmation", "group_id": 123456}'
    answer = wire_post(client, connector, raw)
    assert (answer.status_code, answer.content) == (200, b"5a1c9f2e")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert post(client, connector, raw.replace(b"123456", b"654321")) == 401
    assert nothing_was_written()


def test_twilio_signs_the_public_address_behind_a_proxy(client: Client, settings: Any) -> None:
    settings.PUBLIC_URL = "https://desk.example"
    connector = wire_connector("twilio")
    assert wire_post(client, connector, text_of("twilio"), "?a=1&b=").status_code == 200
    assert Message.objects.count() == 1
    inside = f"http://testserver/webhooks/{connector.public_id}/"
    headers = signature_headers(connector, text_of("twilio"), inside)
    assert post(client, connector, text_of("twilio"), **headers) == 401


def test_a_delivery_nobody_understands_is_kept_and_vk_hears_ok(client: Client) -> None:
    raw = b'{"type": "message_new", "secret": "aVkSecretOfTests1", "object": 5}'
    answer = wire_post(client, wire_connector("vk"), raw)
    assert (answer.status_code, answer.content) == (200, b"ok")
    kept = InboundEvent.objects.get()
    assert (kept.state, bytes(kept.raw or b"")) == ("dead", raw)
