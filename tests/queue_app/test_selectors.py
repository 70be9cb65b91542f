"""Who may see what, and how a chat came to whom."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from queue_app.models import Assignment, Operator, SessionHelper
from queue_app.selectors import (
    conversations_visible_to,
    open_channels_visible_to,
    session_why,
    sessions_visible_to,
    transfer_targets,
)
from queue_app.services.endings import session_end
from queue_app.services.queues import queue_member_add, queue_member_remove
from queue_app.services.sessions import session_accept
from queue_app.services.timers import timers_sweep
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    OpenChannelFactory,
    OperatorFactory,
    SessionFactory,
    SuperuserFactory,
    UserFactory,
    moment,
)
from tests.queue_app.desk_story import customer_writes, line_with
from tests.queue_app.services.acts import offered, person, refused, supervisor, waiting

pytestmark = pytest.mark.django_db


def test_a_member_sees_the_sessions_of_his_lines_only() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    hers, his = line_with(ana), line_with(bruno)
    mine = customer_writes(hers, "u1", now=moment())
    other = customer_writes(his, "u1", now=moment())
    assert list(sessions_visible_to(ana.user)) == [mine]
    assert list(conversations_visible_to(ana.user)) == [mine.conversation]
    assert list(open_channels_visible_to(ana.user)) == [hers.open_channel]
    assert list(sessions_visible_to(bruno.user)) == [other]


def test_a_member_by_a_group_sees_the_line() -> None:
    group = Group.objects.create(name="Evening")
    user = UserFactory()
    user.groups.add(group)
    connector = line_with()
    queue_member_add(open_channel=connector.open_channel, group=group, now=moment())
    session = customer_writes(connector, "u1", now=moment())
    assert list(sessions_visible_to(user)) == [session]
    assert list(open_channels_visible_to(user)) == [connector.open_channel]


def test_a_session_assigned_to_him_stays_visible_when_he_left_the_line() -> None:
    ana = OperatorFactory()
    connector = line_with(ana)
    held = SessionFactory(conversation=ConversationFactory(connector=connector), operator=ana)
    other = SessionFactory(conversation=ConversationFactory(connector=connector))
    queue_member_remove(queue_member=connector.open_channel.queue_members.get(), now=moment())
    assert list(sessions_visible_to(ana.user)) == [held]
    assert list(conversations_visible_to(ana.user)) == [held.conversation]
    assert list(open_channels_visible_to(ana.user)) == []
    assert other not in sessions_visible_to(ana.user)


def test_closed_sessions_stay_visible_on_the_line() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(ana, bruno)
    session = customer_writes(connector, "u1", now=moment())
    session_end(session_id=session.pk, actor=ana.user, now=moment(1))
    assert list(sessions_visible_to(bruno.user)) == [session]


def test_a_conversation_whose_session_went_to_another_line_is_seen_from_both() -> None:
    ana, bruno, carla = OperatorFactory(), OperatorFactory(), OperatorFactory()
    connector, other, _third = line_with(ana), line_with(bruno), line_with(carla)
    conversation = ConversationFactory(connector=connector)
    session = SessionFactory(conversation=conversation, open_channel=other.open_channel)
    assert list(conversations_visible_to(ana.user)) == [conversation]
    assert list(sessions_visible_to(ana.user)) == []
    assert list(conversations_visible_to(bruno.user)) == [conversation]
    assert list(sessions_visible_to(bruno.user)) == [session]
    assert list(conversations_visible_to(carla.user)) == []


def test_a_superuser_sees_everything() -> None:
    first, second = SessionFactory(), SessionFactory()
    line_without_chats = OpenChannelFactory()
    user = SuperuserFactory()
    assert set(sessions_visible_to(user)) == {first, second}
    assert set(conversations_visible_to(user)) == {first.conversation, second.conversation}
    assert line_without_chats in open_channels_visible_to(user)


@pytest.mark.parametrize("how", ["nobody", "stranger", "switched off", "superuser switched off"])
def test_strangers_see_nothing(how: str) -> None:
    ana = OperatorFactory()
    connector = line_with(ana)
    customer_writes(connector, "u1", now=moment())
    makers: dict[str, Callable[[], Any]] = {
        "nobody": AnonymousUser,
        "stranger": UserFactory,
        "switched off": lambda: ana.user,
        "superuser switched off": lambda: SuperuserFactory(is_active=False),
    }
    user = makers[how]()
    if how == "switched off":
        ana.user.is_active = False
        ana.user.save()
    assert list(sessions_visible_to(user)) == []
    assert list(conversations_visible_to(user)) == []
    assert list(open_channels_visible_to(user)) == []


def test_a_conversation_without_a_session_is_seen_by_its_line() -> None:
    ana = OperatorFactory()
    conversation = ConversationFactory(connector=line_with(ana))
    ConversationFactory(connector=ConnectorFactory())
    assert list(conversations_visible_to(ana.user)) == [conversation]


def test_why_takes_two_queries_however_long_the_way() -> None:
    people = [OperatorFactory() for _ in range(4)]
    session = customer_writes(line_with(*people), "u1", now=moment())
    for minute in (5, 10, 15):
        assert timers_sweep(now=moment(minute)) == 1
    session.refresh_from_db()
    assert session.open_channel.pk  # fetched before we count
    with CaptureQueriesContext(connection) as queries:
        lines = session_why(session)
    assert len(queries) == 2
    assert [entry.chosen for entry in lines] == [False] * 3 + [True] + [False] * 3


def test_why_names_people_by_what_colleagues_call_them() -> None:
    nameless = OperatorFactory(
        user=UserFactory(username="night.shift", first_name="", last_name="")
    )
    session = customer_writes(line_with(nameless), "u1", now=moment())
    assert [entry.text for entry in session_why(session)] == [
        "night.shift: chosen, had no offer yet"
    ]


def test_who_is_asked_with_everybody_sees_the_chat_while_he_is_asked() -> None:
    ana, outsider = OperatorFactory(), OperatorFactory()
    session = customer_writes(line_with(ana), "u1", now=moment())
    asked = Assignment.objects.create(session=session, operator=outsider, offered_at=moment())
    assert list(sessions_visible_to(outsider.user)) == [session]
    assert list(conversations_visible_to(outsider.user)) == [session.conversation]
    assert list(open_channels_visible_to(outsider.user)) == []
    asked.ended_at = moment(1)
    asked.save()
    assert list(sessions_visible_to(outsider.user)) == []
    assert list(conversations_visible_to(outsider.user)) == []


def test_who_helps_sees_the_chat_also_when_it_has_ended() -> None:
    ana, outsider = OperatorFactory(), OperatorFactory()
    session = customer_writes(line_with(ana), "u1", now=moment())
    SessionHelper.objects.create(session=session, operator=outsider, joined_at=moment())
    session_end(session_id=session.pk, actor=ana.user, now=moment(1))
    assert list(sessions_visible_to(outsider.user)) == [session]
    assert list(conversations_visible_to(outsider.user)) == [session.conversation]


def test_a_chat_comes_once_to_who_sees_it_for_several_reasons() -> None:
    ana = OperatorFactory()
    session = customer_writes(line_with(ana), "u1", now=moment())
    SessionHelper.objects.create(session=session, operator=ana, joined_at=moment())
    assert list(sessions_visible_to(ana.user)) == [session]
    assert list(conversations_visible_to(ana.user)) == [session.conversation]


def test_with_the_right_every_line_is_seen_and_nothing_is_taken() -> None:
    ana = OperatorFactory()
    session = waiting(ana)
    reader = supervisor("view_all_sessions")
    assert list(sessions_visible_to(reader.user)) == [session]
    assert list(conversations_visible_to(reader.user)) == [session.conversation]
    assert list(open_channels_visible_to(reader.user)) == [session.open_channel]
    refused(
        "permission", 403,
        partial(session_accept, session_id=session.pk, operator=reader, now=moment(1)),
    )  # fmt: skip


def test_the_targets_of_a_transfer_are_those_of_the_line_first() -> None:
    ana, zoe, bruno = person("Ana"), person("Zoe"), person("Bruno")
    outsider = person("Abel", duty="off", max_chats=4)
    away = person("Carla", leave_from=moment(), leave_until=moment(60))
    session = offered(ana, zoe, bruno, max_chats=2)
    zoe.lines.update(open_chats=2)
    other = OpenChannelFactory(name="Sales")
    OpenChannelFactory(is_active=False)
    OpenChannelFactory(archived_at=moment())
    assert session.open_channel.pk  # fetched before we count
    with CaptureQueriesContext(connection) as queries:
        targets = transfer_targets(session, ana.user, now=moment(1))
    assert len(queries) == 3
    people = [
        (one.operator.name, one.is_member, one.duty, one.is_on_leave, one.chats, one.limit)
        for one in targets.people
    ]
    assert people == [
        ("Bruno", True, "on", False, 0, 2),
        ("Zoe", True, "on", False, 2, 2),
        ("Abel", False, "off", False, 0, 2),
        ("Carla", False, "on", True, 0, 2),
    ]
    assert [one.is_full for one in targets.people] == [False, True, False, False]
    assert targets.lines == [other]
    assert {away, outsider} < {one.operator for one in targets.people}


def test_the_cap_over_all_lines_is_told_when_it_refuses_first() -> None:
    ana, bruno = person("Ana"), person("Bruno", max_chats=1)
    session = offered(ana, max_chats=5)
    Operator.objects.filter(pk=bruno.pk).update(open_chats=1)
    (target,) = transfer_targets(session, ana.user, now=moment(1)).people
    assert (target.chats, target.limit, target.is_full) == (1, 1, True)
