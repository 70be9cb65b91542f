"""The internal name of a line is in no byte that a customer can get."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from channels_app.models import Direction
from channels_app.selectors import connector_cache_clear
from tests.channels_app.widget.visitor import INTERNAL_NAME, Visitor, add_message, livechat
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def everything_a_visitor_can_get(connector: Any) -> Any:
    visitor = Visitor.arrived(connector)
    yield Client().get(f"/chat/{connector.public_id}/")
    yield Client().get(f"/widget/{connector.public_id}.js")
    yield visitor.post("session")
    yield visitor.get("config")
    yield visitor.write()
    yield visitor.upload(
        {
            "client_id": "00000000-0000-4000-8000-000000000001",
            "files": [SimpleUploadedFile("a.txt", b"words")],
        }
    )
    conversation = visitor.conversation
    add_message(conversation, author=UserFactory(username=f"{INTERNAL_NAME}.ana"))
    add_message(conversation, text=INTERNAL_NAME, direction=Direction.NOTE)
    add_message(conversation, text="", direction=Direction.SYSTEM, data={"line": INTERNAL_NAME})
    yield visitor.get("messages?after=0")
    yield visitor.get("messages?after=1")
    yield visitor.get("messages?before=9999")
    yield visitor.post("seen", {"seq": 99})
    yield visitor.post("typing")
    yield visitor.post("messages", "junk")
    yield visitor.post("messages", {})
    yield visitor.get("typing")
    yield Visitor(connector, origin="https://evil.example").get("config")
    yield Visitor(connector).get("messages")
    attachment = visitor.read()["messages"][1]["attachments"][0]
    yield visitor.client.get(attachment["url"])


@pytest.mark.parametrize("is_active", [True, False])
@pytest.mark.parametrize("public_name", ["Aroeira Home", ""])
@pytest.mark.parametrize("is_off", [False, True])
def test_the_internal_name_is_in_no_answer(
    settings: Any, is_active: Any, public_name: Any, is_off: Any
) -> None:
    settings.COMPANY_NAME = ""
    connector = livechat(is_active=is_active, public_name=public_name)
    answers = 0
    for response in everything_a_visitor_can_get(connector):
        answers += 1
        content = b"".join(response) if response.streaming else response.content
        whole = content + json.dumps(dict(response.headers)).encode()
        assert INTERNAL_NAME.encode() not in whole
    assert answers == 17
    if is_off:
        connector.status = "disabled"
        connector.save()
        connector_cache_clear()
        for response in (
            Client().get(f"/chat/{connector.public_id}/"),
            Visitor(connector).get("config"),
            Visitor(connector).post("session"),
        ):
            assert INTERNAL_NAME.encode() not in response.content
