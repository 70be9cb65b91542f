"""Canaries: secrets and customers' data that must be found nowhere but where they belong."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from celery.app.task import Task
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.http import HttpRequest
from django.test import Client, RequestFactory, override_settings
from django.utils import timezone
from django.views.debug import ExceptionReporter

from channels_app.models import Connector, Conversation, Message
from channels_app.services import intake_apply
from channels_app.services.connectors import connector_check, connector_connect
from channels_app.services.delivery import conversation_deliver
from channels_app.services.errors import ServiceError
from openlines_project.lib.logs import SecretsFilter, formatter
from queue_app.models import Operator, Session
from queue_app.services.replies import session_reply
from tests.channels_app.api.client import admin_api
from tests.factories import (
    ConnectorFactory,
    OpenChannelFactory,
    OperatorFactory,
    SuperuserFactory,
    TelegramConnectorFactory,
)
from tests.flows.wire import custom_message, custom_post, telegram_post, telegram_text
from tests.standins.bot_api import DROP, BotApiStandIn, bot_api, refused

pytestmark = pytest.mark.django_db(transaction=True)

BOT_TOKEN = "8123456:AAcanaryTokenCanaryTokenCanaryToken1"
HOOK_SECRET = "telegram-webhook-secret-0123456789"
CUSTOM = "custom-channel-secret-0123456789"
SECRETS = (BOT_TOKEN, BOT_TOKEN.partition(":")[2], HOOK_SECRET, CUSTOM)
TEXT, NAME, PHONE = "canary-text my card is 4111", "Canaria Customer", "5511987650000"
PERSONAL = (TEXT, NAME, PHONE, "Canaria")


def found(canaries: tuple[str, ...], *parts: object) -> list[str]:
    """Which canaries are in any of the parts."""
    texts = [part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part)
             for part in parts]  # fmt: skip
    return [canary for canary in canaries if any(canary in text for text in texts)]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, from the lowest level on, as an installation writes it."""
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.addFilter(SecretsFilter())
    handler.setFormatter(formatter(json=True))
    root = logging.getLogger()
    quiet = {name: logging.getLogger(name).level for name in ("httpx2", "httpcore2")}
    level = root.level
    for name in quiet:
        logging.getLogger(name).setLevel(logging.WARNING)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield output
    root.removeHandler(handler)
    root.setLevel(level)
    for name, was in quiet.items():
        logging.getLogger(name).setLevel(was)


