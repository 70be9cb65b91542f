from __future__ import annotations

import datetime as dt
import hashlib
import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from channels_app.models import ApiKey
from channels_app.services.api_keys import (
    api_key_create,
    api_key_find,
    api_key_revoke,
    api_key_used,
)
from channels_app.services.errors import InvalidError
from tests.factories import OpenChannelFactory, UserFactory

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)


def test_a_key_has_256_random_bits_and_only_its_digest_is_stored() -> None:
    key, token = api_key_create(user=UserFactory(), name="crm")
    assert token.startswith("olk_")
    assert len(token) == 4 + 43
    stored = ApiKey.objects.values().get()
    assert stored["digest"] == hashlib.sha256(token.encode()).hexdigest()
    assert stored["prefix"] == token[:10]
    assert not any(token in str(value) for value in stored.values())
    assert key.scope == "write"


def test_a_key_is_found_by_its_token_with_its_user() -> None:
    user = UserFactory()
    key, token = api_key_create(user=user, name="crm")
    found = api_key_find(token=token)
    assert found == key
    assert found is not None
    assert found.user == user


@pytest.mark.parametrize("token", ["", "olk_", "olk_x", "x", "olk_" + "a" * 10_000, "olk_\udc80"])
def test_a_wrong_token_finds_nothing(token: Any) -> None:
    api_key_create(user=UserFactory(), name="crm")
    assert api_key_find(token=token) is None


def test_a_revoked_key_is_useless_and_keeps_its_time() -> None:
    key, token = api_key_create(user=UserFactory(), name="crm")
    api_key_revoke(api_key=key, now=NOW)
    assert api_key_find(token=token) is None
    api_key_revoke(api_key=key, now=NOW + dt.timedelta(days=1))
    assert key.revoked_at == NOW


def test_a_key_of_an_inactive_user_is_useless() -> None:
    user = UserFactory()
    _key, token = api_key_create(user=user, name="crm")
    user.is_active = False
    user.save()
    assert api_key_find(token=token) is None


def test_the_last_use_is_written_once_a_minute_at_most() -> None:
    key, _token = api_key_create(user=UserFactory(), name="crm")
    same = ApiKey.objects.get()
    assert api_key_used(api_key=key, now=NOW)
    assert not api_key_used(api_key=same, now=NOW + dt.timedelta(seconds=30))
    key.refresh_from_db()
    assert key.last_used_at == NOW
    assert not api_key_used(api_key=key, now=NOW + dt.timedelta(seconds=59))
    assert api_key_used(api_key=key, now=NOW + dt.timedelta(seconds=61))


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"scope": "root"}, "scope"),
        ({"scope": "admin"}, "scope"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(values: Any, field: Any) -> None:
    with pytest.raises(InvalidError) as refusal:
        api_key_create(**{"user": UserFactory(), "name": "crm", **values})
    assert set(refusal.value.fields) == {field}
    assert not ApiKey.objects.exists()


def test_a_key_for_an_inactive_user_is_refused() -> None:
    with pytest.raises(InvalidError) as refusal:
        api_key_create(user=UserFactory(is_active=False), name="crm")
    assert set(refusal.value.fields) == {"user"}
    assert not ApiKey.objects.exists()


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("create_api_key", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_the_command_prints_the_key_alone() -> None:
    user = UserFactory(username="maria", is_staff=True)
    line = OpenChannelFactory()
    printed = run(
        "--user", "maria", "--name", "crm", "--scope", "admin", "--open-channel", str(line.pk)
    )
    key = api_key_find(token=printed.strip())
    assert key is not None
    assert (key.user, key.name, key.scope, key.open_channel) == (user, "crm", "admin", line)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--user", "nobody", "--name", "crm"),
        ("--user", "maria", "--name", "crm", "--open-channel", "999999"),
        ("--user", "maria", "--name", "crm", "--scope", "admin"),
        ("--user", "maria", "--name", "crm", "--scope", "root"),
        ("--user", "maria"),
    ],
)
def test_the_command_says_what_is_wrong_and_makes_nothing(arguments: Any) -> None:
    UserFactory(username="maria")
    with pytest.raises(CommandError):
        run(*arguments)
    assert not ApiKey.objects.exists()
