from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from channels_app.models import Attachment, Conversation, IdempotencyRecord, Message, OpenChannel
from queue_app.models import Operator, Session
from queue_app.services.queues import queue_member_add
from tests.channels_app.api.client import Api, admin_api, api_for, assert_refused
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    MessageFactory,
    OpenChannelFactory,
    OperatorFactory,
    SessionFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

CONVERSATION = {
    "id", "connector", "external_user_id", "external_chat_id", "external_thread", "contact",
    "display_name", "last_message_at", "unreachable_at", "created_at", "changed_at",
}  # fmt: skip
MESSAGE = {
    "id", "conversation", "seq", "direction", "kind", "text", "attachments", "buttons",
    "external_id", "sent_at", "created_at", "edited_at", "deleted_at", "state", "error", "author",
    "reply_to",
}  # fmt: skip
KEY = {"Idempotency-Key": "answer-1"}


@pytest.fixture
def operator() -> Operator:
    return OperatorFactory()


@pytest.fixture
def line(operator: Operator) -> OpenChannel:
    return OpenChannelFactory(operators=[operator])


@pytest.fixture
def conversation(line: OpenChannel) -> Conversation:
    return ConversationFactory(
        connector=ConnectorFactory(open_channel=line), external_chat_id="0042"
    )


@pytest.fixture
def session(conversation: Conversation, operator: Operator) -> Session:
    return SessionFactory(conversation=conversation, operator=operator)


@pytest.fixture
def api(operator: Operator) -> Api:
    return api_for(operator.user, "write")


def test_a_conversation_is_shown(api: Any, conversation: Any) -> None:
    response = api.get(f"/conversations/{conversation.pk}/")
    assert response.status_code == 200
    shown = response.json()
    assert set(shown) == CONVERSATION
    assert shown["connector"] == conversation.connector_id
    assert shown["external_chat_id"] == "0042"
    assert shown["display_name"] == conversation.display_name
    assert shown["contact"] is None


def test_the_list_is_filtered(api: Any, conversation: Any, line: Any) -> None:
    same_line = ConversationFactory(connector=ConnectorFactory(open_channel=line))
    stranger = ConversationFactory(external_chat_id="0042")

    def ids(query: str) -> list[int]:
        return [row["id"] for row in api.get(f"/conversations/?{query}").json()["results"]]

    assert ids("") == [same_line.pk, conversation.pk]
    assert ids(f"connector={conversation.connector_id}&external_chat_id=0042") == [conversation.pk]
    assert ids("external_chat_id=42") == []
    assert ids(f"open_channel={line.pk}&ordering=id") == [conversation.pk, same_line.pk]
    assert ids(f"connector={stranger.connector_id}") == []
    for query, field in (
        ("connector=x", "connector"), ("external_chat_id=%00", "external_chat_id"),
        ("connector__secrets=x", "connector__secrets"), ("display_name=x", "display_name"),
    ):  # fmt: skip
        assert_refused(api.get(f"/conversations/?{query}"), 400, "invalid", field)
    assert_refused(api.get("/conversations/?cursor=garbage"), 400, "cursor")
    assert_refused(
        api.get("/conversations/?ordering=connector__secrets"), 400, "invalid", "ordering"
    )


def test_messages_are_listed_oldest_first(api: Any, conversation: Any, operator: Any) -> None:
    MessageFactory(
        conversation=conversation, text="Hello?", external_id="m1", reply_to_external_id="m0"
    )
    MessageFactory(
        conversation=conversation, text="Yes", direction="out", author=operator.user, state="sent"
    )
    MessageFactory(conversation=conversation, direction="out", author_kind="outside", state="sent")
    MessageFactory(conversation=conversation, direction="system", kind="blocked")
    MessageFactory(text="of somebody else")
    rows = api.get(f"/conversations/{conversation.pk}/messages/").json()["results"]
    assert [row["seq"] for row in rows] == [1, 2, 3, 4]
    assert all(set(row) == MESSAGE for row in rows)
    first, second, third, fourth = rows
    assert (first["text"], first["state"], first["reply_to"]) == ("Hello?", "received", "m0")
    assert first["external_id"] == "m1"
    assert first["author"] == {
        "kind": "customer", "user": None, "name": conversation.display_name,
    }  # fmt: skip
    assert second["author"] == {
        "kind": "operator", "user": operator.user_id, "name": operator.name,
    }  # fmt: skip
    assert second["external_id"] is None
    assert second["reply_to"] is None
    assert third["author"]["kind"] == "outside"
    assert fourth["author"]["kind"] == "system"
    rows = api.get(f"/conversations/{conversation.pk}/messages/?ordering=-seq&page_size=1").json()
    assert [row["seq"] for row in rows["results"]] == [4]


