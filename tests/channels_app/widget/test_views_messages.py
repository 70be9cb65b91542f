import datetime as dt
import uuid
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from channels_app.models import (
    Conversation,
    Direction,
    InboundEvent,
    Message,
    MessageState,
)
from channels_app.services.received import Received
from channels_app.widget.selectors import CHANGES, PAGE
from tests.channels_app.widget.visitor import SITE, Visitor, add_message, livechat
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


# --- writing ------------------------------------------------------------------------------


def test_a_first_message_makes_a_conversation() -> None:
    visitor = Visitor.arrived(livechat())
    client_id = str(uuid.uuid4())
    response = visitor.write("Do you deliver?", client_id=client_id)
    assert response.status_code == 201
    message = Message.objects.get(direction=Direction.IN)
    answer = response.json()
    assert answer["id"] == str(message.delivery_id)
    assert answer["seq"] == 1
    assert answer["duplicate"] is False
    assert answer["notice"] == ""
    assert answer["message"]["client_id"] == client_id
    assert answer["message"]["text"] == "Do you deliver?"
    assert dt.datetime.fromisoformat(answer["created_at"]) == message.created_at
    conversation = visitor.conversation
    assert message.conversation_id == conversation.pk
    assert conversation.external_chat_id == visitor.visitor_id
    assert conversation.display_name.startswith("Visitor ")


def test_the_same_message_twice_counts_once() -> None:
    visitor = Visitor.arrived(livechat())
    client_id = str(uuid.uuid4())
    first = visitor.write("Hello", client_id=client_id)
    second = visitor.write("Hello", client_id=client_id.upper())
    assert second.status_code == 200
    assert second.json() == first.json() | {"duplicate": True}
    assert Message.objects.filter(direction=Direction.IN).count() == 1


def test_two_visitors_may_choose_the_same_id() -> None:
    connector = livechat()
    client_id = str(uuid.uuid4())
    for _ in range(2):
        assert Visitor.arrived(connector).write(client_id=client_id).status_code == 201
    assert Message.objects.filter(direction=Direction.IN).count() == 2


def test_two_tabs_write_into_one_conversation() -> None:
    visitor = Visitor.arrived(livechat())
    other_tab = Visitor(visitor.connector, token=visitor.token)
    visitor.write("one")
    other_tab.write("two")
    assert Conversation.objects.count() == 1
    assert [item["text"] for item in visitor.read()["messages"]] == ["one", "two"]


def test_what_a_visitor_may_not_decide_is_ignored() -> None:
    visitor = Visitor.arrived(livechat())
    response = visitor.write(
        "Hi", author="operator", direction="out", session_id=7, created_at="2001-01-01", seq=99,
        is_internal=False, state="read",
    )  # fmt: skip
    assert response.status_code == 201
    message = Message.objects.get()
    assert (message.direction, message.seq, message.author) == (Direction.IN, 1, None)
    assert message.created_at.year > 2001


def test_the_page_is_kept_with_the_first_message_only() -> None:
    visitor = Visitor.arrived(livechat())
    page = {"url": "https://shop.example/beds", "title": "Beds", "referrer": "https://a.example/"}
    visitor.write("one", page=page)
    visitor.write("two", page=page | {"title": "Chairs"})
    first, second = Message.objects.order_by("seq")
    assert first.data["page"] == page
    assert "page" not in second.data


