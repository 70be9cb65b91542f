"""The outbox: what waits, what failed lately, and what a person may do about it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from channels_app.models import Message, MessageState
from tests.factories import MessageFactory, SuperuserFactory, UserFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/channels_app/message/"


@pytest.fixture
def administrator(client: Client) -> Client:
    client.force_login(SuperuserFactory())
    return client


def act(client: Client, action: str, *rows: Message) -> list[str]:
    answer = client.post(LIST, {"action": action, "_selected_action": [row.pk for row in rows]})
    assert answer.status_code == 302
    return [str(message) for message in get_messages(answer.wsgi_request)]


def test_the_list_has_what_waits_and_what_failed_this_week(administrator: Client) -> None:
    now = timezone.now()
    waiting = MessageFactory(direction="out", state=MessageState.QUEUED, queued_at=now)
    failed = MessageFactory(direction="out", state=MessageState.FAILED)
    unknown = MessageFactory(direction="out", state=MessageState.UNKNOWN)
    MessageFactory(direction="out", state=MessageState.SENT)
    MessageFactory(direction="in")
    MessageFactory(
        direction="out", state=MessageState.FAILED, created_at=now - dt.timedelta(days=8)
    )
    page = administrator.get(LIST)
    assert list(page.context["cl"].result_list) == [unknown, failed, waiting]
    assert page.context["title"] == "Outbox"


def test_a_failed_message_is_sent_again(administrator: Client) -> None:
    failed = MessageFactory(direction="out", state=MessageState.FAILED, error_text="Too big")
    before = failed.delivery_id
    assert act(administrator, "resend", failed) == ["1 message waits to be sent."]
    failed.refresh_from_db()
    assert (failed.state, failed.error_text) == (MessageState.QUEUED, "")
    assert failed.delivery_id != before


def test_a_discarded_message_leaves_the_list(administrator: Client) -> None:
    failed = MessageFactory(direction="out", state=MessageState.UNKNOWN)
    assert act(administrator, "discard", failed) == ["1 message discarded."]
    failed.refresh_from_db()
    assert failed.deleted_at is not None
    assert administrator.get(LIST).context["cl"].result_count == 0


def test_a_message_being_sent_is_not_sent_twice(administrator: Client) -> None:
    sending = MessageFactory(direction="out", state=MessageState.SENDING, queued_at=timezone.now())
    said = act(administrator, "resend", sending)
    assert said == [f"{sending}: This message is sent or being sent."]
    sending.refresh_from_db()
    assert sending.state == MessageState.SENDING


def test_a_viewer_may_send_nothing_again(client: Client) -> None:
    viewer = UserFactory(is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_message"))
    client.force_login(viewer)
    failed = MessageFactory(direction="out", state=MessageState.FAILED)
    for action in ("resend", "discard"):
        answer = client.post(LIST, {"action": action, "_selected_action": [failed.pk]})
        assert answer.status_code == 403
    failed.refresh_from_db()
    assert (failed.state, failed.deleted_at) == (MessageState.FAILED, None)
