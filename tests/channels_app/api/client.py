"""A caller of the API with a key of its own."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client

from channels_app.models import OpenChannel
from channels_app.services.api_keys import api_key_create
from tests.factories import UserFactory

ROOT = "/api/v1"


class Api:
    """Calls `/api/v1/...` with a bearer token; without one, as nobody."""

    def __init__(self, token: str = "") -> None:
        self.token = token
        self.client = Client()
        self.client.raise_request_exception = False

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> Any:
        """`body` is sent as JSON, `raw` as it is."""
        sent = dict(headers or {})
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if raw is None:
            raw = b"" if body is None else json.dumps(body).encode()
        return self.client.generic(
            method, f"{ROOT}{path}", raw, content_type=content_type, headers=sent
        )

    def get(self, path: str, **options: Any) -> Any:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.call("POST", path, body, **options)

    def patch(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.call("PATCH", path, body, **options)

    def delete(self, path: str, **options: Any) -> Any:
        return self.call("DELETE", path, **options)


def api_for(user: User, scope: str = "write", open_channel: OpenChannel | None = None) -> Api:
    """A caller that acts as `user`."""
    _key, token = api_key_create(user=user, name="test", scope=scope, open_channel=open_channel)
    return Api(token)


def admin_api(open_channel: OpenChannel | None = None) -> Api:
    """A caller that may do everything."""
    user = UserFactory(is_staff=True, is_superuser=True)
    return api_for(user, scope="admin", open_channel=open_channel)


def grant(user: User, *rights: str) -> User:
    """Make the user staff with these permissions (`app.codename`)."""
    user.is_staff = True
    user.save()
    for right in rights:
        app, codename = right.split(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
    return User.objects.get(pk=user.pk)


def assert_refused(response: Any, status: int, code: str, *fields: str) -> None:
    """The refusal has our shape, this status and code, and names exactly these fields."""
    assert response.status_code == status, response.content
    answer = response.json()
    assert set(answer) == {"code", "detail", "fields"}
    assert answer["code"] == code, answer
    assert answer["detail"]
    assert set(answer["fields"]) == set(fields), answer
