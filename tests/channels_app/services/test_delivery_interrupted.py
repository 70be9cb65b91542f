"""Workers that die while sending, and echoes and receipts faster than the answer."""

from __future__ import annotations

import datetime as dt

import pytest

from channels_app.drivers.base import Outgoing, SendResult
from channels_app.drivers.custom import CustomDriver
from channels_app.drivers.telegram import TelegramDriver
from channels_app.models import Conversation, Message
from channels_app.services import delivery
from tests.channels_app.services.faults import Fault, deadlock
from tests.channels_app.services.outbox import (
    OVER,
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
    echoed,
    queued,
    receipt,
    receive,
    refusal,
)
from tests.factories import (
    moment,
)

__all__ = ["bot_chat", "custom_chat", "even_backoff"]
pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """Ends the worker where it stands, as a kill does."""


def kill(_outgoing: Outgoing) -> SendResult:
    raise Killed


def test_a_killed_worker_leaves_an_unconfirmed_message_that_is_not_sent_again(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = Platform(monkeypatch, TelegramDriver, kill)
    message, following = queued(bot_chat), queued(bot_chat, "next")
    with pytest.raises(Killed):
        deliver(bot_chat)
    assert end_of(message)[0] == "sending"
    # While the lease runs nobody touches the line.
    assert deliver(bot_chat, now=OVER - dt.timedelta(seconds=1)) == 0
    assert deliver(bot_chat, now=OVER) == 1
    assert end_of(message) == (
        "unknown",
        "unknown",
        "Sending was interrupted. It may have arrived; check before you resend.",
    )
    assert end_of(following)[0] == "sent"
    assert platform.texts == ["On its way", "next"]


def test_a_killed_worker_on_a_channel_that_recognises_repeats_is_made_good(
    custom_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = Platform(monkeypatch, CustomDriver, kill)
    message = queued(custom_chat)
    with pytest.raises(Killed):
        deliver(custom_chat)
    deliver(custom_chat, now=OVER)
    assert deliver(custom_chat, now=OVER) == 1
    assert end_of(message)[0] == "sent"
    assert [outgoing.delivery_id for outgoing in platform.sent] == [str(message.delivery_id)] * 2


def test_a_send_that_ends_after_its_lease_counts_as_sent(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(_outgoing: Outgoing) -> SendResult:
        deliver(bot_chat, now=OVER)  # another worker, when the lease is over
        return SendResult(external_id="late")

    platform = Platform(monkeypatch, TelegramDriver, slow)
    message = queued(bot_chat)
    assert deliver(bot_chat) == 1
    assert end_of(message) == ("sent", "", "")
    assert message.external_id == "late"
    assert is_out_of_the_outbox(message)
    assert len(platform.sent) == 1


def test_a_send_that_ends_after_somebody_asked_for_another_is_not_repeated(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from channels_app.services.outbox import message_resend

    def slow(outgoing: Outgoing) -> SendResult:
        deliver(bot_chat, now=OVER)
        message_resend(message=Message.objects.get(pk=outgoing.message_id), now=OVER)
        return SendResult(external_id="late")

    platform = Platform(monkeypatch, TelegramDriver, slow)
    message = queued(bot_chat)
    deliver(bot_chat)
    assert end_of(message) == ("sent", "", "")
    assert is_out_of_the_outbox(message)
    assert deliver(bot_chat, now=moment(60)) == 0
    assert len(platform.sent) == 1


def test_a_failure_that_ends_after_its_lease_changes_nothing(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(_outgoing: Outgoing) -> SendResult:
        deliver(bot_chat, now=OVER)
        raise refusal("retry")

    Platform(monkeypatch, TelegramDriver, slow)
    message = queued(bot_chat)
    assert deliver(bot_chat) == 0
    assert end_of(message)[:2] == ("unknown", "unknown")
    assert is_out_of_the_outbox(message)


def test_a_deadlock_while_writing_down_success_is_tried_again(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    Platform(monkeypatch, TelegramDriver)
    message = queued(bot_chat)
    Fault(monkeypatch, delivery, "conversation_lock", deadlock())
    assert deliver(bot_chat) == 1
    assert end_of(message) == ("sent", "", "")
    assert message.external_id == "out-1"


# --- echoes and receipts that are faster --------------------------------------------------


def test_an_echo_faster_than_the_answer_confirms_the_message(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_echo(outgoing: Outgoing) -> SendResult:
        receive(bot_chat.connector, echoed("77", outgoing.text))
        return SendResult(external_id="77")

    platform = Platform(monkeypatch, TelegramDriver, with_echo)
    message = queued(bot_chat)
    deliver(bot_chat)
    assert end_of(message) == ("sent", "", "")
    assert (message.external_id, Message.objects.count()) == ("77", 1)
    assert is_out_of_the_outbox(message)
    assert deliver(bot_chat, now=moment(60)) == 0
    assert len(platform.sent) == 1


def test_an_echo_that_was_not_recognised_gives_way_to_our_row(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_echo(_outgoing: Outgoing) -> SendResult:
        receive(bot_chat.connector, echoed("77", "On its way (as they write it)"))
        assert Message.objects.count() == 2
        return SendResult(external_id="77")

    Platform(monkeypatch, TelegramDriver, with_echo)
    message = queued(bot_chat)
    deliver(bot_chat)
    assert list(Message.objects.values_list("pk", "external_id", "state")) == [
        (message.pk, "77", "sent")
    ]


def test_an_echo_after_the_answer_is_nothing_new(
    bot_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    Platform(monkeypatch, TelegramDriver)
    message = queued(bot_chat)
    deliver(bot_chat)
    received = receive(bot_chat.connector, echoed("out-1", "On its way"))
    assert (received.outcome, received.message_id) == ("done", message.pk)
    assert Message.objects.count() == 1


def test_a_receipt_faster_than_the_answer_is_not_undone_by_it(
    custom_chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_receipt(outgoing: Outgoing) -> SendResult:
        receive_receipt(str(outgoing.message_id))
        return SendResult(external_id="theirs-1")

    def receive_receipt(message_id: str) -> None:
        from channels_app.services.receipts import keyless_apply

        event = receipt(message_id, "read")
        assert keyless_apply(connector=custom_chat.connector, event=event, now=at(1))

    Platform(monkeypatch, CustomDriver, with_receipt)
    message = queued(custom_chat)
    deliver(custom_chat)
    assert end_of(message) == ("read", "", "")
    assert (message.external_id, message.queued_at) == ("theirs-1", None)
