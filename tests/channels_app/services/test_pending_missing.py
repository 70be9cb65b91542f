"""Edits, deletions, receipts and reactions that come before their message, or without it."""

from __future__ import annotations

from typing import Any

import pytest

from channels_app.drivers.base import InboundAttachment, ReactionEvent
from channels_app.models import (
    Attachment,
    Connector,
    Conversation,
    InboundEvent,
    Message,
)
from channels_app.services.pending import (
    inbound_sweep,
)
from queue_app.models import Session
from tests.channels_app.services.kept import Poison, at, deliver, thread
from tests.channels_app.services.outside import queued, receive, written
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    OpenChannelFactory,
    OperatorFactory,
    moment,
)
from tests.flows.wire import custom_message

pytestmark = pytest.mark.django_db


@pytest.fixture
def connector() -> Connector:
    connector: Connector = ConnectorFactory(
        open_channel=OpenChannelFactory(operators=[OperatorFactory()])
    )
    return connector


def edit_body(message_id: str, text: str) -> dict[str, Any]:
    return {
        "event": "edit", "external_user": {"id": "u1", "name": "Ana"},
        "message": {"id": message_id, "text": text},
    }  # fmt: skip


def delete_body(message_id: str) -> dict[str, Any]:
    return {"event": "delete", "external_user": {"id": "u1"}, "message": {"id": message_id}}


def test_an_edit_that_comes_first_waits_for_its_message(connector: Connector) -> None:
    assert deliver(connector, edit_body("m1", "changed"), at=moment()) == ["pending"]
    assert deliver(connector, custom_message("m1", "original"), at=at(2)) == ["done"]
    assert inbound_sweep(now=at(5)) == 1
    assert thread() == ["changed"]
    assert Message.objects.get().revisions.get().text == "original"


def test_an_edit_of_a_message_that_never_comes_is_stored_as_one_on_the_third_try(
    connector: Connector,
) -> None:
    deliver(connector, edit_body("m1", "what he meant"), at=moment())
    tries = []
    while (event := InboundEvent.objects.get()).pending_at is not None:
        assert not Message.objects.exists()
        tries.append((event.pending_at - moment()).total_seconds())
        inbound_sweep(now=event.pending_at)
    assert tries == [5, 35, 335]
    assert (event.state, event.raw) == ("done", None)
    assert thread() == ["what he meant"]
    assert Session.objects.get().state == "offered"
    # The message itself, later than that, is the one we have.
    assert deliver(connector, custom_message("m1", "original"), at=at(400)) == ["duplicate"]
    assert thread() == ["what he meant"]


def test_a_pending_message_whose_edit_was_stored_is_not_stored_twice(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = Poison(monkeypatch, "m1")
    deliver(connector, custom_message("m1", "original"), at=moment())
    poison.message_ids.clear()
    receive(connector, written("m1", "as edited", key="edit"), at=at(60))
    assert inbound_sweep(now=at(60)) == 1
    assert Message.objects.filter(direction="in").get().text == "as edited"
    assert InboundEvent.objects.get(key="message:m1").state == "done"


def test_a_deletion_of_a_message_that_never_comes_is_dropped(connector: Connector) -> None:
    deliver(connector, delete_body("m1"), at=moment())
    for seconds in (5, 35, 335):
        assert InboundEvent.objects.get().state == "pending"
        inbound_sweep(now=at(seconds))
    event = InboundEvent.objects.get()
    assert (event.state, event.raw, event.pending_at) == ("done", None, None)
    assert not Message.objects.exists()
    assert not Conversation.objects.exists()


def test_a_deletion_that_comes_first_takes_its_message_when_it_comes(
    connector: Connector,
) -> None:
    deliver(connector, delete_body("m1"), at=moment())
    receive(
        connector,
        written("m1", "gone", attachments=(InboundAttachment(type="image", ref="f"),)),
        at=at(3),
    )
    assert inbound_sweep(now=at(5)) == 1
    message = Message.objects.get()
    assert (message.text, message.deleted_at) == ("", at(5))
    assert Attachment.objects.get().state == "erased"


def test_a_receipt_of_an_unknown_message_is_tried_three_times_and_dropped(
    connector: Connector,
) -> None:
    body = {"event": "status", "message_id": "out-9", "status": "delivered"}
    assert deliver(connector, body, at=moment()) == ["pending"]
    assert deliver(connector, body, at=at(1)) == ["duplicate"]
    for seconds in (5, 35, 335):
        assert InboundEvent.objects.get().state == "pending"
        inbound_sweep(now=at(seconds))
    event = InboundEvent.objects.get()
    assert (event.state, event.raw) == ("done", None)


def test_a_receipt_that_overtakes_its_message_counts_when_the_message_is_there(
    connector: Connector,
) -> None:
    body = {"event": "status", "message_id": "out-1", "status": "delivered"}
    read = {"event": "status", "message_id": "out-1", "status": "read"}
    deliver(connector, body, read, at=moment())
    assert InboundEvent.objects.count() == 2
    conversation = ConversationFactory(connector=connector)
    message = queued(conversation, state="sent", queued_at=None, external_id="out-1")
    assert inbound_sweep(now=at(5)) == 2
    message.refresh_from_db()
    assert message.state == "read"


def test_a_reaction_to_an_unknown_message_waits_as_well(connector: Connector) -> None:
    reaction = ReactionEvent(chat_id="u1", message_id="m1", emoji="👍")
    assert receive(connector, reaction).outcome == "pending"
    assert InboundEvent.objects.get().error == "message not known yet"
