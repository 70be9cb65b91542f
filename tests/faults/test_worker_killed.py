"""A worker is killed while a platform has its message: nothing is lost, nothing sent twice."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from channels_app.models import Conversation, Message
from channels_app.services.delivery import LEASE, conversation_deliver
from tests.channels_app.services.outside import queued
from tests.factories import (
    CUSTOM_SECRET,
    ConnectorFactory,
    ConversationFactory,
    TelegramConnectorFactory,
)
from tests.standins.bot_api import HANG, TOKEN, bot_api
from tests.standins.receiver import receiver
from tests.standins.server import StandIn

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
ROOT = Path(__file__).parents[2]
WORK = """
import sys, django
django.setup()
from channels_app.services.delivery import conversation_deliver
conversation_deliver(conversation_id=int(sys.argv[1]))
"""


def database_url() -> str:
    """The test's own database, as another process reaches it."""
    values: Any = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    host = f"{values['HOST']}:{values['PORT'] or 5432}"
    return f"postgres://{values['USER']}:{values['PASSWORD']}@{host}/{values['NAME']}"


@contextmanager
def worker(chat: Conversation) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that delivers the chat's outbox."""
    keys = ",".join(settings.FIELD_ENCRYPTION_KEYS)
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, str(chat.pk)],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "openlines_project.settings_test",
            "DATABASE_URL": database_url(),
            "FIELD_ENCRYPTION_KEYS": keys,
            "SECRET_KEY": settings.SECRET_KEY,
        },
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def kill_while_sending(chat: Conversation, platform: StandIn, key: str) -> None:
    platform.script(key, HANG)
    with worker(chat) as process:
        platform.wait_for(lambda calls: len(calls) == 1, timeout=60)
        process.kill()
        assert process.wait(10) == -9


def test_a_telegram_message_is_shown_as_unconfirmed_and_never_sent_again() -> None:
    with bot_api() as telegram:
        chat = ConversationFactory(
            connector=TelegramConnectorFactory(
                config={"api_base_url": telegram.url},
                secrets={"token": TOKEN, "webhook_secret": "s"},
            )
        )
        message = queued(chat, queued_at=timezone.now())
        kill_while_sending(chat, telegram, "sendMessage")
        message.refresh_from_db()
        assert message.state == "sending"
        later = timezone.now() + LEASE
        assert conversation_deliver(conversation_id=chat.pk, now=later) == 0
        assert Message.objects.get().state == "unknown"
        assert conversation_deliver(conversation_id=chat.pk, now=later) == 0
        assert len(telegram.sent) == 1


def test_a_custom_channels_message_is_sent_again_as_the_same() -> None:
    with receiver() as other_side:
        chat = ConversationFactory(
            connector=ConnectorFactory(
                config={"outgoing_url": other_side.url + "/"}, secrets={"secret": CUSTOM_SECRET}
            )
        )
        message = queued(chat, queued_at=timezone.now())
        kill_while_sending(chat, other_side, "/")
        later = timezone.now() + LEASE
        conversation_deliver(conversation_id=chat.pk, now=later)
        assert conversation_deliver(conversation_id=chat.pk, now=later) == 1
        assert Message.objects.get().state == "sent"
        ids = [call.headers["x-openlines-delivery"] for call in other_side.calls]
        assert ids == [str(message.delivery_id)] * 2
