"""The queue as the page of a line shows it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from queue_app.admin.members import QueueMembers
from queue_app.models import QueueMember
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    OpenChannelFactory,
    OperatorFactory,
    SessionFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 3, 2, 12, 0, tzinfo=dt.UTC)


def page_data(values: list[str], positions: list[str], seen: str = "") -> QueryDict:
    data = QueryDict(mutable=True)
    data.setlist("member", values)
    data.setlist("member_position", positions)
    data["members_seen"] = seen
    return data


def test_each_member_shows_duty_and_open_chats_in_words() -> None:
    busy = OperatorFactory(user__first_name="Ana")
    paused = OperatorFactory(user__first_name="Igor", duty="pause")
    away = OperatorFactory(user__first_name="Julia", duty="off")
    gone = OperatorFactory(user__first_name="Rui", user__is_active=False)
    line = OpenChannelFactory(operators=[busy, paused, away, gone], max_chats=5)
    connector = ConnectorFactory(open_channel=line)
    for holder in (busy, busy, paused):
        SessionFactory(conversation=ConversationFactory(connector=connector), operator=holder)
    rows = QueueMembers(line).rows
    assert [(row.position, row.name, row.detail) for row in rows] == [
        (1, "Ana Silva", "2 of 5 chats"),
        (2, "Igor Silva", "paused, 1 of 5 chats"),
        (3, "Julia Silva", "off duty"),
        (4, "Rui Silva", "account switched off"),
    ]


def test_a_group_shows_its_people() -> None:
    group = Group.objects.create(name="Night shift")
    for duty in ("on", "off"):
        OperatorFactory(duty=duty).user.groups.add(group)
    UserFactory(is_active=False).groups.add(group)
    line = OpenChannelFactory()
    QueueMember.objects.create(open_channel=line, group=group, position=1)
    (row,) = QueueMembers(line).rows
    assert (row.name, row.detail, row.is_group) == ("Night shift", "2 people, 1 on duty", True)


def test_who_is_in_the_queue_is_not_offered_again() -> None:
    inside, outside = OperatorFactory(), UserFactory(first_name="Zoe")
    UserFactory(is_active=False)
    group = Group.objects.create(name="Night shift")
    line = OpenChannelFactory(operators=[inside])
    people, groups = QueueMembers(line).candidates
    assert [row.value for row in people] == [f"user:{outside.pk}"]
    ready = {f"group:{other.pk}" for other in Group.objects.exclude(pk=group.pk)}
    assert {row.value for row in groups} == {f"group:{group.pk}"} | ready
    QueueMember.objects.create(open_channel=line, group=group, position=2)
    assert {row.value for row in QueueMembers(line).candidates[1]} == ready


@pytest.mark.parametrize(
    ("positions", "order"),
    [
        (["1", "2", "3", "4"], "abcd"),
        (["4", "3", "2", "1"], "dcba"),
        (["1", "2", "3", "1"], "dabc"),  # moved up: before who stands there
        (["4", "2", "3", "4"], "bcda"),  # moved down: behind who stands there
        (["9", "2", "3", "4"], "bcda"),
        (["1", "1", "1", "1"], "bcda"),  # three moved up, in their order
    ],
)
def test_numbers_are_read_as_the_person_means_them(positions: list[str], order: str) -> None:
    people = {letter: f"user:{UserFactory().pk}" for letter in "abcd"}
    members = QueueMembers(OpenChannelFactory(), page_data(list(people.values()), positions))
    letters = {value: letter for letter, value in people.items()}
    assert "".join(letters[value] for value in members.values) == order


def test_somebody_named_twice_counts_once() -> None:
    user = UserFactory()
    line = OpenChannelFactory()
    members = QueueMembers(line, page_data([f"user:{user.pk}"] * 2, ["1", "2"]))
    assert members.is_valid()
    members.save(now=NOW)
    assert QueueMember.objects.filter(open_channel=line).count() == 1


def test_a_change_is_a_change_against_what_the_page_showed() -> None:
    operator = OperatorFactory()
    line = OpenChannelFactory(operators=[operator])
    value = f"user:{operator.user.pk}"
    same = QueueMembers(line, page_data([value], ["1"], seen=value))
    assert (same.is_changed, same.is_stale) == (False, False)
    stale = QueueMembers(line, page_data([], [], seen=""))
    assert (stale.is_changed, stale.is_stale) == (False, True)


def test_rows_are_described_in_a_constant_number_of_queries() -> None:
    def asked(count: int) -> int:
        line = OpenChannelFactory(operators=[OperatorFactory() for _number in range(count)])
        with CaptureQueriesContext(connection) as queries:
            assert len(QueueMembers(line).rows) == count
        return len(queries)

    assert asked(2) == asked(12)
