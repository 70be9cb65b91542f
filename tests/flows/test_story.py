"""The whole story by HTTP, with real processes, on each database and broker.

A line is made by script, a bot is connected, every sample of Telegram is delivered twice, an
operator accepts and answers, the answer arrives at the platform, and an offer nobody accepts
moves on.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.flows.story import Product, running, story_database, until
from tests.flows.wire import telegram_text
from tests.standins.bot_api import BotApiStandIn, bot_api

pytestmark = pytest.mark.processes

SAMPLES = Path(__file__).parents[3] / "shared" / "payloads"
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9")
RABBITMQ = os.environ.get("TEST_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672//")
RABBITMQ_VHOST = "openlines_story"


def _listens(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((parts.hostname or "127.0.0.1", parts.port or 5672)) == 0


def _rabbitmq_url() -> str:
    """A virtual host of the story's own, so that nobody else's messages are there."""
    control = shutil.which("rabbitmqctl")
    if control is None:
        return RABBITMQ
    for arguments in (
        ["delete_vhost", RABBITMQ_VHOST],
        ["add_vhost", RABBITMQ_VHOST],
        ["set_permissions", "-p", RABBITMQ_VHOST, "guest", ".*", ".*", ".*"],
    ):
        subprocess.run([control, *arguments], check=False, capture_output=True)
    return urlunsplit(urlsplit(RABBITMQ)._replace(path=f"/{RABBITMQ_VHOST}"))


@pytest.fixture(params=["sqlite", "postgresql+redis", "postgresql+rabbitmq"])
def product(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Product]:
    environment: dict[str, str] = {}
    server = os.environ.get("DATABASE_URL", "")
    if bool(server) != (request.param != "sqlite"):
        pytest.skip("belongs to the run " + ("without" if server else "with") + " DATABASE_URL")
    if server:
        broker = REDIS if request.param.endswith("redis") else RABBITMQ
        if not _listens(broker):
            pytest.skip(f"no broker at {urlsplit(broker).hostname}")
        database = story_database(server)
        broker = broker if broker == REDIS else _rabbitmq_url()
        environment = {"DATABASE_URL": database, "CELERY_BROKER_URL": broker}
    with running(tmp_path / "var", **environment) as started:
        yield started


@pytest.fixture
def telegram() -> Iterator[BotApiStandIn]:
    with bot_api() as standin:
        yield standin


def operator_make(product: Product, name: str) -> tuple[int, int, str]:
    """An operator with an API key of his own: `(user id, operator id, key)`."""
    user_id = int(
        product.command(
            "shell", "-v0", "-c",
            "from django.contrib.auth.models import User;"
            f"print(User.objects.create_user({name!r}, first_name={name.title()!r}).pk)",
        ).strip().splitlines()[-1]
    )  # fmt: skip
    operator = product.post("/api/v1/operators/", {"user": user_id})
    key = _key(product, name)
    return user_id, operator["id"], key


def _key(product: Product, name: str, scope: str = "write") -> str:
    out = product.command("create_api_key", "--user", name, "--name", "story", "--scope", scope)
    return next(word for word in out.split() if word.startswith("olk_"))


def test_a_message_reaches_an_operator_and_the_answer_goes_back(
    product: Product, telegram: BotApiStandIn
) -> None:
    product.key = _key(product, "admin", "admin")
    line = product.post("/api/v1/open-channels/", {"name": "Secret inner name"})
    ana_user, _ana, ana_key = operator_make(product, "ana")
    bruno_user, _bruno, bruno_key = operator_make(product, "bruno")
    for user in (ana_user, bruno_user):
        product.post("/api/v1/queue-members/", {"open_channel": line["id"], "user": user})
    connector = product.post(
        "/api/v1/connectors/",
        {
            "open_channel": line["id"],
            "kind": "telegram",
            "name": "Bot",
            "config": {"token": telegram.token, "api_base_url": telegram.url},
        },
    )
    assert telegram.token not in json.dumps(connector)
    connected = product.post(f"/api/v1/connectors/{connector['id']}/connect/")
    assert connected["status"] == "connected"
    secret = telegram.called("setWebhook")[-1]["secret_token"]
    path = f"/webhooks/{connector['public_id']}/"

    def deliver(raw: bytes) -> Any:
        answer = product.request(
            "POST", path, raw=raw, headers={"X-Telegram-Bot-Api-Secret-Token": secret}, key=""
        )
        assert answer.status == 200, answer
        return answer.body

    # Every sample, twice, with one effect.
    expected = _samples_deliver(deliver)
    for chat, texts in expected.items():
        found = product.get(
            f"/api/v1/conversations/?connector={connector['id']}&external_chat_id={chat}"
        )["results"]
        messages = [
            message
            for conversation in found
            for message in product.get(f"/api/v1/conversations/{conversation['id']}/messages/")[
                "results"
            ]
            if message["direction"] == "in"
        ]
        assert sorted(message["external_id"] or "" for message in messages) == sorted(texts)

    # A new customer: offered to the first, whose time passes, so to the second.
    deliver(json.dumps(telegram_text(990001, "Is it open on Sunday?", user=77)).encode())
    deliver(json.dumps(telegram_text(990001, "Is it open on Sunday?", user=77)).encode())
    (conversation,) = product.get(
        f"/api/v1/conversations/?connector={connector['id']}&external_chat_id=77"
    )["results"]
    sessions = f"/api/v1/sessions/?conversation={conversation['id']}"
    (session,) = product.get(sessions)["results"]
    assert session["state"] == "offered"
    first = session["operator"]
    assert product.timers_make_due() >= 1
    until(
        lambda: product.get(sessions)["results"][0]["operator"] not in {first, None},
        what="the offer moves to the next operator",
    )
    (session,) = product.get(sessions)["results"]
    kinds = [
        event["kind"]
        for event in product.get(f"/api/v1/sessions/{session['id']}/events/")["results"]
    ]
    assert sorted(kinds) == ["expired", "offered", "offered", "started"]

    # He accepts and answers; the other is told who was faster.
    holder = {_ana: ana_key, _bruno: bruno_key}[session["operator"]]
    other = bruno_key if holder == ana_key else ana_key
    product.post(f"/api/v1/sessions/{session['id']}/accept/", key=holder)
    late = product.request("POST", f"/api/v1/sessions/{session['id']}/accept/", {}, key=other)
    assert (late.status, late.body["code"]) == (409, "taken")
    before = len(telegram.sent)
    product.post(f"/api/v1/sessions/{session['id']}/reply/", {"text": "From ten on."}, key=holder)
    call = until(
        lambda: next((c for c in telegram.sent[before:] if str(c.params["chat_id"]) == "77"), None),
        what="the answer arrives at the platform",
    )
    assert (call.method, call.params["text"]) == ("sendMessage", "From ten on.")
    assert "Secret inner name" not in json.dumps([dict(c.params) for c in telegram.methods])
    until(
        lambda: (
            [
                m["state"]
                for m in product.get(f"/api/v1/conversations/{conversation['id']}/messages/")[
                    "results"
                ]
                if m["direction"] == "out"
            ]
            == ["sent"]
        ),
        what="the message is shown as sent",
    )
    product.post(f"/api/v1/sessions/{session['id']}/close/", key=holder)
    assert product.get(sessions)["results"][0]["state"] == "closed"


def _samples_deliver(deliver: Any) -> dict[str, list[str]]:
    """Deliver every sample twice. Returns the ids of messages that must be there, by chat."""
    expected: dict[str, set[str]] = {}
    index = SAMPLES / "EXPECT.json"
    if not index.is_file():
        return {}
    for sample in json.loads(index.read_text())["samples"]:
        if sample["channel"] != "telegram":
            continue
        raw = (SAMPLES / sample["file"]).read_bytes()
        deliver(raw)
        deliver(raw)
        for event in sample["events"]:
            if event["kind"] == "message" and not event["ignored"]:
                expected.setdefault(event["chat"], set()).add(event["message_id"])
            elif event["kind"] == "postback":  # a message with the button's text and no id
                expected.setdefault(event["chat"], set()).add("")
    assert expected
    return {chat: sorted(ids) for chat, ids in expected.items()}
