"""The bench's own database, and pgbench as its yardstick."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

DEFAULT_URL = "postgres://postgres@127.0.0.1:5432/openlines_bench"

_TABLES = """
DROP TABLE IF EXISTS bench_message;
DROP TABLE IF EXISTS bench_conversation;
CREATE TABLE bench_conversation (id bigint PRIMARY KEY, last_seq int, changed_at timestamptz);
CREATE TABLE bench_message (
    id bigserial PRIMARY KEY, conversation_id bigint NOT NULL REFERENCES bench_conversation,
    body text NOT NULL, created_at timestamptz NOT NULL);
INSERT INTO bench_conversation SELECT n, 0, now() FROM generate_series(1, 10000) n;
"""
_SCRIPT = """\\set cid random(1, 10000)
BEGIN;
INSERT INTO bench_message (conversation_id, body, created_at)
VALUES (:cid, 'Good morning, is the shop open today?', now());
UPDATE bench_conversation SET last_seq = last_seq + 1, changed_at = now() WHERE id = :cid;
COMMIT;
"""


def url() -> str:
    return os.environ.get("BENCH_DATABASE_URL", DEFAULT_URL)


def server_url() -> str:
    """The same server's `postgres` database, from which ours is made."""
    return urlunsplit(urlsplit(url())._replace(path="/postgres"))


def prepare() -> None:
    """Make the database anew and point Django at it. The only thing it ever drops is its own."""
    name = urlsplit(url()).path.lstrip("/")
    if not name.startswith("openlines_bench"):
        raise SystemExit("BENCH_DATABASE_URL must name a database called openlines_bench...")
    with psycopg.connect(server_url(), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    with psycopg.connect(url()) as connection:
        connection.execute(_TABLES)
    os.environ["DATABASE_URL"] = url()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openlines_project.settings")
    os.environ.setdefault("SECRET_KEY", "bench-" + "0123456789abcdef" * 4)
    os.environ.setdefault("FIELD_ENCRYPTION_KEYS", "YmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmU=")
    os.environ.setdefault("CELERY_BROKER_URL", "memory://")
    os.environ.setdefault("OPENLINES_VAR", str(Path(tempfile.gettempdir()) / "openlines-bench"))
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def pgbench_path() -> str:
    found = shutil.which("pgbench") or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))), ""
    )
    if not found:
        raise SystemExit("pgbench is not installed (Debian: postgresql-contrib).")
    return found


def pgbench(clients: int, seconds: float):  # type: ignore[no-untyped-def]
    """Transactions per second of the yardstick."""
    from tests.benchmarks.load import Measure

    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(_SCRIPT)
        script.flush()
        done = subprocess.run(
            [
                pgbench_path(), "-n", "-c", str(clients), "-j", "2", "-T", str(round(seconds)),
                "-f", script.name, url(),
            ],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if found is None:
        raise SystemExit(f"pgbench said nothing of tps:\n{done.stdout}")
    count = re.search(r"actually processed: (\d+)", done.stdout)
    return Measure(
        requests=int(count.group(1)) if count else 0,
        seconds=seconds,
        per_second=float(found.group(1)),
    )
