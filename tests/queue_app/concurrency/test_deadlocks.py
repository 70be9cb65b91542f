"""Eight processes write first messages to one line, and none waits for another in a circle.

The default run takes a few seconds; sixty with `-m slow`.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from channels_app.models import Connector, Message
from channels_app.services.errors import ServiceError
from channels_app.services.open_channels import open_channel_update
from queue_app.models import Assignment, Operator, Session
from queue_app.services import desk
from queue_app.services.endings import session_end
from queue_app.services.operators import operator_duty_set
from queue_app.services.queues import Member, queue_members_replace
from queue_app.services.replies import session_reply
from queue_app.services.sessions import session_accept
from queue_app.services.timers import timers_sweep
from tests.factories import OperatorFactory
from tests.queue_app.concurrency.crowd import PATIENCE_SECONDS, unfair_offers
from tests.queue_app.desk_story import books_check, customer_receive, line_with

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

PROCESSES = 8


def deadlocks() -> int:
    """How many deadlocks the database has resolved so far."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        count: int = cursor.fetchone()[0]
        return count


def write(
    connector: Connector, operator: Operator, worker: int, seconds: float, how: str, results: Any
) -> None:
    """One process: first messages of ever new customers, some accepted and ended."""
    outcomes: Counter[str] = Counter()
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end:
        number += 1
        customer = f"p{worker}-{number}"
        try:
            if how == "wrong" and worker % 2:
                with transaction.atomic():
                    Operator.objects.filter(pk=operator.pk).update(max_chats=100_000)
                    received = customer_receive(
                        connector, customer, now=timezone.now(), key=customer
                    )
            else:
                received = customer_receive(connector, customer, now=timezone.now(), key=customer)
        except DatabaseError as error:
            outcomes[type(error).__name__] += 1
            continue
        outcomes[received.outcome] += 1
        if number % 3 == 0 and received.conversation_id is not None:
            session = Session.objects.get(conversation_id=received.conversation_id)
            if session.operator_id == operator.pk:
                session_accept(session_id=session.pk, operator=operator, now=timezone.now())
                session_end(session_id=session.pk, actor=operator.user, now=timezone.now())
    connections.close_all()
    results.put(dict(outcomes))


def run_together(work: Callable[..., None], *arguments: Sequence[Any]) -> Counter[str]:
    """Run `work` in as many processes, each with its own arguments and a queue for its outcomes.

    Returns the outcomes of all of them.
    """
    # Forked, so that the time goes into the work: no connection may be shared.
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    connections.close_all()
    processes = [context.Process(target=work, args=(*own, results)) for own in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120 + PATIENCE_SECONDS)
        assert process.exitcode == 0, "a process failed or hangs"
    total: Counter[str] = Counter()
    for _ in processes:
        outcomes = results.get()
        assert outcomes, "a process did nothing"
        total.update(outcomes)
    return total


def write_together(seconds: float, how: str = "right") -> Counter[str]:
    """Let the processes write to a new line. Returns the outcomes of all messages."""
    people = [OperatorFactory(max_chats=100_000) for _ in range(PROCESSES)]
    connector = line_with(*people, check_availability=True, max_chats=50_000)
    arguments = [
        (connector, operator, worker, seconds, how) for worker, operator in enumerate(people)
    ]
    return run_together(write, *arguments)


@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.slow)])
def test_first_messages_of_eight_processes_never_deadlock(seconds: int) -> None:
    before = deadlocks()
    total = write_together(seconds)
    assert deadlocks() == before
    assert set(total) == {"done"}
    assert Message.objects.count() == Session.objects.count() == total["done"]
    assert Assignment.objects.count() == total["done"]
    assert unfair_offers() == []
    if seconds < 10:
        books_check()


def test_against_the_order_of_the_locks_there_would_be_deadlocks() -> None:
    """Negative control: an operator's row before the line, in every second process."""
    before = deadlocks()
    total = write_together(3, "wrong")
    assert deadlocks() > before
    assert total["done"] > 0


def do_anything(
    connectors: list[Connector], people: list[Operator], seed: int, seconds: float, results: Any
) -> None:
    """One process: whatever customers, operators, administrators and workers may do."""
    chance = random.Random(seed)
    outcomes: Counter[str] = Counter()

    def session() -> Session:
        found = Session.objects.order_by("-pk")[:30]
        return chance.choice(list(found)) if found else Session(pk=0)

    def person() -> Operator:
        return chance.choice(people)

    def now() -> dt.datetime:
        return timezone.now()

    def customer() -> None:
        user = f"u{chance.randrange(60)}"
        key = f"{seed}-{sum(outcomes.values())}"
        customer_receive(chance.choice(connectors), user, now=now(), key=key)

    def accept() -> None:
        session_accept(session_id=session().pk, operator=person(), now=now())

    def reply() -> None:
        one, who = session(), person()
        key = f"{seed}-{sum(outcomes.values())}"
        session_reply(session_id=one.pk, user=who.user, text="Yes", client_key=key, now=now())

    def close() -> None:
        closed = session_end(session_id=session().pk, actor=person().user, now=now())
        desk.place_freed(session_id=closed.pk, now=now())

    def duty() -> None:
        operator = operator_duty_set(
            operator=person(), duty=chance.choice(["on", "on", "off", "pause"]), now=now()
        )
        desk.operator_duty_settle(operator_id=operator.pk, now=now())

    def late() -> None:
        timers_sweep(now=now() + dt.timedelta(minutes=6))

    def sweep() -> None:
        desk.desk_sweep(now=now())

    def queue() -> None:
        line = chance.choice(connectors).open_channel
        chosen = chance.sample(people, chance.randrange(2, len(people)))
        members: list[Member] = [{"user": one.user} for one in chosen]
        queue_members_replace(open_channel=line, members=members, now=now())
        desk.line_resettle(open_channel_id=line.pk, now=now())

    def settings() -> None:
        line = chance.choice(connectors).open_channel
        changes = {"max_chats": chance.choice([0, 50]), "response_minutes": chance.randrange(1, 9)}
        open_channel_update(open_channel=line, changes=changes, now=now())
        desk.line_resettle(open_channel_id=line.pk, now=now())

    often = [customer] * 6 + [accept] * 4 + [reply] * 2 + [close] * 3
    seldom = [duty, duty, late, sweep, queue, settings]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        action = chance.choice(often + seldom)
        try:
            action()
            outcomes["done"] += 1
        except ServiceError:
            outcomes["refused"] += 1
        except DatabaseError as error:
            outcomes[f"{action.__name__}: {error}"] += 1
    connections.close_all()
    results.put(dict(outcomes))


@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.slow)])
def test_everything_at_once_never_deadlocks_and_the_books_are_right(seconds: int) -> None:
    """Two lines that share their operators, so that no lock is any line's own."""
    people = [OperatorFactory(max_chats=30) for _ in range(5)]
    connectors = [line_with(*people, check_availability=True), line_with(*reversed(people))]
    before = deadlocks()
    arguments = [(connectors, people, seed, seconds) for seed in range(PROCESSES)]
    total = run_together(do_anything, *arguments)
    assert set(total) == {"done", "refused"}
    assert deadlocks() == before
    desk.desk_sweep(now=timezone.now())
    books_check()
