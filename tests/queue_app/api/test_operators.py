from __future__ import annotations

from typing import Any

import pytest

from queue_app.models import Operator
from tests.channels_app.api.client import admin_api, api_for, assert_refused, grant
from tests.factories import OpenChannelFactory, OperatorFactory, UserFactory

pytestmark = pytest.mark.django_db

FIELDS = {
    "id", "user", "username", "name", "is_active", "duty", "duty_changed_at", "leave_from",
    "leave_until", "max_chats", "open_chats",
}  # fmt: skip


@pytest.mark.parametrize("by", ["pk", "username"])
def test_a_user_becomes_an_operator_by_id_or_name(by: Any) -> None:
    user = UserFactory()
    api = admin_api()
    first = api.post("/operators/", {"user": getattr(user, by)})
    assert first.status_code == 201, first.content
    assert set(first.json()) == FIELDS
    assert (first.json()["user"], first.json()["duty"]) == (user.pk, "off")
    again = api.post("/operators/", {"user": getattr(user, by)})
    assert again.status_code == 200
    assert again.json() == first.json()
    assert Operator.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [{}, {"user": 999_999}, {"user": "nobody"}, {"user": ""}, {"user": 0}, {"user": -1},
     {"user": 2**70}, {"user": True}, {"user": None}, {"user": [1]}, {"user": 1.0},
     {"user": "x" * 200}, {"user": "a\x00b"}],
)  # fmt: skip
def test_a_user_that_is_not_there_is_refused(body: Any) -> None:
    assert_refused(admin_api().post("/operators/", body), 400, "invalid", "user")
    assert not Operator.objects.exists()


def test_an_inactive_user_becomes_no_operator() -> None:
    user = UserFactory(is_active=False)
    assert_refused(admin_api().post("/operators/", {"user": user.pk}), 400, "invalid", "user")
    assert not Operator.objects.exists()


def test_an_operator_goes_on_and_off_duty() -> None:
    operator = OperatorFactory(duty="off")
    api = api_for(operator.user)
    for state in ("on", "pause", "off"):
        response = api.post(f"/operators/{operator.pk}/duty/", {"state": state})
        assert response.status_code == 200, response.content
        assert response.json()["duty"] == state
        operator.refresh_from_db()
        assert operator.duty == state


@pytest.mark.parametrize(
    "body", [{}, {"state": "On"}, {"state": "away"}, {"state": True}, {"state": None},
             {"state": ["on"]}, {"state": {}}],
)  # fmt: skip
def test_a_duty_that_is_none_is_refused(body: Any) -> None:
    operator = OperatorFactory(duty="off")
    response = api_for(operator.user).post(f"/operators/{operator.pk}/duty/", body)
    assert_refused(response, 400, "invalid", "state")
    operator.refresh_from_db()
    assert operator.duty == "off"


def test_nobody_changes_a_colleagues_duty_without_the_right() -> None:
    mine, colleague = OperatorFactory(), OperatorFactory(duty="off")
    OpenChannelFactory(operators=[mine, colleague])
    path = f"/operators/{colleague.pk}/duty/"
    assert_refused(api_for(mine.user).post(path, {"state": "on"}), 403, "permission")
    colleague.refresh_from_db()
    assert colleague.duty == "off"
    supervisor = grant(mine.user, "queue_app.change_operator")
    assert api_for(supervisor).post(path, {"state": "on"}).status_code == 200


def test_one_sees_oneself_and_the_colleagues_of_ones_lines() -> None:
    mine, colleague, stranger = OperatorFactory(), OperatorFactory(), OperatorFactory()
    line = OpenChannelFactory(operators=[mine, colleague])
    other = OpenChannelFactory(operators=[stranger])
    api = api_for(mine.user)

    def ids(query: str = "") -> list[int]:
        return [row["id"] for row in api.get(f"/operators/?{query}").json()["results"]]

    assert ids() == [mine.pk, colleague.pk]
    assert ids(f"user={mine.user_id}") == [mine.pk]
    assert ids("duty=on&ordering=-id") == [colleague.pk, mine.pk]
    assert ids("duty=off") == []
    assert ids(f"open_channel={line.pk}") == [mine.pk, colleague.pk]
    assert ids(f"open_channel={other.pk}") == []
    assert_refused(api.get(f"/operators/{stranger.pk}/"), 404, "not_found")
    assert_refused(api.post(f"/operators/{stranger.pk}/duty/", {"state": "off"}), 404, "not_found")
    assert_refused(api.get("/operators/?duty=ON"), 400, "invalid", "duty")
    assert_refused(api.get("/operators/?user__password=x"), 400, "invalid", "user__password")
    stranger.refresh_from_db()
    assert stranger.duty == "on"


def test_a_key_for_one_line_sees_its_operators() -> None:
    ours, stranger = OperatorFactory(), OperatorFactory()
    line = OpenChannelFactory(operators=[ours])
    OpenChannelFactory(operators=[stranger])
    api = admin_api(line)
    assert [row["id"] for row in api.get("/operators/").json()["results"]] == [ours.pk]
    assert_refused(api.get(f"/operators/{stranger.pk}/"), 404, "not_found")


def test_a_key_for_one_line_makes_no_operators() -> None:
    user = UserFactory()
    api = admin_api(OpenChannelFactory())
    assert_refused(api.post("/operators/", {"user": user.pk}), 403, "scope")
    assert not Operator.objects.exists()


def test_a_write_key_makes_no_operators() -> None:
    user = UserFactory(is_staff=True, is_superuser=True)
    assert_refused(api_for(user).post("/operators/", {"user": user.pk}), 403, "scope")
    assert not Operator.objects.exists()