@pytest.fixture
def sent_to_workers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What tasks were sent with, options and all."""
    sent: list[str] = []

    def apply_async(task: Any, *arguments: Any, **options: Any) -> None:
        sent.append(f"{task.name} {arguments!r} {options!r}")

    monkeypatch.setattr(Task, "apply_async", apply_async)
    return sent


@pytest.fixture
def telegram() -> Iterator[BotApiStandIn]:
    with bot_api(BOT_TOKEN) as stand_in:
        yield stand_in


def bot(telegram: BotApiStandIn, operator: Operator) -> Connector:
    connector: Connector = TelegramConnectorFactory(
        open_channel=OpenChannelFactory(operators=[operator]), account_id=None,
        config={"api_base_url": telegram.url},
        secrets={"token": BOT_TOKEN, "webhook_secret": HOOK_SECRET},
    )  # fmt: skip
    return connector


def story(telegram: BotApiStandIn) -> Connector:
    """A customer's day with everything that can go wrong: refusals, hang-ups, faults of ours."""
    operator = OperatorFactory()
    connector = bot(telegram, operator)
    custom = ConnectorFactory(
        open_channel=connector.open_channel, config={"outgoing_url": telegram.url + "/nowhere"}
    )
    client = Client()
    update = telegram_text(1, TEXT, user=int(PHONE))
    update["message"]["from"]["first_name"] = NAME
    update["message"]["document"] = {"file_id": "gone", "file_name": f"{NAME}.pdf"}
    update["message"]["caption"] = update["message"].pop("text")
    telegram_post(client, connector, update)
    telegram_post(client, connector, b'{"update_id": 2, "message": "' + TEXT.encode() + b'"')
    telegram_post(client, connector, telegram_text(3, TEXT, user=int(PHONE)))
    custom_post(client, custom, custom_message("m1", TEXT, user=PHONE, name=NAME))
    custom_post(client, custom, custom_message("m1", TEXT, user=PHONE, name=NAME))
    client.post(f"/webhooks/{connector.public_id}/", TEXT, content_type="text/plain")
    spill = refused(401, f"Unauthorized: bot{BOT_TOKEN} says {BOT_TOKEN}")
    telegram.script("sendMessage", spill, DROP, refused(500, f"no {BOT_TOKEN}"))
    for session in Session.objects.order_by("pk"):
        for number in range(3):
            # A refused token switches the channel off: the next answer wants it on.
            Connector.objects.update(status="connected")
            session_reply(
                session_id=session.pk, user=operator.user, text=f"Re: {TEXT}", files=(),
                client_key=f"key-{session.pk}-{number}", now=timezone.now(),
            )  # fmt: skip
            conversation_deliver(conversation_id=session.conversation_id)
    for work in (connector_check, connector_connect):
        telegram.script("getMe", refused(400, f"Bad Request: {BOT_TOKEN}"), DROP)
        for _ in range(2):
            told: list[object] = []
            try:
                work(connector=Connector.objects.get(pk=connector.pk), now=timezone.now())
            except ServiceError as error:
                told += [error, repr(error), error.detail, error.fields]
            assert found(SECRETS, *told) == []
    return connector


def test_logs_and_tasks_know_neither_secrets_nor_people(
    telegram: BotApiStandIn, log: io.StringIO, sent_to_workers: list[str]
) -> None:
    story(telegram)
    assert Message.objects.filter(text__contains=TEXT).exists()
    assert log.getvalue()
    assert found(SECRETS, log.getvalue()) == []
    assert found(PERSONAL, *_without_statements(log.getvalue())) == []
    assert sent_to_workers
    assert found((*SECRETS, *PERSONAL), *sent_to_workers) == []


def _without_statements(written: str) -> list[str]:
    """The lines of an installation: Django shows statements only to developers at DEBUG."""
    lines = [json.loads(line) for line in written.splitlines()]
    return [str(line) for line in lines if line["logger"] != "django.db.backends"]


