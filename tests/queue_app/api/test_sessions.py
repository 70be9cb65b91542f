from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from channels_app.models import Conversation, Message, OpenChannel
from queue_app.models import Assignment, Operator, Session, SessionEvent
from tests.channels_app.api.client import Api, admin_api, api_for, assert_refused
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    OpenChannelFactory,
    OperatorFactory,
    ServiceTextFactory,
    SessionFactory,
)

pytestmark = pytest.mark.django_db

SESSION = {
    "id", "conversation", "open_channel", "state", "wait_reason", "operator", "turn", "round",
    "unread", "is_first", "parent", "version", "started_at", "waiting_since", "offered_at",
    "accepted_at", "first_reply_at", "snoozed_until", "closed_at", "close_reason",
}  # fmt: skip


@pytest.fixture
def operators() -> list[Operator]:
    return [OperatorFactory(), OperatorFactory()]


@pytest.fixture
def line(operators: list[Operator]) -> OpenChannel:
    return OpenChannelFactory(operators=operators)


@pytest.fixture
def conversation(line: OpenChannel) -> Conversation:
    return ConversationFactory(connector=ConnectorFactory(open_channel=line))


@pytest.fixture
def waiting(conversation: Conversation) -> Session:
    return SessionFactory(conversation=conversation)


@pytest.fixture
def api(operators: list[Operator]) -> Api:
    return api_for(operators[0].user)


def test_a_session_is_shown(api: Any, waiting: Any, line: Any) -> None:
    response = api.get(f"/sessions/{waiting.pk}/")
    assert response.status_code == 200
    shown = response.json()
    assert set(shown) == SESSION
    assert (shown["state"], shown["operator"]) == ("waiting", None)
    assert shown["open_channel"] == line.pk
    assert shown["started_at"].endswith("Z")


def test_the_list_is_filtered_newest_first(
    api: Any, waiting: Any, operators: Any, line: Any
) -> None:
    mine = SessionFactory(
        conversation=ConversationFactory(connector=waiting.conversation.connector),
        operator=operators[0],
    )
    SessionFactory()  # of a stranger's line

    def ids(query: str) -> list[int]:
        return [row["id"] for row in api.get(f"/sessions/?{query}").json()["results"]]

    assert ids("") == [mine.pk, waiting.pk]
    assert ids(f"conversation={waiting.conversation_id}") == [waiting.pk]
    assert ids("state=active") == [mine.pk]
    assert ids(f"operator={operators[0].pk}") == [mine.pk]
    assert ids(f"open_channel={line.pk}&ordering=id") == [waiting.pk, mine.pk]
    for query, field in (
        ("state=ACTIVE", "state"), ("state=", "state"), ("conversation=x", "conversation"),
        ("operator=99999999999999999999", "operator"), ("started_at=2026-01-01", "started_at"),
    ):  # fmt: skip
        assert_refused(api.get(f"/sessions/?{query}"), 400, "invalid", field)


def test_a_waiting_session_is_accepted_answered_and_closed(
    api: Any, waiting: Any, operators: Any
) -> None:
    accepted = api.post(f"/sessions/{waiting.pk}/accept/")
    assert accepted.status_code == 200, accepted.content
    assert set(accepted.json()) == SESSION
    assert accepted.json()["state"] == "active"
    assert accepted.json()["operator"] == operators[0].pk
    replied = api.post(f"/sessions/{waiting.pk}/reply/", {"text": "Hello!"})
    assert replied.status_code == 201, replied.content
    assert replied.json()["text"] == "Hello!"
    closed = api.post(f"/sessions/{waiting.pk}/close/")
    assert closed.status_code == 200, closed.content
    assert closed.json()["state"] == "closed"
    assert closed.json()["closed_at"].endswith("Z")
    events = api.get(f"/sessions/{waiting.pk}/events/").json()["results"]
    assert [event["kind"] for event in events] == ["accepted", "replied", "closed"]
    assert [event["seq"] for event in events] == [1, 2, 3]
    assert set(events[0]) == {"seq", "kind", "at", "actor", "operator", "data"}
    turns = api.get(f"/sessions/{waiting.pk}/assignments/").json()["results"]
    assert [turn["outcome"] for turn in turns] == ["accepted"]
    assert set(turns[0]) == {
        "id", "operator", "turn", "round", "offered_at", "ended_at", "outcome",
    }  # fmt: skip


def test_the_second_to_accept_is_told_who_was_first(api: Any, waiting: Any, operators: Any) -> None:
    assert api_for(operators[1].user).post(f"/sessions/{waiting.pk}/accept/").status_code == 200
    response = api.post(f"/sessions/{waiting.pk}/accept/")
    assert_refused(response, 409, "taken")
    assert operators[1].name in response.json()["detail"]
    waiting.refresh_from_db()
    assert waiting.operator == operators[1]


def test_answering_an_offered_session_accepts_it(api: Any, waiting: Any, operators: Any) -> None:
    Session.objects.update(state="offered", operator=operators[0], offered_at=timezone.now())
    Assignment.objects.create(
        session=waiting, operator=operators[0], turn=1, offered_at=timezone.now()
    )
    response = api.post(f"/sessions/{waiting.pk}/reply/", {"text": "Hello!"})
    assert response.status_code == 201, response.content
    waiting.refresh_from_db()
    assert (waiting.state, waiting.operator) == ("active", operators[0])