def test_hostile_text_is_stored_as_text() -> None:
    visitor = Visitor.arrived(livechat())
    text = "<script>alert(1)</script>\x00\ud800{{7*7}}"
    assert visitor.write(text).status_code == 201
    assert Message.objects.get().text == "<script>alert(1)</script>\ufffd\ufffd{{7*7}}"


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"text": "x"}, "client_id"),
        ({"client_id": "x", "text": "x"}, "client_id"),
        ({"client_id": str(uuid.UUID(int=1))}, "text"),
        ({"client_id": str(uuid.UUID(int=1)), "text": ""}, "text"),
        ({"client_id": str(uuid.UUID(int=1)), "text": "x" * 10_001}, "text"),
        ({"client_id": str(uuid.UUID(int=1)), "text": {"a": 1}}, "text"),
        ({"client_id": str(uuid.UUID(int=1)), "text": "x", "page": "x"}, "page"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_stored(data: Any, field: Any) -> None:
    visitor = Visitor.arrived(livechat())
    response = visitor.post("messages", data)
    assert response.status_code == 400
    assert list(response.json()["fields"]) == [field]
    assert not Message.objects.exists()
    assert not InboundEvent.objects.exists()


def test_a_line_that_is_not_worked_on_keeps_the_message_and_says_so() -> None:
    visitor = Visitor.arrived(livechat(is_active=False))
    response = visitor.write()
    assert response.status_code == 201
    assert response.json()["notice"].startswith("We have received your message")
    assert visitor.read()["notice"].startswith("We have received your message")
    assert Message.objects.filter(direction=Direction.IN).count() == 1


def test_what_could_not_be_stored_is_asked_for_again(monkeypatch: Any) -> None:
    visitor = Visitor.arrived(livechat())
    monkeypatch.setattr(
        "channels_app.services.visitors.event_receive", lambda **_: Received("key", "unsaved")
    )
    response = visitor.write()
    assert response.status_code == 503
    assert response["Retry-After"] == "5"


def test_what_waits_for_a_later_try_is_accepted(monkeypatch: Any) -> None:
    visitor = Visitor.arrived(livechat())
    monkeypatch.setattr(
        "channels_app.services.visitors.event_receive", lambda **_: Received("key", "pending")
    )
    response = visitor.write()
    assert response.status_code == 202
    assert response.json()["message"] is None


# --- reading ------------------------------------------------------------------------------


def test_nobody_has_written_yet() -> None:
    assert Visitor.arrived(livechat()).read() == {
        "version": 0,
        "messages": [],
        "has_earlier": False,
        "is_partial": False,
        "is_reset": False,
        "notice": "",
    }


def test_the_answer_comes_with_the_next_question() -> None:
    visitor = Visitor.arrived(livechat())
    visitor.write("Hello")
    cursor = visitor.read()["version"]
    assert visitor.read(cursor)["messages"] == []
    ana = UserFactory(first_name="Ana", last_name="Barros", username="ana.secret.login")
    message = add_message(visitor.conversation, text="Good day", author=ana)
    fresh = visitor.read(cursor)
    assert fresh["version"] == message.version
    assert fresh["is_reset"] is False
    assert fresh["messages"] == [
        {
            "id": str(message.delivery_id),
            "seq": message.seq,
            "direction": "out",
            "text": "Good day",
            "created_at": message.created_at.isoformat(),
            "edited": False,
            "deleted": False,
            "attachments": [],
            "author": "Ana Barros",
            "state": "sent",
        }
    ]
    assert visitor.read(fresh["version"])["messages"] == []


def test_a_sign_in_name_is_never_shown() -> None:
    visitor = Visitor.arrived(livechat())
    visitor.write()
    nameless = UserFactory(first_name="", last_name="", username="ana.secret.login")
    add_message(visitor.conversation, author=nameless)
    assert visitor.read()["messages"][-1]["author"] == ""


def test_notes_events_and_failed_messages_are_not_for_visitors() -> None:
    visitor = Visitor.arrived(livechat())
    visitor.write()
    conversation = visitor.conversation
    add_message(conversation, text="do not tell", direction=Direction.NOTE)
    add_message(conversation, text="accepted", direction=Direction.SYSTEM)
    add_message(conversation, text="never went out", state=MessageState.FAILED)
    add_message(conversation, text="on its way", state=MessageState.QUEUED)
    shown = visitor.read()
    assert [item["text"] for item in shown["messages"]] == ["Hello", "on its way"]
    assert visitor.read(1)["version"] == visitor.conversation.version


def test_a_visitor_reads_nobody_elses_messages() -> None:
    connector = livechat()
    one, other = Visitor.arrived(connector), Visitor.arrived(connector)
    one.write("mine")
    assert other.read()["messages"] == []
    elsewhere = Visitor(livechat(), token=one.token)
    assert elsewhere.get("messages").status_code == 401


def test_a_changed_message_comes_again_and_a_removed_one_is_told() -> None:
    visitor = Visitor.arrived(livechat())
    visitor.write("one")
    cursor = visitor.read()["version"]
    message = Message.objects.get()
    Conversation.objects.update(version=cursor + 1)
    Message.objects.filter(pk=message.pk).update(
        version=cursor + 1, text="", deleted_at=timezone.now()
    )
    shown = visitor.read(cursor)["messages"]
    assert [(item["seq"], item["deleted"], item["text"]) for item in shown] == [(1, True, "")]


def test_a_long_thread_comes_in_pages() -> None:
    visitor = Visitor.arrived(livechat())
    visitor.write("first")
    conversation = visitor.conversation
    for number in range(PAGE + 9):
        add_message(conversation, text=f"no. {number}")
    newest = visitor.read()
    assert len(newest["messages"]) == PAGE
    assert newest["has_earlier"] is True
    assert newest["is_reset"] is True
    before = visitor.get(f"messages?before={newest['messages'][0]['seq']}").json()
    assert [item["seq"] for item in before["messages"]] == list(range(1, 11))
    assert before["has_earlier"] is False


def test_many_changes_come_in_parts_and_none_is_lost() -> None:
    visitor = Visitor.arrived(livechat())
    visitor.write("first")
    cursor = visitor.read()["version"]
    conversation = visitor.conversation
    for number in range(CHANGES + 7):
        add_message(conversation, text=f"no. {number}")
    seen = []
    while True:
        part = visitor.read(cursor)
        seen += [item["seq"] for item in part["messages"]]
        cursor = part["version"]
        if not part["is_partial"]:
            break
    assert sorted(set(seen)) == list(range(2, CHANGES + 9))
    assert cursor == visitor.conversation.version


def test_a_cursor_from_a_lost_database_begins_anew() -> None:
    visitor = Visitor.arrived(livechat())
    visitor.write("one")
    shown = visitor.read(5000)
    assert shown["is_reset"] is True
    assert [item["text"] for item in shown["messages"]] == ["one"]
    nobody = Visitor.arrived(visitor.connector)
    assert nobody.read(5000)["is_reset"] is True


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=1.5", "before=", f"after={2**40}"])
def test_a_wrong_cursor_is_400(query: Any) -> None:
    assert Visitor.arrived(livechat()).get(f"messages?{query}").status_code == 400


def test_asking_costs_the_same_for_few_and_for_many(django_assert_num_queries: Any) -> None:
    visitor = Visitor.arrived(livechat())
    visitor.write()
    conversation = visitor.conversation
    cursor = visitor.read()["version"]
    with django_assert_num_queries(1):  # nothing new: the conversation tells
        visitor.read(cursor)
    add_message(conversation, author=UserFactory())
    with django_assert_num_queries(3):
        visitor.read(cursor)
    for _ in range(30):
        add_message(conversation, author=UserFactory())
    with django_assert_num_queries(3):
        visitor.read(cursor)


def test_answers_are_never_kept_by_a_cache() -> None:
    visitor = Visitor.arrived(livechat())
    assert visitor.get("messages")["Cache-Control"] == "no-store"
    assert visitor.write()["Cache-Control"] == "no-store"


# --- sessions -----------------------------------------------------------------------------


def test_a_session_is_renewed_for_the_same_visitor() -> None:
    connector = livechat()
    visitor = Visitor.arrived(connector)
    before = visitor.visitor_id
    with time_machine.travel(timezone.now() + dt.timedelta(days=100), tick=False):
        answer = visitor.post("session").json()
        expires = dt.datetime.fromisoformat(answer["expires"])
        assert expires - timezone.now() == dt.timedelta(days=180)
    assert answer["is_new"] is False
    renewed = Visitor(connector, token=answer["visitor_token"])
    assert renewed.visitor_id == before
    assert renewed.token != visitor.token


def test_a_session_with_a_dead_token_begins_a_new_visitor() -> None:
    connector = livechat()
    visitor = Visitor(connector, token="dead:dead:dead")
    answer = visitor.post("session").json()
    assert answer["is_new"] is True
    visitor.token = answer["visitor_token"]
    assert len(visitor.visitor_id) == 22
    assert visitor.write().status_code == 201


def test_a_session_writes_nothing(django_assert_num_queries: Any) -> None:
    visitor = Visitor(livechat(), origin=SITE)
    visitor.post("session")  # the connector is known from here on
    with django_assert_num_queries(0):
        assert visitor.post("session").status_code == 201
