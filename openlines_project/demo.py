"""The demonstration: a line, three operators, a live-chat page, and visitors who write.

Everything goes through the services a real message takes, so what is seen is what runs.
"""

from __future__ import annotations

import datetime as dt
import random
import secrets
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from channels_app.drivers.livechat import LiveChatDriver
from channels_app.models import Connector, Direction, Message, OpenChannel
from channels_app.services.connector_health import connector_heard
from channels_app.services.connectors import connector_create
from channels_app.services.intake import event_receive
from channels_app.services.open_channels import open_channel_create
from openlines_project.demo_dialogues import DIALOGUES, NUDGES, VISITORS, Dialogue
from queue_app.models import Session, SessionState, Turn
from queue_app.services.endings import session_end
from queue_app.services.operators import operator_duty_set, operator_for_user
from queue_app.services.queues import queue_members_replace
from queue_app.services.replies import session_reply
from queue_app.services.sessions import session_accept

# A line is the demonstration's own when its live chat has this name.
CONNECTOR_NAME = "Demo live chat"
LINE_NAME = "Demo: online shop"
PUBLIC_NAME = "Casa Aurora"
PEOPLE = (("ana", "Ana", "Prado", "on"), ("bruno", "Bruno", "Rocha", "on"),
          ("maria", "Maria", "Souza", "pause"))  # fmt: skip
ADMINISTRATOR = "admin"
SCRIPTS = {dialogue.name: dialogue.lines for dialogue in (*DIALOGUES, *VISITORS)}
# A forgotten demonstration does not grow for ever, and two people can take what rings.
MOST_OPEN_SESSIONS = 12
MOST_UNACCEPTED = 4
ANSWER_AFTER = dt.timedelta(seconds=8)
# Each pause of an unanswered visitor is twice the one before: an hour brings five nudges.
FIRST_NUDGE_AFTER = dt.timedelta(minutes=1)
MOST_NUDGES = 10


class ForeignLineError(Exception):
    """The database has a line the demonstration did not make."""


@dataclass(frozen=True, slots=True)
class Demo:
    """What was made. `passwords` by user name; empty when it was there already."""

    connector: Connector
    passwords: dict[str, str]


def demo_make(*, now: dt.datetime) -> Demo:
    """Make the demonstration, or find it. Raises `ForeignLineError` and changes nothing."""
    foreign = OpenChannel.objects.exclude(connectors__name=CONNECTOR_NAME)
    if foreign.exists():
        raise ForeignLineError
    found = Connector.objects.filter(name=CONNECTOR_NAME).select_related("open_channel").first()
    if found is not None:
        return Demo(found, {})
    with transaction.atomic():
        passwords = {
            name: _person(name, first, last)
            for name, first, last in [
                (ADMINISTRATOR, "Alice", "Admin"),
                *((name, first, last) for name, first, last, _ in PEOPLE),
            ]
        }
        line = open_channel_create(
            now=now, name=LINE_NAME, public_name=PUBLIC_NAME, response_minutes=3,
            check_availability=True,
        )  # fmt: skip
        users = [User.objects.get(username=name) for name, *_ in PEOPLE]
        queue_members_replace(
            open_channel=line, members=[{"user": user} for user in users], now=now
        )
        for user, (_, _, _, duty) in zip(users, PEOPLE, strict=True):
            operator_duty_set(operator=operator_for_user(user), duty=duty, now=now)
        connector = connector_create(
            open_channel=line, kind="livechat", name=CONNECTOR_NAME,
            config={"title": PUBLIC_NAME, "greeting": "Hello! How can we help you today?"}, now=now,
        )  # fmt: skip
    _traffic(connector, now)
    return Demo(connector, passwords)


def _person(name: str, first: str, last: str) -> str:
    """A sign-in with a random password, which is returned and stored nowhere else."""
    password = secrets.token_urlsafe(9)
    if name == ADMINISTRATOR:
        User.objects.create_superuser(name, password=password, first_name=first, last_name=last)
    else:
        User.objects.create_user(name, password=password, first_name=first, last_name=last)
    return password


def _traffic(connector: Connector, now: dt.datetime) -> None:
    """The last hours: chats that ended, chats under way, chats that just came."""
    started = now - dt.timedelta(hours=5)
    for number, dialogue in enumerate(DIALOGUES):
        begin = started + dt.timedelta(minutes=40 * number)
        if number < 4:
            _play(connector, f"demo-old-{number}", dialogue, begin, end=True)
        elif number < 7:
            begin = now - dt.timedelta(minutes=30 - 4 * number)
            _play(connector, f"demo-live-{number}", dialogue, begin, end=False)
    for number, dialogue in enumerate(DIALOGUES[7:10]):
        _write(connector, f"demo-new-{number}", dialogue.name, dialogue.lines[0],
               now - dt.timedelta(seconds=50 - 20 * number))  # fmt: skip


