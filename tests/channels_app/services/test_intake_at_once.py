"""Many deliveries at once, and faults at random: each event has its effect exactly once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from channels_app.models import Connector, Conversation, InboundEvent, Message
from channels_app.services import intake_apply
from channels_app.services.pending import inbound_sweep
from queue_app.models import Session, SessionEvent
from queue_app.services import routing
from queue_app.services.timers import timers_sweep
from tests.channels_app.services.outside import receive, written
from tests.channels_app.services.test_delivery_at_once import at_once
from tests.factories import ConnectorFactory, OpenChannelFactory, OperatorFactory, moment

THREADS, EVENTS, CHATS = 6, 30, 10


@pytest.fixture
def connector() -> Connector:
    line = OpenChannelFactory(operators=[OperatorFactory() for _ in range(3)])
    connector: Connector = ConnectorFactory(open_channel=line)
    return connector


def everything_is_there_once(connector: Connector, *, events: int, chats: int) -> None:
    customers = Message.objects.filter(direction="in")
    assert Counter(customers.values_list("external_id", flat=True)).most_common(1)[0][1] == 1
    assert customers.count() == events
    assert Conversation.objects.filter(connector=connector).count() == chats
    assert Session.objects.count() == chats
    assert SessionEvent.objects.filter(kind="started").count() == chats
    assert set(InboundEvent.objects.values_list("state", flat=True)) == {"done"}
    for conversation in Conversation.objects.all():
        seqs = list(conversation.messages.order_by("seq").values_list("seq", flat=True))
        assert seqs == list(range(1, conversation.last_seq + 1))
        assert conversation.has_pending is False


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_the_same_events_from_many_sides_at_once_count_once(connector: Connector) -> None:
    outcomes: Counter[str] = Counter()

    def deliver() -> None:
        for number in range(EVENTS):
            event = written(f"m{number}", chat_id=f"u{number % CHATS}")
            # As a platform does: again until it is stored.
            while (received := receive(connector, event, at=timezone.now())).outcome == "unsaved":
                pass
            outcomes[received.outcome] += 1

    at_once(*[deliver] * THREADS)
    assert outcomes == {"done": EVENTS, "duplicate": EVENTS * (THREADS - 1)}
    everything_is_there_once(connector, events=EVENTS, chats=CHATS)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(3))
def test_whatever_fails_at_random_every_event_ends_with_its_one_effect(
    connector: Connector, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    broken = True
    failures = 0

    def plant(module: Any, name: str) -> None:
        original: Callable[..., Any] = vars(module)[name]

        def perhaps(*arguments: Any, **options: Any) -> Any:
            nonlocal failures
            if broken and chance.random() < 0.3:
                failures += 1
                raise RuntimeError("at random")
            result = original(*arguments, **options)
            if broken and chance.random() < 0.1:
                failures += 1
                raise RuntimeError("after its work")
            return result

        monkeypatch.setattr(module, name, perhaps)

    plant(intake_apply, "_message_store")
    plant(routing, "session_offer")
    outcomes: Counter[str] = Counter()
    for _ in range(2):
        for number in range(EVENTS):
            received = receive(connector, written(f"m{number}", chat_id=f"u{number % CHATS}"))
            outcomes[received.outcome] += 1
    assert failures > 5
    assert set(outcomes) <= {"done", "pending", "duplicate"}
    assert outcomes["duplicate"] == EVENTS
    # What is done is there; what is not is pending, with its bytes.
    assert Message.objects.filter(direction="in").count() == outcomes["done"]
    pending = InboundEvent.objects.filter(state="pending", raw__isnull=False)
    assert pending.count() == outcomes["pending"] > 0
    broken = False
    monkeypatch.setattr(
        "channels_app.drivers.custom.CustomDriver.parse",
        lambda _driver, _raw: [
            written(f"m{number}", chat_id=f"u{number % CHATS}") for number in range(EVENTS)
        ],
    )
    for minute in (1, 5, 70):
        inbound_sweep(now=moment(minute))
        timers_sweep(now=moment(minute))
    everything_is_there_once(connector, events=EVENTS, chats=CHATS)
    assert not Session.objects.filter(wait_reason="unrouted").exists()
