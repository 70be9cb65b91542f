from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from queue_app.models import Operator, OperatorShift
from tests.channels_app.api.client import admin_api, api_for, assert_refused, grant
from tests.factories import OpenChannelFactory, OperatorFactory, UserFactory

pytestmark = pytest.mark.django_db

FIELDS = {
    "id", "user", "username", "name", "is_active", "duty", "duty_changed_at", "connected",
    "seen_at", "follows_schedule", "schedule_zone", "schedule_next_at", "shifts", "leave_from",
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
    assert LogEntry.objects.get().user == supervisor


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


# --- presence, weekly times, leave -------------------------------------------------------------


@pytest.mark.parametrize(("silent_s", "connected"), [(None, False), (30, True), (120, False)])
def test_it_shows_who_is_connected(silent_s: int | None, connected: bool) -> None:
    seen_at = silent_s and timezone.now() - dt.timedelta(seconds=silent_s)
    operator = OperatorFactory(seen_at=seen_at)
    shown = api_for(operator.user).get(f"/operators/{operator.pk}/").json()
    assert shown["connected"] is connected
    assert (shown["seen_at"] is None) is (silent_s is None)


def test_weekly_times_are_set_and_shown() -> None:
    operator = OperatorFactory(duty="off")
    api = admin_api()
    path = f"/operators/{operator.pk}/"
    night = {"weekday": 0, "starts": "22:00", "ends": "06:00"}
    body = {"follows_schedule": True, "schedule_zone": "Europe/Berlin",
            "shifts": [{"weekday": 4, "starts": "09:00:00", "ends": "17:30"}, night]}  # fmt: skip
    answer = api.patch(path, body)
    assert answer.status_code == 200, answer.content
    shown = answer.json()
    assert set(shown) == FIELDS
    assert (shown["follows_schedule"], shown["schedule_zone"]) == (True, "Europe/Berlin")
    assert shown["shifts"] == [
        {"weekday": 0, "starts": "22:00:00", "ends": "06:00:00"},
        {"weekday": 4, "starts": "09:00:00", "ends": "17:30:00"},
    ]
    assert shown["schedule_next_at"].endswith("Z")
    assert api.get(path).json() == shown
    # What is not given stays.
    shown = api.patch(path, {"follows_schedule": False}).json()
    assert (len(shown["shifts"]), shown["schedule_next_at"]) == (2, None)
    assert api.patch(path, {"shifts": [night]}).json()["schedule_zone"] == "Europe/Berlin"
    assert OperatorShift.objects.count() == 1


def test_leave_and_cap_are_set() -> None:
    operator = OperatorFactory()
    body = {"leave_from": "2026-05-01T08:00:00Z", "leave_until": "2026-05-10T18:00:00+02:00",
            "max_chats": 7}  # fmt: skip
    shown = admin_api().patch(f"/operators/{operator.pk}/", body).json()
    assert (shown["leave_from"], shown["leave_until"], shown["max_chats"]) == (
        "2026-05-01T08:00:00Z", "2026-05-10T16:00:00Z", 7,
    )  # fmt: skip
    assert (
        admin_api().patch(f"/operators/{operator.pk}/", {"leave_from": None}).json()["leave_until"]
    )


SHIFT = {"weekday": 0, "starts": "09:00", "ends": "18:00"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"follows_schedule": "yes"}, "follows_schedule"),
        ({"follows_schedule": True}, "shifts"),
        ({"schedule_zone": "Mars/Olympus"}, "schedule_zone"),
        ({"schedule_zone": 5}, "schedule_zone"),
        ({"shifts": SHIFT}, "shifts"),
        ({"shifts": [SHIFT, SHIFT]}, "shifts"),
        ({"shifts": [SHIFT] * 71}, "shifts"),
        ({"shifts": [SHIFT | {"weekday": 7}]}, "shifts"),
        ({"shifts": [SHIFT | {"weekday": True}]}, "shifts"),
        ({"shifts": [SHIFT | {"starts": "25:00"}]}, "shifts"),
        ({"shifts": [SHIFT | {"starts": 9}]}, "shifts"),
        ({"shifts": [SHIFT | {"ends": "18:00+02:00"}]}, "shifts"),
        ({"shifts": [SHIFT | {"ends": None}]}, "shifts"),
        ({"shifts": [SHIFT | {"room": 1}]}, "shifts"),
        ({"shifts": ["monday"]}, "shifts"),
        ({"leave_from": "2026-05-10T08:00:00Z", "leave_until": "2026-05-01T08:00:00Z"},
         "leave_until"),
        ({"max_chats": -1}, "max_chats"),
        ({"duty": "on"}, "duty"),
    ],
)  # fmt: skip
def test_a_change_that_makes_no_sense_changes_nothing(body: dict[str, Any], field: str) -> None:
    operator = OperatorFactory(duty="off")
    before = Operator.objects.filter(pk=operator.pk).values().get()
    # Beside it stands something that could be done: all of a body or nothing.
    sound = {} if field == "shifts" else {"shifts": [SHIFT]}
    answer = admin_api().patch(f"/operators/{operator.pk}/", sound | body)
    assert answer.status_code == 400, answer.content
    assert [name.split(".")[0].split("[")[0] for name in answer.json()["fields"]] == [field]
    assert Operator.objects.filter(pk=operator.pk).values().get() == before
    assert not OperatorShift.objects.exists()


def test_only_who_may_change_operators_changes_them() -> None:
    operator = OperatorFactory()
    line = OpenChannelFactory(operators=[operator])
    path, body = f"/operators/{operator.pk}/", {"max_chats": 3}
    assert_refused(api_for(operator.user).patch(path, body), 403, "scope")
    clerk = grant(OperatorFactory().user, "queue_app.view_operator")
    assert_refused(api_for(clerk, scope="admin").patch(path, body), 403, "permission")
    assert_refused(admin_api(line).patch(path, body), 403, "scope")
    operator.refresh_from_db()
    assert operator.max_chats == 1000
