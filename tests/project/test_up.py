"""`manage.py up` as a person would use it: real processes in a folder of their own."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]
# What a developer or the test run has set must not reach the processes.
FOREIGN = (
    "DATABASE_URL",
    "CELERY_BROKER_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "FIELD_ENCRYPTION_KEYS",
    "PUBLIC_URL",
    "ALLOWED_HOSTS",
    "DJANGO_SETTINGS_MODULE",
    "DEBUG",
    "LOG_LEVEL",
)
START_SECONDS = 60.0
NAMES = {"web", "worker", "beat"}

pytestmark = pytest.mark.processes


def until(condition: Callable[[], object], *, seconds: float) -> object:
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.1)
    return value


def environment(var: Path) -> dict[str, str]:
    own = {key: value for key, value in os.environ.items() if key not in FOREIGN}
    return own | {"OPENLINES_VAR": str(var)}


def refused(var: Path, *arguments: str) -> str:
    """Run `up`, which must end with an error, and return what it said."""
    result = subprocess.run(
        [sys.executable, "manage.py", "up", *arguments],
        cwd=ROOT,
        env=environment(var),
        check=False,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    return result.stderr


class Up:
    """A running `up`: its output, its address and its children."""

    def __init__(self, var: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--port", "0"],
            cwd=ROOT,
            env=environment(var),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert until(lambda: "running at" in self.output, seconds=START_SECONDS), self.output
        match = re.search(r"running at (http://\S+)", self.output)
        assert match
        self.address = urlsplit(match[1])

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def status(self, path: str) -> int:
        connection = http.client.HTTPConnection(self.address.netloc, timeout=30)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def children(self) -> dict[str, int]:
        """The process ids of web, worker and beat, as the system lists them."""
        listing = subprocess.run(
            ["ps", "-e", "-ww", "-o", "pid=,ppid=,args="],
            check=True,
            capture_output=True,
            text=True,
        )
        found = {}
        for line in listing.stdout.splitlines():
            process_id, parent_id, command = line.split(None, 2)
            if int(parent_id) == self.process.pid and "openlines_project.lib.child" in command:
                names = [name for name in NAMES if f" {name} " in f"{command} "]
                found[names[0]] = int(process_id)
        return found

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


def alive(process_ids: set[int]) -> set[int]:
    """Those of the processes that still run; a zombie does not."""
    listing = subprocess.run(
        ["ps", "-e", "-o", "pid=,stat="], check=True, capture_output=True, text=True
    )
    running = {
        int(line.split()[0])
        for line in listing.stdout.splitlines()
        if not line.split()[1].startswith("Z")
    }
    return process_ids & running


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up") / "var"


@pytest.fixture
def up(var: Path) -> Iterator[Up]:
    running = Up(var)
    yield running
    running.end()


def test_one_command_serves_mends_and_stops(up: Up, var: Path) -> None:
    # It prepared everything and tells the administrator how to sign in.
    assert re.search(r"name admin   password \S{12,}", up.output)
    with sqlite3.connect(var / "openlines.sqlite3") as database:
        query = "SELECT username, is_superuser FROM auth_user"
        assert database.execute(query).fetchall() == [("admin", 1)]
    assert (var / "secrets.env").stat().st_mode & 0o777 == 0o600
    assert [up.status(path) for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]
    first = up.children()
    assert set(first) == NAMES

    # A second one on the same folder would share its database and broker.
    assert f"already running on {var} (process {up.process.pid})" in refused(var, "--port", "0")

    # Whatever dies comes back; who visits meanwhile waits instead of meeting a closed door.
    for process_id in first.values():
        os.kill(process_id, signal.SIGKILL)
    assert up.status("/healthz") == 200
    assert until(lambda: set(up.children()) == NAMES, seconds=START_SECONDS)
    second = up.children()
    assert not set(first.values()) & set(second.values())
    assert up.output.count("ended (SIGKILL); starts again in 0.5 s") == 3

    # Ctrl-C in the terminal.
    started = time.monotonic()
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(15) == 0
    assert time.monotonic() - started < 10
    assert alive(set(second.values())) == set()
    assert until(lambda: up.output.rstrip().endswith("Stopped."), seconds=5)


def test_nothing_is_left_when_it_is_killed_and_the_password_is_not_shown_again(up: Up) -> None:
    assert "password" not in up.output
    children = set(up.children().values())
    assert len(children) == 3
    up.process.kill()
    up.process.wait(10)
    assert until(lambda: not alive(children), seconds=10), alive(children)


def test_a_busy_port_is_refused_in_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        said = refused(tmp_path, "--port", str(port))
    assert f"Cannot listen on 127.0.0.1, port {port}" in said
    assert "--port" in said
    assert not (tmp_path / "openlines.sqlite3").exists()


def test_other_machines_are_let_in_only_by_name(tmp_path: Path) -> None:
    said = refused(tmp_path, "--host", "192.0.2.1", "--port", "0")
    assert "Set ALLOWED_HOSTS" in said
    assert not (tmp_path / "openlines.sqlite3").exists()