def test_attachments_show_what_applies(api: Any, conversation: Any) -> None:
    message = MessageFactory(conversation=conversation, kind="image", text="")
    Attachment.objects.create(
        message=message, position=0, type="image", name="me\u202egnp.exe", size=10, state="stored",
        content_type="image/png", storage_key="in/a/b",
    )  # fmt: skip
    Attachment.objects.create(
        message=message, position=1, type="location", latitude=-23.5, longitude=0.0, state="stored"
    )
    Attachment.objects.create(
        message=message, position=2, type="file", name="a.pdf", state="pending",
        platform_ref="canary-ref",
    )  # fmt: skip
    response = api.get(f"/messages/{message.pk}/")
    assert b"canary-ref" not in response.content
    assert b"storage_key" not in response.content
    image, location, pending = response.json()["attachments"]
    url = image.pop("url")
    assert url.startswith("http://testserver/files/")
    assert image == {
        "type": "image", "name": "megnp.exe", "content_type": "image/png", "size": 10,
        "state": "stored",
    }  # fmt: skip
    assert location == {
        "type": "location", "latitude": -23.5, "longitude": 0.0, "state": "stored",
    }  # fmt: skip
    assert pending == {"type": "file", "name": "a.pdf", "state": "pending"}


def test_an_operator_answers_in_the_open_session(
    api: Any, conversation: Any, session: Any, operator: Any
) -> None:
    response = api.post(f"/conversations/{conversation.pk}/messages/", {"text": " Hello! "})
    assert response.status_code == 201, response.content
    shown = response.json()
    assert set(shown) == MESSAGE
    assert (shown["text"], shown["direction"], shown["state"]) == ("Hello!", "out", "queued")
    assert shown["author"]["user"] == operator.user_id
    message = Message.objects.get()
    assert message.pk == shown["id"]
    assert message.queued_at is not None
    session.refresh_from_db()
    assert session.first_reply_at is not None


def test_a_repeated_answer_is_sent_once(api: Any, conversation: Any, session: Any) -> None:
    path = f"/conversations/{conversation.pk}/messages/"
    first = api.post(path, {"text": "Hello!"}, headers=KEY)
    again = api.post(path, {"text": "Hello!"}, headers=KEY)
    assert first.status_code == again.status_code == 201
    assert again.json() == first.json()
    assert again["Idempotency-Replayed"] == "true"
    assert_refused(api.post(path, {"text": "Bye!"}, headers=KEY), 409, "idempotency_conflict")
    assert Message.objects.count() == 1


def test_a_repeated_answer_is_sent_once_also_when_its_record_is_gone(
    api: Any, conversation: Any, session: Any
) -> None:
    path = f"/conversations/{conversation.pk}/messages/"
    first = api.post(path, {"text": "Hello!"}, headers=KEY)
    IdempotencyRecord.objects.all().delete()
    again = api.post(path, {"text": "Hello!"}, headers=KEY)
    assert again.status_code == 201
    assert again.json()["id"] == first.json()["id"]
    IdempotencyRecord.objects.all().delete()
    assert_refused(api.post(path, {"text": "Bye!"}, headers=KEY), 409, "key_reused")
    assert Message.objects.count() == 1


def test_two_answers_without_a_key_are_two(api: Any, conversation: Any, session: Any) -> None:
    for _turn in range(2):
        api.post(f"/conversations/{conversation.pk}/messages/", {"text": "Hello!"})
    assert Message.objects.count() == 2


