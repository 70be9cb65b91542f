"""Receipts move a message forward and never back, in whatever order they come."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels_app.drivers.base import ReceiptEvent
from channels_app.models import Connector, Conversation, Message
from channels_app.services.receipts import FORWARD, keyless_apply, message_state_forward
from channels_app.signals import delivery_changed
from tests.channels_app.services.outside import queued, receipt
from tests.factories import ConnectorFactory, ConversationFactory, moment

RANK = {"queued": 0, "sending": 0, "unknown": 0, "sent": 1, "delivered": 2, "read": 3}
STATUSES = ["sent", "delivered", "read", "failed"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def conversation() -> Conversation:
    conversation: Conversation = ConversationFactory()
    return conversation


def answered(conversation: Conversation, state: str = "sent", **values: Any) -> Message:
    return queued(
        conversation, state=state, **{"queued_at": None, "external_id": "out-1", **values}
    )


def apply(connector: Connector, event: ReceiptEvent) -> bool:
    return keyless_apply(connector=connector, event=event, now=moment(5))


@given(statuses=st.lists(st.sampled_from(STATUSES), max_size=7))
def test_a_message_never_goes_back(statuses: list[str]) -> None:
    """The furthest of all receipts counts; a failure only while nothing says it arrived."""
    state = "sent"
    for status in statuses:
        before = state
        if state in FORWARD[status]:
            state = status
        if before in RANK and state in RANK:
            assert RANK[state] >= RANK[before]
    arrived = [status for status in statuses if status in {"delivered", "read"}]
    first_failed = statuses.index("failed") if "failed" in statuses else len(statuses)
    if not any(status in {"delivered", "read"} for status in statuses[:first_failed]):
        expected = "failed" if "failed" in statuses else "sent"
    else:
        expected = max(arrived, key=RANK.__getitem__)
    assert state == expected


@settings(max_examples=30)
@given(order=st.permutations(["sent", "delivered", "read", "delivered", "sent", "read"]))
def test_all_orders_of_receipts_end_in_the_same_state(order: list[str]) -> None:
    message = answered(ConversationFactory())
    connector = message.conversation.connector
    for status in order:
        assert apply(connector, receipt("out-1", status)) is True
    message.refresh_from_db()
    assert (message.state, message.queued_at, message.error_code) == ("read", None, "")


@pytest.mark.parametrize("state", ["queued", "sending", "unknown", "sent"])
@pytest.mark.parametrize("status", ["delivered", "read"])
def test_a_receipt_proves_that_an_unconfirmed_message_arrived(
    conversation: Conversation, state: str, status: str
) -> None:
    message = answered(
        conversation, state, queued_at=moment(), lease_until=moment(2), external_id=None,
        error_code="unknown", error_text="Perhaps",
    )  # fmt: skip
    assert apply(conversation.connector, receipt(str(message.pk), status)) is True
    message.refresh_from_db()
    assert (message.state, message.queued_at, message.lease_until) == (status, None, None)
    assert (message.error_code, message.error_text) == ("", "")


@pytest.mark.parametrize("state", ["delivered", "read", "failed"])
def test_a_failure_after_arrival_changes_nothing(conversation: Conversation, state: str) -> None:
    message = answered(conversation, state)
    assert apply(conversation.connector, receipt("out-1", "failed", error="no")) is True
    before = (message.state, message.version, message.error_text)
    message.refresh_from_db()
    assert (message.state, message.version, message.error_text) == before


def test_a_failure_is_told_in_the_platforms_words(conversation: Conversation) -> None:
    message = answered(conversation)
    told: list[str] = []

    def on_change(message: Message, **_values: Any) -> None:
        told.append(message.state)

    delivery_changed.connect(on_change)
    try:
        apply(conversation.connector, receipt("out-1", "failed", error="No such\x00 number"))
    finally:
        delivery_changed.disconnect(on_change)
    message.refresh_from_db()
    assert (message.state, message.error_code) == ("failed", "failed")
    assert message.error_text == "No such� number"
    assert told == ["failed"]


def test_a_change_raises_the_version_once_and_a_repeat_does_not(
    conversation: Conversation,
) -> None:
    message = answered(conversation)
    apply(conversation.connector, receipt("out-1", "read"))
    message.refresh_from_db()
    conversation.refresh_from_db()
    assert message.version == conversation.version == 2
    apply(conversation.connector, receipt("out-1", "read"))
    apply(conversation.connector, receipt("out-1", "delivered"))
    conversation.refresh_from_db()
    assert conversation.version == 2


def test_the_platforms_id_counts_before_our_own_number(conversation: Conversation) -> None:
    first = answered(conversation, external_id="100")
    other = answered(conversation, external_id=str(first.pk))
    apply(conversation.connector, receipt(str(first.pk), "read"))
    first.refresh_from_db()
    other.refresh_from_db()
    assert (first.state, other.state) == ("sent", "read")


@pytest.mark.parametrize("message_id", ["nobody", "99999999999999999999999", "-1", "", "٣"])
def test_a_receipt_of_nothing_we_sent_is_not_known(
    conversation: Conversation, message_id: str
) -> None:
    answered(conversation)
    assert apply(conversation.connector, receipt(message_id, "read")) is False


def test_another_connectors_message_is_not_moved(conversation: Conversation) -> None:
    message = answered(conversation)
    stranger = ConnectorFactory()
    assert apply(stranger, receipt("out-1", "read")) is False
    assert apply(stranger, receipt(str(message.pk), "read")) is False
    message.refresh_from_db()
    assert message.state == "sent"


def test_a_receipt_that_names_a_chat_counts_in_that_chat_only(conversation: Conversation) -> None:
    message = answered(conversation)
    elsewhere = receipt("out-1", "read", chat_id="another")
    assert apply(conversation.connector, elsewhere) is False
    here = receipt("out-1", "read", chat_id=conversation.external_chat_id)
    assert apply(conversation.connector, here) is True
    message.refresh_from_db()
    assert message.state == "read"


def test_a_customers_own_message_has_no_receipts(conversation: Conversation) -> None:
    message = answered(conversation, "received", direction="in")
    assert apply(conversation.connector, receipt("out-1", "read")) is False
    assert apply(conversation.connector, receipt(str(message.pk), "read")) is False


def test_somebody_who_was_further_in_between_stays_further(conversation: Conversation) -> None:
    message = answered(conversation)
    stale = Message.objects.get(pk=message.pk)
    apply(conversation.connector, receipt("out-1", "read"))
    assert message_state_forward(message=stale, state="delivered", now=moment()) is False
    message.refresh_from_db()
    assert message.state == "read"
