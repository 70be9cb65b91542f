"""The demonstration: what it makes, what it refuses, and its visitors."""

import datetime as dt
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from channels_app.models import Connector, Conversation, Message, OpenChannel
from openlines_project.demo import MOST_OPEN_SESSIONS, MOST_UNACCEPTED, demo_make, demo_tick
from queue_app.models import Operator, Session
from queue_app.services.replies import session_reply
from queue_app.services.sessions import session_accept
from tests.factories import OpenChannelFactory

pytestmark = pytest.mark.django_db


def test_it_makes_a_line_three_operators_and_traffic() -> None:
    demo = demo_make(now=timezone.now())
    assert sorted(demo.passwords) == ["admin", "ana", "bruno", "maria"]
    assert OpenChannel.objects.count() == 1
    assert Operator.objects.count() >= 3
    states = set(Session.objects.values_list("state", flat=True))
    assert states == {"closed", "active", "offered"}
    assert Message.objects.filter(direction="out").count() > 5


def test_its_passwords_sign_in(client: Client) -> None:
    demo = demo_make(now=timezone.now())
    for name, password in demo.passwords.items():
        assert User.objects.get(username=name).check_password(password)


def test_a_second_start_makes_nothing_and_shows_no_password() -> None:
    demo_make(now=timezone.now())
    before = (Session.objects.count(), User.objects.count(), Connector.objects.count())
    out = StringIO()
    call_command("demo", stdout=out)
    assert (Session.objects.count(), User.objects.count(), Connector.objects.count()) == before
    assert "Sign-ins" not in out.getvalue()
    assert "/chat/" in out.getvalue()


def test_its_addresses_can_be_clicked_in_a_terminal() -> None:
    out = StringIO()
    call_command("demo", address="http://127.0.0.1:8123/", stdout=out)
    key = Connector.objects.get().public_id
    printed = [word for word in out.getvalue().split() if word.startswith("http")]
    base = "http://127.0.0.1:8123"
    assert printed == [f"{base}/inbox/", f"{base}/chat/{key}/", f"{base}/admin/"]


def test_the_addresses_are_the_public_ones_where_there_are_such(
    settings: Settings,
) -> None:
    settings.PUBLIC_URL = "https://chat.example.com"
    out = StringIO()
    call_command("demo", stdout=out)
    assert " https://chat.example.com/inbox/ " in out.getvalue()


def test_a_database_with_a_line_of_its_own_is_refused() -> None:
    OpenChannelFactory()
    with pytest.raises(CommandError, match="open channel of its own"):
        call_command("demo", stdout=StringIO())
    assert OpenChannel.objects.count() == 1
    assert not User.objects.exists()
    assert not Connector.objects.exists()


def accept_all(now: dt.datetime) -> None:
    for session in Session.objects.filter(state="offered").select_related("operator"):
        assert session.operator is not None
        session_accept(session_id=session.pk, operator=session.operator, now=now)


def test_visitors_come_while_somebody_takes_them() -> None:
    now = timezone.now()
    demo_make(now=now)
    unaccepted = Session.objects.filter(closed_at__isnull=True).exclude(state="active")
    for _ in range(MOST_UNACCEPTED + 3):
        demo_tick(now=now)
    assert unaccepted.count() == MOST_UNACCEPTED
    for _ in range(MOST_OPEN_SESSIONS):
        accept_all(now)
        demo_tick(now=now)
    assert Session.objects.filter(closed_at__isnull=True).count() == MOST_OPEN_SESSIONS


def test_nobody_comes_twice_at_the_same_time() -> None:
    now = timezone.now()
    demo_make(now=now)
    for _ in range(MOST_OPEN_SESSIONS):
        accept_all(now)
        demo_tick(now=now)
    names = Session.objects.filter(closed_at__isnull=True).values_list(
        "conversation__display_name", flat=True
    )
    assert len(set(names)) == len(names) == MOST_OPEN_SESSIONS


def test_who_gets_no_answer_asks_again_ever_more_seldom() -> None:
    now = timezone.now()
    demo_make(now=now)
    demo_tick(now=now)
    before = Message.objects.count()
    counts = []
    for _ in range(3):
        for _ in range(3 * 60):
            now += dt.timedelta(seconds=20)
            demo_tick(now=now)
        counts.append(Message.objects.count() - before)
    # Four visitors: five nudges each in the first hour, one more in each of the next ones.
    assert counts == [20, 24, 28]
    session = Session.objects.get(conversation__display_name="Camila Ferraz")
    assert session.unread == 8
    assert session.turn == "operator"


def test_a_visitor_answers_the_operator_who_wrote_to_him() -> None:
    now = timezone.now()
    demo_make(now=now)
    conversation = Conversation.objects.get(display_name="Camila Ferraz")
    session = Session.objects.select_related("operator__user").get(conversation=conversation)
    assert session.operator is not None
    session_accept(session_id=session.pk, operator=session.operator, now=now)
    session_reply(
        session_id=session.pk,
        user=session.operator.user,
        text="Which order is it?",
        client_key="k",
        now=now,
    )
    later = now + dt.timedelta(seconds=30)
    for _ in range(5):
        demo_tick(now=later)
    said = Message.objects.filter(conversation=conversation, direction="in").order_by("seq")
    assert [message.text for message in said][-1] == "Pedido 50 117."


def test_nothing_is_played_without_the_demonstration() -> None:
    assert demo_tick(now=timezone.now()) is False
    assert not Session.objects.exists()
