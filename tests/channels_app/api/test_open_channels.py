from __future__ import annotations

from typing import Any

import pytest

from channels_app.api.line_serializers import OpenChannelBody, OpenChannelSerializer
from channels_app.models import OpenChannel, ServiceText, WorkInterval
from channels_app.services.line_rows import LISTS
from channels_app.services.open_channels import SETTINGS
from tests.channels_app.api.client import admin_api, api_for, assert_refused
from tests.factories import OpenChannelFactory, UserFactory

pytestmark = pytest.mark.django_db

FIELDS = {
    "id", "name", "public_name", "is_active", "language", "time_zone", "default_country",
    "distribution", "response_minutes", "response_means", "check_availability",
    "demand_connection", "away_returns", "prefer_last_operator", "max_chats", "place_freed",
    "transfer_mode", "operator_shown", "ask_before_ending", "no_answer_action",
    "no_answer_minutes", "no_answer_in_hours", "has_hours", "holiday_country",
    "holiday_subdivision", "closed_action", "distribute_closed", "welcome_when", "consent_url",
    "auto_close_minutes", "grace_minutes", "ceiling_days", "work_intervals", "holidays",
    "hours_exceptions", "service_texts", "version", "archived_at", "created_at",
}  # fmt: skip


# Every column, each with another value than its default.
COLUMNS: dict[str, Any] = {
    "name": "Vendas", "public_name": "Loja", "is_active": False, "language": "pt-br",
    "time_zone": "America/Sao_Paulo", "default_country": "BR", "distribution": "everybody",
    "response_minutes": 30, "response_means": "replying", "check_availability": True,
    "demand_connection": True, "away_returns": "at_once", "prefer_last_operator": True,
    "max_chats": 4, "place_freed": "every_reply", "transfer_mode": "must_accept",
    "operator_shown": "alias", "ask_before_ending": True, "no_answer_action": "text",
    "no_answer_minutes": 15, "no_answer_in_hours": True, "has_hours": True,
    "holiday_country": "BR", "holiday_subdivision": "SP", "closed_action": "form",
    "distribute_closed": False, "welcome_when": "every",
    "consent_url": "https://example.com/privacy", "auto_close_minutes": 60, "grace_minutes": 0,
    "ceiling_days": 7,
}  # fmt: skip
ROWS: dict[str, Any] = {
    "work_intervals": [
        {"weekday": 0, "opens": "09:00", "closes": "18:00"},
        {"weekday": 5, "opens": "22:00", "closes": "02:00"},
    ],
    "holidays": [{"date": "2026-12-24", "every_year": True, "name": "Christmas Eve"}],
    "hours_exceptions": [{"date": "2026-12-31", "opens": None, "closes": None}],
    "service_texts": [
        {"kind": "consent", "position": 0, "minutes": None, "text": "May we?"},
        {"kind": "no_answer", "position": 0, "minutes": None, "text": "Sorry, {customer}."},
        {"kind": "reminder", "position": 1, "minutes": 20, "text": "Still there?"},
        {"kind": "reminder", "position": 2, "minutes": 40, "text": "Last call"},
    ],
}


def test_every_setting_of_a_line_is_shown_and_taken() -> None:
    """A column that is added to the line is added here."""
    shown = set(OpenChannelSerializer().fields)
    assert shown == FIELDS
    assert set(OpenChannelBody().fields) == {*SETTINGS, *LISTS}
    assert shown == {*SETTINGS, *LISTS, "id", "version", "archived_at", "created_at"}


def test_a_line_is_made_with_a_name_alone() -> None:
    response = admin_api().post("/open-channels/", {"name": "Sales"})
    assert response.status_code == 201
    shown = response.json()
    assert set(shown) == FIELDS
    line = OpenChannel.objects.get()
    assert shown["id"] == line.pk
    assert shown["name"] == line.name == "Sales"
    assert (shown["distribution"], shown["response_minutes"]) == ("evenly", 5)
    assert shown["created_at"].endswith("Z")
    assert response["Cache-Control"] == "no-store"


def test_without_a_name_one_is_proposed() -> None:
    assert admin_api().post("/open-channels/", {}).json()["name"] == "Open channel 1"
    assert admin_api().post("/open-channels/").json()["name"] == "Open channel 2"


