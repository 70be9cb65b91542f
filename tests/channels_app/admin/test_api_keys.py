"""API keys: shown once, revoked, and never somebody else's."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from channels_app.models import ApiKey
from channels_app.services.api_keys import api_key_create, api_key_find
from tests.factories import SuperuserFactory, UserFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/channels_app/apikey/"


def test_a_new_key_is_shown_once_and_works(client: Client) -> None:
    root = SuperuserFactory()
    client.force_login(root)
    answer = client.post(f"{LIST}add/", {"name": "Shop", "user": root.pk, "scope": "write"})
    assert answer.status_code == 200
    found = re.search(r"olk_[A-Za-z0-9_-]{20,}", answer.content.decode())
    assert found is not None
    key = ApiKey.objects.get()
    assert api_key_find(token=found.group()) == key
    assert found.group() not in client.get(LIST).content.decode()
    assert found.group() not in client.get(f"{LIST}{key.pk}/change/").content.decode()
    assert found.group() not in LogEntry.objects.get().change_message


def test_a_wrong_key_is_refused_beside_its_fields(client: Client) -> None:
    client.force_login(SuperuserFactory())
    plain = UserFactory()
    answer = client.post(f"{LIST}add/", {"name": "Shop", "user": plain.pk, "scope": "admin"})
    assert "Only a key of a staff user can change settings." in answer.content.decode()
    assert ApiKey.objects.count() == 0


def test_staff_make_keys_for_themselves_only(client: Client) -> None:
    root, staff = SuperuserFactory(), UserFactory(is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="add_apikey"))
    client.force_login(staff)
    answer = client.post(f"{LIST}add/", {"name": "Mine", "user": root.pk, "scope": "admin"})
    assert "Select a valid choice" in answer.content.decode()
    assert ApiKey.objects.count() == 0


def test_a_revoked_key_is_useless(client: Client) -> None:
    root = SuperuserFactory()
    client.force_login(root)
    key, token = api_key_create(user=root, name="Old")
    client.post(LIST, {"action": "revoke", "_selected_action": [key.pk]})
    assert api_key_find(token=token) is None
    assert "Revoked." in LogEntry.objects.get().change_message


def test_a_viewer_revokes_nothing(client: Client) -> None:
    viewer = UserFactory(is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_apikey"))
    client.force_login(viewer)
    key, token = api_key_create(user=viewer, name="Old")
    answer = client.post(LIST, {"action": "revoke", "_selected_action": [key.pk]})
    assert answer.status_code == 403
    assert api_key_find(token=token) == key
