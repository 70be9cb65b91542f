import datetime as dt
from typing import Any

import pytest
import time_machine

from channels_app.models import Direction, Message, MessageState
from channels_app.services.visitors import visitor_seen, visitor_typing
from tests.channels_app.widget.visitor import Visitor, add_message, livechat

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 3, 2, 12, 0, tzinfo=dt.UTC)


@pytest.fixture
def visitor() -> Any:
    arrived = Visitor.arrived(livechat())
    arrived.write()
    return arrived


def states() -> Any:
    messages = Message.objects.exclude(direction=Direction.IN).order_by("seq")
    return list(messages.values_list("state", flat=True))


# --- seen ---------------------------------------------------------------------------------


def test_what_the_visitor_saw_is_read(visitor: Any) -> None:
    conversation = visitor.conversation
    for _ in range(3):
        last = add_message(conversation)
    before = visitor.conversation.version
    assert visitor.post("seen", {"seq": last.seq - 1}).status_code == 200
    assert states() == ["read", "read", "sent"]
    assert visitor.conversation.version > before


def test_receipts_only_move_forward(visitor: Any) -> None:
    message = add_message(visitor.conversation)
    visitor.post("seen", {"seq": message.seq, "status": "delivered"})
    assert states() == ["delivered"]
    visitor.post("seen", {"seq": message.seq, "status": "read"})
    visitor.post("seen", {"seq": message.seq, "status": "delivered"})
    assert states() == ["read"]


def test_saying_it_twice_changes_nothing(visitor: Any) -> None:
    message = add_message(visitor.conversation)
    for _ in range(2):
        visitor.post("seen", {"seq": message.seq})
        version = visitor.conversation.version
    visitor.post("seen", {"seq": message.seq})
    assert visitor.conversation.version == version


def test_what_was_not_sent_is_not_read(visitor: Any) -> None:
    conversation = visitor.conversation
    add_message(conversation, state=MessageState.QUEUED)
    add_message(conversation, state=MessageState.SENDING)
    add_message(conversation, state=MessageState.RECEIVED, direction=Direction.NOTE)
    visitor.post("seen", {"seq": 99})
    assert states() == ["queued", "sending", "received"]


def test_a_stranger_marks_nothing(visitor: Any) -> None:
    message = add_message(visitor.conversation)
    stranger = Visitor.arrived(visitor.connector)
    stranger.write()
    assert stranger.post("seen", {"seq": message.seq}).status_code == 200
    assert states() == ["sent"]


@pytest.mark.parametrize(
    "data",
    [{}, {"seq": "x"}, {"seq": -1}, {"seq": 1, "status": "failed"}, {"seq": 1, "status": []}],
)
def test_a_wrong_receipt_is_400(visitor: Any, data: Any) -> None:
    assert visitor.post("seen", data).status_code == 400


def test_the_service_counts_what_moved(visitor: Any) -> None:
    conversation = visitor.conversation
    last = add_message(conversation)
    seen = {
        "connector": visitor.connector,
        "visitor_id": visitor.visitor_id,
        "seq": last.seq,
        "now": NOW,
    }
    assert visitor_seen(**seen, status="read") == 1
    assert visitor_seen(**seen, status="read") == 0


# --- typing -------------------------------------------------------------------------------


def test_typing_is_noted_and_nothing_else_changes(visitor: Any) -> None:
    before = visitor.conversation
    with time_machine.travel(NOW, tick=False):
        assert visitor.post("typing").status_code == 200
    after = visitor.conversation
    assert after.typing_at == NOW
    assert (after.version, after.last_seq) == (before.version, before.last_seq)


def test_typing_is_noted_every_other_second_at_most(visitor: Any) -> None:
    typing = {"connector": visitor.connector, "visitor_id": visitor.visitor_id}
    assert visitor_typing(**typing, now=NOW) is True
    assert visitor_typing(**typing, now=NOW + dt.timedelta(seconds=1)) is False
    assert visitor_typing(**typing, now=NOW + dt.timedelta(seconds=3)) is True


def test_typing_before_the_first_message_is_nobodys_business() -> None:
    visitor = Visitor.arrived(livechat())
    assert visitor.post("typing").status_code == 200
    assert not Message.objects.exists()
