from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from channels_app.models import ConnectorStatus, Message
from queue_app.models import Session, SessionState, Turn
from queue_app.services.sessions import session_accept
from tests.factories import (
    LiveChatConnectorFactory,
    MessageFactory,
    OpenChannelFactory,
    OperatorFactory,
)
from tests.queue_app.inbox.stories import Desk, desk, part

pytestmark = pytest.mark.django_db

KEY = "11111111-2222-3333-4444-555555555555"


def answer(
    story: Desk, session: Session, text: str = "Hello", key: str = KEY, **data: object
) -> Any:
    path = f"/inbox/chats/{session.pk}/reply/"
    return part(story.client, "post", path, text=text, client_key=key, **data)


def test_accepting_opens_the_chat() -> None:
    story = desk()
    session = story.offered()
    response = part(story.client, "post", f"/inbox/chats/{session.pk}/accept/")
    assert response.status_code == 204
    assert json.loads(response["HX-Location"]) == {
        "path": f"/inbox/chats/{session.pk}/?view=mine",
        "target": "#chat",
        "swap": "outerHTML",
    }
    session.refresh_from_db()
    assert (session.state, session.operator) == (SessionState.ACTIVE, story.operator)


def test_accepting_without_a_script_leads_to_the_chat() -> None:
    story = desk()
    session = story.waiting()
    response = story.client.post(f"/inbox/chats/{session.pk}/accept/")
    assert response.status_code == 303
    assert response["Location"] == f"/inbox/chats/{session.pk}/?view=mine"


def test_who_was_slower_reads_who_was_faster() -> None:
    story = desk()
    rival = OperatorFactory(user__first_name="Ana", user__last_name="Lopes")
    story.line.line_operators.create(operator=rival, position=2)
    session = story.waiting()
    session_accept(session_id=session.pk, operator=rival, now=timezone.now())
    response = part(story.client, "post", f"/inbox/chats/{session.pk}/accept/")
    assert response.status_code == 409
    assert response["X-Error-Code"] == "taken"
    assert response.content.decode() == "Ana Lopes accepted this chat before you."
    session.refresh_from_db()
    assert session.operator == rival


def test_a_refusal_without_a_script_is_told_on_the_page_he_came_from() -> None:
    story = desk()
    rival = OperatorFactory(user__first_name="Ana", user__last_name="Lopes")
    story.line.line_operators.create(operator=rival, position=2)
    session = story.waiting()
    session_accept(session_id=session.pk, operator=rival, now=timezone.now())
    response = story.client.post(
        f"/inbox/chats/{session.pk}/accept/",
        headers={"Referer": "http://testserver/inbox/waiting/"},
        follow=True,
    )
    assert response.redirect_chain == [("/inbox/waiting/", 303)]
    assert "Ana Lopes accepted this chat before you." in response.content.decode()


def test_a_page_of_others_is_never_gone_back_to() -> None:
    story = desk()
    response = story.client.post(
        "/inbox/duty/", {"duty": "on"}, headers={"Referer": "http://evil.example/inbox/"}
    )
    assert response["Location"] == "/inbox/"


def test_the_one_who_waits_longest_is_taken_next() -> None:
    story = desk()
    now = timezone.now()
    story.waiting(started_at=now)
    oldest = story.waiting(started_at=now - dt.timedelta(minutes=5))
    response = part(story.client, "post", "/inbox/next/")
    assert response.status_code == 204
    oldest.refresh_from_db()
    assert oldest.operator == story.operator


def test_taking_the_next_of_nobody_is_refused() -> None:
    response = part(desk().client, "post", "/inbox/next/")
    assert response.status_code == 409
    assert response.content.decode() == "Nobody is waiting any more."


def test_an_answer_is_stored_and_comes_back_as_the_news_of_the_thread() -> None:
    story = desk()
    session = story.chat()
    response = answer(story, session, "We open at nine.", since=session.conversation.version)
    html = response.content.decode()
    assert response.status_code == 200
    assert "We open at nine." in html
    assert "Good morning" not in html
    message = Message.objects.get(direction="out")
    assert (message.text, message.client_key) == ("We open at nine.", KEY)
    assert message.author == story.operator.user
    session.refresh_from_db()
    assert session.turn == Turn.CUSTOMER


def test_the_same_key_sends_once() -> None:
    story = desk()
    session = story.chat()
    for _ in range(3):
        assert answer(story, session).status_code == 200
    assert Message.objects.filter(direction="out").count() == 1


def test_the_same_key_with_another_text_is_refused() -> None:
    story = desk()
    session = story.chat()
    answer(story, session, "One")
    response = answer(story, session, "Two")
    assert response.status_code == 409
    assert response["X-Error-Code"] == "key_reused"
    assert [m.text for m in Message.objects.filter(direction="out")] == ["One"]


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("", KEY, "Write something first."),
        ("   \n ", KEY, "Write something first."),
        ("Hello", "", "This field is required."),
        ("Hello", "<script>", "Load the page again: its form is out of date."),
        ("x" * 20_001, KEY, "Ensure this value has at most 20000 characters (it has 20001)."),
    ],
)
def test_an_answer_that_is_none_is_refused_in_words(text: str, key: str, words: str) -> None:
    story = desk()
    session = story.chat()
    response = answer(story, session, text, key)
    assert response.status_code == 400
    assert response.content.decode() == words
    assert not Message.objects.filter(direction="out").exists()


