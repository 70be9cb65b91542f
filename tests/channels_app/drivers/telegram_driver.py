"""A Telegram driver over a stand-in, and a message for it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from channels_app.drivers.base import Http, Outgoing, OutgoingFile
from channels_app.drivers.telegram import TelegramDriver
from openlines_project.lib.http import HttpDoor
from tests.standins.bot_api import BotApiStandIn

WEBHOOK_SECRET = "a-webhook-secret-of-the-tests"


def driver_for(
    telegram: BotApiStandIn, *, timeout: float = 5.0, trusted: Http | None = None, **config: Any
) -> TelegramDriver:
    settings = {
        "token": telegram.token,
        "webhook_secret": WEBHOOK_SECRET,
        "api_base_url": telegram.url,
    }
    return TelegramDriver(
        config=settings | config,
        trusted=trusted or HttpDoor(trusted=True, private_targets=["127.0.0.1:*"], timeout=timeout),
        untrusted=HttpDoor(trusted=False),
    )


def outgoing(**changes: Any) -> Outgoing:
    values: dict[str, Any] = {
        "message_id": 11,
        "delivery_id": "0f8fad5b-d9cb-469f-a165-70867728950e",
        "conversation_id": 7,
        "chat_id": "6012345678901",
        "thread": "",
        "user_id": "6012345678901",
        "text": "Good morning!",
    }
    return Outgoing(**(values | changes))


def outgoing_file(
    content: bytes = b"content",
    *,
    kind: Any = "file",
    name: str = "invoice.pdf",
    content_type: str = "application/pdf",
    size: int | None = None,
    url: str = "",
) -> OutgoingFile:
    @contextmanager
    def opened() -> Iterator[BinaryIO]:
        yield io.BytesIO(content)

    return OutgoingFile(
        type=kind,
        name=name,
        content_type=content_type,
        size=len(content) if size is None else size,
        open=opened,
        url=url,
    )
