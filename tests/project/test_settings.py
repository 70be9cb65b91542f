"""What the environment makes of the settings, asked of fresh processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SECRETS = {
    "SECRET_KEY": "only-for-tests-" + "0123456789abcdef" * 4,
    "FIELD_ENCRYPTION_KEYS": "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLTEyMzQ=",
}
POSTGRESQL = SECRETS | {"DATABASE_URL": "postgres://someone@127.0.0.1:5432/nothing"}


def settings_ask(question: str, **variables: str) -> Any:
    """Evaluate `question` where `settings` are those of this environment and no other."""
    code = f"import json; from django.conf import settings; print(json.dumps({question}))"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "openlines_project.settings",
            **variables,
        },
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return json.loads(result.stdout)


def test_without_anything_it_is_embedded_and_makes_its_secrets(tmp_path: Path) -> None:
    question = (
        "[settings.DATABASES['default']['ENGINE'], settings.CELERY_BROKER_URL, settings.DEBUG]"
    )
    answer = settings_ask(question, OPENLINES_VAR=str(tmp_path / "var"))
    assert answer == ["django.db.backends.sqlite3", "filesystem://localhost/", False]
    secrets = tmp_path / "var" / "secrets.env"
    assert secrets.stat().st_mode & 0o777 == 0o600
    keys = settings_ask(
        "[settings.SECRET_KEY, settings.FIELD_ENCRYPTION_KEYS]", OPENLINES_VAR=str(tmp_path / "var")
    )
    assert secrets.read_text() == f"SECRET_KEY={keys[0]}\nFIELD_ENCRYPTION_KEYS={keys[1][0]}\n"


def test_an_external_database_needs_its_secrets_given(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failure:
        settings_ask(
            "settings.SECRET_KEY",
            OPENLINES_VAR=str(tmp_path),
            DATABASE_URL=POSTGRESQL["DATABASE_URL"],
        )
    assert "Set SECRET_KEY and FIELD_ENCRYPTION_KEYS" in failure.value.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_queue_of_rabbitmq_is_a_quorum_queue() -> None:
    # As the worker's command line names them.
    queues = "__import__('openlines_project').celery_app.amqp.queues"
    question = f"{{name: {queues}[name].queue_arguments for name in ('inbound', 'timers')}}"
    answer = settings_ask(question, **POSTGRESQL, CELERY_BROKER_URL="amqp://127.0.0.1//")
    assert answer == {name: {"x-queue-type": "quorum"} for name in ("inbound", "timers")}


def test_a_broker_that_hangs_holds_a_web_process_for_a_second_only() -> None:
    question = "settings.CELERY_BROKER_TRANSPORT_OPTIONS"
    broker = {"CELERY_BROKER_URL": "redis://127.0.0.1:6379/0"}
    web = settings_ask(question, **POSTGRESQL, **broker)
    worker = settings_ask(question, **POSTGRESQL, **broker, OPENLINES_ROLE="worker")
    assert (web["socket_timeout"], web["socket_connect_timeout"]) == (1, 1)
    assert worker["socket_timeout"] == 5


@pytest.mark.parametrize(("role", "milliseconds"), [("web", 1500), ("worker", 5000)])
def test_a_web_process_waits_for_locks_shorter_than_platforms_do(
    role: str, milliseconds: int
) -> None:
    question = "settings.DATABASES['default']['OPTIONS']['options']"
    options = settings_ask(question, **POSTGRESQL, OPENLINES_ROLE=role)
    assert f"-c lock_timeout={milliseconds} " in options
    assert options.endswith("-c synchronous_commit=on")


def test_a_public_https_address_switches_the_protections_on() -> None:
    question = (
        "[settings.ALLOWED_HOSTS[-1], settings.CSRF_TRUSTED_ORIGINS, settings.SECURE_SSL_REDIRECT,"
        " settings.SESSION_COOKIE_SECURE, settings.SECURE_HSTS_SECONDS,"
        " settings.SECURE_PROXY_SSL_HEADER]"
    )
    public = {"PUBLIC_URL": "https://desk.example.com/"}
    assert settings_ask(question, **POSTGRESQL, **public, TRUSTED_PROXIES="127.0.0.1") == [
        "desk.example.com", ["https://desk.example.com"], True, True, 31_536_000,
        ["HTTP_X_FORWARDED_PROTO", "https"],
    ]  # fmt: skip
    # Without a proxy of ours nobody may say that he came by HTTPS.
    assert settings_ask("settings.SECURE_PROXY_SSL_HEADER", **POSTGRESQL, **public) is None
