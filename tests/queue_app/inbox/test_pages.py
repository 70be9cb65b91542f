from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from queue_app.models import Operator
from tests.queue_app.inbox.stories import desk, part

pytestmark = pytest.mark.django_db


def test_the_inbox_leads_to_the_readers_own_chats() -> None:
    response = desk().client.get("/inbox/")
    assert response.status_code == 302
    assert response["Location"] == "/inbox/mine/"


@pytest.mark.parametrize("view", ["mine", "offered", "waiting", "all"])
def test_every_list_shows_its_chats_and_nothing_is_kept_in_caches(view: str) -> None:
    story = desk()
    mine = story.chat(text="mine only")
    offered = story.offered(text="offered only")
    waiting = story.waiting(text="waiting only")
    response = story.client.get(f"/inbox/{view}/")
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    shown = {
        session.pk
        for session in (mine, offered, waiting)
        if f'id="open-{session.pk}"' in response.content.decode()
    }
    expected = {
        "mine": {mine.pk},
        "offered": {offered.pk},
        "waiting": {waiting.pk},
        "all": {mine.pk, offered.pk, waiting.pk},
    }
    assert shown == expected[view]


def test_a_chat_opens_beside_its_list() -> None:
    story = desk()
    session = story.chat(text="Is the shop open?")
    response = story.client.get(f"/inbox/chats/{session.pk}/")
    html = response.content.decode()
    assert response.status_code == 200
    assert html.count("Is the shop open?") == 2
    assert f'data-session="{session.pk}"' in html
    assert 'name="client_key"' in html


def test_a_script_gets_the_chat_without_the_list() -> None:
    story = desk()
    session = story.chat()
    response = story.client.get(
        f"/inbox/chats/{session.pk}/", headers={"HX-Request": "true", "HX-Target": "chat"}
    )
    html = response.content.decode()
    assert html.lstrip().startswith('<div class="panes" id="chat"')
    assert 'id="list"' not in html


def test_reading_puts_nobody_on_duty_and_makes_no_operator(
    client: Client, django_user_model: type[User]
) -> None:
    user = django_user_model.objects.create_user("newcomer")
    client.force_login(user)
    html = client.get("/inbox/mine/").content.decode()
    assert "You are off duty: you get no chats." in html
    assert not Operator.objects.exists()


def test_a_list_that_did_not_change_is_not_sent_again() -> None:
    story = desk()
    story.chat()
    first = part(story.client, "get", "/inbox/list/mine/")
    assert first.status_code == 200
    again = story.client.get(
        "/inbox/list/mine/", headers={"HX-Request": "true", "If-None-Match": first["ETag"]}
    )
    assert again.status_code == 304
    assert int(again["X-Server-Time"]) > 0
