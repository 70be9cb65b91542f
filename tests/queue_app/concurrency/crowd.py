"""Many at once: threads that start together, and a thread that is held at a chosen point."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from django.db import connection, connections
from django.db.models import Model
from django.utils import timezone

from channels_app.models import Connector, Conversation
from queue_app.models import Assignment, Operator, Session, SessionEvent
from queue_app.services.locks import SessionGoneError

PATIENCE_SECONDS = 60.0


def all_at_once(
    actions: Sequence[Callable[[], Any]], *, patience_seconds: float = PATIENCE_SECONDS
) -> list[Any]:
    """Run each in a thread of its own, started together. Results in order, or what was raised."""
    results: list[Any] = [None] * len(actions)
    gate = threading.Barrier(len(actions))

    def run(number: int) -> None:
        try:
            connection.ensure_connection()
            gate.wait(PATIENCE_SECONDS)
            results[number] = actions[number]()
        except Exception as error:  # noqa: BLE001  the test looks at it
            results[number] = error
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=run, args=(number,), daemon=True) for number in range(len(actions))
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + patience_seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
        assert not thread.is_alive(), "a thread hangs"
    return results


def raised(results: Sequence[Any]) -> list[BaseException]:
    """What went wrong among these results."""
    return [result for result in results if isinstance(result, BaseException)]


class HeldThread:
    """A thread that stops at a point of its way until it is let go.

    `hold` is called by the code under test, through a patch; in every other thread it does
    nothing.
    """

    def __init__(self, action: Callable[[], Any]) -> None:
        self.result: Any = None
        self._action = action
        self._arrived = threading.Event()
        self._go_on = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self.result = self._action()
        except Exception as error:  # noqa: BLE001  the test looks at it
            self.result = error
        finally:
            self._arrived.set()
            connections.close_all()

    def start(self) -> None:
        """Let it run up to its point."""
        self._thread.start()
        assert self._arrived.wait(PATIENCE_SECONDS), "it never came to its point"

    def hold(self) -> None:
        if threading.current_thread() is self._thread and not self._arrived.is_set():
            self._arrived.set()
            assert self._go_on.wait(PATIENCE_SECONDS)

    def let_go(self) -> Any:
        """Let it finish. Returns its result; raises what it raised."""
        self._go_on.set()
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive(), "a thread hangs"
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


def meet(held: HeldThread, other: Callable[[], Any]) -> Any:
    """While `held` stands at its point, run `other` until it ends or waits for a lock.

    Then both finish. Returns the result of `other`; raises what either raised.
    """
    held.start()
    second = HeldThread(other)
    second._thread.start()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not second._arrived.wait(0.02) and not _somebody_waits_for_a_lock():
        assert time.monotonic() < deadline, "the other neither ends nor waits"
    held.let_go()
    return second.let_go()


def _somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])


def session_without_lock(session_id: int) -> tuple[Conversation, Session]:
    """`session_lock` with its mechanism taken out, for negative controls."""
    session = (
        Session.objects.select_related(
            "conversation__connector__open_channel", "operator__user", "open_channel"
        )
        .filter(pk=session_id)
        .first()
    )
    if session is None:
        raise SessionGoneError("not_found", "")
    return session.conversation, session


@contextmanager
def without_constraint(model: type[Model], name: str) -> Iterator[None]:
    """Take a constraint off this test's database. The table is emptied before it is put back."""
    constraint = next(found for found in model._meta.constraints if found.name == name)
    with connection.schema_editor() as editor:
        editor.remove_constraint(model, constraint)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {connection.ops.quote_name(model._meta.db_table)} CASCADE")
        with connection.schema_editor() as editor:
            editor.add_constraint(model, constraint)


def waiting_sessions(connector: Connector, count: int) -> list[Session]:
    """Sessions that found nobody, oldest first, as the intake would have left them."""
    now = timezone.now() - dt.timedelta(hours=1)
    started = [now + dt.timedelta(milliseconds=number) for number in range(count)]
    conversations = Conversation.objects.bulk_create(
        [
            Conversation(
                connector=connector, external_chat_id=f"w{number}", last_seq=1, version=1,
                changed_at=at, created_at=at,
            )
            for number, at in enumerate(started)
        ]
    )  # fmt: skip
    sessions = Session.objects.bulk_create(
        [
            Session(
                conversation=conversation, open_channel=connector.open_channel, state="waiting",
                wait_reason="no_operator", turn="operator", started_at=conversation.created_at,
                waiting_since=conversation.created_at, no_operator_since=conversation.created_at,
                event_seq=2,
            )
            for conversation in conversations
        ]
    )  # fmt: skip
    SessionEvent.objects.bulk_create(
        [
            SessionEvent(
                session=session, seq=seq, kind=kind, at=session.started_at, data=data,
                open_channel=connector.open_channel, connector_kind=connector.kind,
            )
            for session in sessions
            for seq, kind, data in [
                (1, "started", {"first": True}),
                (2, "waiting", {"reason": "no_operator", "choice": [], "more": 0}),
            ]
        ]
    )  # fmt: skip
    return sessions


def offers_in_turn() -> list[Assignment]:
    """The committed offers in the order of the line's counter."""
    return list(Assignment.objects.filter(turn__isnull=False).order_by("turn"))


def unfair_offers() -> list[str]:
    """Offers that were not their operator's turn, judged by the codes they were made with."""
    last_turn: dict[int, int] = {}
    found = []
    events = SessionEvent.objects.filter(kind="offered")
    for event in sorted(events, key=lambda event: event.data["turn"]):
        free = [item for item in event.data["choice"] if item["code"] in {"chosen", "later"}]
        chosen = free[0]["operator"]
        behind = [
            item["operator"]
            for item in free
            if last_turn.get(item["operator"], 0) < last_turn.get(chosen, 0)
        ]
        if behind:
            found.append(f"turn {event.data['turn']}: {chosen} before {behind}")
        last_turn[chosen] = event.data["turn"]
    return found


def spread(operators: Sequence[Operator]) -> int:
    """How far the busiest of these is ahead of the least busy, in offers ever made."""
    counts = [
        Assignment.objects.filter(operator=operator, turn__isnull=False).count()
        for operator in operators
    ]
    return max(counts) - min(counts)


def quietly(action: Callable[[], Any]) -> Callable[[], Any]:
    """The action without its errors: a negative control may break on the way."""

    def run() -> Any:
        with suppress(Exception):
            return action()
        return None

    return run
