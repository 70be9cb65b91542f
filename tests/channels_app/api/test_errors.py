from __future__ import annotations

from typing import Any

import pytest
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from rest_framework.exceptions import Throttled, ValidationError

from channels_app.api.errors import exception_handler
from channels_app.models import OpenChannel
from channels_app.services.errors import ConflictError, InvalidError
from tests.channels_app.api.client import Api, admin_api, assert_refused

FAULT = "channels_app.api.open_channels.open_channel_create"


def handled(error: Exception) -> Any:
    response = exception_handler(error, {"view": None, "request": None})
    assert response is not None
    return response


def test_nested_errors_become_dotted_paths() -> None:
    error = ValidationError({"config": {"token": ["Wrong."]}, "members": [{}, {"user": ["No."]}]})
    assert handled(error).data == {
        "code": "invalid",
        "detail": "Some fields are wrong.",
        "fields": {"config.token": ["Wrong."], "members.1.user": ["No."]},
    }


def test_an_error_of_no_field_is_the_detail() -> None:
    assert handled(ValidationError({"non_field_errors": ["Not together."]})).data == {
        "code": "invalid",
        "detail": "Not together.",
        "fields": {},
    }
    assert handled(ValidationError("Not today.")).data["detail"] == "Not today."


def test_a_service_refuses_with_its_own_code_status_and_fields() -> None:
    response = handled(InvalidError("invalid", "Wrong.", fields={"config.token": ["Too short."]}))
    assert response.status_code == 400
    assert response.data == {
        "code": "invalid", "detail": "Wrong.", "fields": {"config.token": ["Too short."]},
    }  # fmt: skip
    response = handled(ConflictError("taken", "Taken by Maria."))
    assert response.status_code == 409
    assert response.data == {"code": "taken", "detail": "Taken by Maria.", "fields": {}}


@pytest.mark.parametrize("error", [OperationalError("away"), InterfaceError("closed")])
def test_a_database_that_is_away_is_503_and_says_when_to_come_back(error: Any) -> None:
    response = handled(error)
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert response.data["code"] == "unavailable"
    assert "away" not in response.data["detail"]


@pytest.mark.parametrize("error", [RecursionError(), DataError("value too long")])
def test_what_the_database_cannot_hold_is_the_callers_fault(error: Any) -> None:
    response = handled(error)
    assert response.status_code == 400
    assert response.data["code"] == "invalid"


def test_losing_a_race_is_a_conflict() -> None:
    response = handled(IntegrityError("UNIQUE constraint failed: secret_table.column"))
    assert response.status_code == 409
    assert response.data["code"] == "conflict"
    assert "secret_table" not in str(response.data)


def test_being_throttled_has_the_shape_too() -> None:
    response = handled(Throttled(wait=30))
    assert response.status_code == 429
    assert response["Retry-After"] == "30"
    assert response.data["code"] == "throttled"
    assert response.data["fields"] == {}


def test_a_fault_of_ours_is_left_to_django() -> None:
    assert exception_handler(KeyError("ours"), {}) is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    ["/", "/nothing/", "/open-channels", "/open-channels/x/", "/open-channels/-1/",
     "/open-channels/" + "9" * 30 + "/", "/open-channels/1.5/", "/open-channels/%00/",
     "/sessions/1/nothing/", "/stats/", "/messages/"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_an_address_that_is_nobodys_is_a_404_in_our_shape(method: Any, path: Any) -> None:
    assert_refused(admin_api().call(method, path), 404, "not_found")


@pytest.mark.django_db
def test_an_address_that_is_nobodys_tells_strangers_nothing() -> None:
    assert_refused(Api().get("/nothing/"), 401, "not_authenticated")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/open-channels/1/"), ("DELETE", "/open-channels/1/"), ("DELETE", "/connectors/1/"),
     ("OPTIONS", "/open-channels/"), ("TRACE", "/open-channels/"), ("POST", "/messages/1/"),
     ("GET", "/sessions/1/accept/"), ("POST", "/sessions/1/events/")],
)  # fmt: skip
def test_a_method_that_is_not_there_is_a_405_in_our_shape(method: Any, path: Any) -> None:
    response = admin_api().call(method, path)
    assert_refused(response, 405, "method_not_allowed")
    assert "GET" in response["Allow"] or "POST" in response["Allow"]


@pytest.mark.django_db
def test_only_json_is_spoken() -> None:
    response = admin_api().get("/open-channels/", headers={"Accept": "application/xml"})
    assert_refused(response, 406, "not_acceptable")


@pytest.mark.django_db
def test_a_fault_of_the_database_reaches_the_caller_as_503(monkeypatch: Any) -> None:
    def away(**options: object) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(FAULT, away)
    assert_refused(admin_api().post("/open-channels/", {"name": "x"}), 503, "unavailable")
    assert not OpenChannel.objects.exists()


@pytest.mark.django_db
def test_details_are_in_the_callers_language() -> None:
    response = admin_api().get("/nothing/", headers={"Accept-Language": "pt-br"})
    assert_refused(response, 404, "not_found")
    assert response["Content-Language"] == "pt-br"
