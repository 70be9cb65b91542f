"""Playing Viber, VK, LINE and Twilio: deliveries posted to the webhook, signed as they sign."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.http import HttpResponse
from django.test import Client

from channels_app.models import Connector

FORM = "application/x-www-form-urlencoded"


def _twilio_signature(raw: bytes, url: str, token: str) -> str:
    fields = sorted(dict(parse_qsl(raw.decode(), keep_blank_values=True)).items())
    text = url + "".join(name + value for name, value in fields)
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def signature_headers(connector: Connector, raw: bytes, url: str) -> dict[str, str]:
    """The headers that show who delivers. VK has none: its secret is in the body."""
    secrets = connector.secrets
    if connector.kind == "viber":
        digest = hmac.new(secrets["token"].encode(), raw, hashlib.sha256)
        return {"X-Viber-Content-Signature": digest.hexdigest()}
    if connector.kind == "line":
        digest = hmac.new(secrets["channel_secret"].encode(), raw, hashlib.sha256)
        return {"X-Line-Signature": base64.b64encode(digest.digest()).decode()}
    if connector.kind == "twilio":
        return {"X-Twilio-Signature": _twilio_signature(raw, url, secrets["auth_token"])}
    return {}


def wire_post(client: Client, connector: Connector, raw: bytes, query: str = "") -> Any:
    """Post a delivery to a connector, rightly signed."""
    path = f"/webhooks/{connector.public_id}/{query}"
    url = (settings.PUBLIC_URL or "http://testserver") + path
    answer: HttpResponse = client.post(  # type: ignore[assignment]
        path,
        raw,
        content_type=FORM if connector.kind == "twilio" else "application/json",
        headers=signature_headers(connector, raw, url),
    )
    return answer
