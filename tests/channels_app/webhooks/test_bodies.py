"""Bodies nobody meant: refused, kept or answered, and never a fault."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.http import UnreadablePostError
from django.test import Client

from channels_app.models import Connector, Conversation, InboundEvent, Message
from channels_app.webhooks import views
from queue_app.models import Session
from tests.factories import ConnectorFactory, TelegramConnectorFactory
from tests.flows.wire import (
    custom_message,
    custom_post,
    custom_signature,
    telegram_post,
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


RAW = json.dumps(custom_message("m1")).encode()


def signed(raw: bytes = RAW, **options: Any) -> str:
    return custom_signature(raw, **options)


def test_a_body_above_the_limit_is_not_read(client: Client, connector: Connector) -> None:
    raw = b"x" * (project_settings.WEBHOOK_MAX_BYTES + 1)
    assert custom_post(client, connector, raw).status_code == 413
    assert custom_post(client, connector, b"x" * (10 * 1024 * 1024)).status_code == 413
    assert nothing_was_written()


class Endless(io.BytesIO):
    """A body that says less than it has; counts how much of it was read."""

    read_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert size > 0, "read to its end"
        self.read_bytes += size
        return b"x" * size


def test_a_body_that_lies_about_its_length_is_read_only_so_far(
    connector: Connector, rf: Any, settings: Any
) -> None:
    settings.WEBHOOK_MAX_BYTES = 1000
    request = rf.post(address(connector), b"{}", content_type="application/json")
    body = request._stream = Endless()
    answer = views.webhook(request, connector.public_id)
    assert answer.status_code == 413
    assert body.read_bytes == 1001


@pytest.mark.parametrize(
    ("length", "status"), [("-1", 400), ("x", 400), ("9" * 30, 413), ("", 401)]
)
def test_a_strange_length_is_no_fault(
    client: Client, connector: Connector, length: str, status: int
) -> None:
    answer = client.post(address(connector), b"", content_type="a/b", CONTENT_LENGTH=length)
    assert answer.status_code == status


def test_a_sender_who_hangs_up_leaves_nothing(
    connector: Connector, rf: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = rf.post(address(connector), RAW, content_type="application/json")

    def read(*_arguments: Any) -> bytes:
        raise UnreadablePostError("gone")

    monkeypatch.setattr(request, "read", read)
    assert views.webhook(request, connector.public_id).status_code == 400
    assert nothing_was_written()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "GZIP", "identity, gzip"])
def test_packed_bodies_are_not_unpacked(
    client: Client, connector: Connector, encoding: str
) -> None:
    answer = custom_post(client, connector, custom_message("m1"), **{"Content-Encoding": encoding})
    assert answer.status_code == 415
    assert nothing_was_written()


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "", "multipart/form-data"]
)
def test_the_content_type_matters_to_nobody(
    client: Client, connector: Connector, content_type: str
) -> None:
    answer = client.post(
        address(connector), RAW, content_type=content_type,
        headers={"X-OpenLines-Signature": signed()},
    )  # fmt: skip
    assert answer.status_code == 200
    assert Message.objects.count() == 1


DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
UNREADABLE = {
    "empty": b"",
    "blank": b"  \n",
    "not JSON": b"{not json",
    "cut off": RAW[:-4],
    "a word": b"nonsense",
    "a number": b"12",
    "a string": b'"text"',
    "null": b"null",
    "deep": DEEP,
    "deep list": b"[" * 100_000 + b"]" * 100_000,
    "a mark before it": b"\xef\xbb\xbf{}",
    "UTF-16": json.dumps(telegram_text(1, "x")).encode("utf-16"),
    "latin-1": b'{"update_id": 1, "message": {"text": "caf\xe9"}}',
    "not a number": b'{"update_id": NaN}',
    "infinity": b'{"update_id": 1, "x": Infinity}',
    "too large a number": b'{"update_id": 1, "x": 1e999}',
    "five thousand digits": b'{"update_id": ' + b"9" * 5000 + b"}",
    "no id": b'{"message": {}}',
    "id of another kind": b'{"update_id": "1", "message": {}}',
    "no object inside": b'{"update_id": 1, "message": []}',
    "no chat": b'{"update_id": 1, "message": {"message_id": 1}}',
    "a chat of another kind": b'{"update_id": 1, "message": {"message_id": 1, "chat": 7}}',
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("raw", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_telegram_cannot_have_meant_is_kept_as_a_dead_letter_and_answered(
    client: Client, bot: Connector, raw: bytes
) -> None:
    answer = telegram_post(client, bot, raw)
    assert answer.status_code == 200
    event = InboundEvent.objects.get()
    assert (event.state, event.pending_at, bytes(event.raw or b"")) == ("dead", None, raw)
    assert event.error
    assert not Conversation.objects.exists()
    assert telegram_post(client, bot, raw).status_code == 200
    assert InboundEvent.objects.count() == 1


@pytest.mark.parametrize("raw", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_custom_channels_sender_reads_what_is_wrong(
    client: Client, connector: Connector, raw: bytes
) -> None:
    answer = custom_post(client, connector, raw)
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid"
    assert answer.json()["fields"]
    assert nothing_was_written()


UNSTORABLE = {
    "NUL": ("a\\u0000b", "a�b"),
    "half a pair": ("a\\ud800b", "a�b"),
    "pair the wrong way": ("\\udc00\\ud800", "��"),
    "a whole pair": ("\\ud83d\\ude00", "😀"),
    "an escape": ("a\\u001bb\\u0007", "ab"),
}


@pytest.mark.parametrize(("given", "shown"), UNSTORABLE.values(), ids=UNSTORABLE.keys())
def test_text_no_database_takes_is_stored_readably(
    client: Client, bot: Connector, connector: Connector, given: str, shown: str
) -> None:
    raw = json.dumps(telegram_text(1, "TEXT")).replace("TEXT", given).replace("Rita", given)
    assert telegram_post(client, bot, raw.encode()).status_code == 200
    assert Message.objects.get().text == shown
    custom = json.dumps(custom_message("m1", "TEXT")).replace("TEXT", given).encode()
    assert custom_post(client, connector, custom).status_code == 200
    assert list(Message.objects.values_list("text", flat=True)) == [shown, shown]
    assert not InboundEvent.objects.exclude(state="done").exists()


def test_a_text_of_a_megabyte_is_stored_up_to_its_limit(client: Client, bot: Connector) -> None:
    assert telegram_post(client, bot, telegram_text(1, "x" * 1_000_000)).status_code == 200
    assert len(Message.objects.get().text) == 20_000


def test_a_delivery_of_a_thousand_events_is_stored_whole(
    client: Client, connector: Connector
) -> None:
    bodies = [custom_message(f"m{number}", user=f"u{number % 7}") for number in range(200)]
    answer = custom_post(client, connector, bodies)
    assert answer.status_code == 200
    assert Message.objects.count() == len(answer.json()["results"]) == 200
    assert Conversation.objects.count() == 7
    too_many = custom_post(client, connector, [custom_message("m1")] * 1001)
    assert too_many.status_code == 422
