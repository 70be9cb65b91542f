"""A small installation of a test's own: a PostgreSQL cluster, a web server, a sender.

Everything is started by the test, on free ports, and ended by its process ids.
"""

from __future__ import annotations

import http.client
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.factories import CUSTOM_SECRET
from tests.flows.wire import custom_message, custom_signature

ROOT = Path(__file__).parents[2]
FOREIGN = (
    "DATABASE_URL", "CELERY_BROKER_URL", "REDIS_URL", "SECRET_KEY", "FIELD_ENCRYPTION_KEYS",
    "PUBLIC_URL", "ALLOWED_HOSTS", "DJANGO_SETTINGS_MODULE", "DEBUG", "LOG_LEVEL",
    "OPENLINES_VAR", "OPENLINES_ROLE",
)  # fmt: skip
MAKE_A_CONNECTOR = """
import django
django.setup()
from tests.factories import ConnectorFactory, OpenChannelFactory, OperatorFactory
line = OpenChannelFactory(operators=[OperatorFactory(), OperatorFactory()])
print(ConnectorFactory(open_channel=line).public_id)
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def postgresql_programs() -> str:
    """The folder of initdb and pg_ctl, empty where there is none."""
    found = shutil.which("initdb")
    folders = [str(Path(found).parent)] if found else []
    folders += sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    return folders[0] if folders else ""


class Cluster:
    """A PostgreSQL server that may be stopped, killed and started again."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.programs = postgresql_programs()
        # The server refuses to run as root.
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            account = pwd.getpwnam(self.user)
            os.chown(folder, account.pw_uid, account.pw_gid)
        self.run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8")

    @property
    def dsn(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [f"{self.programs}/{program}", "-D", self.folder, *arguments],
            user=self.user,
            group=self.user,
            extra_groups=[] if self.user else None,
            cwd=self.folder,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
        )

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder}"
        end = time.monotonic() + 30
        while True:  # right after a kill the first start may find children still there
            try:
                return self.run("pg_ctl", "-w", "-o", options, "-l", f"{self.folder}/log", "start")
            except subprocess.CalledProcessError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.3)

    def stop(self) -> None:
        """As a crash: no connection is ended in order."""
        self.run("pg_ctl", "-w", "-m", "immediate", "stop")

    def count(self, table: str, where: str = "true") -> int:
        with psycopg.connect(self.dsn) as connection:
            row = connection.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()  # noqa: S608
            assert row
            count: int = row[0]
            return count


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A running server of our own, gone afterwards."""
    folder = tempfile.mkdtemp(prefix="openlines-fault-", dir="/tmp")
    server = Cluster(folder)
    server.start()
    try:
        yield server
    finally:
        with suppress(subprocess.CalledProcessError):  # the test may have stopped it
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Web:
    """gunicorn with two workers, as in production."""

    def __init__(self, var: Path, database_url: str) -> None:
        own = {key: value for key, value in os.environ.items() if key not in FOREIGN}
        self.environment = own | {
            "OPENLINES_VAR": str(var),
            "DATABASE_URL": database_url,
            "DJANGO_SETTINGS_MODULE": "openlines_project.settings",
            "CELERY_BROKER_URL": "memory://",
            "LOG_LEVEL": "CRITICAL",
            "ALLOWED_HOSTS": "127.0.0.1",
            "SECRET_KEY": "only-for-fault-tests-" + "0123456789abcdef" * 4,
            "FIELD_ENCRYPTION_KEYS": "b25seS1mb3ItdGhlLWZhdWx0LXRlc3RzLTAxMjM0NTY=",
        }
        self.port = free_port()
        self.log = var / "web.log"
        self.call("manage.py", "migrate", "--verbosity", "0")
        self.public_id = self.call("-c", MAKE_A_CONNECTOR).strip().splitlines()[-1]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "gunicorn", "openlines_project.wsgi", "--workers", "2",
                    "--bind", f"127.0.0.1:{self.port}", "--timeout", "30",
                    "--no-control-socket",
                ],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        end = time.monotonic() + 30
        while self.status("/healthz") != 200:
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.2)

    def call(self, *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT, env=self.environment, check=True, capture_output=True, text=True,
            timeout=120,
        ).stdout  # fmt: skip

    def status(self, path: str) -> int:
        try:
            return self.request("GET", path, b"", {})[0]
        except OSError:
            return 0

    def request(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, str, bytes]:
        """`(status, Retry-After, body)`. Raises `OSError` when there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Retry-After", ""), answer.read()
        except http.client.HTTPException as error:
            raise OSError("no whole answer") from error
        finally:
            connection.close()

    def deliver(self, *bodies: dict[str, Any]) -> tuple[int, str, bytes]:
        raw = json.dumps(list(bodies)).encode()
        headers = {
            "Content-Type": "application/json",
            "X-OpenLines-Signature": custom_signature(raw, secret=CUSTOM_SECRET),
        }
        return self.request("POST", f"/webhooks/{self.public_id}/", raw, headers)

    def workers(self) -> list[int]:
        listing = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        return [int(line) for line in listing.stdout.split()]

    def kill_a_worker(self) -> None:
        for process_id in self.workers()[:1]:
            os.kill(process_id, signal.SIGKILL)

    def end(self) -> None:
        workers = self.workers()
        self.process.kill()
        self.process.wait(10)
        for process_id in workers:
            with suppress(ProcessLookupError):  # it may have gone with its parent
                os.kill(process_id, signal.SIGKILL)


@contextmanager
def web(var: Path, database_url: str) -> Iterator[Web]:
    server = Web(var, database_url)
    try:
        yield server
    finally:
        server.end()


class Sender(threading.Thread):
    """A platform that delivers each event again until it reads 2xx, as platforms do."""

    def __init__(self, server: Web, name: str, *, events: int) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.prefix = name
        self.events = events
        self.acknowledged: list[str] = []
        self.answers: Counter[int] = Counter()

    def run(self) -> None:
        for number in range(self.events):
            message_id = f"{self.prefix}-{number}"
            body = custom_message(message_id, message_id, user=f"{self.prefix}-{number % 5}")
            while True:
                try:
                    status, _retry_after, _body = self.server.deliver(body)
                except OSError:
                    status = 0  # nobody knows: again
                self.answers[status] += 1
                if status == 200:
                    self.acknowledged.append(message_id)
                    break
                time.sleep(0.05)