def test_all_settings_can_be_given() -> None:
    shown = admin_api().post("/open-channels/", COLUMNS | ROWS).json()
    assert {name: shown[name] for name in COLUMNS | ROWS} == COLUMNS | ROWS
    stored = OpenChannel.objects.values(*COLUMNS).get()
    assert stored == COLUMNS
    assert (WorkInterval.objects.count(), ServiceText.objects.count()) == (2, 4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", ""), ("name", "   "), ("name", "x" * 121), ("name", 5), ("name", None),
        ("name", {"a": 1}), ("public_name", ["x"]), ("is_active", "true"), ("is_active", 1),
        ("is_active", None), ("language", "EN"), ("language", "xx"), ("language", []),
        ("time_zone", "Mars/X"), ("time_zone", "../etc/passwd"), ("time_zone", ""),
        ("default_country", "br"), ("default_country", "BRA"), ("default_country", "B1"),
        ("default_country", "XX"),
        ("distribution", "Evenly"), ("distribution", "by lot"), ("distribution", {}),
        ("response_minutes", 0), ("response_minutes", -1), ("response_minutes", 721),
        ("response_minutes", 1.5), ("response_minutes", "5"), ("response_minutes", True),
        ("response_minutes", 2**63), ("max_chats", -1), ("max_chats", 2**40),
        ("check_availability", "yes"),
        ("id", 7), ("version", 7), ("archived_at", None), ("created_at", "2026-01-01"),
        ("nothing", 1), ("", 1),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_refused_by_name(name: Any, value: Any) -> None:
    line = OpenChannelFactory(name="Before")
    api = admin_api()
    response = api.post("/open-channels/", {"name": "Sales", name: value})
    assert response.status_code == 400, response.content
    assert list(response.json()["fields"]) == [name] or not name
    response = api.patch(
        f"/open-channels/{line.pk}/", {name: value}, headers={"If-Match": str(line.version)}
    )
    assert response.status_code == 400, response.content
    assert OpenChannel.objects.values("name", "version").get() == {"name": "Before", "version": 1}


def test_a_change_names_the_version_it_was_made_from() -> None:
    line = OpenChannelFactory(name="Before")
    api = admin_api()
    read = api.get(f"/open-channels/{line.pk}/")
    assert read["ETag"] == '"1"'
    response = api.patch(
        f"/open-channels/{line.pk}/", {"name": "After"}, headers={"If-Match": read["ETag"]}
    )
    assert response.status_code == 200
    assert (response.json()["name"], response.json()["version"]) == ("After", 2)
    assert response["ETag"] == '"2"'


def test_a_change_without_a_version_is_refused() -> None:
    line = OpenChannelFactory(name="Before")
    response = admin_api().patch(f"/open-channels/{line.pk}/", {"name": "After"})
    assert_refused(response, 428, "version_required")
    assert OpenChannel.objects.get().name == "Before"


def test_the_second_of_two_editors_is_told() -> None:
    line = OpenChannelFactory(name="Before")
    api = admin_api()
    for name, expected in (("First", 200), ("Second", 412)):
        response = api.patch(
            f"/open-channels/{line.pk}/", {"name": name}, headers={"If-Match": "1"}
        )
        assert response.status_code == expected
    assert_refused(response, 412, "version_stale")
    assert OpenChannel.objects.get().name == "First"


@pytest.mark.parametrize("version", ["", "*", "x", "1.0", "-1", '"1', "9" * 50, "W/"])
def test_a_version_that_is_none_is_refused(version: Any) -> None:
    line = OpenChannelFactory(name="Before")
    response = admin_api().patch(
        f"/open-channels/{line.pk}/", {"name": "After"}, headers={"If-Match": version}
    )
    assert response.status_code in {400, 412}
    assert OpenChannel.objects.get().name == "Before"


def test_an_empty_change_changes_nothing() -> None:
    line = OpenChannelFactory()
    response = admin_api().patch(f"/open-channels/{line.pk}/", {}, headers={"If-Match": "1"})
    assert response.status_code == 200
    assert response.json()["version"] == 1


def test_a_line_is_archived_not_deleted() -> None:
    line = OpenChannelFactory()
    api = admin_api()
    assert_refused(api.delete(f"/open-channels/{line.pk}/"), 405, "method_not_allowed")
    response = api.post(f"/open-channels/{line.pk}/archive/")
    assert response.status_code == 200
    assert response.json()["archived_at"].endswith("Z")
    assert OpenChannel.objects.get().archived_at is not None


def test_the_list_can_be_filtered_by_activity() -> None:
    on, off = OpenChannelFactory(is_active=True), OpenChannelFactory(is_active=False)
    api = admin_api()
    for text, line in (("true", on), ("false", off)):
        rows = api.get(f"/open-channels/?is_active={text}").json()["results"]
        assert [row["id"] for row in rows] == [line.pk]
    assert_refused(api.get("/open-channels/?is_active=maybe"), 400, "invalid", "is_active")


@pytest.mark.parametrize(
    "name", ["name", "connectors__secrets", "id", "limit", "offset", "format", "a b", "%00"]
)
def test_an_unknown_filter_is_refused(name: Any) -> None:
    response = admin_api().get(f"/open-channels/?{name}=x")
    assert response.status_code == 400
    assert len(response.json()["fields"]) == 1


def test_a_filter_given_twice_is_refused() -> None:
    response = admin_api().get("/open-channels/?is_active=true&is_active=false")
    assert_refused(response, 400, "invalid", "is_active")


def test_a_user_without_lines_sees_none() -> None:
    line = OpenChannelFactory()
    api = api_for(UserFactory(), "read")
    assert api.get("/open-channels/").json()["results"] == []
    assert_refused(api.get(f"/open-channels/{line.pk}/"), 404, "not_found")
