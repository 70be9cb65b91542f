"""gunicorn under load: signed requests from eight processes, processor time read from /proc."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import multiprocessing
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.benchmarks.data import Bench

TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measure:
    """What one measurement gave. Times in milliseconds; `web_ms`, `db_ms` processor per request."""

    requests: int
    seconds: float
    per_second: float
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    web_ms: float = 0.0
    db_ms: float = 0.0

    @property
    def cpu_ms(self) -> float:
        return self.web_ms + self.db_ms

    def __str__(self) -> str:
        text = f"{self.per_second:7.0f}/s"
        if self.p50_ms:
            text += (
                f"  p50 {self.p50_ms:.1f} ms  p95 {self.p95_ms:.1f} ms"
                f"  cpu {self.web_ms:.2f} + {self.db_ms:.2f} ms"
            )
        return text


@dataclass(frozen=True)
class Server:
    port: int
    pid: int


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def served(*, workers: int) -> Iterator[Server]:
    """The product behind gunicorn sync workers, as in production."""
    port = _free_port()
    process = subprocess.Popen(
        [
            sys.executable, "-m", "gunicorn", "openlines_project.wsgi", "--bind",
            f"127.0.0.1:{port}", "--workers", str(workers), "--log-level", "error",
        ]
    )  # fmt: skip
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield Server(port, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _request(connector_public_id: str, body: bytes, secret: bytes) -> bytes:
    stamp = str(int(time.time())).encode()
    digest = hmac.new(secret, stamp + b"." + body, hashlib.sha256).hexdigest().encode()
    head = (
        f"POST /webhooks/{connector_public_id}/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\nX-OpenLines-Signature: t="
    ).encode()
    return head + stamp + b",v1=" + digest + b"\r\n\r\n" + body


def _post(port: int, request: bytes) -> int:
    """One request on a connection of its own: sync workers close it anyway."""
    with socket.create_connection(("127.0.0.1", port), 30) as link:
        link.sendall(request)
        answer = b""
        while chunk := link.recv(65536):
            answer += chunk
    return int(answer[9:12])


def _client(
    port: int, targets: list[tuple[str, list[str]]], secret: bytes, seconds: float, out: object
) -> None:
    """Post until the time is over; `targets` are connectors with their chats (none = new ones)."""
    latencies: list[float] = []
    bad = 0
    mark = uuid.uuid4().hex[:12]
    chance = random.Random(mark)
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end:
        number += 1
        public_id, chats = chance.choice(targets)
        chat = chance.choice(chats) if chats else f"new-{mark}-{number}"
        body = json.dumps(
            {
                "event": "message",
                "external_user": {"id": chat, "name": f"Customer {chat}"},
                "message": {
                    "id": f"{mark}-{number}",
                    "text": "Good morning, is the shop open today?",
                },
            }
        ).encode()
        started = time.perf_counter()
        status = _post(port, _request(public_id, body, secret))
        latencies.append((time.perf_counter() - started) * 1000)
        bad += status != 200
    out.send((latencies, bad))  # type: ignore[attr-defined]


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()]


def _cpu_seconds(pids: list[int]) -> float:
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICK


def _backends(database: str) -> list[int]:
    """PostgreSQL's processes that serve our database, and those that serve all."""
    import psycopg

    from tests.benchmarks.database import server_url

    with psycopg.connect(server_url()) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = %s OR backend_type IN"
            " ('walwriter', 'checkpointer', 'background writer')",
            [database],
        ).fetchall()
    return [row[0] for row in rows]


def run(server: Server, bench: Bench, name: str, *, clients: int, seconds: float) -> Measure:
    """Put load on the server and measure it. Every answer must be 200."""
    from tests.benchmarks.data import SECRET
    from tests.benchmarks.database import url

    connectors = {"T1": bench.active, "T2-1": bench.one, "T2-8": bench.eight}[name]
    targets = [
        (connector.public_id, bench.chats.get(connector.pk, []) if name == "T1" else [])
        for connector in connectors
    ]
    database = url().rsplit("/", 1)[1]
    web, backends = _children(server.pid), _backends(database)
    before = (_cpu_seconds(web), _cpu_seconds(backends))
    context = multiprocessing.get_context("fork")
    pipes, processes = [], []
    started = time.monotonic()
    for _ in range(clients):
        here, there = context.Pipe(duplex=False)
        process = context.Process(
            target=_client, args=(server.port, targets, SECRET.encode(), seconds, there)
        )
        process.start()
        pipes.append(here)
        processes.append(process)
    latencies: list[float] = []
    bad = 0
    for pipe, process in zip(pipes, processes, strict=True):
        part, part_bad = pipe.recv()
        process.join()
        latencies += part
        bad += part_bad
    elapsed = time.monotonic() - started
    # Backends that began meanwhile (the first round) started from nothing.
    after = (_cpu_seconds(web), _cpu_seconds(sorted({*backends, *_backends(database)})))
    if bad:
        raise SystemExit(f"{name}: {bad} answers were not 200")
    count = len(latencies)
    return Measure(
        requests=count,
        seconds=elapsed,
        per_second=count / elapsed,
        p50_ms=statistics.median(latencies),
        p95_ms=statistics.quantiles(latencies, n=20)[-1],
        web_ms=1000 * (after[0] - before[0]) / count,
        db_ms=1000 * (after[1] - before[1]) / count,
    )
