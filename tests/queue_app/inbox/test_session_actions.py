"""What a person does with a chat, through the addresses of the inbox."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import pytest
from django.utils import timezone

from channels_app.models import Conversation, Message
from queue_app.models import Session, SessionHelper
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    OpenChannelFactory,
    OperatorFactory,
)
from tests.queue_app.inbox.stories import Desk, desk, part
from tests.queue_app.services.acts import granted, person

pytestmark = pytest.mark.django_db

KEY = "11111111-2222-3333-4444-555555555555"


def act(story: Desk, session: Session, name: str, **data: Any) -> Any:
    return part(story.client, "post", f"/inbox/chats/{session.pk}/{name}/", **data)


def told(response: Any) -> tuple[int, str, str]:
    """A refusal: status, code and sentence."""
    return response.status_code, response["X-Error-Code"], response.content.decode()


def colleague(story: Desk, name: str = "Bruno") -> Any:
    """Somebody else of the line."""
    operator = person(name)
    story.line.line_operators.create(operator=operator, position=2)
    return operator


def with_offer(story: Desk) -> Session:
    return story.offered(event_seq=2)


# --- skip -----------------------------------------------------------------------------------


def test_a_chat_is_passed_on() -> None:
    story = desk()
    other = colleague(story)
    session = with_offer(story)
    assert act(story, session, "skip", reason="Not mine").status_code == 204
    session.refresh_from_db()
    assert (session.state, session.operator) == ("offered", other)
    assert session.events.get(kind="skipped").data == {"reason": "Not mine"}


def test_alone_in_the_queue_he_is_told() -> None:
    story = desk()
    session = with_offer(story)
    assert told(act(story, session, "skip")) == (
        409, "alone", "Nobody else on this line could take the chat. It stays with you.",
    )  # fmt: skip
    session.refresh_from_db()
    assert session.operator == story.operator


# --- transfer -------------------------------------------------------------------------------


def test_the_targets_are_people_with_their_state_and_open_lines() -> None:
    story = desk()
    colleague(story)
    person("Zoe", duty="off", max_chats=7)
    switched_off = person("Ghost")
    switched_off.user.is_active = False
    switched_off.user.save()
    OpenChannelFactory(name="Sales")
    OpenChannelFactory(name="Asleep", is_active=False)
    response = part(story.client, "get", f"/inbox/chats/{story.chat().pk}/transfer/")
    assert response.status_code == 200
    rows = re.findall(r'data-find="([^"]*)">(.*?)</label>', response.content.decode(), re.DOTALL)
    shown = [(name, re.sub(r"<[^>]+>", " ", row).split(" · ")) for name, row in rows]
    assert [(name, *map(str.strip, words[1:])) for name, words in shown] == [
        ("Bruno", "0 chats"), ("Zoe", "0 of 7 chats"), ("Sales",),
    ]  # fmt: skip
    assert "on duty" in shown[0][1][0]
    assert "off duty" in shown[1][1][0]


def test_a_chat_goes_to_a_colleague() -> None:
    story = desk()
    other = colleague(story)
    session = story.chat()
    response = act(story, session, "transfer", operator=other.pk, reason="His customer")
    assert response.status_code == 204
    session.refresh_from_db()
    assert session.operator == other
    assert Message.objects.get(direction="note").text == "His customer"


def test_a_chat_goes_to_another_line_and_who_sees_it_no_more_goes_home() -> None:
    story = desk()
    other = OpenChannelFactory(operators=[OperatorFactory()])
    session = story.chat()
    response = story.client.post(f"/inbox/chats/{session.pk}/transfer/", {"line": other.pk})
    assert (response.status_code, response["Location"]) == (303, "/inbox/")
    session.refresh_from_db()
    assert session.open_channel == other
    assert story.client.get(f"/inbox/chats/{session.pk}/").status_code == 404


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({}, 400), ({"operator": "x"}, 400), ({"operator": "9" * 19}, 400),
        ({"operator": "999999"}, 404), ({"line": "999999"}, 404),
    ],
)  # fmt: skip
def test_a_target_that_is_none_is_refused(data: dict[str, str], status: int) -> None:
    story = desk()
    session = story.chat()
    assert act(story, session, "transfer", **data).status_code == status
    session.refresh_from_db()
    assert session.operator == story.operator


def test_who_may_not_transfer_sees_no_targets() -> None:
    story = desk()
    session = story.chat(operator=colleague(story))
    response = part(story.client, "get", f"/inbox/chats/{session.pk}/transfer/")
    assert told(response) == (403, "not_yours", "This chat belongs to Bruno.")


# --- helping, taking over -------------------------------------------------------------------


def test_a_colleague_joins_and_leaves() -> None:
    story = desk()
    session = story.chat(operator=colleague(story))
    assert act(story, session, "join").status_code == 204
    assert SessionHelper.objects.get().operator == story.operator
    html = story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    assert 'id="reply"' in html
    assert act(story, session, "leave").status_code == 204
    assert not SessionHelper.objects.exists()
    html = story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    assert 'id="reply"' not in html
    assert "</b> joined" in html
    assert "</b> left" in html


def test_a_supervisor_takes_over() -> None:
    story = desk()
    granted(story.operator.user, "intercept_session")
    session = story.chat(operator=colleague(story))
    response = act(story, session, "intercept")
    assert response.status_code == 204
    assert json.loads(response["HX-Location"])["path"].startswith(f"/inbox/chats/{session.pk}/")
    html = story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    assert "Taken over from <b>Bruno</b> by <b>you</b>" in html


def test_without_the_right_nobody_takes_over() -> None:
    story = desk()
    session = story.chat(operator=colleague(story))
    assert told(act(story, session, "intercept"))[:2] == (403, "permission")


# --- stopping ---------------------------------------------------------------------------------


def test_spam_with_block_and_back() -> None:
    story = desk()
    session = story.chat()
    assert act(story, session, "spam", block="1").status_code == 204
    session.refresh_from_db()
    assert (session.state, session.close_reason) == ("closed", "spam")
    assert Conversation.objects.get().blocked_at is not None
    html = story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    assert "Closed as spam by <b>you</b>" in html
    assert act(story, session, "spam-undo").status_code == 204
    session.refresh_from_db()
    assert session.close_reason == "operator"
    assert Conversation.objects.get().blocked_at is None


def test_spam_alone_blocks_nobody() -> None:
    story = desk()
    act(story, story.chat(), "spam")
    assert Conversation.objects.get().blocked_at is None


def test_a_sender_is_blocked_and_heard_again() -> None:
    story = desk()
    session = story.chat()
    assert act(story, session, "block").status_code == 204
    assert told(act(story, session, "block")) == (409, "blocked", "This sender is blocked.")
    html = story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    assert f"{story.operator.name} blocked this sender." in html
    assert act(story, session, "unblock").status_code == 204
    assert told(act(story, session, "unblock"))[1] == "not_blocked"


def test_a_chat_is_stopped_with_the_right_only() -> None:
    story = desk()
    session = story.chat()
    assert told(act(story, session, "force-stop"))[:2] == (403, "permission")
    granted(story.operator.user, "end_any_session")
    assert act(story, session, "force-stop").status_code == 204
    session.refresh_from_db()
    assert session.close_reason == "forced"


# --- snooze -----------------------------------------------------------------------------------


def test_a_chat_is_snoozed_for_some_minutes_and_taken_back() -> None:
    story = desk()
    session = story.chat()
    before = timezone.now()
    assert act(story, session, "snooze", minutes="30").status_code == 204
    session.refresh_from_db()
    assert session.snoozed_until is not None
    assert dt.timedelta(minutes=30) <= session.snoozed_until - before < dt.timedelta(minutes=31)
    assert act(story, session, "wake").status_code == 204
    session.refresh_from_db()
    assert session.snoozed_until is None


def test_a_moment_is_of_the_readers_own_clock() -> None:
    story = desk()
    session = story.chat()
    story.client.cookies["tz"] = "America/Sao_Paulo"
    day = timezone.now().date() + dt.timedelta(days=3)
    assert act(story, session, "snooze", until=f"{day}T09:30").status_code == 204
    session.refresh_from_db()
    assert session.snoozed_until == dt.datetime(day.year, day.month, day.day, 12, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "data",
    [
        {}, {"minutes": "0"}, {"minutes": "200000"}, {"until": "tomorrow"},
        {"until": "2001-01-01T09:00"}, {"minutes": "5", "until": "2001-01-01T09:00"},
    ],
)  # fmt: skip
def test_a_moment_that_is_none_is_refused(data: dict[str, str]) -> None:
    story = desk()
    session = story.chat()
    assert act(story, session, "snooze", **data).status_code == 400
    session.refresh_from_db()
    assert session.snoozed_until is None


# --- notes, new chats -------------------------------------------------------------------------


def test_a_note_comes_back_as_the_news_of_the_thread() -> None:
    story = desk()
    session = story.chat()
    response = act(
        story, session, "note", text="Be kind", client_key=KEY, since=session.conversation.version
    )
    html = response.content.decode()
    assert response.status_code == 200
    assert "Be kind" in html
    assert "Good morning" not in html
    act(story, session, "note", text="Be kind", client_key=KEY)
    assert Message.objects.filter(direction="note").count() == 1
    assert act(story, session, "note", text="x", client_key="<bad>").status_code == 400
    assert act(story, session, "note", text=" ", client_key=KEY[:-1]).status_code == 400


def test_a_note_beside_an_ended_chat_is_shown_there() -> None:
    story = desk()
    ended = timezone.now() - dt.timedelta(hours=1)
    session = story.chat(state="closed", closed_at=ended)
    Message.objects.update(created_at=ended)
    act(story, session, "note", text="Be kind", client_key=KEY)
    html = story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    assert "Be kind" in html


def test_an_ended_chat_is_taken_up_again() -> None:
    story = desk()
    session = story.chat(state="closed", closed_at=timezone.now())
    message = Message.objects.get()
    response = act(story, session, "new", message=message.pk)
    assert response.status_code == 204
    begun = Session.objects.latest("pk")
    assert json.loads(response["HX-Location"])["path"].startswith(f"/inbox/chats/{begun.pk}/")
    assert (begun.parent, begun.operator) == (session, story.operator)


def test_who_writes_first_is_led_to_his_chat() -> None:
    story = desk()
    conversation = ConversationFactory(connector=ConnectorFactory(open_channel=story.line))
    response = story.client.post(
        f"/inbox/conversations/{conversation.pk}/write/", {"text": "Hi", "client_key": KEY}
    )
    begun = Session.objects.get()
    assert response.status_code == 303
    assert response["Location"].startswith(f"/inbox/chats/{begun.pk}/")
    assert (begun.state, begun.operator) == ("active", story.operator)


def test_a_conversation_of_others_is_not_there() -> None:
    conversation = ConversationFactory()
    response = desk().client.post(
        f"/inbox/conversations/{conversation.pk}/write/", {"text": "Hi", "client_key": KEY}
    )
    assert response.status_code == 404
    assert not Message.objects.exists()
