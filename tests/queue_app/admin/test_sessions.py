"""A session's page tells its story in words."""

from __future__ import annotations

import pytest
from django.test import Client

from queue_app.models import SessionEvent
from tests.factories import OperatorFactory, SessionFactory, SuperuserFactory, moment

pytestmark = pytest.mark.django_db


def test_every_step_is_a_sentence(client: Client) -> None:
    client.force_login(SuperuserFactory())
    maria = OperatorFactory(user__first_name="Maria")
    session = SessionFactory(operator=maria)
    steps = [
        ("started", None, {"first": True}, "began"),
        ("waiting", None, {"reason": "no_operator"}, "The chat waits: nobody is available"),
        ("offered", maria, {"choice": []}, "Offered to <b>Maria Silva</b>"),
        ("expired", maria, {"waited_s": 300}, "<b>Maria Silva</b>: not accepted within 5 min"),
        ("returned", maria, {"why": "off_duty"}, "<b>Maria Silva</b>: went off duty"),
        ("accepted", maria, {}, "Accepted by <b>Maria Silva</b>"),
        ("accepted", maria, {"by_hand": True}, "Taken from the waiting chats by <b>Maria Silva"),
        ("replied", maria, {}, "Answered by <b>Maria Silva</b>"),
        ("answered_outside", None, {}, "Answered in the platform&#x27;s own app"),
        ("closed", None, {"reason": "operator"}, "Chat closed"),
        ("something_new", None, {}, "something_new"),
    ]
    SessionEvent.objects.bulk_create(
        SessionEvent(session=session, seq=number, kind=kind, at=moment(number), operator=operator,
                     open_channel=session.open_channel, connector_kind="custom", data=data)
        for number, (kind, operator, data, _words) in enumerate(steps, start=1)
    )  # fmt: skip
    text = client.get(f"/admin/queue_app/session/{session.pk}/change/").content.decode()
    places = [text.index(words) for *_rest, words in steps]
    assert places == sorted(places)


def test_a_session_cannot_be_changed_here(client: Client) -> None:
    client.force_login(SuperuserFactory())
    session = SessionFactory()
    address = f"/admin/queue_app/session/{session.pk}/"
    assert client.post(f"{address}change/", {"state": "closed"}).status_code == 403
    assert client.post(f"{address}delete/", {"post": "yes"}).status_code == 403
    assert client.get("/admin/queue_app/session/add/").status_code == 403
    session.refresh_from_db()
    assert session.state == "waiting"


def test_names_in_the_story_are_escaped(client: Client) -> None:
    client.force_login(SuperuserFactory())
    operator = OperatorFactory(user__first_name="<b>Bo</b>")
    session = SessionFactory(operator=operator)
    SessionEvent.objects.create(
        session=session, seq=1, kind="accepted", at=moment(), operator=operator,
        open_channel=session.open_channel, connector_kind="custom",
    )  # fmt: skip
    text = client.get(f"/admin/queue_app/session/{session.pk}/change/").content.decode()
    assert "Accepted by <b>&lt;b&gt;Bo&lt;/b&gt; Silva</b>" in text
    assert "<b>Bo</b>" not in text
