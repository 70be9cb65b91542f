"""Playing the platforms: signed deliveries posted to the webhook, as flow tests need them."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from typing import Any

from django.http.response import HttpResponseBase
from django.test import Client
from django.utils import timezone

from channels_app.models import Connector
from tests.factories import CUSTOM_SECRET, META_APP_SECRET, TELEGRAM_WEBHOOK_SECRET


def custom_signature(
    raw: bytes, *, secret: str = CUSTOM_SECRET, at: dt.datetime | None = None
) -> str:
    """The header of a delivery to the custom channel."""
    stamp = str(int((at or timezone.now()).timestamp()))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + raw, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


def custom_post(client: Client, connector: Connector, body: Any, **headers: str) -> Any:
    """Post a delivery to a custom connector, rightly signed."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(
        f"/webhooks/{connector.public_id}/",
        raw,
        content_type="application/json",
        headers={"X-OpenLines-Signature": custom_signature(raw), **headers},
    )


def custom_message(
    message_id: str, text: str = "Hello", *, user: str = "u1", name: str = "Ana Prado", **more: Any
) -> dict[str, Any]:
    """One message of the custom channel."""
    return {
        "event": "message",
        "external_user": {"id": user, "name": name},
        "message": {"id": message_id, "text": text, **more},
    }


def telegram_post(client: Client, connector: Connector, body: Any) -> HttpResponseBase:
    """Post an update to a Telegram connector with its secret."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(
        f"/webhooks/{connector.public_id}/",
        raw,
        content_type="application/json",
        headers={"X-Telegram-Bot-Api-Secret-Token": TELEGRAM_WEBHOOK_SECRET},
    )


def meta_post(
    client: Client, connector: Connector, body: Any, *, secret: str = META_APP_SECRET
) -> HttpResponseBase:
    """Post a delivery to a connector of WhatsApp, Messenger or Instagram, signed by the app."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    digest = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return client.post(
        f"/webhooks/{connector.public_id}/",
        raw,
        content_type="application/json",
        headers={"X-Hub-Signature-256": f"sha256={digest}"},
    )


def telegram_text(
    update_id: int,
    text: str,
    *,
    user: int = 501,
    message_id: int | None = None,
    date: int = 1772452800,
) -> dict[str, Any]:
    """One private text message as Telegram delivers it."""
    return {
        "update_id": update_id,
        "message": {
            "message_id": message_id or update_id,
            "from": {"id": user, "is_bot": False, "first_name": "Rita", "last_name": "Nunes"},
            "chat": {"id": user, "type": "private", "first_name": "Rita"},
            "date": date,
            "text": text,
        },
    }
