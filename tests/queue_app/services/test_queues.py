"""The queue of a line and the people it stands for."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels_app.models import OpenChannel
from channels_app.services.errors import InvalidError
from queue_app.models import LineOperator, LineQueue, Operator, QueueMember
from queue_app.services.desk import line_resettle
from queue_app.services.queues import (
    Member,
    line_operators_sync,
    queue_member_add,
    queue_member_remove,
    queue_members_copy,
    queue_members_replace,
)
from queue_app.services.replies import session_reply
from queue_app.services.sessions import session_accept
from tests.factories import OpenChannelFactory, OperatorFactory, UserFactory, moment
from tests.queue_app.desk_story import books_check, customer_writes, line_with, outcomes
from tests.queue_app.services.conftest import Sent

pytestmark = pytest.mark.django_db


def people(line: OpenChannel) -> list[str]:
    """The first names of those in the queue, in its order."""
    rows = LineOperator.objects.filter(open_channel=line, position__isnull=False)
    places = list(rows.order_by("position").values_list("position", flat=True))
    assert places == list(range(1, len(places) + 1))
    return list(rows.order_by("position").values_list("operator__user__first_name", flat=True))


def members(line: OpenChannel) -> list[str]:
    rows = QueueMember.objects.filter(open_channel=line).select_related("user", "group")
    return [row.user.first_name if row.user else f"[{row.group}]" for row in rows]


def user(name: str, *groups: Group, **values: Any) -> User:
    made: User = UserFactory(first_name=name, last_name="", **values)
    made.groups.add(*groups)
    return made


def test_the_queue_is_what_was_given_in_that_order(
    sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    line = OpenChannelFactory()
    ana, bruno = user("Ana"), user("Bruno")
    with django_capture_on_commit_callbacks(execute=True):
        rows = queue_members_replace(
            open_channel=line, members=[{"user": bruno}, {"user": ana}], now=moment()
        )
    assert [row.user for row in rows] == [bruno, ana]
    assert people(line) == members(line) == ["Bruno", "Ana"]
    assert sent == [("line_redistribute", line.pk)]


def test_a_group_stands_for_its_active_users_at_its_place() -> None:
    line = OpenChannelFactory()
    evening = Group.objects.create(name="Evening")
    user("Zoe", evening)
    user("Bea", evening)
    user("Gone", evening, is_active=False)
    queue_members_replace(
        open_channel=line,
        members=[{"user": user("Ana")}, {"group": evening}, {"user": user("Carla")}],
        now=moment(),
    )
    assert members(line) == ["Ana", "[Evening]", "Carla"]
    assert people(line) == ["Ana", "Bea", "Zoe", "Carla"]


def test_somebody_named_twice_counts_at_his_first_place() -> None:
    line = OpenChannelFactory()
    evening = Group.objects.create(name="Evening")
    bea, carla = user("Bea", evening), user("Carla", evening)
    queue_members_replace(
        open_channel=line,
        members=[{"user": carla}, {"group": evening}, {"user": bea}, {"user": carla}],
        now=moment(),
    )
    assert members(line) == ["Carla", "[Evening]", "Bea"]
    assert people(line) == ["Carla", "Bea"]
    assert LineOperator.objects.filter(open_channel=line).count() == 2


def test_a_new_order_keeps_the_rows_and_whose_turn_it_is() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(ana, bruno)
    customer_writes(connector, "u1", now=moment())
    line = connector.open_channel
    before = {row.user_id: row.pk for row in QueueMember.objects.filter(open_channel=line)}
    queue_members_replace(
        open_channel=line, members=[{"user": bruno.user}, {"user": ana.user}], now=moment(1)
    )
    after = {row.user_id: row.pk for row in QueueMember.objects.filter(open_channel=line)}
    assert after == before
    first = LineOperator.objects.get(operator=ana)
    assert (first.position, first.turn, first.open_chats) == (2, 1, 1)


def test_who_is_taken_out_keeps_his_row_and_comes_back_with_it() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(ana, bruno)
    session = customer_writes(connector, "u1", now=moment())
    session_accept(session_id=session.pk, operator=ana, now=moment())
    line = connector.open_channel
    member = QueueMember.objects.get(user=ana.user)
    queue_member_remove(queue_member=member, now=moment(1))
    row = LineOperator.objects.get(operator=ana)
    assert (row.position, row.open_chats) == (None, 1)
    queue_member_add(open_channel=line, user=ana.user, now=moment(2))
    row.refresh_from_db()
    assert (row.position, row.turn, row.open_chats) == (2, 1, 1)
    # His turn was remembered: Bruno, who never had one, is next.
    assert customer_writes(connector, "u2", now=moment(3)).operator == bruno
    books_check()


def test_removal_takes_his_offers_back_and_leaves_the_chats_he_answered() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    connector = line_with(ana, bruno, distribution="strictly")
    accepted = customer_writes(connector, "u1", now=moment())
    session_reply(
        session_id=accepted.pk, user=ana.user, text="Hello", client_key="k1", now=moment()
    )
    offered = customer_writes(connector, "u2", now=moment())
    queue_member_remove(queue_member=QueueMember.objects.get(user=ana.user), now=moment(1))
    line_resettle(open_channel_id=connector.open_channel_id, now=moment(1))
    accepted.refresh_from_db()
    offered.refresh_from_db()
    assert (accepted.state, accepted.operator) == ("active", ana)
    assert (offered.state, offered.operator) == ("offered", bruno)
    assert outcomes(offered) == [(ana.pk, "returned"), (bruno.pk, "")]
    books_check()


def test_adding_puts_him_at_the_end_or_at_a_place() -> None:
    line = OpenChannelFactory(operators=[])
    for name, position in [("Ana", None), ("Bruno", 1), ("Carla", 2), ("Davi", 99), ("Eva", -3)]:
        queue_member_add(open_channel=line, user=user(name), position=position, now=moment())
    assert members(line) == people(line) == ["Eva", "Bruno", "Carla", "Ana", "Davi"]
    assert [row.position for row in QueueMember.objects.filter(open_channel=line)] == [
        1,
        2,
        3,
        4,
        5,
    ]


def test_adding_him_again_moves_him() -> None:
    line = OpenChannelFactory()
    ana, bruno = user("Ana"), user("Bruno")
    for one in (ana, bruno):
        queue_member_add(open_channel=line, user=one, now=moment())
    moved = queue_member_add(open_channel=line, user=bruno, position=1, now=moment(1))
    assert (moved.user, moved.position) == (bruno, 1)
    assert members(line) == ["Bruno", "Ana"]


def test_removing_somebody_who_is_gone_changes_nothing() -> None:
    line = OpenChannelFactory()
    ana = user("Ana")
    member = queue_member_add(open_channel=line, user=ana, now=moment())
    queue_member_add(open_channel=line, user=user("Bruno"), now=moment())
    queue_member_remove(queue_member=member, now=moment(1))
    queue_member_remove(queue_member=member, now=moment(2))
    assert members(line) == ["Bruno"]


@pytest.mark.parametrize("both", [True, False])
def test_a_member_is_either_a_user_or_a_group(both: bool) -> None:
    line = OpenChannelFactory()
    ana = user("Ana")
    queue_member_add(open_channel=line, user=ana, now=moment())
    group = Group.objects.create(name="Evening")
    wrong: Member = {"user": ana, "group": group} if both else {"user": None, "group": None}
    with pytest.raises(InvalidError) as caught:
        queue_members_replace(
            open_channel=line, members=[{"user": user("Bruno")}, wrong], now=moment()
        )
    assert list(caught.value.fields) == ["members"]
    assert members(line) == people(line) == ["Ana"]


def test_lines_do_not_see_each_others_queues() -> None:
    first, second = OpenChannelFactory(), OpenChannelFactory()
    ana = user("Ana")
    queue_member_add(open_channel=first, user=ana, now=moment())
    queue_member_add(open_channel=second, user=ana, now=moment())
    queue_members_replace(open_channel=first, members=[], now=moment(1))
    assert (people(first), people(second)) == ([], ["Ana"])
    assert Operator.objects.count() == 1


def test_the_sweep_notices_who_joined_and_left_a_group() -> None:
    line = OpenChannelFactory()
    evening = Group.objects.create(name="Evening")
    ana, bea = user("Ana", evening), user("Bea")
    queue_member_add(open_channel=line, group=evening, now=moment())
    assert people(line) == ["Ana"]
    bea.groups.add(evening)
    ana.groups.clear()
    assert line_operators_sync(open_channel=line) is True
    assert people(line) == ["Bea"]
    User.objects.filter(pk=bea.pk).update(is_active=False)
    assert line_operators_sync(open_channel=line) is True
    assert people(line) == []


def test_spreading_out_an_unchanged_queue_writes_nothing() -> None:
    line = OpenChannelFactory()
    queue_member_add(open_channel=line, user=user("Ana"), now=moment())
    before = (list(LineOperator.objects.values()), list(LineQueue.objects.values()))
    with CaptureQueriesContext(connection) as queries:
        assert line_operators_sync(open_channel=line) is False
    assert (list(LineOperator.objects.values()), list(LineQueue.objects.values())) == before
    assert [query["sql"] for query in queries if query["sql"].startswith("UPDATE")] == []


def test_somebody_switched_off_who_was_named_keeps_his_place() -> None:
    line = OpenChannelFactory()
    queue_members_replace(
        open_channel=line,
        members=[{"user": user("Ana", is_active=False)}, {"user": user("Bruno")}],
        now=moment(),
    )
    assert people(line) == ["Ana", "Bruno"]


def test_a_copied_queue_has_its_people_groups_and_names() -> None:
    night = Group.objects.create(name="Night")
    user("Carla", night)
    source, target = OpenChannelFactory(), OpenChannelFactory()
    queue_members_replace(
        open_channel=source, members=[{"user": user("Ana")}, {"group": night}], now=moment()
    )
    LineOperator.objects.filter(open_channel=source, position=2).update(
        alias_name="Caroline", turn=9, open_chats=3
    )
    queue_members_copy(source=source, target=target, now=moment())
    assert members(target) == members(source) == ["Ana", "[Night]"]
    assert people(target) == ["Ana", "Carla"]
    # Whose turn it is, and what he has, is the line's own.
    rows = LineOperator.objects.filter(open_channel=target).order_by("position")
    assert list(rows.values_list("alias_name", "turn", "open_chats")) == [
        ("", 0, 0), ("Caroline", 0, 0),
    ]  # fmt: skip
