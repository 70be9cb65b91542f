"""What a person does with a session, through the API."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from channels_app.models import Conversation, Message, OpenChannel
from queue_app.models import Operator, Session, SessionHelper
from queue_app.services.sessions import session_accept
from tests.channels_app.api.client import Api, api_for, assert_refused
from tests.factories import OpenChannelFactory
from tests.queue_app.desk_story import books_check, customer_writes, line_with
from tests.queue_app.services.acts import all_rows, granted, person

pytestmark = pytest.mark.django_db

ACTIONS = {
    "skip": {}, "transfer": {}, "join": {}, "leave": {}, "intercept": {}, "spam": {},
    "force-stop": {}, "snooze": {"until": "2100-01-01T00:00:00Z"}, "wake": {},
    "note": {"text": "x"}, "new-session": {},
}  # fmt: skip


@pytest.fixture
def people() -> list[Operator]:
    return [person("Ana"), person("Bruno")]


@pytest.fixture
def offer(people: list[Operator]) -> Session:
    return customer_writes(line_with(*people), "u1", now=timezone.now())


@pytest.fixture
def chat(offer: Session, people: list[Operator]) -> Session:
    return session_accept(session_id=offer.pk, operator=people[0], now=timezone.now())


@pytest.fixture
def api(people: list[Operator]) -> Api:
    return api_for(people[0].user)


def test_an_offer_is_passed_on(api: Any, offer: Any, people: Any) -> None:
    response = api.post(f"/sessions/{offer.pk}/skip/", {"reason": "Not mine"})
    assert response.status_code == 200, response.content
    assert (response.json()["state"], response.json()["operator"]) == ("offered", people[1].pk)
    books_check()


def test_a_session_goes_to_an_operator(api: Any, chat: Any, people: Any) -> None:
    body = {"operator": people[1].pk, "reason": "His"}
    response = api.post(f"/sessions/{chat.pk}/transfer/", body)
    assert response.status_code == 200, response.content
    assert (response.json()["state"], response.json()["operator"]) == ("active", people[1].pk)
    events = api.get(f"/sessions/{chat.pk}/events/").json()["results"]
    assert events[-1]["data"] == {
        "to": people[1].pk, "to_line": None, "reason": "His", "mode": "at_once",
    }  # fmt: skip
    notes = api.get(f"/conversations/{chat.conversation_id}/messages/").json()["results"]
    assert [(one["direction"], one["text"]) for one in notes][-1] == ("note", "His")


def test_a_session_goes_to_another_line(api: Any, chat: Any) -> None:
    carla = person("Carla")
    other = line_with(carla).open_channel
    response = api.post(f"/sessions/{chat.pk}/transfer/", {"open_channel": other.pk})
    assert response.status_code == 200, response.content
    shown = response.json()
    assert (shown["open_channel"], shown["operator"]) == (other.pk, carla.pk)
    # It is somebody else's business now.
    assert_refused(api.get(f"/sessions/{chat.pk}/"), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "operator"),
        ({"operator": 1, "open_channel": 1}, "operator"),
        ({"operator": 10**9}, "operator"),
        ({"open_channel": 10**9}, "open_channel"),
        ({"operator": "1"}, "operator"),
        ({"reason": 5}, "reason"),
        ({"to": 1}, "to"),
    ],
)
def test_a_target_that_is_none_is_refused(
    api: Any, chat: Any, body: dict[str, Any], field: str
) -> None:
    before = all_rows()
    response = api.post(f"/sessions/{chat.pk}/transfer/", body)
    assert response.status_code == 400, response.content
    assert field in response.json()["fields"]
    assert all_rows() == before


def test_a_key_of_one_line_reaches_no_other(chat: Any, people: Any) -> None:
    other = OpenChannelFactory()
    api = api_for(people[0].user, open_channel=chat.open_channel)
    response = api.post(f"/sessions/{chat.pk}/transfer/", {"open_channel": other.pk})
    assert_refused(response, 400, "invalid", "open_channel")
    chat.refresh_from_db()
    assert chat.open_channel != other


def test_above_the_limit_the_number_is_told(api: Any, chat: Any, people: Any) -> None:
    OpenChannel.objects.update(max_chats=1)
    customer_writes(chat.conversation.connector, "u2", now=timezone.now())
    response = api.post(f"/sessions/{chat.pk}/transfer/", {"operator": people[1].pk})
    assert_refused(response, 409, "full")
    assert response.json()["detail"] == "Bruno has 1 of 1 chats."


def test_helping(chat: Any, people: Any) -> None:
    api = api_for(people[1].user)
    for _ in range(2):
        assert api.post(f"/sessions/{chat.pk}/join/").status_code == 200
    assert SessionHelper.objects.count() == 1
    reply = api.post(f"/sessions/{chat.pk}/reply/", {"text": "Hi"})
    assert reply.status_code == 201, reply.content
    assert api.post(f"/sessions/{chat.pk}/leave/").json()["operator"] == people[0].pk
    assert_refused(api.post(f"/sessions/{chat.pk}/leave/"), 409, "not_helping")


def test_taking_over(chat: Any, people: Any) -> None:
    api = api_for(people[1].user)
    assert_refused(api.post(f"/sessions/{chat.pk}/intercept/"), 403, "permission")
    granted(people[1].user, "intercept_session")
    taken = api.post(f"/sessions/{chat.pk}/intercept/").json()
    assert (taken["state"], taken["operator"]) == ("active", people[1].pk)
    books_check()


def test_spam_and_block(api: Any, chat: Any) -> None:
    response = api.post(f"/sessions/{chat.pk}/spam/", {"block": True})
    assert (response.json()["state"], response.json()["close_reason"]) == ("closed", "spam")
    assert Conversation.objects.get().blocked_at is not None
    assert_refused(api.post(f"/sessions/{chat.pk}/spam/"), 409, "closed")


def test_spam_alone_blocks_nobody(api: Any, chat: Any) -> None:
    assert api.post(f"/sessions/{chat.pk}/spam/").status_code == 200
    assert Conversation.objects.get().blocked_at is None


def test_stopping_needs_the_right(api: Any, chat: Any, people: Any) -> None:
    assert_refused(api.post(f"/sessions/{chat.pk}/force-stop/"), 403, "permission")
    granted(people[0].user, "end_any_session")
    stopped = api.post(f"/sessions/{chat.pk}/force-stop/").json()
    assert (stopped["state"], stopped["close_reason"]) == ("closed", "forced")


def test_snoozing(api: Any, chat: Any) -> None:
    until = (timezone.now() + dt.timedelta(hours=2)).replace(microsecond=0)
    body = {"until": until.isoformat()}
    snoozed = api.post(f"/sessions/{chat.pk}/snooze/", body).json()
    assert snoozed["snoozed_until"] == until.isoformat().replace("+00:00", "Z")
    assert api.post(f"/sessions/{chat.pk}/wake/").json()["snoozed_until"] is None
    assert_refused(api.post(f"/sessions/{chat.pk}/wake/"), 409, "not_snoozed")


@pytest.mark.parametrize("body", [{}, {"until": "soon"}, {"until": "2001-01-01T00:00:00Z"}])
def test_a_moment_that_is_none_is_refused(api: Any, chat: Any, body: dict[str, str]) -> None:
    response = api.post(f"/sessions/{chat.pk}/snooze/", body)
    assert_refused(response, 400, "invalid", "until")


def test_a_note_is_written_once_for_its_key(api: Any, chat: Any) -> None:
    path, key = f"/sessions/{chat.pk}/note/", {"Idempotency-Key": "n1"}
    first = api.post(path, {"text": "Be kind"}, headers=key)
    again = api.post(path, {"text": "Be kind"}, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert (first.json()["direction"], first.json()["state"]) == ("note", "received")
    assert_refused(api.post(path, {"text": "Other"}, headers=key), 409, "idempotency_conflict")
    assert Message.objects.filter(direction="note").count() == 1


def test_a_closed_session_is_taken_up_again_once_for_its_key(api: Any, chat: Any) -> None:
    message = Message.objects.get()
    path, key = f"/sessions/{chat.pk}/new-session/", {"Idempotency-Key": "s1"}
    assert_refused(api.post(path), 409, "open_session")
    assert api.post(f"/sessions/{chat.pk}/close/").status_code == 200
    assert_refused(api.post(path, {"message": 10**9}), 400, "invalid", "message")
    first = api.post(path, {"message": message.pk}, headers=key)
    again = api.post(path, {"message": message.pk}, headers=key)
    assert first.status_code == 201, first.content
    assert again.json() == first.json()
    assert (first.json()["parent"], first.json()["state"]) == (chat.pk, "active")
    assert Session.objects.count() == 2


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_an_action_takes_no_other_fields(api: Any, chat: Any, action: str) -> None:
    before = all_rows()
    response = api.post(f"/sessions/{chat.pk}/{action}/", ACTIONS[action] | {"colour": "red"})
    assert_refused(response, 400, "invalid", "colour")
    assert all_rows() == before


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_a_read_key_only_reads(chat: Any, people: Any, action: str) -> None:
    before = all_rows()
    response = api_for(people[0].user, "read").post(
        f"/sessions/{chat.pk}/{action}/", ACTIONS[action]
    )
    assert_refused(response, 403, "scope")
    assert all_rows() == before


def test_every_action_is_described() -> None:
    generator: Any = SchemaGenerator
    paths = generator().get_schema(public=True)["paths"]
    for action in ACTIONS:
        described = paths[f"/api/v1/sessions/{{id}}/{action}/"]["post"]
        assert described["description"], action
