"""Kept events: seen, replayed, given up."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from channels_app.models import Connector, EventState, InboundEvent, Message
from tests.factories import ConnectorFactory, ConversationFactory, SuperuserFactory, UserFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/channels_app/inboundevent/"


@pytest.fixture
def administrator(client: Client) -> Client:
    client.force_login(SuperuserFactory())
    return client


def delivery(text: str = "Hello", message_id: str = "m1") -> bytes:
    return json.dumps(
        {
            "event": "message",
            "external_user": {"id": "7", "name": "Ana"},
            "message": {"id": message_id, "text": text},
        }
    ).encode()


def kept(connector: Connector, raw: bytes, **values: object) -> InboundEvent:
    return InboundEvent.objects.create(
        **({
            "connector": connector, "key": "message:m1", "raw": raw, "state": EventState.DEAD,
            "error": "planted", "received_at": timezone.now(),
        } | values)
    )  # fmt: skip


def act(client: Client, action: str, *events: InboundEvent) -> list[str]:
    answer = client.post(LIST, {"action": action, "_selected_action": [e.pk for e in events]})
    assert answer.status_code == 302
    return [str(message) for message in get_messages(answer.wsgi_request)]


def test_the_list_has_what_is_kept_and_nothing_else(administrator: Client) -> None:
    connector = ConnectorFactory()
    kept(connector, b"{}", error="No such field")
    InboundEvent.objects.create(connector=connector, key="good", received_at=timezone.now())
    page = administrator.get(LIST)
    assert page.context["cl"].result_count == 1
    assert "No such field" in page.content.decode()


def test_the_list_is_narrowed_by_state(administrator: Client) -> None:
    connector = ConnectorFactory()
    kept(connector, b"{}", key="a", state=EventState.DEAD)
    kept(connector, b"{}", key="b", state=EventState.IGNORED)
    page = administrator.get(LIST, {"state": "ignored"})
    assert [event.key for event in page.context["cl"].result_list] == ["b"]


def test_the_preview_is_escaped_and_bounded(administrator: Client) -> None:
    raw = b"<script>alert(1)</script>\x00\xff" + b"x" * 10_000
    event = kept(ConnectorFactory(), raw)
    text = administrator.get(f"{LIST}{event.pk}/change/").content.decode()
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert text.count("x" * 4000) == 1
    assert "x" * 5000 not in text
    assert f"{len(raw) - 4096} bytes more" in text


def test_a_replayed_event_takes_effect_once(administrator: Client) -> None:
    event = kept(ConnectorFactory(), delivery("Good morning"))
    assert act(administrator, "replay", event) == ["1 event processed."]
    assert [message.text for message in Message.objects.filter(direction="in")] == ["Good morning"]
    event.refresh_from_db()
    assert (event.state, event.raw) == (EventState.DONE, None)
    # It is gone from the list, so nothing is left to be replayed.
    act(administrator, "replay", event)
    assert Message.objects.filter(direction="in").count() == 1


def test_an_event_that_fails_again_stays_with_its_error(administrator: Client) -> None:
    event = kept(ConnectorFactory(), b"not json")
    said = act(administrator, "replay", event)
    assert said == ["1 event failed again; its error is in the list."]
    event.refresh_from_db()
    assert (event.state, event.raw is not None) == (EventState.DEAD, True)
    assert Message.objects.count() == 0


def test_giving_up_a_pending_event_frees_its_conversation(administrator: Client) -> None:
    conversation = ConversationFactory(has_pending=True)
    event = kept(
        conversation.connector, delivery(), state=EventState.PENDING, conversation=conversation,
        pending_at=timezone.now(),
    )  # fmt: skip
    act(administrator, "give_up", event)
    event.refresh_from_db()
    conversation.refresh_from_db()
    assert (event.state, event.pending_at) == (EventState.DEAD, None)
    assert conversation.has_pending is False


def test_a_viewer_may_read_and_do_nothing(client: Client) -> None:
    viewer = UserFactory(is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_inboundevent"))
    client.force_login(viewer)
    event = kept(ConnectorFactory(), delivery())
    assert client.get(LIST).status_code == 200
    for action in ("replay", "give_up"):
        answer = client.post(LIST, {"action": action, "_selected_action": [event.pk]})
        assert answer.status_code == 403
    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(f"{LIST}{event.pk}/delete/", {"post": "yes"}).status_code == 403
    event.refresh_from_db()
    assert event.state == EventState.DEAD
    assert Message.objects.count() == 0


def test_the_sidebar_counts_dead_events(administrator: Client) -> None:
    connector = ConnectorFactory()
    assert "badge-danger" not in administrator.get("/admin/").content.decode()
    InboundEvent.objects.bulk_create(
        InboundEvent(connector=connector, key=str(n), raw=b"{}", state=EventState.DEAD,
                     received_at=timezone.now())
        for n in range(120)
    )  # fmt: skip
    assert "99+" in administrator.get("/admin/").content.decode()
