"""A person with two ids has one conversation, whichever of them a delivery brings."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from channels_app.models import Connector, Conversation, InboundEvent, Message
from channels_app.services.conversations import conversation_block_set, conversation_lock
from queue_app.models import Session
from tests.channels_app.services.outside import queued
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    MetaConnectorFactory,
    OpenChannelFactory,
    OperatorFactory,
    SuperuserFactory,
    moment,
)
from tests.flows.meta_story import PHONE, USER_ID, whatsapp, whatsapp_text
from tests.flows.wire import custom_message, custom_post, meta_post

pytestmark = pytest.mark.django_db
NEW_PHONE = "5511955550199"


@pytest.fixture
def connector() -> Connector:
    line = OpenChannelFactory(operators=[OperatorFactory()])
    connector: Connector = MetaConnectorFactory(open_channel=line)
    return connector


def deliver(client: Client, connector: Connector, *messages: dict[str, Any], **value: Any) -> None:
    assert meta_post(client, connector, whatsapp(*messages, **value)).status_code == 200


def known() -> dict[str, list[str]]:
    """The texts of each conversation, by its address."""
    return {
        conversation.external_chat_id: list(
            conversation.messages.exclude(direction="system")
            .order_by("seq")
            .values_list("text", flat=True)
        )
        for conversation in Conversation.objects.order_by("pk")
    }


def system(**more: Any) -> dict[str, Any]:
    return {"id": "wamid.SYSTEM", "timestamp": "1767261700", "type": "system", "system": more}


# --- which conversation -------------------------------------------------------------------


def test_both_ids_are_kept(client: Client, connector: Connector) -> None:
    deliver(client, connector, whatsapp_text(1, user_id=USER_ID))
    conversation = Conversation.objects.get()
    assert (conversation.external_chat_id, conversation.external_user_id) == (PHONE, PHONE)
    assert conversation.profile == {"phone": f"+{PHONE}", "other_id": USER_ID}


def test_a_person_who_hides_his_number_stays_in_his_conversation(
    client: Client, connector: Connector
) -> None:
    deliver(client, connector, whatsapp_text(1, "one", user_id=USER_ID))
    deliver(client, connector, whatsapp_text(2, "two", phone="", user_id=USER_ID))
    deliver(client, connector, whatsapp_text(3, "three", user_id=USER_ID))
    deliver(client, connector, whatsapp_text(4, "four", phone="", user_id=USER_ID))
    # Answers go to the id from now on; the number is still known.
    assert known() == {USER_ID: ["one", "two", "three", "four"]}
    conversation = Conversation.objects.get()
    assert conversation.external_user_id == USER_ID
    assert conversation.profile["phone"] == f"+{PHONE}"
    assert Session.objects.count() == 1


def test_a_person_who_shows_his_number_stays_in_his_conversation(
    client: Client, connector: Connector
) -> None:
    deliver(client, connector, whatsapp_text(1, "one", phone="", user_id=USER_ID))
    deliver(client, connector, whatsapp_text(2, "two", user_id=USER_ID))
    assert known() == {USER_ID: ["one", "two"]}
    assert Conversation.objects.get().profile["phone"] == f"+{PHONE}"


def test_a_number_from_before_there_were_ids_gets_its_id(
    client: Client, connector: Connector
) -> None:
    deliver(client, connector, whatsapp_text(1, "one"))
    deliver(client, connector, whatsapp_text(2, "two", user_id=USER_ID))
    deliver(client, connector, whatsapp_text(3, "three", phone="", user_id=USER_ID))
    assert known() == {USER_ID: ["one", "two", "three"]}


def test_a_number_that_changed_hands_is_somebody_else(client: Client, connector: Connector) -> None:
    deliver(client, connector, whatsapp_text(1, "Ana", user_id="BR.1"))
    deliver(client, connector, whatsapp_text(2, "Rui", user_id="BR.2"))
    deliver(client, connector, whatsapp_text(3, "Rui again", user_id="BR.2"))
    assert known() == {PHONE: ["Ana"], "BR.2": ["Rui", "Rui again"]}


def test_on_another_connector_he_is_another_person(client: Client, connector: Connector) -> None:
    other = MetaConnectorFactory(account_id="109000000000009")
    deliver(client, connector, whatsapp_text(1, "one", user_id=USER_ID))
    delivery = whatsapp(
        whatsapp_text(2, "two", phone="", user_id=USER_ID), number="109000000000009"
    )
    assert meta_post(client, other, delivery).status_code == 200
    assert Conversation.objects.count() == 2


def test_a_receipt_by_the_other_id_finds_its_message(client: Client, connector: Connector) -> None:
    deliver(client, connector, whatsapp_text(1, user_id=USER_ID))
    message = queued(
        Conversation.objects.get(), state="sent", queued_at=None, external_id="wamid.OURS"
    )
    status = {"id": "wamid.OURS", "status": "read", "recipient_user_id": USER_ID}
    deliver(client, connector, statuses=[status])
    message.refresh_from_db()
    assert message.state == "read"


def test_kinds_with_one_id_pay_nothing_for_it(client: Client) -> None:
    plain = ConnectorFactory()
    custom_post(client, plain, custom_message("m1"))
    with CaptureQueriesContext(connection) as seen:
        custom_post(client, plain, custom_message("m2"))
    assert not any("other_id" in query["sql"] for query in seen.captured_queries)


# --- the platform tells a change ----------------------------------------------------------


def test_a_new_number_moves_the_conversation(client: Client, connector: Connector) -> None:
    deliver(client, connector, whatsapp_text(1, "before", user_id=USER_ID))
    change = system(type="user_changed_number", wa_id=NEW_PHONE) | {"from": PHONE}
    for _ in range(2):
        deliver(client, connector, change)
    # With the number the id changes as well, and that one we see first with the next message.
    deliver(client, connector, whatsapp_text(2, "after", phone=NEW_PHONE, user_id="BR.2"))
    assert known() == {NEW_PHONE: ["before", "after"]}
    conversation = Conversation.objects.get()
    assert conversation.external_user_id == NEW_PHONE
    assert conversation.profile == {"phone": f"+{NEW_PHONE}", "other_id": "BR.2"}
    notes = conversation.messages.filter(direction="system")
    assert [note.kind for note in notes] == ["new_address"]


@pytest.mark.parametrize("as_field", [True, False])
def test_a_new_id_is_kept_beside_the_number(
    client: Client, connector: Connector, as_field: bool
) -> None:
    deliver(client, connector, whatsapp_text(1, "before", user_id=USER_ID))
    if as_field:
        update = {"wa_id": PHONE, "user_id": {"previous": USER_ID, "current": "BR.2"}}
        deliver(client, connector, field="user_id_update", user_id_update=[update])
    else:
        change = system(type="user_changed_user_id", user_id="BR.2", previous_user_id=USER_ID) | {
            "from": PHONE
        }
        deliver(client, connector, change)
    deliver(client, connector, whatsapp_text(2, "after", user_id="BR.2"))
    assert known() == {PHONE: ["before", "after"]}
    assert Conversation.objects.get().profile["other_id"] == "BR.2"


def test_a_new_id_moves_a_conversation_that_is_known_by_the_old_one(
    client: Client, connector: Connector
) -> None:
    deliver(client, connector, whatsapp_text(1, "before", phone="", user_id=USER_ID))
    update = {"user_id": {"previous": USER_ID, "current": "BR.2"}}
    deliver(client, connector, field="user_id_update", user_id_update=[update])
    deliver(client, connector, whatsapp_text(2, "after", phone="", user_id="BR.2"))
    assert known() == {"BR.2": ["before", "after"]}


def test_a_new_address_that_is_somebodys_already_leaves_both_threads(
    client: Client, connector: Connector
) -> None:
    deliver(client, connector, whatsapp_text(1, "old"))
    deliver(client, connector, whatsapp_text(2, "new", phone=NEW_PHONE))
    change = system(type="user_changed_number", wa_id=NEW_PHONE) | {"from": PHONE}
    deliver(client, connector, change)
    assert known() == {PHONE: ["old"], NEW_PHONE: ["new"]}


def test_somebody_who_never_wrote_leaves_no_trace(client: Client, connector: Connector) -> None:
    change = system(type="user_changed_number", wa_id=NEW_PHONE) | {"from": PHONE}
    deliver(client, connector, change)
    assert Conversation.objects.count() == Message.objects.count() == 0
    assert not InboundEvent.objects.exclude(state="done").exists()


def test_a_change_in_a_conversation_of_another_connector_is_not_made(
    client: Client, connector: Connector
) -> None:
    other = ConversationFactory(external_chat_id=PHONE)
    change = system(type="user_changed_number", wa_id=NEW_PHONE) | {"from": PHONE}
    deliver(client, connector, change)
    other.refresh_from_db()
    assert other.external_chat_id == PHONE


# --- a blocked sender ---------------------------------------------------------------------


def block(*, is_blocked: bool = True) -> None:
    conversation = conversation_lock(Conversation.objects.get().pk)
    conversation_block_set(
        conversation=conversation, is_blocked=is_blocked, author=SuperuserFactory(), now=moment()
    )


@pytest.mark.parametrize("known_by", ["", USER_ID])
def test_hiding_his_number_lets_nobody_in_again(
    client: Client, connector: Connector, known_by: str
) -> None:
    deliver(client, connector, whatsapp_text(1, "one", user_id=known_by))
    block()
    deliver(client, connector, whatsapp_text(2, "two", user_id=USER_ID))
    deliver(client, connector, whatsapp_text(3, "three", phone="", user_id=USER_ID))
    assert known() == {USER_ID: ["one"]}
    conversation = Conversation.objects.get()
    assert (conversation.ignored_count, conversation.blocked_at) == (2, moment())
    block(is_blocked=False)
    deliver(client, connector, whatsapp_text(4, "four", phone="", user_id=USER_ID))
    assert known() == {USER_ID: ["one", "four"]}


def test_a_new_number_takes_the_block_along(client: Client, connector: Connector) -> None:
    deliver(client, connector, whatsapp_text(1, "one", user_id=USER_ID))
    block()
    change = system(type="user_changed_number", wa_id=NEW_PHONE) | {"from": PHONE}
    deliver(client, connector, change)
    deliver(client, connector, whatsapp_text(2, "two", phone=NEW_PHONE, user_id="BR.2"))
    assert known() == {NEW_PHONE: ["one"]}
    assert Conversation.objects.get().ignored_count == 1
