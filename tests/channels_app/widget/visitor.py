"""A visitor's browser, as far as the server can tell."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.db import transaction
from django.test import Client
from django.utils import timezone

from channels_app.models import Connector, Conversation, Direction, Message, MessageState
from channels_app.services.connectors import connector_create
from channels_app.widget.tokens import token_read
from tests.factories import OpenChannelFactory

SITE = "https://shop.example"
INTERNAL_NAME = "internal-desk-7c1f"


def livechat(**line: Any) -> Connector:
    """A live chat that `SITE` may show, on a line whose internal name is easy to find again."""
    open_channel = OpenChannelFactory(
        **({"name": INTERNAL_NAME, "public_name": "Aroeira Home", "language": "en"} | line)
    )
    return connector_create(
        open_channel=open_channel,
        kind="livechat",
        name=f"{INTERNAL_NAME} widget",
        config={"allowed_origins": [SITE]},
        now=timezone.now(),
    )


class Visitor:
    """Asks as a page of `origin` does; `None` is our own page's reading."""

    def __init__(self, connector: Connector, *, origin: str | None = SITE, token: str = "") -> None:
        self.connector = connector
        self.origin = origin
        self.token = token
        self.client = Client(enforce_csrf_checks=True)

    @classmethod
    def arrived(cls, connector: Connector, *, origin: str | None = SITE) -> Visitor:
        visitor = cls(connector, origin=origin)
        visitor.token = visitor.post("session").json()["visitor_token"]
        return visitor

    @property
    def visitor_id(self) -> str:
        return token_read(self.token, public_id=self.connector.public_id)

    @property
    def conversation(self) -> Conversation:
        return Conversation.objects.get(external_chat_id=self.visitor_id)

    def headers(self) -> dict[str, str]:
        headers = {}
        if self.origin is not None:
            headers["Origin"] = self.origin
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers

    def url(self, path: str) -> str:
        return f"/widget/{self.connector.public_id}/{path}"

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(self.url(path), headers=self.headers(), **options)

    def post(self, path: str, data: Any = None, **options: Any) -> Any:
        body = data if isinstance(data, (bytes, str)) else json.dumps(data or {})
        return self.client.post(
            self.url(path), body, content_type="application/json", headers=self.headers(), **options
        )

    def upload(self, data: Any) -> Any:
        return self.client.post(self.url("files"), data, headers=self.headers())

    def write(self, text: str = "Hello", *, client_id: str = "", **more: Any) -> Any:
        return self.post(
            "messages", {"client_id": client_id or str(uuid.uuid4()), "text": text} | more
        )

    def read(self, after: int = 0) -> Any:
        return self.get(f"messages?after={after}").json()


@transaction.atomic
def add_message(conversation: Conversation, **columns: Any) -> Message:
    """A message as a service would add it: the next number, the next version, all at once."""
    conversation.refresh_from_db()
    conversation.last_seq += 1
    conversation.version += 1
    conversation.save(update_fields=["last_seq", "version"])
    values = {
        "direction": Direction.OUT,
        "state": MessageState.SENT,
        "text": "Good day",
        "created_at": conversation.changed_at,
    }
    return Message.objects.create(
        conversation=conversation,
        seq=conversation.last_seq,
        version=conversation.version,
        **(values | columns),
    )