def test_without_an_open_session_one_begins_with_the_message(
    api: Any, conversation: Any, session: Any, operator: Any
) -> None:
    path = f"/conversations/{conversation.pk}/messages/"
    assert api.post(f"/sessions/{session.pk}/close/").status_code == 200
    first = api.post(path, {"text": "Hello!"}, headers=KEY)
    assert first.status_code == 201, first.content
    begun = Session.objects.latest("pk")
    assert begun != session
    assert (begun.state, begun.operator, begun.turn) == ("active", operator, "customer")
    assert api.post(path, {"text": "Hello!"}, headers=KEY).json() == first.json()
    assert Message.objects.filter(direction="out").count() == 1


def test_a_closed_line_sends_nothing(api: Any, conversation: Any, session: Any, line: Any) -> None:
    OpenChannel.objects.update(is_active=False)
    path = f"/conversations/{conversation.pk}/messages/"
    assert_refused(api.post(path, {"text": "Hello!"}), 409, "line_closed")
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": " \n\t "}, "text"),
        ({"text": None}, "text"),
        ({"text": 5}, "text"),
        ({"text": {"body": "x"}}, "text"),
        ({"text": "x" * 20_001}, "text"),
        ({"text": "x", "direction": "in"}, "direction"),
        ({"text": "x", "author": 1}, "author"),
        ({"text": "x", "state": "sent"}, "state"),
    ],
)
def test_a_wrong_answer_is_refused_by_field(
    api: Any, conversation: Any, session: Any, body: Any, field: Any
) -> None:
    response = api.post(f"/conversations/{conversation.pk}/messages/", body)
    assert_refused(response, 400, "invalid", field)
    assert not Message.objects.exists()


def test_a_read_key_does_not_answer(operator: Any, conversation: Any, session: Any) -> None:
    api = api_for(operator.user, "read")
    path = f"/conversations/{conversation.pk}/messages/"
    assert api.get(path).status_code == 200
    assert_refused(api.post(path, {"text": "Hello!"}), 403, "scope")
    assert not Message.objects.exists()


def test_a_colleague_sees_the_chat_but_may_not_answer_in_it(
    conversation: Any, session: Any, line: Any
) -> None:
    colleague = OperatorFactory()
    queue_member_add(open_channel=line, user=colleague.user, now=timezone.now())
    api = api_for(colleague.user)
    path = f"/conversations/{conversation.pk}/messages/"
    assert api.get(path).status_code == 200
    assert_refused(api.post(path, {"text": "Hello!"}), 403, "not_yours")
    assert not Message.objects.exists()


def test_a_key_for_one_line_sees_the_conversations_of_that_line(conversation: Any) -> None:
    other = OpenChannelFactory()
    assert admin_api(conversation.connector.open_channel).get(
        f"/conversations/{conversation.pk}/"
    ).status_code == 200  # fmt: skip
    limited = admin_api(other)
    assert limited.get("/conversations/").json()["results"] == []
    assert_refused(limited.get(f"/conversations/{conversation.pk}/"), 404, "not_found")


def test_somebody_without_lines_sees_nothing(conversation: Any, session: Any) -> None:
    message = MessageFactory(conversation=conversation)
    api = api_for(UserFactory())
    assert api.get("/conversations/").json()["results"] == []
    assert_refused(api.get(f"/messages/{message.pk}/"), 404, "not_found")


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_an_answer_posted_twenty_times_at_once_is_sent_once(
    api: Any, conversation: Any, session: Any
) -> None:
    barrier = threading.Barrier(20)
    path = f"/conversations/{conversation.pk}/messages/"

    def post(_number: int) -> tuple[int, Any]:
        barrier.wait(timeout=30)
        try:
            response = api.post(path, {"text": "Hello!"}, headers=KEY)
            return response.status_code, response.json()
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(post, range(20)))
    assert Message.objects.count() == 1
    assert {status for status, _answer in answers} <= {201, 409}
    made = [answer for status, answer in answers if status == 201]
    assert made == [made[0]] * len(made)
