"""Several workers at the same outbox: each message is sent once, in the order of its thread."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable

import pytest
from django.db import connection

from channels_app.drivers.base import Driver, Outgoing, SendResult
from channels_app.drivers.telegram import TelegramDriver
from channels_app.models import Conversation, Message
from channels_app.services.delivery import conversation_deliver
from channels_app.services.receipts import keyless_apply
from tests.channels_app.services.outside import queued, receipt
from tests.factories import ConversationFactory, TelegramConnectorFactory

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

CHATS, MESSAGES, WORKERS = 3, 8, 4


def at_once(*works: Callable[[], None]) -> None:
    """Run each in a thread of its own, all starting together; faults come out here."""
    start = threading.Barrier(len(works))
    faults: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            start.wait(10)
            work()
        except BaseException as error:  # noqa: BLE001  told by the test
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Texts sent, by chat; each call takes its time, and two in one chat at once are noticed."""
    sent: dict[str, list[str]] = defaultdict(list)
    busy: set[str] = set()
    lock = threading.Lock()

    def send(_driver: Driver, outgoing: Outgoing) -> SendResult:
        with lock:
            assert outgoing.chat_id not in busy, "two at once in one chat"
            busy.add(outgoing.chat_id)
        time.sleep(0.01)
        with lock:
            busy.discard(outgoing.chat_id)
            sent[outgoing.chat_id].append(outgoing.text)
        return SendResult(external_id=f"id-{outgoing.message_id}")

    monkeypatch.setattr(TelegramDriver, "send", send)
    return sent


def test_workers_at_once_send_each_message_once_and_in_order(
    platform: dict[str, list[str]],
) -> None:
    connector = TelegramConnectorFactory()
    chats = [ConversationFactory(connector=connector) for _ in range(CHATS)]
    for number in range(MESSAGES):
        for chat in chats:
            queued(chat, f"{number}")

    def work() -> None:
        for _ in range(MESSAGES):
            for chat in chats:
                conversation_deliver(conversation_id=chat.pk)

    at_once(*[work] * WORKERS)
    assert dict(platform) == {
        chat.external_chat_id: [f"{number}" for number in range(MESSAGES)] for chat in chats
    }
    assert set(Message.objects.values_list("state", "attempts")) == {("sent", 1)}
    assert not Message.objects.filter(queued_at__isnull=False).exists()


def test_receipts_at_once_with_sending_leave_the_furthest_state(
    platform: dict[str, list[str]],
) -> None:
    chat = ConversationFactory(connector=TelegramConnectorFactory())
    messages = [queued(chat, f"{number}") for number in range(MESSAGES)]
    connector = chat.connector

    def read() -> None:
        from django.db import transaction
        from django.utils import timezone

        for message in messages:
            for status in ("read", "delivered"):
                with transaction.atomic():
                    keyless_apply(
                        connector=connector,
                        event=receipt(str(message.pk), status),
                        now=timezone.now(),
                    )

    def deliver() -> None:
        conversation_deliver(conversation_id=chat.pk)

    at_once(read, deliver, read, deliver)
    assert set(Message.objects.values_list("state", flat=True)) == {"read"}
    assert not Message.objects.filter(queued_at__isnull=False).exists()
    # What a receipt had confirmed already was not sent: nobody got anything twice.
    sent = platform.get(chat.external_chat_id, [])
    assert len(sent) == len(set(sent))
    versions = list(Message.objects.order_by("version").values_list("version", flat=True))
    assert len(versions) == len(set(versions))
    chat.refresh_from_db()
    assert chat.version >= versions[-1]
    assert Conversation.objects.count() == 1
