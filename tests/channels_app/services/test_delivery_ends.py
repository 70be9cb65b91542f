"""Messages that are given up, each with its end state and its words."""

from __future__ import annotations

from typing import Any

import pytest

from channels_app.drivers.base import Driver, DriverError
from channels_app.drivers.custom import CustomDriver
from channels_app.drivers.livechat import LiveChatDriver
from channels_app.drivers.telegram import TelegramDriver
from channels_app.models import Conversation, Message
from channels_app.services.gestures import callback_acknowledge, typing_send
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
    queued,
    refusal,
)
from tests.factories import (
    moment,
)

__all__ = ["bot_chat", "custom_chat", "even_backoff"]
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("error_class", ["content", "window"])
def test_what_will_never_be_taken_fails_with_the_reason_and_the_line_goes_on(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch, error_class: Any
) -> None:
    platform = Platform(monkeypatch, TelegramDriver, refusal(error_class, "Too long for them."))
    message, following = queued(bot_chat), queued(bot_chat, "next")
    assert deliver(bot_chat) == 1
    assert end_of(message) == ("failed", error_class, "Too long for them.")
    assert is_out_of_the_outbox(message)
    assert end_of(following)[0] == "sent"
    assert len(platform.sent) == 2
    bot_chat.connector.refresh_from_db()
    assert bot_chat.connector.status == "connected"


def test_a_customer_who_blocked_us_is_shown_as_unreachable(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = refusal("contact", "The customer cannot be reached: bot was blocked by the user")
    Platform(monkeypatch, TelegramDriver, blocked, blocked)
    message, following = queued(bot_chat), queued(bot_chat, "next")
    assert deliver(bot_chat) == 0
    assert end_of(message)[:2] == end_of(following)[:2] == ("failed", "contact")
    bot_chat.refresh_from_db()
    assert bot_chat.unreachable_at == moment()
    assert list(Message.objects.filter(direction="system").values_list("kind", flat=True)) == [
        "blocked"
    ]


def test_refused_access_breaks_the_connector_and_keeps_the_rest_waiting(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = Platform(
        monkeypatch, TelegramDriver, refusal("auth", "Telegram does not know this token.")
    )
    message, following = queued(bot_chat), queued(bot_chat, "next")
    assert deliver(bot_chat) == 0
    assert end_of(message) == ("failed", "auth", "Telegram does not know this token.")
    connector = bot_chat.connector
    connector.refresh_from_db()
    assert (connector.status, connector.last_error) == (
        "broken", "Telegram does not know this token.",
    )  # fmt: skip
    assert end_of(following) == ("queued", "retry", "The channel is not connected.")
    assert len(platform.sent) == 1


def test_an_unconfirmed_message_is_never_sent_again_by_itself(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = Platform(
        monkeypatch, TelegramDriver, refusal("unknown", "Telegram's answer did not arrive.")
    )
    message, following = queued(bot_chat), queued(bot_chat, "next")
    assert deliver(bot_chat) == 1
    assert end_of(message) == ("unknown", "unknown", "Telegram's answer did not arrive.")
    assert is_out_of_the_outbox(message)
    assert end_of(following)[0] == "sent"
    for minute in (1, 60, 60 * 24):
        assert deliver(bot_chat, now=moment(minute)) == 0
    assert platform.texts == ["On its way", "next"]


def test_where_a_repeat_is_recognised_an_unconfirmed_message_is_sent_again_as_the_same(
    custom_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = Platform(monkeypatch, CustomDriver, refusal("unknown"))
    message = queued(custom_chat)
    assert deliver(custom_chat) == 0
    assert deliver(custom_chat, now=at(5)) == 1
    assert end_of(message)[0] == "sent"
    assert [outgoing.delivery_id for outgoing in platform.sent] == [str(message.delivery_id)] * 2


def test_a_drivers_fault_does_not_hold_the_line(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    Platform(monkeypatch, TelegramDriver, KeyError("result"))
    message, following = queued(bot_chat), queued(bot_chat, "next")
    assert deliver(bot_chat) == 1
    assert end_of(message) == ("unknown", "unknown", "The message could not be sent.")
    assert end_of(following)[0] == "sent"


# --- besides messages ---------------------------------------------------------------------


class Gesture:
    """A driver's small call, which fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, driver: type[Driver], name: str) -> None:
        self.calls: list[Any] = []

        def call(_driver: Driver, *arguments: Any, **options: Any) -> None:
            self.calls.append(arguments or options)
            raise DriverError("No.", error_class="retry")

        monkeypatch.setattr(driver, name, call)


def test_typing_and_acknowledging_may_fail_and_nobody_minds(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    typing = Gesture(monkeypatch, TelegramDriver, "typing")
    acknowledge = Gesture(monkeypatch, TelegramDriver, "acknowledge")
    typing_send(conversation_id=bot_chat.pk)
    callback_acknowledge(connector_id=bot_chat.connector_id, callback_id="c1")
    assert typing.calls == [{"chat_id": "u1", "reply_context": {}}]
    assert acknowledge.calls[0][0].callback_id == "c1"


def test_typing_for_what_is_gone_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Gesture(monkeypatch, LiveChatDriver, "typing").calls
    typing_send(conversation_id=404)
    callback_acknowledge(connector_id=404, callback_id="c1")
    assert calls == []
