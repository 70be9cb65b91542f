"""A customer's message reaches an operator, and the answer goes back."""

import datetime as dt

import pytest
from django.test import Client

from channels_app.models import Conversation, InboundEvent, Message
from queue_app.models import Assignment, LineOperator, Operator, Session, SessionEvent, Timer
from queue_app.services.desk import operator_duty_settle
from queue_app.services.endings import session_end
from queue_app.services.operators import operator_duty_set
from queue_app.services.replies import session_reply
from queue_app.services.sessions import session_accept
from queue_app.services.timers import timers_sweep
from tests.factories import (
    ConnectorFactory,
    OpenChannelFactory,
    OperatorFactory,
    TelegramConnectorFactory,
)
from tests.flows.wire import custom_message, custom_post, telegram_post, telegram_text

pytestmark = pytest.mark.django_db


def test_a_first_message_is_stored_and_offered(client: Client) -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = ConnectorFactory(open_channel=OpenChannelFactory(operators=[ana, bruno]))
    answer = custom_post(client, connector, custom_message("m1", "Is it open?"))
    assert answer.status_code == 200
    message = Message.objects.get()
    assert answer.json() == {
        "results": [
            {
                "message_id": message.pk,
                "conversation_id": message.conversation_id,
                "duplicate": False,
            }
        ]
    }
    assert (message.seq, message.text, message.direction) == (1, "Is it open?", "in")
    session = Session.objects.get()
    assert (session.state, session.operator, session.unread) == ("offered", ana, 1)
    assert list(SessionEvent.objects.order_by("seq").values_list("kind", flat=True)) == [
        "started",
        "offered",
    ]
    assert set(Timer.objects.values_list("kind", flat=True)) == {"ceiling", "response"}
    ana.refresh_from_db()
    assert ana.open_chats == 1
    assert LineOperator.objects.get(operator=ana).open_chats == 1


def test_the_same_delivery_twice_has_one_effect(client: Client) -> None:
    connector = ConnectorFactory(open_channel=OpenChannelFactory(operators=[OperatorFactory()]))
    first = custom_post(client, connector, custom_message("m1")).json()
    second = custom_post(client, connector, custom_message("m1")).json()
    assert second["results"] == [{**first["results"][0], "duplicate": True}]
    assert Message.objects.count() == Session.objects.count() == InboundEvent.objects.count() == 1
    assert Conversation.objects.get().version == 1


def test_an_offer_nobody_accepts_moves_to_the_next_operator(client: Client) -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = ConnectorFactory(open_channel=OpenChannelFactory(operators=[ana, bruno]))
    custom_post(client, connector, custom_message("m1"))
    Timer.objects.filter(kind="response").update(due_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    assert timers_sweep() == 1
    session = Session.objects.get()
    assert (session.state, session.operator) == ("offered", bruno)
    ana.refresh_from_db()
    bruno.refresh_from_db()
    assert (ana.open_chats, bruno.open_chats) == (0, 1)
    assert list(Assignment.objects.order_by("turn").values_list("operator", "outcome")) == [
        (ana.pk, "expired"),
        (bruno.pk, ""),
    ]
    Timer.objects.filter(kind="response").update(due_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    timers_sweep()
    session.refresh_from_db()
    assert (session.state, session.wait_reason, session.operator) == ("waiting", "round_over", None)
    assert set(Timer.objects.values_list("kind", flat=True)) == {"ceiling", "route"}


def test_accept_reply_and_close(client: Client) -> None:
    ana = OperatorFactory()
    connector = TelegramConnectorFactory(open_channel=OpenChannelFactory(operators=[ana]))
    telegram_post(client, connector, telegram_text(1, "Where is my parcel?"))
    session = Session.objects.get()
    from django.utils import timezone

    now = timezone.now()
    session_accept(session_id=session.pk, operator=ana, now=now)
    message = session_reply(
        session_id=session.pk, user=ana.user, text="On its way", client_key="k1", now=now
    )
    again = session_reply(
        session_id=session.pk, user=ana.user, text="On its way", client_key="k1", now=now
    )
    assert message == again
    assert (message.state, message.seq) == ("queued", 2)
    session.refresh_from_db()
    assert (session.state, session.turn, session.unread) == ("active", "customer", 0)
    session_end(session_id=session.pk, actor=ana.user, now=now)
    session.refresh_from_db()
    assert session.state == "closed"
    ana.refresh_from_db()
    assert ana.open_chats == 0
    telegram_post(client, connector, telegram_text(2, "Thank you"))
    assert Session.objects.count() == 2


def test_a_session_that_found_nobody_is_offered_to_who_comes_on_duty(client: Client) -> None:
    ana = OperatorFactory(duty="off")
    line = OpenChannelFactory(operators=[ana], check_availability=True)
    connector = ConnectorFactory(open_channel=line)
    custom_post(client, connector, custom_message("m1"))
    session = Session.objects.get()
    assert (session.state, session.wait_reason) == ("waiting", "no_operator")
    from django.utils import timezone

    operator_duty_set(operator=ana, duty="on", now=timezone.now())
    operator_duty_settle(operator_id=ana.pk, now=timezone.now())
    session.refresh_from_db()
    assert (session.state, session.operator) == ("offered", ana)
    assert Operator.objects.get(pk=ana.pk).open_chats == 1
