import datetime as dt
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from channels_app.drivers.base import ParseError
from channels_app.drivers.livechat import LiveChatDriver
from channels_app.models import Connector, Conversation, EventState, InboundEvent, Message
from channels_app.services import intake
from channels_app.services.connectors import connector_driver
from channels_app.services.intake import event_replay
from channels_app.services.media import attachment_open
from channels_app.services.received import Received
from channels_app.services.visitors import visitor_message_receive, visitor_name
from tests.channels_app.widget.visitor import livechat

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 3, 2, 12, 0, tzinfo=dt.UTC)
CLIENT_ID = "00000000-0000-4000-8000-000000000001"


def receive(connector: Connector, **more: Any) -> Received:
    return visitor_message_receive(
        connector=connector, visitor_id="visitor-1", client_id=CLIENT_ID, now=NOW, **more
    )


def test_a_visitor_has_the_same_short_name_every_time() -> None:
    assert visitor_name("-a_Bc4xyz") == visitor_name("-a_Bc4xyz") == "Visitor ABC4"


def test_a_message_that_could_not_be_processed_comes_later_with_its_files(
    monkeypatch: Any,
) -> None:
    connector = livechat()

    def fault(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("planted")

    with monkeypatch.context() as planted:
        planted.setattr(intake, "_event_apply", fault)
        upload = SimpleUploadedFile("words.txt", b"plain words")
        received = receive(connector, text="Look", page={"title": "Beds"}, files=[upload])
    assert received.outcome == "pending"
    assert not Message.objects.exists()
    row = InboundEvent.objects.get()
    assert row.state == EventState.PENDING
    assert event_replay(inbound_event=row, now=NOW).outcome == "done"
    message = Message.objects.get()
    assert (message.text, message.data["page"]) == ("Look", {"title": "Beds"})
    with attachment_open(message.attachments.get()) as file:
        assert file.read() == b"plain words"
    assert receive(connector, text="Look").outcome == "duplicate"


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"attachments": [{"x": 1}]}', b"null"])
def test_a_delivery_we_did_not_write_is_not_understood(raw: bytes) -> None:
    driver = connector_driver(livechat())
    with pytest.raises(ParseError):
        driver.parse(raw)


def test_a_delivery_we_wrote_is_the_same_event_again() -> None:
    event = LiveChatDriver.event_from_visitor(
        visitor_id="visitor-1",
        client_id=CLIENT_ID,
        text="Ol\u00e1",
        name="Visitor ABC4",
        language="pt-br",
        data={"page": {"url": "https://shop.example/"}},
    )
    raw = LiveChatDriver.delivery_of(event)
    assert json.loads(raw)["visitor_id"] == "visitor-1"
    assert connector_driver(livechat()).parse(raw) == [event]


def test_a_blocked_visitor_leaves_neither_message_nor_file(settings: Any, tmp_path: Any) -> None:
    settings.STORAGES = settings.STORAGES | {
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path)},
        }
    }
    connector = livechat()
    assert receive(connector, text="Hello").outcome == "done"
    Conversation.objects.update(blocked_at=NOW)
    again = visitor_message_receive(
        connector=connector, visitor_id="visitor-1", client_id=CLIENT_ID.replace("1", "2"), now=NOW,
        text="Look", files=[SimpleUploadedFile("words.txt", b"plain words")],
    )  # fmt: skip
    assert again.outcome == "ignored"
    assert [message.text for message in Message.objects.all()] == ["Hello"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
