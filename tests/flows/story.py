"""The product as it runs, driven by HTTP only: real web, worker and beat processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

ROOT = Path(__file__).parents[2]
SECRETS = {
    "SECRET_KEY": "story-" + "0123456789abcdef" * 4,
    "FIELD_ENCRYPTION_KEYS": "c3Rvcnktc3Rvcnktc3Rvcnktc3Rvcnktc3Rvcnktc3Q=",
}


def until(condition: Callable[[], Any], *, seconds: float = 20.0, what: str = "") -> Any:
    """Ask again and again until the answer is true, and return it. Fails when time is over."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what or condition}")
        time.sleep(0.1)


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any


@dataclass
class Product:
    """A running installation and how to reach it."""

    url: str
    environment: dict[str, str]
    key: str = ""

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
        key: str | None = None,
    ) -> Answer:
        """One request; JSON in and out. A refusal is an answer, not an exception."""
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)  # noqa: S310
        request.add_header("Content-Type", "application/json")
        used = self.key if key is None else key
        if used:
            request.add_header("Authorization", f"Bearer {used}")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
                return Answer(response.status, _json(response.read()))
        except urllib.error.HTTPError as error:
            return Answer(error.code, _json(error.read()))

    def get(self, path: str, *, key: str | None = None) -> Any:
        answer = self.request("GET", path, key=key)
        assert answer.status == 200, answer
        return answer.body

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        answer = self.request("POST", path, body if body is not None else {}, key=key)
        assert answer.status in {200, 201}, (path, answer)
        return answer.body

    def command(self, *arguments: str) -> str:
        """Run a management command of this installation."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.environment,
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout

    def timers_make_due(self) -> int:
        """Move every deadline into the past, in the database, instead of waiting for it."""
        return self.sql("UPDATE queue_app_timer SET due_at = '2020-01-01 00:00:00+00'")

    def sql(self, statement: str) -> int:
        """Run a statement behind the product's back. Returns the number of rows."""
        url = self.environment.get("DATABASE_URL", "")
        if url:
            with psycopg.connect(url) as connection:
                return connection.execute(statement).rowcount
        import sqlite3

        path = Path(self.environment["OPENLINES_VAR"]) / "openlines.sqlite3"
        with contextlib.closing(sqlite3.connect(path, timeout=20)) as database:
            count = database.execute(statement.replace("+00'", "'")).rowcount
            database.commit()
            return count


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def story_database(url: str) -> str:
    """Make the story's own database anew, on the server of `url`. Returns its URL."""
    name = "openlines_story"
    server = urlunsplit(urlsplit(url)._replace(path="/postgres"))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@contextlib.contextmanager
def running(var: Path, **environment: str) -> Iterator[Product]:
    """`manage.py up` in a folder of its own; stopped by Ctrl-C at the end."""
    foreign = {"DATABASE_URL", "CELERY_BROKER_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"}
    own = {name: value for name, value in os.environ.items() if name not in foreign}
    own |= {"OPENLINES_VAR": str(var), "PRIVATE_TARGETS": "127.0.0.1:*", **SECRETS, **environment}
    port = free_port()
    log = var.parent / "up.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--port", str(port)],
            cwd=ROOT, env=own, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    product = Product(f"http://127.0.0.1:{port}", own)
    try:
        until(lambda: _answers(product, process), seconds=60, what=f"up did not start: {log}")
        yield product
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        print(log.read_text()[-4000:])  # noqa: T201  shown by pytest when the story fails


def _answers(product: Product, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "up ended"
    try:
        return product.request("GET", "/readyz", key="").status == 200
    except OSError:
        return False
