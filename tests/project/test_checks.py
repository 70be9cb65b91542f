"""The project's own system checks: each fires on its fault and is silent without it."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings

from openlines_project import checks
from openlines_project.lib.worker import SECONDS_VARIABLE

GOOD_KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()


def ids(found: list[Any]) -> list[str]:
    return [message.id for message in found]


def test_the_settings_of_the_tests_pass_every_check() -> None:
    call_command("check", fail_level="WARNING")


@pytest.mark.parametrize("key", ["short-but-varied-0123456789", "ab" * 40])
def test_a_guessable_secret_key_is_an_error(settings: Settings, key: str) -> None:
    settings.SECRET_KEY = key
    settings.FIELD_ENCRYPTION_KEYS = [GOOD_KEY]
    assert ids(checks.secrets_check()) == ["openlines.E001"]


def test_a_field_key_that_cannot_encrypt_is_an_error_and_is_not_shown(
    settings: Settings,
) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [GOOD_KEY, "not-a-key"]
    (message,) = checks.secrets_check()
    assert message.id == "openlines.E002"
    assert message.msg == "Key 2 of FIELD_ENCRYPTION_KEYS is not 32 bytes in URL-safe base64."


def test_good_secrets_are_silent(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [GOOD_KEY]
    assert checks.secrets_check() == []


@pytest.mark.parametrize(
    ("debug", "public_url", "expected"),
    [
        (True, "https://desk.example.com", ["openlines.E003"]),
        (True, "", []),
        (False, "https://desk.example.com", []),
    ],
)
def test_debug_is_an_error_on_a_public_installation(
    settings: Settings, debug: bool, public_url: str, expected: list[str]
) -> None:
    settings.DEBUG = debug
    settings.PUBLIC_URL = public_url
    assert ids(checks.debug_check()) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("-c synchronous_commit=off", ["openlines.E004"]),
        ("-c synchronous_commit = off", ["openlines.E004"]),
        ("-c synchronous_commit=on", []),
        ("", []),
    ],
)
def test_options_that_give_up_durability_are_an_error(
    monkeypatch: pytest.MonkeyPatch, options: str, expected: list[str]
) -> None:
    database = {"ENGINE": "x", "OPTIONS": {"options": options}}
    monkeypatch.setattr(checks, "settings", SimpleNamespace(DATABASES={"default": database}))
    assert ids(checks.options_check()) == expected


@pytest.mark.postgresql
@pytest.mark.django_db
def test_a_database_that_does_not_wait_for_the_disk_is_an_error() -> None:
    assert checks.durability_check(databases=["default"]) == []
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
    assert ids(checks.durability_check(databases=["default"])) == ["openlines.E004"]


def test_without_a_database_named_none_is_asked() -> None:
    assert checks.durability_check(databases=None) == []


@pytest.mark.parametrize(
    ("workers", "engine", "expected"),
    [
        ("4", "django.db.backends.sqlite3", ["openlines.E005"]),
        ("1", "django.db.backends.sqlite3", []),
        ("", "django.db.backends.sqlite3", []),
        ("4", "django.db.backends.postgresql", []),
        ("many", "django.db.backends.postgresql", ["openlines.E006"]),
    ],
)
def test_several_workers_on_sqlite_are_an_error(
    monkeypatch: pytest.MonkeyPatch,
    workers: str,
    engine: str,
    expected: list[str],
) -> None:
    database = {"ENGINE": engine}
    monkeypatch.setattr(checks, "settings", SimpleNamespace(DATABASES={"default": database}))
    monkeypatch.setenv(checks.WORKERS_VARIABLE, workers)
    assert ids(checks.workers_check()) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [("0", ["openlines.W001"]), ("5", []), ("", []), ("often", ["openlines.E006"])],
)
def test_a_worker_that_never_sweeps_is_worth_a_warning(
    monkeypatch: pytest.MonkeyPatch, seconds: str, expected: list[str]
) -> None:
    monkeypatch.setenv(SECONDS_VARIABLE, seconds)
    assert ids(checks.sweeper_check()) == expected


def test_private_targets_are_named_when_deploying(settings: Settings) -> None:
    settings.PRIVATE_TARGETS = []
    assert checks.private_targets_check() == []
    settings.PRIVATE_TARGETS = ["127.0.0.1:*"]
    (message,) = checks.private_targets_check()
    assert message.id == "openlines.W002"
    assert message.msg.endswith(": 127.0.0.1:*")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://desk.example.com", []),
        ("http://desk", ["openlines.W003"]),
        ("", ["openlines.W003"]),
    ],
)
def test_a_public_address_without_https_is_worth_a_warning(
    settings: Settings, address: str, expected: list[str]
) -> None:
    settings.PUBLIC_URL = address
    assert ids(checks.public_url_check()) == expected


def test_every_variable_that_is_read_is_in_the_example() -> None:
    root = Path(__file__).parents[2]
    source = (root / "openlines_project" / "settings.py").read_text()
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source))
    assert len(read) > 20
    read |= {checks.WORKERS_VARIABLE, SECONDS_VARIABLE}
    example = (root / ".env.example").read_text()
    assert {name for name in read if not re.search(rf"^# {name}=", example, re.M)} == set()
