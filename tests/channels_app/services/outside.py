"""The outside world as service tests need it: events as drivers read them, and scripted sending."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from channels_app.drivers.base import (
    DeleteEvent,
    Driver,
    DriverError,
    EchoEvent,
    EditEvent,
    ErrorClass,
    Event,
    MessageEvent,
    Outgoing,
    Person,
    ReachabilityEvent,
    ReceiptEvent,
    SendResult,
)
from channels_app.models import Connector, Conversation, Direction, Message, MessageState
from channels_app.services.intake import event_receive
from channels_app.services.received import Received
from tests.factories import MessageFactory, moment

ANA = Person(external_id="u1", name="Ana Prado")


def written(message_id: str = "m1", text: str = "Hello", **more: Any) -> MessageEvent:
    """The customer wrote."""
    values: dict[str, Any] = {
        "key": f"message:{message_id}", "chat_id": "u1", "user": ANA, "message_id": message_id,
        "text": text, **more,
    }  # fmt: skip
    return MessageEvent(**values)


def edited(message_id: str, text: str, *, key: str = "", **more: Any) -> EditEvent:
    """The customer changed a message."""
    return EditEvent(
        key=key or f"edit:{message_id}:{text}", chat_id="u1", user=ANA, message_id=message_id,
        text=text, **more,
    )  # fmt: skip


def deleted(message_id: str) -> DeleteEvent:
    """The customer took a message away."""
    return DeleteEvent(key=f"delete:{message_id}", chat_id="u1", user=ANA, message_id=message_id)


def echoed(message_id: str, text: str, *, chat_id: str = "u1", **more: Any) -> EchoEvent:
    """Somebody of ours wrote in the platform's own app, or the platform repeats what we sent."""
    return EchoEvent(
        key=f"echo:{message_id}", chat_id=chat_id, user=Person(external_id=chat_id),
        message_id=message_id, text=text, **more,
    )  # fmt: skip


def receipt(message_id: str, status: str, **more: Any) -> ReceiptEvent:
    """The platform speaks of a message of ours."""
    return ReceiptEvent(message_id=message_id, status=status, **more)  # type: ignore[arg-type]


def reachable(yes: bool, *, key: str) -> ReachabilityEvent:
    """The customer let us in, or blocked us."""
    return ReachabilityEvent(key=key, chat_id="u1", user=ANA, reachable=yes)


def receive(connector: Connector, event: Event, *, at: dt.datetime | None = None) -> Received:
    """An event through the intake; nothing of it is kept for later that a test does not look at."""
    return event_receive(connector=connector, event=event, raw=b"{}", now=at or moment())


def queued(conversation: Conversation, text: str = "On its way", **values: Any) -> Message:
    """An answer that waits in the outbox since `moment()`."""
    message: Message = MessageFactory(
        conversation=conversation, text=text,
        **{
            "direction": Direction.OUT, "state": MessageState.QUEUED, "queued_at": moment(),
            "created_at": moment(), **values,
        },
    )  # fmt: skip
    return message


def refusal(
    error_class: ErrorClass, text: str = "The platform said no.", *, after: float | None = None
) -> DriverError:
    """What a driver raises."""
    return DriverError(text, error_class=error_class, retry_after=after)


Answer = SendResult | Exception | Callable[[Outgoing], SendResult]


class Wakeups:
    """In the place of `enqueue`: remembers whom it was to wake; `taken` says if it could."""

    def __init__(self, *, taken: bool = True) -> None:
        self.woken: list[int] = []
        self.taken = taken

    def __call__(self, _task: Any, row_id: int) -> bool:
        self.woken.append(row_id)
        return self.taken


class Platform:
    """A driver's `send`, scripted: answers in order, then ids of its own. `sent` is what it got."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, driver: type[Driver], *answers: Answer
    ) -> None:
        self.sent: list[Outgoing] = []
        self.answers = list(answers)

        def send(_driver: Driver, outgoing: Outgoing) -> SendResult:
            self.sent.append(outgoing)
            answer = self.answers.pop(0) if self.answers else None
            if answer is None:
                return SendResult(external_id=f"out-{len(self.sent)}")
            if isinstance(answer, Exception):
                raise answer
            return answer if isinstance(answer, SendResult) else answer(outgoing)

        monkeypatch.setattr(driver, "send", send)

    @property
    def texts(self) -> list[str]:
        return [outgoing.text for outgoing in self.sent]
