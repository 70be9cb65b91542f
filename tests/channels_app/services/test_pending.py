"""Events kept for later: when they are tried, what they hold back, when they are given up."""

from __future__ import annotations

import datetime as dt
import json
import threading
from typing import Any

import pytest
from django.db import connection

from channels_app.models import (
    Connector,
    Conversation,
    EventState,
    InboundEvent,
    Message,
)
from channels_app.services import pending
from channels_app.services.intake import event_replay
from channels_app.services.pending import (
    event_give_up,
    event_keep,
    inbound_clean,
    inbound_sweep,
)
from queue_app.models import Session
from tests.channels_app.services.kept import Poison, at, deliver, thread
from tests.channels_app.services.outside import receive, written
from tests.factories import (
    ConnectorFactory,
    OpenChannelFactory,
    OperatorFactory,
    moment,
)
from tests.flows.wire import custom_message

pytestmark = pytest.mark.django_db


@pytest.fixture
def connector() -> Connector:
    connector: Connector = ConnectorFactory(
        open_channel=OpenChannelFactory(operators=[OperatorFactory()])
    )
    return connector


# --- when ---------------------------------------------------------------------------------


def test_a_poisoned_event_is_tried_at_growing_intervals_and_given_up_after_three_days(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    Poison(monkeypatch, "m1")
    deliver(connector, custom_message("m1"), at=moment())
    waits = []
    event = InboundEvent.objects.get()
    last = moment()
    while event.pending_at is not None:
        waits.append((event.pending_at - last).total_seconds())
        last = event.pending_at
        assert inbound_sweep(now=last - dt.timedelta(microseconds=1)) == 0
        assert inbound_sweep(now=last) == 0
        event.refresh_from_db()
        assert len(waits) < 100
    assert waits[:7] == [5, 30, 120, 600, 3600, 3600, 3600]
    assert set(waits[4:]) == {3600}
    assert dt.timedelta(days=3) <= last - moment() < dt.timedelta(days=3, hours=1)
    assert (event.state, event.error) == ("dead", "RuntimeError: poison")
    assert event.raw is not None
    assert event.attempts == len(waits)
    assert Conversation.objects.get().has_pending is False
    assert not Message.objects.exists()
    assert inbound_sweep(now=last + dt.timedelta(days=1)) == 0


def test_a_dead_event_replayed_after_the_fault_is_gone_has_one_effect(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = Poison(monkeypatch, "m1")
    deliver(connector, custom_message("m1", "At last"), at=moment())
    InboundEvent.objects.update(state="dead", pending_at=None)
    event = InboundEvent.objects.get()
    assert event_replay(inbound_event=event, now=at(60)).outcome == "dead"
    event.refresh_from_db()
    # Replayed by hand and failed again: it is shown, and not tried again by itself.
    assert (event.state, event.pending_at, event.attempts) == ("dead", None, 1)
    poison.message_ids.clear()
    received = event_replay(inbound_event=event, now=at(120))
    assert (received.outcome, received.message_id) == ("done", Message.objects.get().pk)
    assert event_replay(inbound_event=event, now=at(180)).outcome == "duplicate"
    assert deliver(connector, custom_message("m1", "At last"), at=at(200)) == ["duplicate"]
    assert thread() == ["At last"]
    assert Session.objects.count() == 1


def test_a_pending_event_may_be_replayed_by_hand_before_its_time(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = Poison(monkeypatch, "m1")
    deliver(connector, custom_message("m1"), at=moment())
    poison.message_ids.clear()
    event = InboundEvent.objects.get()
    assert event_replay(inbound_event=event, now=at(1)).outcome == "done"
    assert Conversation.objects.get().has_pending is False
    assert inbound_sweep(now=at(5)) == 0
    assert Message.objects.count() == 1


def test_an_event_no_longer_in_its_delivery_is_given_up_at_once(connector: Connector) -> None:
    event_keep(
        connector=connector, key="message:gone", raw=json.dumps(custom_message("m1")).encode(),
        state="pending", error="", now=moment(), event=written("gone"),
    )  # fmt: skip
    assert inbound_sweep(now=at(5)) == 0
    event = InboundEvent.objects.get()
    assert (event.state, event.pending_at) == ("dead", None)
    assert event.error == "The event is not in the kept delivery."


def test_the_sweep_takes_the_oldest_first_and_only_so_many(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = Poison(monkeypatch, "m1", "m2", "m3")
    for number in (1, 2, 3):
        deliver(
            connector, custom_message(f"m{number}", f"{number}", user=f"u{number}"), at=moment()
        )
    poison.message_ids.clear()
    assert inbound_sweep(now=at(5), limit=2) == 2
    assert thread() == ["1", "2"]
    assert inbound_sweep(now=at(5), limit=2) == 1


# --- order --------------------------------------------------------------------------------


def test_later_messages_wait_for_a_pending_one_and_come_in_order(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = Poison(monkeypatch, "m1")
    assert deliver(connector, custom_message("m1", "one"), at=moment()) == ["pending"]
    assert deliver(connector, custom_message("m2", "two"), at=at(1)) == ["pending"]
    assert deliver(connector, custom_message("m3", "three"), at=at(2)) == ["pending"]
    other = custom_message("m4", "another chat", user="u2")
    assert deliver(connector, other, at=at(2)) == ["done"]
    assert not Message.objects.filter(conversation__external_chat_id="u1").exists()
    poison.message_ids.clear()
    assert inbound_sweep(now=at(8)) == 3
    assert thread() == ["one", "two", "three", "another chat"]
    assert Conversation.objects.filter(has_pending=True).count() == 0
    assert deliver(connector, custom_message("m5", "four"), at=at(9)) == ["done"]


def test_after_thirty_seconds_the_others_pass_and_the_gap_is_marked_once(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = Poison(monkeypatch, "m1")
    deliver(connector, custom_message("m1", "one"), at=moment())
    deliver(connector, custom_message("m2", "two"), at=at(1))
    assert inbound_sweep(now=at(6)) == 0
    assert not Message.objects.exists()
    assert inbound_sweep(now=at(29)) == 0
    # m1 is put off to its next try; m2 has waited long enough, and is looked at every 5 s.
    assert inbound_sweep(now=at(34)) == 1
    assert thread() == ["gap", "two"]
    assert deliver(connector, custom_message("m3", "three"), at=at(40)) == ["done"]
    assert thread() == ["gap", "two", "three"]
    poison.message_ids.clear()
    assert inbound_sweep(now=at(3600)) == 1
    assert thread() == ["gap", "two", "three", "one"]
    conversation = Conversation.objects.get()
    assert conversation.has_pending is False
    assert list(Message.objects.values_list("seq", flat=True).order_by("seq")) == [1, 2, 3, 4]
    assert conversation.last_seq == 4


def test_a_message_that_comes_when_the_pending_one_is_old_passes_by_itself(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    Poison(monkeypatch, "m1")
    deliver(connector, custom_message("m1"), at=moment())
    assert deliver(connector, custom_message("m2", "two"), at=at(29)) == ["pending"]
    InboundEvent.objects.filter(key="message:m2").delete()
    assert deliver(connector, custom_message("m3", "three"), at=at(30)) == ["done"]
    assert sorted(thread()) == ["gap", "three"]


def test_a_receipt_that_waits_holds_nobody_back_and_is_no_gap(connector: Connector) -> None:
    receive(connector, written("m1", "one"))
    assert deliver(
        connector, {"event": "status", "message_id": "nobody's", "status": "read"}, at=moment()
    ) == ["pending"]
    assert deliver(connector, custom_message("m2", "two"), at=at(40)) == ["done"]
    assert thread() == ["one", "two"]


# --- by hand ------------------------------------------------------------------------------


def test_giving_an_event_up_lets_the_others_pass(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    Poison(monkeypatch, "m1")
    deliver(connector, custom_message("m1"), at=moment())
    event = InboundEvent.objects.get()
    assert event_give_up(inbound_event=event, now=at(1)) is True
    event.refresh_from_db()
    assert (event.state, event.pending_at) == ("dead", None)
    assert event.raw is not None
    assert deliver(connector, custom_message("m2", "two"), at=at(2)) == ["done"]
    assert thread() == ["two"]
    assert event_give_up(inbound_event=event, now=at(3)) is False


def test_an_event_is_kept_once_and_marks_nothing_the_second_time(connector: Connector) -> None:
    common: dict[str, Any] = {"connector": connector, "raw": b"{}", "error": "", "now": moment()}
    first = event_keep(key="k", state="pending", event=written(), **common)
    Conversation.objects.update(has_pending=False)
    assert event_keep(key="k", state="pending", event=written(), **common) is None
    assert InboundEvent.objects.get().pk == first
    assert Conversation.objects.get().has_pending is False


def test_an_error_with_bytes_no_database_takes_is_noted_all_the_same(
    connector: Connector,
) -> None:
    event_keep(
        connector=connector, key="k", raw=b"{}", state="dead", now=moment(),
        error="bad \x00 and \ud800 text" + "x" * 3000,
    )  # fmt: skip
    error = InboundEvent.objects.get().error
    assert error.startswith("bad � and � textxxx")
    assert len(error) == 2000


def test_a_failure_noted_too_late_does_not_wake_a_done_event(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    Poison(monkeypatch, "m1")
    deliver(connector, custom_message("m1"), at=moment())
    event = InboundEvent.objects.get()
    pending.event_done(event_id=event.pk, now=at(1))
    assert pending._put_off(event.pk, "late", at(2)).outcome == "duplicate"
    event.refresh_from_db()
    assert (event.state, event.pending_at, event.attempts, event.error) == ("done", None, 0, "")


# --- cleaning -----------------------------------------------------------------------------


def test_bytes_go_after_a_fortnight_and_keys_after_ninety_days(connector: Connector) -> None:
    def event(key: str, days: int, state: str, raw: bytes | None) -> InboundEvent:
        return InboundEvent.objects.create(
            connector=connector, key=key, state=state, raw=raw,
            received_at=moment() - dt.timedelta(days=days),
            pending_at=moment() if state == EventState.PENDING else None,
        )  # fmt: skip

    event("young", 13, "dead", b"x")
    event("old", 15, "dead", b"x")
    event("key", 89, "done", None)
    event("forgotten", 91, "done", None)
    event("pending", 100, "pending", b"x")
    assert inbound_clean(now=moment()) == 2
    assert {row.key: row.raw is not None for row in InboundEvent.objects.all()} == {
        "young": True,
        "old": False,
        "key": False,
        "pending": True,
    }


def test_a_message_delivered_again_after_its_key_was_forgotten_is_still_known(
    connector: Connector,
) -> None:
    first = receive(connector, written("m1"))
    inbound_clean(now=moment() + dt.timedelta(days=91))
    assert not InboundEvent.objects.exists()
    again = receive(connector, written("m1"), at=moment() + dt.timedelta(days=91))
    assert (again.outcome, again.message_id) == ("duplicate", first.message_id)
    assert Message.objects.count() == 1


# --- two sweeps at once -------------------------------------------------------------------


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_try_each_event_once(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = Poison(monkeypatch, *(f"m{number}" for number in range(20)))
    for number in range(20):
        deliver(connector, custom_message(f"m{number}", user=f"u{number % 4}"), at=moment())
    poison.message_ids.clear()
    start = threading.Barrier(3)

    def sweep() -> None:
        start.wait()
        inbound_sweep(now=at(31))
        connection.close()

    threads = [threading.Thread(target=sweep) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    inbound_sweep(now=at(60))
    assert Message.objects.filter(direction="in").count() == 20
    assert InboundEvent.objects.filter(state="done").count() == 20
    assert not Conversation.objects.filter(has_pending=True).exists()
    for conversation in Conversation.objects.all():
        seqs = list(conversation.messages.order_by("seq").values_list("seq", flat=True))
        assert seqs == list(range(1, len(seqs) + 1))
