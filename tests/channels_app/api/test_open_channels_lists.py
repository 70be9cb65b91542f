"""The lists of a line, and cloning one, by the API."""

from __future__ import annotations

from typing import Any

import pytest

from channels_app.models import HoursException, OpenChannel, ServiceText, WorkInterval
from queue_app.models import QueueMember
from tests.channels_app.api.client import admin_api, api_for, assert_refused, grant
from tests.factories import (
    ConnectorFactory,
    OpenChannelFactory,
    OperatorFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

MONDAY = {"weekday": 0, "opens": "09:00", "closes": "18:00"}
WELCOME = {"kind": "welcome", "text": "Hello {customer}"}


def change(line: OpenChannel, body: dict[str, Any], version: int = 1) -> Any:
    return admin_api().patch(f"/open-channels/{line.pk}/", body, headers={"If-Match": str(version)})


def test_a_list_that_is_given_replaces_the_old_one() -> None:
    line = OpenChannelFactory()
    change(line, {"work_intervals": [MONDAY, MONDAY | {"weekday": 1}]})
    response = change(line, {"work_intervals": [MONDAY | {"opens": "10:00"}]}, 2)
    assert response.status_code == 200
    assert response.json()["work_intervals"] == [MONDAY | {"opens": "10:00"}]
    assert response.json()["version"] == 3
    assert WorkInterval.objects.count() == 1


def test_a_list_that_is_not_given_stays() -> None:
    line = OpenChannelFactory()
    change(line, {"service_texts": [WELCOME]})
    response = change(line, {"name": "Other"}, 2)
    assert response.json()["service_texts"] == [
        {"kind": "welcome", "position": 0, "minutes": None, "text": "Hello {customer}"}
    ]


def test_a_list_as_it_is_changes_nothing() -> None:
    line = OpenChannelFactory()
    change(line, {"work_intervals": [MONDAY, MONDAY | {"weekday": 1}]})
    again = change(line, {"work_intervals": [MONDAY | {"weekday": 1}, MONDAY]}, 2)
    assert again.json()["version"] == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"work_intervals": {}}, "work_intervals"),
        ({"work_intervals": ["x"]}, "work_intervals.0"),
        ({"work_intervals": [MONDAY, {"weekday": 7, "opens": "09:00", "closes": "10:00"}]},
         "work_intervals.1.weekday"),
        ({"work_intervals": [MONDAY | {"weekday": "0"}]}, "work_intervals.0.weekday"),
        ({"work_intervals": [MONDAY | {"opens": "9 am"}]}, "work_intervals.0.opens"),
        ({"work_intervals": [MONDAY | {"opens": 9}]}, "work_intervals.0.opens"),
        ({"work_intervals": [MONDAY | {"opens": None}]}, "work_intervals.0.opens"),
        ({"work_intervals": [{"weekday": 0, "opens": "09:00"}]}, "work_intervals.0.closes"),
        ({"work_intervals": [MONDAY | {"id": 4}]}, "work_intervals.0.id"),
        ({"work_intervals": [MONDAY, MONDAY]}, "work_intervals.1"),
        ({"holidays": [{"date": "24.12.2026"}]}, "holidays.0.date"),
        ({"holidays": [{"date": 20261224}]}, "holidays.0.date"),
        ({"holidays": [{"name": "Without a date"}]}, "holidays.0.date"),
        ({"holidays": [{"date": "2026-12-24"}] * 2}, "holidays.1.date"),
        ({"holidays": [{"date": "2026-12-24", "every_year": 1}]}, "holidays.0.every_year"),
        ({"holidays": [{"date": "2026-12-24", "name": "n" * 101}]}, "holidays.0.name"),
        ({"hours_exceptions": [{"date": "2026-12-24", "opens": "09:00"}]},
         "hours_exceptions.0.closes"),
        ({"service_texts": [WELCOME | {"kind": "hello"}]}, "service_texts.0.kind"),
        ({"service_texts": [{"text": "Hello"}]}, "service_texts.0.kind"),
        ({"service_texts": [WELCOME | {"text": " "}]}, "service_texts.0.text"),
        ({"service_texts": [WELCOME | {"text": "x" * 2001}]}, "service_texts.0.text"),
        ({"service_texts": [WELCOME | {"position": 1}]}, "service_texts.0.position"),
        ({"service_texts": [WELCOME | {"minutes": 5}]}, "service_texts.0.minutes"),
        ({"service_texts": [WELCOME, WELCOME]}, "service_texts.1.kind"),
        ({"service_texts": [WELCOME | {"text": "Hello {custumer}"}]}, "service_texts.welcome"),
        ({"closed_action": "text", "has_hours": True, "work_intervals": [MONDAY]},
         "service_texts.closed"),
        ({"has_hours": True}, "work_intervals"),
        ({"holiday_country": "XX"}, "holiday_country"),
        ({"consent_url": "no address"}, "consent_url"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_its_path_and_nothing_is_written(
    body: dict[str, Any], field: str
) -> None:
    line = OpenChannelFactory()
    before = OpenChannel.objects.values().get()
    assert_refused(change(line, body), 400, "invalid", field)
    assert_refused(
        admin_api().post("/open-channels/", {"name": "New"} | body), 400, "invalid", field
    )
    assert OpenChannel.objects.values().get() == before
    assert not WorkInterval.objects.exists()
    assert not HoursException.objects.exists()
    assert not ServiceText.objects.exists()


def test_more_rows_than_a_list_may_have_are_refused() -> None:
    rows = [{"date": f"20{year:02}-01-{day:02}"} for year in range(20) for day in range(1, 22)]
    response = change(OpenChannelFactory(), {"holidays": rows})
    assert response.status_code == 400
    assert set(response.json()["fields"]) == {"holidays"}


def test_the_list_of_lines_shows_them_in_few_queries(django_assert_max_num_queries: Any) -> None:
    for _number in range(5):
        change(OpenChannelFactory(), {"work_intervals": [MONDAY], "service_texts": [WELCOME]})
    api = admin_api()
    with django_assert_max_num_queries(12):
        rows = api.get("/open-channels/").json()["results"]
    assert [row["work_intervals"] for row in rows] == [[MONDAY]] * 5


# --- cloning ------------------------------------------------------------------------------


def test_a_clone_has_the_settings_and_the_queue_but_no_channel() -> None:
    person = OperatorFactory()
    line = OpenChannelFactory(name="Sales", operators=[person], response_minutes=9)
    ConnectorFactory(open_channel=line)
    change(line, {"work_intervals": [MONDAY], "service_texts": [WELCOME]})
    response = admin_api().post(f"/open-channels/{line.pk}/clone/", {"name": "Sales 2"})
    assert response.status_code == 201
    copy = response.json()
    assert (copy["name"], copy["response_minutes"], copy["version"]) == ("Sales 2", 9, 1)
    assert copy["work_intervals"] == [MONDAY]
    assert copy["id"] != line.pk
    members = QueueMember.objects.filter(open_channel=copy["id"])
    assert [row.user_id for row in members] == [person.user.pk]
    assert not OpenChannel.objects.get(pk=copy["id"]).connectors.exists()


def test_a_clone_without_a_name_gets_one() -> None:
    line = OpenChannelFactory(name="Sales")
    api = admin_api()
    names = [api.post(f"/open-channels/{line.pk}/clone/").json()["name"] for _number in range(2)]
    assert names == ["Sales (copy)", "Sales (copy 2)"]


def test_a_repeated_clone_is_one() -> None:
    line = OpenChannelFactory()
    api = admin_api()
    for _number in range(2):
        response = api.post(
            f"/open-channels/{line.pk}/clone/", {}, headers={"Idempotency-Key": "once"}
        )
        assert response.status_code == 201
    assert OpenChannel.objects.count() == 2


def test_cloning_is_for_who_may_add_lines() -> None:
    line = OpenChannelFactory()
    viewer = grant(
        UserFactory(), "channels_app.view_openchannel", "channels_app.change_openchannel"
    )
    refused = api_for(viewer, "admin").post(f"/open-channels/{line.pk}/clone/")
    assert_refused(refused, 403, "permission")
    one_line = admin_api(open_channel=line).post(f"/open-channels/{line.pk}/clone/")
    assert_refused(one_line, 403, "scope")
    assert OpenChannel.objects.count() == 1
