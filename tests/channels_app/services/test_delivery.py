"""The outbox: what is sent, in which order, and what is tried again."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest

from channels_app.drivers.base import SendResult
from channels_app.drivers.custom import CustomDriver
from channels_app.drivers.telegram import TelegramDriver
from channels_app.models import Connector, Conversation, Message
from channels_app.services import delivery
from channels_app.services.delivery import delivery_sweep
from tests.channels_app.services.outbox import (
    at,
    bot_chat,
    custom_chat,
    deliver,
    end_of,
    even_backoff,
    is_out_of_the_outbox,
)
from tests.channels_app.services.outside import (
    Platform,
    Wakeups,
    queued,
    refusal,
)
from tests.factories import (
    ConversationFactory,
    LiveChatConnectorFactory,
    moment,
)

__all__ = ["bot_chat", "custom_chat", "even_backoff"]
pytestmark = pytest.mark.django_db


def test_an_answer_is_sent_and_marked(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = Platform(monkeypatch, TelegramDriver)
    message = queued(bot_chat, reply_to_external_id="m1")
    version = bot_chat.version
    assert deliver(bot_chat, now=at(1)) == 1
    (outgoing,) = platform.sent
    assert (outgoing.text, outgoing.chat_id, outgoing.reply_to) == ("On its way", "u1", "m1")
    assert (outgoing.message_id, outgoing.delivery_id) == (message.pk, str(message.delivery_id))
    assert end_of(message) == ("sent", "", "")
    assert is_out_of_the_outbox(message)
    assert (message.external_id, message.sent_at, message.attempts) == ("out-1", at(1), 1)
    bot_chat.refresh_from_db()
    assert message.version == bot_chat.version == version + 1
    bot_chat.connector.refresh_from_db()
    assert bot_chat.connector.last_sent_at == at(1)
    assert deliver(bot_chat, now=at(2)) == 0
    assert len(platform.sent) == 1


def test_answers_go_out_in_the_order_of_the_thread(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = Platform(monkeypatch, TelegramDriver)
    for text in ("one", "two", "three"):
        queued(bot_chat, text)
    assert deliver(bot_chat) == 3
    assert platform.texts == ["one", "two", "three"]


def test_a_platform_that_gives_no_ids_is_no_problem(
    custom_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    Platform(monkeypatch, CustomDriver, SendResult(), SendResult())
    first, second = queued(custom_chat, "one"), queued(custom_chat, "two")
    assert deliver(custom_chat) == 2
    assert (end_of(first)[0], end_of(second)[0]) == ("sent", "sent")
    assert (first.external_id, second.external_id) == (None, None)


def test_a_platform_that_gives_one_id_twice_takes_no_message_away(
    custom_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    Platform(monkeypatch, CustomDriver, SendResult(external_id="1"), SendResult(external_id="1"))
    first, second = queued(custom_chat, "one"), queued(custom_chat, "two")
    assert deliver(custom_chat) == 2
    assert (end_of(first)[0], end_of(second)[0]) == ("sent", "sent")
    assert (first.external_id, second.external_id) == ("1", None)


def test_a_live_chat_is_sent_by_being_read(monkeypatch: pytest.MonkeyPatch) -> None:
    chat = ConversationFactory(connector=LiveChatConnectorFactory())
    message = queued(chat)
    assert deliver(chat) == 1
    assert end_of(message) == ("sent", "", "")


def test_a_long_line_is_left_to_another_task(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    Platform(monkeypatch, TelegramDriver)
    wakeups = Wakeups()
    monkeypatch.setattr(delivery, "TASK_SECONDS", -1.0)
    monkeypatch.setattr(delivery, "enqueue", wakeups)
    for text in ("one", "two"):
        queued(bot_chat, text)
    assert deliver(bot_chat) == 1
    assert wakeups.woken == [bot_chat.pk]
    # Without a broker there is nobody to leave it to.
    monkeypatch.setattr(delivery, "enqueue", Wakeups(taken=False))
    assert deliver(bot_chat) == 1


# --- tried again --------------------------------------------------------------------------


def test_a_passing_failure_is_tried_again_at_growing_intervals(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = Platform(monkeypatch, TelegramDriver, *[refusal("retry") for _ in range(7)])
    message = queued(bot_chat)
    waits, moment_of_try = [], moment()
    for _ in range(7):
        assert deliver(bot_chat, now=moment_of_try) == 0
        message.refresh_from_db()
        assert (message.state, message.error_code, message.queued_at) == (
            "queued", "retry", moment(),
        )  # fmt: skip
        assert (message.lease_until, message.lease_token) == (None, None)
        assert message.next_attempt_at is not None
        waits.append((message.next_attempt_at - moment_of_try).total_seconds())
        just_before = message.next_attempt_at - dt.timedelta(microseconds=1)
        assert deliver(bot_chat, now=just_before) == 0
        moment_of_try = message.next_attempt_at
    assert waits == [5, 15, 60, 180, 600, 900, 900]
    assert len(platform.sent) == 7
    assert len({outgoing.delivery_id for outgoing in platform.sent}) == 1
    assert deliver(bot_chat, now=moment_of_try) == 1
    assert end_of(message) == ("sent", "", "")


@pytest.mark.parametrize(
    ("asked", "waited"), [(90.0, 90.0), (1.0, 5.0), (1e12, 86_400.0), (0.0, 5.0)]
)
def test_the_platforms_own_wait_counts_within_reason(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch, asked: float, waited: float
) -> None:
    Platform(monkeypatch, TelegramDriver, refusal("retry", after=asked))
    message = queued(bot_chat)
    deliver(bot_chat)
    message.refresh_from_db()
    assert message.next_attempt_at == at(waited)


def test_after_an_hour_an_ordinary_channel_gives_up(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    Platform(monkeypatch, TelegramDriver, refusal("retry", "Telegram has trouble: 502"))
    message, following = queued(bot_chat), queued(bot_chat, "next")
    assert deliver(bot_chat, now=moment(60)) == 1
    assert end_of(message) == ("failed", "retry", "Telegram has trouble: 502")
    assert is_out_of_the_outbox(message)
    assert end_of(following)[0] == "sent"


def test_where_a_repeat_is_recognised_it_goes_on_for_a_day(
    custom_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    Platform(monkeypatch, CustomDriver, refusal("retry"), refusal("unknown"), refusal("retry"))
    message = queued(custom_chat)
    deliver(custom_chat, now=moment(60 * 23))
    assert end_of(message)[:2] == ("queued", "retry")
    deliver(custom_chat, now=moment(60 * 23 + 30))
    assert end_of(message)[:2] == ("queued", "retry")
    deliver(custom_chat, now=moment(60 * 24))
    assert end_of(message)[:2] == ("failed", "retry")


def test_a_stuck_head_holds_its_own_chat_only(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ConversationFactory(connector=bot_chat.connector, external_chat_id="u2")
    platform = Platform(monkeypatch, TelegramDriver, refusal("retry"))
    queued(bot_chat, "stuck")
    queued(bot_chat, "behind it")
    queued(other, "elsewhere")
    assert deliver(bot_chat) == 0
    assert deliver(bot_chat, now=at(4)) == 0
    assert deliver(other) == 1
    assert platform.texts == ["stuck", "elsewhere"]
    assert deliver(bot_chat, now=at(5)) == 2
    assert platform.texts == ["stuck", "elsewhere", "stuck", "behind it"]


def test_trouble_shows_on_the_connector_until_something_goes_out(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    Platform(monkeypatch, TelegramDriver, refusal("retry", "Telegram has trouble: 502"))
    queued(bot_chat)
    connector = bot_chat.connector
    deliver(bot_chat)
    connector.refresh_from_db()
    assert (connector.status, connector.last_error) == ("degraded", "Telegram has trouble: 502")
    deliver(bot_chat, now=at(5))
    connector.refresh_from_db()
    assert (connector.status, connector.last_error, connector.last_error_at) == (
        "connected", "", None,
    )  # fmt: skip


@pytest.mark.parametrize("status", ["disabled", "broken"])
def test_nothing_is_sent_by_a_channel_that_is_off(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    platform = Platform(monkeypatch, TelegramDriver)
    Connector.objects.update(status=status)
    message = queued(bot_chat)
    assert deliver(bot_chat) == 0
    assert end_of(message) == ("queued", "retry", "The channel is not connected.")
    Connector.objects.update(status="connected")
    assert deliver(bot_chat, now=at(5)) == 1
    assert len(platform.sent) == 1


def test_a_driver_that_is_not_installed_any_more_is_waited_for(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    Connector.objects.update(kind="carrier-pigeon")
    message = queued(bot_chat)
    assert deliver(bot_chat) == 0
    assert end_of(message) == ("queued", "retry", "The channel is not connected.")


# --- claims -------------------------------------------------------------------------------


def test_a_message_put_off_since_it_was_read_is_not_claimed(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = Platform(monkeypatch, TelegramDriver, refusal("retry", after=60.0))
    message = queued(bot_chat)
    original = uuid.uuid4

    def meanwhile() -> Any:
        # Between the look and the claim somebody else tries, and is told to wait.
        monkeypatch.setattr(uuid, "uuid4", original)
        deliver(bot_chat)
        return original()

    monkeypatch.setattr(uuid, "uuid4", meanwhile)
    assert deliver(bot_chat) == 0
    message.refresh_from_db()
    assert (message.state, message.next_attempt_at, message.attempts) == ("queued", at(60), 1)
    assert len(platform.sent) == 1


def test_the_sweep_wakes_each_chat_with_something_due(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    wakeups = Wakeups()
    monkeypatch.setattr(delivery, "enqueue", wakeups)
    connector = bot_chat.connector
    waits, leased, over = (ConversationFactory(connector=connector) for _ in range(3))
    queued(bot_chat, "due")
    queued(bot_chat, "due as well")
    queued(waits, "in back-off", next_attempt_at=at(10))
    queued(waits, "behind it")
    queued(leased, "being sent", state="sending", lease_until=at(10))
    queued(leased, "behind it")
    queued(over, "interrupted", state="sending", lease_until=at(-1))
    assert delivery_sweep(now=moment()) == 2
    assert wakeups.woken == [bot_chat.pk, over.pk]


def test_a_stuck_chat_with_much_to_say_hides_no_other_from_the_sweep(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = Platform(monkeypatch, TelegramDriver)
    monkeypatch.setattr(delivery, "enqueue", Wakeups(taken=False))
    other = ConversationFactory(connector=bot_chat.connector)
    queued(bot_chat, "stuck", next_attempt_at=dt.datetime(9999, 1, 1, tzinfo=dt.UTC))
    for number in range(10):
        queued(bot_chat, f"behind it {number}")
    queued(other, "elsewhere", queued_at=at(1))
    assert delivery_sweep(now=at(2), limit=3) == 1
    assert platform.texts == ["elsewhere"]


def test_a_chat_whose_outbox_fails_does_not_stop_the_sweep(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ConversationFactory(connector=bot_chat.connector)
    queued(bot_chat)
    message = queued(other, queued_at=at(1))
    Platform(monkeypatch, TelegramDriver)
    monkeypatch.setattr(delivery, "enqueue", Wakeups(taken=False))
    original = delivery._head_claim

    def claim(conversation_id: int, now: dt.datetime) -> Message | None:
        if conversation_id == bot_chat.pk:
            raise RuntimeError("a fault")
        return original(conversation_id, now)

    monkeypatch.setattr(delivery, "_head_claim", claim)
    assert delivery_sweep(now=at(2)) == 2
    assert end_of(message)[0] == "sent"
