"""Drivers of Meta's messengers over a stand-in, and a message for them."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from typing import Any

from channels_app.drivers.base import Driver, Outgoing
from channels_app.drivers.registry import driver_class
from openlines_project.lib.http import HttpDoor
from tests.channels_app.drivers.telegram_driver import outgoing as plain_outgoing
from tests.standins.graph_api import ACCOUNTS, TOKEN, GraphStandIn

APP_SECRET = "app-secret-of-the-tests-0123456789"
VERIFY_TOKEN = "verify-token-of-the-tests"
KINDS = ("whatsapp", "messenger", "instagram")
CUSTOMERS = {
    "whatsapp": "5511955550101",
    "messenger": "6100000000000011",
    "instagram": "9200000000000021",
}


def settings_for(kind: str) -> dict[str, str]:
    """All settings of a connector of this kind, the secret ones too."""
    account = ACCOUNTS[kind]
    shared = {"app_secret": APP_SECRET, "verify_token": VERIFY_TOKEN}
    if kind == "messenger":
        return shared | {"page_id": account, "page_token": TOKEN}
    if kind == "instagram":
        return shared | {"account_id": account, "access_token": TOKEN}
    business = {"business_account_id": ACCOUNTS["business"]}
    return shared | {"phone_number_id": account, "access_token": TOKEN} | business


def driver_for(
    kind: str, graph: GraphStandIn | None = None, *, timeout: float = 5.0, **config: Any
) -> Any:
    """A driver with all its settings; `config` changes them."""
    base = {"api_base_url": graph.url} if graph is not None else {}
    cls: type[Driver] = driver_class(kind)
    return cls(
        config=settings_for(kind) | base | config,
        trusted=HttpDoor(trusted=True, private_targets=["127.0.0.1:*"], timeout=timeout),
        untrusted=HttpDoor(trusted=False),
    )


def outgoing(kind: str, **changes: Any) -> Outgoing:
    customer = CUSTOMERS[kind]
    recent = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5)
    values = {"chat_id": customer, "user_id": customer, "customer_wrote_at": recent}
    return plain_outgoing(**(values | changes))


def signature(raw: bytes, secret: str = APP_SECRET) -> str:
    """The header of a delivery."""
    return "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
