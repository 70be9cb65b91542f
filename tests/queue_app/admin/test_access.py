"""Rights are given by superusers only."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from tests.factories import OperatorFactory, SuperuserFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(client: Client) -> User:
    """Staff who may change users and groups, and is no superuser."""
    user: User = UserFactory(is_staff=True)
    codes = ["view_user", "change_user", "add_user", "delete_user", "view_group", "change_group"]
    user.user_permissions.set(Permission.objects.filter(codename__in=codes))
    client.force_login(user)
    return user


def sent(user: User, **changes: str) -> dict[str, str]:
    return {
        "username": user.username, "first_name": user.first_name, "last_name": user.last_name,
        "email": user.email, "is_active": "on", "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00", "last_login_0": "", "last_login_1": "",
    } | changes  # fmt: skip


def test_a_manager_changes_names_and_gives_nobody_rights(client: Client, manager: User) -> None:
    address = f"/admin/auth/user/{manager.pk}/change/"
    answer = client.post(address, sent(manager, first_name="New", is_superuser="on"))
    assert answer.status_code == 302
    manager.refresh_from_db()
    assert (manager.first_name, manager.is_superuser, manager.is_staff) == ("New", False, True)
    assert manager.user_permissions.count() == 6


def test_a_manager_cannot_touch_a_superuser(client: Client, manager: User) -> None:
    root = SuperuserFactory(first_name="Root")
    base = f"/admin/auth/user/{root.pk}/"
    assert client.post(f"{base}change/", sent(root, first_name="Mine")).status_code == 403
    password = {"password1": "sunny-meadow-42", "password2": "sunny-meadow-42"}
    assert client.post(f"{base}password/", password).status_code == 403
    assert client.post(f"{base}delete/", {"post": "yes"}).status_code == 403
    root.refresh_from_db()
    assert root.first_name == "Root"
    assert root.check_password("correct horse battery")


def test_a_manager_cannot_change_a_group(client: Client, manager: User) -> None:
    group = Group.objects.create(name="Night shift")
    answer = client.post(f"/admin/auth/group/{group.pk}/change/", {"name": "Mine"})
    assert answer.status_code == 403
    group.refresh_from_db()
    assert group.name == "Night shift"


def test_a_superuser_changes_everything(client: Client) -> None:
    client.force_login(SuperuserFactory())
    user = UserFactory()
    client.post(f"/admin/auth/user/{user.pk}/change/", sent(user, is_staff="on"))
    user.refresh_from_db()
    assert user.is_staff is True


def test_an_operator_is_switched_off_and_not_deleted(client: Client) -> None:
    client.force_login(SuperuserFactory())
    operator = OperatorFactory()
    base = f"/admin/auth/user/{operator.user.pk}/"
    assert f'href="{base}delete/"' not in client.get(f"{base}change/").content.decode()
    assert client.post(f"{base}delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=operator.user.pk).exists()
    mistaken = UserFactory()
    base = f"/admin/auth/user/{mistaken.pk}/"
    assert f'href="{base}delete/"' in client.get(f"{base}change/").content.decode()
    assert client.post(f"{base}delete/", {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=mistaken.pk).exists()
