from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client

from channels_app.models import ApiKey
from channels_app.services.api_keys import api_key_create
from tests.channels_app.api.client import Api, admin_api, assert_refused
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def test_nobody_gets_nothing_and_is_told_how() -> None:
    response = Api().get("/open-channels/")
    assert_refused(response, 401, "not_authenticated")
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize(
    "header",
    [
        "Bearer olk_wrong",
        "Bearer ",
        "Bearer",
        "bearer x y z",
        "Bearer " + "a" * 5000,
        "Bearer olk_caf\xe9",
    ],
)
def test_a_wrong_key_is_refused(header: Any) -> None:
    response = Api().get("/open-channels/", headers={"Authorization": header})
    assert_refused(response, 401, "authentication_failed")


@pytest.mark.parametrize("header", ["Basic dXNlcjpwYXNz", "Token olk_x", "olk_x", ""])
def test_another_scheme_is_nobody(header: Any) -> None:
    response = Api().get("/open-channels/", headers={"Authorization": header})
    assert_refused(response, 401, "not_authenticated")


def test_the_scheme_may_be_written_in_any_case() -> None:
    _key, token = api_key_create(user=UserFactory(), name="crm", scope="read")
    response = Api().get("/open-channels/", headers={"Authorization": f"bEARER  {token}"})
    assert response.status_code == 200


def test_a_revoked_key_and_an_inactive_user_get_401() -> None:
    user = UserFactory()
    key, token = api_key_create(user=user, name="crm", scope="read")
    ApiKey.objects.filter(pk=key.pk).update(revoked_at="2026-01-01T00:00Z")
    assert_refused(Api(token).get("/open-channels/"), 401, "authentication_failed")
    ApiKey.objects.filter(pk=key.pk).update(revoked_at=None)
    assert Api(token).get("/open-channels/").status_code == 200
    user.is_active = False
    user.save()
    assert_refused(Api(token).get("/open-channels/"), 401, "authentication_failed")


def test_a_browser_session_is_no_key() -> None:
    client = Client()
    client.force_login(UserFactory(is_superuser=True, is_staff=True))
    assert client.get("/api/v1/open-channels/").status_code == 401


def test_using_a_key_is_noted() -> None:
    admin_api().get("/open-channels/")
    assert ApiKey.objects.get().last_used_at is not None


def test_reading_goes_on_when_the_note_cannot_be_written(monkeypatch: Any) -> None:
    def full(**options: object) -> bool:
        raise DatabaseError("disk full")

    monkeypatch.setattr("channels_app.api.authentication.api_key_used", full)
    assert admin_api().get("/open-channels/").status_code == 200