def test_a_reply_is_written_once_for_its_key(api: Any, waiting: Any) -> None:
    api.post(f"/sessions/{waiting.pk}/accept/")
    path, key = f"/sessions/{waiting.pk}/reply/", {"Idempotency-Key": "r1"}
    first = api.post(path, {"text": "Hello!"}, headers=key)
    again = api.post(path, {"text": "Hello!"}, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert_refused(api.post(path, {"text": "Bye!"}, headers=key), 409, "idempotency_conflict")
    assert Message.objects.count() == 1


def test_a_waiting_session_is_accepted_before_it_is_answered(api: Any, waiting: Any) -> None:
    response = api.post(f"/sessions/{waiting.pk}/reply/", {"text": "Hello!"})
    assert_refused(response, 409, "not_accepted")
    assert not Message.objects.exists()


def test_a_session_with_a_closing_text_is_ending_first(api: Any, waiting: Any, line: Any) -> None:
    ServiceTextFactory(open_channel=line, kind="ending")
    api.post(f"/sessions/{waiting.pk}/accept/")
    api.post(f"/sessions/{waiting.pk}/reply/", {"text": "Hello"})
    ended = api.post(f"/sessions/{waiting.pk}/close/")
    assert (ended.status_code, ended.json()["state"]) == (200, "closing")
    assert (ended.json()["closed_at"], ended.json()["close_reason"]) == (None, "")
    assert_refused(api.post(f"/sessions/{waiting.pk}/reply/", {"text": "x"}), 409, "ending")
    assert_refused(api.post(f"/sessions/{waiting.pk}/accept/"), 409, "ending")
    assert api.get("/sessions/?state=closing").json()["results"][0]["id"] == waiting.pk


def test_a_session_of_somebody_else_is_neither_answered_nor_closed(
    api: Any, waiting: Any, operators: Any
) -> None:
    api_for(operators[1].user).post(f"/sessions/{waiting.pk}/accept/")
    before = Session.objects.values().get()
    assert_refused(api.post(f"/sessions/{waiting.pk}/reply/", {"text": "Hello!"}), 403, "not_yours")
    assert_refused(api.post(f"/sessions/{waiting.pk}/close/"), 403, "not_yours")
    assert Session.objects.values().get() == before
    assert not Message.objects.exists()


def test_a_closed_session_takes_no_answer(api: Any, waiting: Any) -> None:
    api.post(f"/sessions/{waiting.pk}/accept/")
    api.post(f"/sessions/{waiting.pk}/close/")
    assert_refused(api.post(f"/sessions/{waiting.pk}/reply/", {"text": "x"}), 409, "closed")
    assert_refused(api.post(f"/sessions/{waiting.pk}/accept/"), 409, "closed")
    assert not Message.objects.exists()


@pytest.mark.parametrize("action", ["accept", "close"])
def test_an_action_takes_no_fields(api: Any, waiting: Any, action: Any) -> None:
    response = api.post(f"/sessions/{waiting.pk}/{action}/", {"operator": 1})
    assert_refused(response, 400, "invalid", "operator")
    waiting.refresh_from_db()
    assert waiting.state == "waiting"


@pytest.mark.parametrize("action", ["accept", "close", "reply"])
def test_a_read_key_only_reads(operators: Any, waiting: Any, action: Any) -> None:
    api = api_for(operators[0].user, "read")
    assert api.get(f"/sessions/{waiting.pk}/").status_code == 200
    assert_refused(api.post(f"/sessions/{waiting.pk}/{action}/", {"text": "x"}), 403, "scope")
    waiting.refresh_from_db()
    assert waiting.state == "waiting"
    assert not SessionEvent.objects.exists()


def test_a_key_for_one_line_sees_the_sessions_of_that_line(waiting: Any) -> None:
    limited = admin_api(OpenChannelFactory())
    assert limited.get("/sessions/").json()["results"] == []
    assert_refused(limited.post(f"/sessions/{waiting.pk}/accept/"), 404, "not_found")
    own = admin_api(waiting.open_channel)
    assert [row["id"] for row in own.get("/sessions/").json()["results"]] == [waiting.pk]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_ten_who_accept_at_once_one_gets_the_session() -> None:
    operators = [OperatorFactory() for _number in range(10)]
    line = OpenChannelFactory(operators=operators)
    session = SessionFactory(
        conversation=ConversationFactory(connector=ConnectorFactory(open_channel=line))
    )
    callers = [api_for(operator.user) for operator in operators]
    barrier = threading.Barrier(10)

    def accept(api: Api) -> tuple[int, str]:
        barrier.wait(timeout=30)
        try:
            response = api.post(f"/sessions/{session.pk}/accept/")
            return response.status_code, response.json().get("code", "")
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        answers = sorted(pool.map(accept, callers))
    assert answers == [(200, "")] + [(409, "taken")] * 9
    assert Assignment.objects.filter(outcome="accepted").count() == 1
