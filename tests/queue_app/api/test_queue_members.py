from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group

from channels_app.models import OpenChannel
from queue_app.models import LineOperator, QueueMember
from tests.channels_app.api.client import Api, admin_api, api_for, assert_refused
from tests.factories import OpenChannelFactory, OperatorFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def line() -> OpenChannel:
    return OpenChannelFactory()


@pytest.fixture
def api() -> Api:
    return admin_api()


def queue(line: OpenChannel) -> list[str]:
    return [str(member.user or member.group) for member in QueueMember.objects.filter(
        open_channel=line).order_by("position")]  # fmt: skip


def test_members_are_added_at_the_end_or_at_a_position(api: Any, line: Any) -> None:
    for name in ("ana", "bia", "caio"):
        UserFactory(username=name)
    first = api.post("/queue-members/", {"open_channel": line.pk, "user": "ana"})
    assert first.status_code == 201, first.content
    assert set(first.json()) == {"id", "open_channel", "position", "user", "group", "name"}
    assert first.json()["position"] == 1
    api.post("/queue-members/", {"open_channel": line.pk, "user": "bia"})
    third = api.post("/queue-members/", {"open_channel": line.pk, "user": "caio", "position": 1})
    assert third.json()["position"] == 1
    assert queue(line) == ["caio", "ana", "bia"]
    people = LineOperator.objects.filter(open_channel=line).order_by("position")
    assert [row.operator.user.username for row in people] == ["caio", "ana", "bia"]


def test_a_group_stands_for_its_users(api: Any, line: Any) -> None:
    group = Group.objects.create(name="Sales")
    UserFactory(username="ana").groups.add(group)
    response = api.post("/queue-members/", {"open_channel": line.pk, "group": group.pk})
    assert response.status_code == 201, response.content
    assert (response.json()["group"], response.json()["user"]) == (group.pk, None)
    assert response.json()["name"] == "Sales"
    assert LineOperator.objects.get().operator.user.username == "ana"


def test_nobody_is_added_twice(api: Any, line: Any) -> None:
    user = UserFactory()
    body = {"open_channel": line.pk, "user": user.pk}
    api.post("/queue-members/", body)
    assert_refused(api.post("/queue-members/", {**body, "position": 1}), 409, "already_member")
    assert QueueMember.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"user": None}, "user"),
        ({"group": 999_999, "user": None}, "group"),
        ({"group": 1}, "user"),
        ({"user": "nobody"}, "user"),
        ({"user": {"id": 1}}, "user"),
        ({"open_channel": 999_999}, "open_channel"),
        ({"open_channel": None}, "open_channel"),
        ({"position": 0}, "position"),
        ({"position": "1"}, "position"),
        ({"position": 2**64}, "position"),
        ({"operator": 1}, "operator"),
    ],
)
def test_a_wrong_member_is_refused_by_field(api: Any, line: Any, change: Any, field: Any) -> None:
    body = {"open_channel": line.pk, "user": UserFactory().pk, **change}
    assert_refused(api.post("/queue-members/", body), 400, "invalid", field)
    assert not QueueMember.objects.exists()


def test_a_member_moves(api: Any) -> None:
    operators = [OperatorFactory(user__username=name) for name in ("ana", "bia", "caio")]
    line = OpenChannelFactory(operators=operators)
    member = QueueMember.objects.get(open_channel=line, user=operators[2].user)
    response = api.patch(f"/queue-members/{member.pk}/", {"position": 1})
    assert response.status_code == 200, response.content
    assert (response.json()["id"], response.json()["position"]) == (member.pk, 1)
    assert queue(line) == ["caio", "ana", "bia"]
    api.patch(f"/queue-members/{member.pk}/", {"position": 99})
    assert queue(line) == ["ana", "bia", "caio"]
    for body, field in (({}, "position"), ({"position": 1.5}, "position"), ({"user": 1}, "user")):
        response = api.patch(f"/queue-members/{member.pk}/", body)
        assert response.status_code == 400
        assert field in response.json()["fields"]
    assert queue(line) == ["ana", "bia", "caio"]


def test_a_member_is_removed(api: Any) -> None:
    operators = [OperatorFactory(user__username=name) for name in ("ana", "bia")]
    line = OpenChannelFactory(operators=operators)
    member = QueueMember.objects.get(open_channel=line, user=operators[0].user)
    response = api.delete(f"/queue-members/{member.pk}/")
    assert (response.status_code, response.content) == (204, b"")
    assert queue(line) == ["bia"]
    assert_refused(api.delete(f"/queue-members/{member.pk}/"), 404, "not_found")


def test_the_list_has_the_order_of_the_queue(api: Any) -> None:
    operators = [OperatorFactory() for _number in range(3)]
    line = OpenChannelFactory(operators=operators)
    OpenChannelFactory(operators=operators)
    rows = api.get(f"/queue-members/?open_channel={line.pk}").json()["results"]
    assert [row["user"] for row in rows] == [operator.user_id for operator in operators]
    back = api.get(f"/queue-members/?open_channel={line.pk}&ordering=-position").json()["results"]
    assert back == rows[::-1]
    page = api.get("/queue-members/?page_size=4").json()
    assert len(page["results"]) == 4
    assert_refused(api.get("/queue-members/?ordering=user"), 400, "invalid", "ordering")


def test_members_of_strangers_lines_are_not_there(line: Any) -> None:
    operator, stranger = OperatorFactory(), OperatorFactory()
    own = OpenChannelFactory(operators=[operator])
    other = OpenChannelFactory(operators=[stranger])
    theirs = QueueMember.objects.get(open_channel=other)
    api = api_for(operator.user, "read")
    rows = api.get("/queue-members/").json()["results"]
    assert [row["open_channel"] for row in rows] == [own.pk]
    assert_refused(api.get(f"/queue-members/{theirs.pk}/"), 404, "not_found")
    limited = admin_api(own)
    assert_refused(limited.delete(f"/queue-members/{theirs.pk}/"), 404, "not_found")
    assert_refused(limited.patch(f"/queue-members/{theirs.pk}/", {"position": 1}), 404, "not_found")
    body = {"open_channel": other.pk, "user": operator.user_id}
    assert_refused(limited.post("/queue-members/", body), 400, "invalid", "open_channel")
    assert QueueMember.objects.filter(open_channel=other).count() == 1