def _play(
    connector: Connector, visitor: str, dialogue: Dialogue, begin: dt.datetime, *, end: bool
) -> None:
    """A whole dialogue: the visitor's lines and the operator's in turn."""
    moment = begin
    for number, line in enumerate(dialogue.lines):
        moment += dt.timedelta(seconds=45)
        if number % 2 == 0:
            _write(connector, visitor, dialogue.name, line, moment)
            continue
        session = _open_session(visitor)
        if session is None or session.operator is None:
            return
        session_accept(session_id=session.pk, operator=session.operator, now=moment)
        session_reply(
            session_id=session.pk, user=session.operator.user, text=line,
            client_key=f"{visitor}-{number}", now=moment,
        )  # fmt: skip
    session = _open_session(visitor)
    if end and session is not None and session.operator is not None:
        session_end(
            session_id=session.pk, actor=session.operator.user, now=moment + dt.timedelta(minutes=2)
        )


def _open_session(visitor: str) -> Session | None:
    return (
        Session.objects.filter(conversation__external_chat_id=visitor, closed_at__isnull=True)
        .select_related("operator__user")
        .first()
    )


def _write(connector: Connector, visitor: str, name: str, text: str, now: dt.datetime) -> None:
    event = LiveChatDriver.event_from_visitor(
        visitor_id=visitor, client_id=secrets.token_hex(16), text=text, name=name
    )
    event_receive(connector=connector, event=event, raw=LiveChatDriver.delivery_of(event), now=now)
    connector_heard(connector=connector, now=now)


def demo_tick(*, now: dt.datetime) -> bool:
    """A fake visitor does something: answers an operator, begins a chat or asks again.

    Returns whether anybody did.
    """
    connector = Connector.objects.filter(name=CONNECTOR_NAME).select_related("open_channel").first()
    if connector is None:
        return False
    return _answer(connector, now) or _begin(connector, now) or _nudge(connector, now)


def _visitors_sessions(connector: Connector) -> QuerySet[Session]:
    """The open sessions of fake visitors; who writes by hand on the chat page is left alone."""
    return Session.objects.filter(
        conversation__connector=connector,
        conversation__external_chat_id__startswith="demo-",
        closed_at__isnull=True,
    ).select_related("conversation")


def _said(session: Session) -> list[str]:
    """The visitor's words of the whole conversation, in their order."""
    messages = Message.objects.filter(
        conversation=session.conversation_id, direction=Direction.IN
    ).order_by("seq")
    return list(messages.values_list("text", flat=True))


def _answer(connector: Connector, now: dt.datetime) -> bool:
    """Somebody whose operator wrote to him says the next thing of his dialogue."""
    waiting = _visitors_sessions(connector).filter(
        state=SessionState.ACTIVE, turn=Turn.CUSTOMER, replied_at__lte=now - ANSWER_AFTER
    )
    for session in waiting.order_by("replied_at")[:MOST_OPEN_SESSIONS]:
        conversation = session.conversation
        lines = SCRIPTS.get(conversation.display_name, ())
        said = _said(session)
        line = next((line for line in lines[::2] if line not in said), None)
        if line is not None:
            _write(connector, conversation.external_chat_id, conversation.display_name, line, now)
            return True
    return False


def _begin(connector: Connector, now: dt.datetime) -> bool:
    """A new visitor, while there is room and somebody takes those who came."""
    sessions = Session.objects.filter(
        open_channel_id=connector.open_channel_id, closed_at__isnull=True
    )
    if sessions.count() >= MOST_OPEN_SESSIONS:
        return False
    if sessions.exclude(state=SessionState.ACTIVE).count() >= MOST_UNACCEPTED:
        return False
    here = set(sessions.values_list("conversation__display_name", flat=True))
    free = [visitor for visitor in VISITORS if visitor.name not in here] or VISITORS
    visitor = random.choice(free)  # noqa: S311  a play
    _write(connector, f"demo-{secrets.token_hex(8)}", visitor.name, visitor.lines[0], now)
    return True


def _nudge(connector: Connector, now: dt.datetime) -> bool:
    """Somebody who never got an answer asks again, after longer and longer pauses."""
    unanswered = _visitors_sessions(connector).filter(
        replied_at__isnull=True, conversation__last_message_at__lte=now - FIRST_NUDGE_AFTER
    )
    for session in unanswered.order_by("conversation__last_message_at"):
        conversation = session.conversation
        nudges = len(_said(session)) - 1
        last_at = conversation.last_message_at
        if last_at is None or nudges >= MOST_NUDGES:
            continue
        if now - last_at >= FIRST_NUDGE_AFTER * 2**nudges:
            _write(
                connector, conversation.external_chat_id, conversation.display_name,
                NUDGES[nudges % len(NUDGES)], now,
            )  # fmt: skip
            return True
    return False
