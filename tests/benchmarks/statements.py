"""How many statements a message costs, counted on the real path."""

from __future__ import annotations

import json
import time
import uuid

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from channels_app.models import Connector
from tests.benchmarks.data import SECRET, Bench
from tests.benchmarks.load import _request


def _post(client: Client, connector: Connector, chat: str) -> list[str]:
    body = json.dumps(
        {
            "event": "message",
            "external_user": {"id": chat, "name": "Counted"},
            "message": {"id": uuid.uuid4().hex, "text": "How many?"},
        }
    ).encode()
    head = _request(connector.public_id, body, SECRET.encode()).decode().split("\r\n\r\n")[0]
    signature = head.rpartition("X-OpenLines-Signature: ")[2]
    with CaptureQueriesContext(connection) as queries:
        answer = client.post(
            f"/webhooks/{connector.public_id}/",
            body,
            content_type="application/json",
            headers={"X-OpenLines-Signature": signature, "host": "127.0.0.1"},
        )
    if answer.status_code != 200:
        raise SystemExit(f"counting: {answer.status_code}")
    return [" ".join(query["sql"].split()[:3]) for query in queries]


def count(bench: Bench) -> dict[str, list[str]]:
    """The statements of each path, once caches are warm."""
    client = Client()
    found = {}
    for name, connector, chat in (
        ("T1", bench.active[0], bench.chats[bench.active[0].pk][0]),
        ("T2", bench.eight[0], ""),
    ):
        _post(client, connector, chat or f"warm-{time.time_ns()}")
        found[name] = _post(client, connector, chat or f"count-{time.time_ns()}")
    return found