def test_a_fault_of_ours_in_the_middle_of_the_intake_tells_nothing(
    telegram: BotApiStandIn, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = bot(telegram, OperatorFactory())

    def broken(**_given: Any) -> None:
        raise RuntimeError(f"{telegram.url}/bot{BOT_TOKEN}/getMe and token={BOT_TOKEN}")

    monkeypatch.setattr(intake_apply, "message_apply", broken)
    answer = telegram_post(Client(), connector, telegram_text(1, TEXT, user=int(PHONE)))
    assert answer.status_code == 200
    assert "RuntimeError" in log.getvalue()
    assert found(SECRETS, log.getvalue()) == []
    assert found(PERSONAL, *_without_statements(log.getvalue())) == []


@pytest.mark.postgresql
def test_a_row_the_database_refuses_is_not_in_the_log(log: io.StringIO) -> None:
    row = Conversation.objects.create(
        connector=ConnectorFactory(), external_chat_id=PHONE, external_user_id=PHONE,
        display_name=NAME, changed_at=timezone.now(), created_at=timezone.now(),
    )  # fmt: skip
    statement = "UPDATE channels_app_conversation SET connector_id = NULL WHERE id = %s"
    with pytest.raises(IntegrityError) as refusal, connection.cursor() as cursor:
        cursor.execute(statement, [row.pk])
    assert NAME in str(refusal.value)
    logger = logging.getLogger("tests.canary")
    logger.error("refused: %s", refusal.value, exc_info=refusal.value)
    assert "NotNullViolation" in log.getvalue()
    assert found(PERSONAL, *_without_statements(log.getvalue())) == []


def test_no_page_and_no_answer_shows_a_secret(
    telegram: BotApiStandIn, sent_to_workers: list[str]
) -> None:
    connector = story(telegram)
    client = Client()
    boss = SuperuserFactory()
    client.force_login(boss)
    base = "/admin/channels_app/connector/"
    form = {"name": "Renamed", "open_channel": connector.open_channel_id, "config-token": ""}
    client.post(f"{base}{connector.pk}/change/", form)
    for name in ("check", "disconnect", "connect"):
        client.post(f"{base}{connector.pk}/{name}/")
    session = Session.objects.order_by("pk")[0]
    pages = [
        "/admin/", base, f"{base}{connector.pk}/change/", f"{base}{connector.pk}/history/",
        "/admin/channels_app/message/", "/admin/channels_app/inboundevent/",
        f"/admin/channels_app/openchannel/{connector.open_channel_id}/change/",
        "/inbox/all/", f"/inbox/chats/{session.pk}/", "/inbox/me/", "/metrics", "/api/schema/",
        *(f"{base}{row.pk}/change/" for row in Connector.objects.all()),
    ]  # fmt: skip
    for path in pages:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert found(SECRETS, answer.content, dict(answer.headers)) == [], path
    assert found(PERSONAL, client.get("/metrics").content) == []
    api = admin_api()
    for path in ("/connectors/", f"/connectors/{connector.pk}/", "/open-channels/", "/messages/",
                 "/conversations/", "/sessions/", "/inbound-events/", "/operators/"):  # fmt: skip
        assert found(SECRETS, api.get(path).content) == [], path
    history = [f"{entry.object_repr} {entry.change_message}" for entry in LogEntry.objects.all()]
    assert history
    assert found((*SECRETS, *PERSONAL), *history) == []
    # What was written of failures, in every table, is free of them too; so is a dump.
    dump = io.StringIO()
    call_command("dumpdata", stdout=dump)
    assert found(SECRETS, dump.getvalue()) == []


def test_a_page_of_errors_hides_what_opens_doors(telegram: BotApiStandIn) -> None:
    connector = bot(telegram, OperatorFactory())
    request = RequestFactory().get("/", HTTP_COOKIE="sessionid=canary-cookie")
    request.META |= {
        "DATABASE_URL": "postgres://openlines:canary-database@127.0.0.1/x",
        "CELERY_BROKER_URL": "amqp://openlines:canary-broker@127.0.0.1//",
    }
    changed = {
        "CELERY_BROKER_URL": "amqp://openlines:canary-broker@127.0.0.1//",
        "REDIS_URL": "redis://:canary-redis@127.0.0.1/1",
        "METRICS_TOKEN": "canary-metrics",
        "EMAIL_HOST_PASSWORD": "canary-mail",
    }
    canaries = ("canary-cookie", "canary-database", "canary-broker", "canary-redis",
                "canary-metrics", "canary-mail", settings.SECRET_KEY,
                *settings.FIELD_ENCRYPTION_KEYS)  # fmt: skip
    with override_settings(DEBUG=True, **changed):
        data = failing_page(request, Connector.objects.get(pk=connector.pk).secrets)
    (values,) = [dict(frame["vars"]) for frame in data["frames"]]
    assert found(SECRETS, values["opened"]) == []
    assert found(canaries, data["settings"], data["request_meta"], repr(settings)) == []
    # Hidden, and not merely absent.
    assert "CELERY_BROKER_URL" in data["settings"]
    assert "DATABASE_URL" in data["request_meta"]


def failing_page(request: HttpRequest, opened: Any) -> dict[str, Any]:
    """What the page of an error is made of, where the error happened beside opened secrets."""
    try:
        assert opened["token"] == BOT_TOKEN
        raise RuntimeError("planted")
    except RuntimeError as error:
        reporter = ExceptionReporter(request, type(error), error, error.__traceback__)
        data: dict[str, Any] = reporter.get_traceback_data()
        return data