def test_an_answer_on_a_channel_that_is_off_is_refused_in_words() -> None:
    story = desk()
    session = story.chat()
    connector = session.conversation.connector
    connector.status = ConnectorStatus.BROKEN
    connector.save()
    response = answer(story, session)
    assert response.status_code == 409
    assert str(connector) in response.content.decode()
    assert not Message.objects.filter(direction="out").exists()


def test_files_are_sent_with_the_text() -> None:
    story = desk()
    session = story.chat(connector=LiveChatConnectorFactory(open_channel=story.line))
    response = answer(
        story, session, "Here", attached=[SimpleUploadedFile("a.txt", b"one"),
                                          SimpleUploadedFile("b.txt", b"two")],
    )  # fmt: skip
    assert response.status_code == 200
    names = [m.attachments.get().name for m in Message.objects.filter(direction="out", text="")]
    assert names == ["a.txt", "b.txt"]


def test_too_many_files_are_refused() -> None:
    story = desk()
    session = story.chat(connector=LiveChatConnectorFactory(open_channel=story.line))
    files = [SimpleUploadedFile(f"{number}.txt", b"x") for number in range(11)]
    response = answer(story, session, "Here", attached=files)
    assert response.status_code == 400
    assert not Message.objects.filter(direction="out").exists()


def test_a_chat_of_a_colleague_takes_no_answer() -> None:
    story = desk()
    colleague = OperatorFactory()
    session = story.chat(operator=colleague)
    response = answer(story, session)
    assert response.status_code == 403
    assert not Message.objects.filter(direction="out").exists()


def test_reading_sets_the_unread_count_back() -> None:
    story = desk()
    session = story.chat(unread=3)
    assert part(story.client, "post", f"/inbox/chats/{session.pk}/read/").status_code == 204
    session.refresh_from_db()
    assert session.unread == 0


def test_ending_a_chat_closes_it() -> None:
    story = desk()
    session = story.chat()
    response = story.client.post(f"/inbox/chats/{session.pk}/close/")
    assert (response.status_code, response["Location"]) == (303, "/inbox/")
    session.refresh_from_db()
    assert session.state == SessionState.CLOSED


def test_who_may_end_any_chat_finds_the_button_and_ends_a_colleagues() -> None:
    story = desk()
    session = story.chat(operator=OperatorFactory())
    address = f"/inbox/chats/{session.pk}/close/"
    assert address not in story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    assert part(story.client, "post", address).status_code == 403
    right = Permission.objects.get(codename="end_any_session")
    story.operator.user.user_permissions.add(right)
    assert address in story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    assert part(story.client, "post", address).status_code == 204
    session.refresh_from_db()
    assert session.state == SessionState.CLOSED


def test_a_message_that_failed_is_sent_again_or_removed() -> None:
    story = desk()
    session = story.chat()
    failed = MessageFactory(conversation=session.conversation, direction="out", state="failed")
    lost = MessageFactory(conversation=session.conversation, direction="out", state="unknown")
    assert part(story.client, "post", f"/inbox/messages/{failed.pk}/resend/").status_code == 204
    assert part(story.client, "post", f"/inbox/messages/{lost.pk}/discard/").status_code == 204
    failed.refresh_from_db()
    lost.refresh_from_db()
    assert failed.state == "queued"
    assert lost.deleted_at is not None
    again = part(story.client, "post", f"/inbox/messages/{lost.pk}/resend/")
    assert again.status_code == 409


@pytest.mark.parametrize("duty", ["on", "pause", "off"])
def test_duty_is_set(duty: str) -> None:
    story = desk()
    assert part(story.client, "post", "/inbox/duty/", duty=duty).status_code == 204
    story.operator.refresh_from_db()
    assert story.operator.duty == duty


def test_an_unknown_duty_is_refused() -> None:
    story = desk()
    assert part(story.client, "post", "/inbox/duty/", duty="maybe").status_code == 400
    story.operator.refresh_from_db()
    assert story.operator.duty == "on"


def test_somebody_without_a_line_may_go_on_duty(
    client: Client, django_user_model: type[User]
) -> None:
    user = django_user_model.objects.create_user("newcomer")
    client.force_login(user)
    OpenChannelFactory()
    assert part(client, "post", "/inbox/duty/", duty="on").status_code == 204
    assert user.operator.duty == "on"


def test_the_list_beside_an_accepted_chat_stays_the_one_he_looked_at() -> None:
    story = desk()
    session = story.waiting()
    response = story.client.post(
        f"/inbox/chats/{session.pk}/accept/",
        headers={
            "HX-Request": "true",
            "HX-Current-URL": f"http://testserver/inbox/waiting/?line={story.line.pk}",
        },
    )
    path = json.loads(response["HX-Location"])["path"]
    assert path == f"/inbox/chats/{session.pk}/?view=waiting&line={story.line.pk}"
