"""Operators who act at the same moment: one accepts, limits hold, one answer is one message."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from channels_app.services.errors import ConflictError, ForbiddenError
from queue_app.models import LineOperator, Operator, Session, SessionEvent
from queue_app.services import desk
from queue_app.services.endings import session_end
from queue_app.services.locks import line_lock
from queue_app.services.places import place_take
from queue_app.services.routing import session_distribute
from queue_app.services.sessions import session_accept
from tests.factories import OperatorFactory, UserFactory
from tests.queue_app.concurrency.crowd import (
    HeldThread,
    all_at_once,
    meet,
    raised,
    session_without_lock,
    spread,
    unfair_offers,
    waiting_sessions,
    without_constraint,
)
from tests.queue_app.desk_story import books_check, customer_writes, line_with
from tests.queue_app.services.acts import supervisor

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


def accepting(session: Session, operator: Operator) -> Callable[[], Session]:
    return lambda: session_accept(session_id=session.pk, operator=operator, now=timezone.now())


# --- several accept at once ---------------------------------------------------------------


def test_of_two_who_accept_at_once_one_wins_and_the_other_is_told_by_whom() -> None:
    people = [
        OperatorFactory(user=UserFactory(first_name=name, last_name=""), duty="off")
        for name in ("Maria", "Igor")
    ]
    connector = line_with(*people, check_availability=True)
    for number in range(15):
        session = customer_writes(connector, f"u{number}", now=timezone.now())
        results = all_at_once([accepting(session, operator) for operator in people])
        (error,) = raised(results)
        (won,) = [result for result in results if isinstance(result, Session)]
        winner = people[results.index(won)]
        assert isinstance(error, ConflictError)
        assert (error.code, error.detail) == ("taken", f"Taken by {winner.name}")
        session.refresh_from_db()
        assert (session.state, session.operator) == ("active", winner)
        assert session.assignments.get().operator == winner
    books_check()


def test_of_seven_who_were_all_asked_one_wins_and_the_others_are_told_by_whom() -> None:
    people: list[Operator] = [OperatorFactory() for _ in range(7)]
    connector = line_with(*people, distribution="everybody")
    for number in range(4):
        session = customer_writes(connector, f"u{number}", now=timezone.now())
        assert session.assignments.filter(ended_at__isnull=True).count() == 7
        results = all_at_once([accepting(session, operator) for operator in people])
        errors = raised(results)
        assert len(errors) == 6
        session.refresh_from_db()
        winner = session.operator
        assert winner is not None
        assert isinstance(results[people.index(winner)], Session)
        for error in errors:
            assert isinstance(error, ConflictError)
            assert (error.code, error.detail) == ("taken", f"Taken by {winner.name}")
        assert Counter(session.assignments.values_list("outcome", flat=True)) == {
            "accepted": 1, "lost": 6,
        }  # fmt: skip
        assert session.assignments.get(outcome="accepted").operator == winner
        assert session.events.filter(kind="accepted").count() == 1
    books_check()


def two_accept(monkeypatch: pytest.MonkeyPatch) -> list[Operator]:
    """Both see the chat waiting, if they can. Returns who was told that it is his.

    Raises `ConflictError` when one of them was refused.
    """
    people = [OperatorFactory() for _ in range(2)]
    (session,) = waiting_sessions(line_with(*people), 1)
    winners: list[Operator] = []

    def accept(operator: Operator) -> None:
        winners.append(accepting(session, operator)().operator or operator)

    first = HeldThread(lambda: accept(people[0]))

    def held_place_take(**values: Any) -> bool:
        first.hold()
        return place_take(**values)

    monkeypatch.setattr("queue_app.services.places.place_take", held_place_take)
    meet(first, lambda: accept(people[1]))
    return winners


def test_who_comes_second_waits_and_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConflictError, match="Taken by"):
        two_accept(monkeypatch)
    assert Session.objects.get().state == "active"
    books_check()


def test_without_the_sessions_lock_both_would_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    monkeypatch.setattr("queue_app.services.sessions.session_lock", session_without_lock)
    # Taking by hand waits for the line as well, which hides the fault.
    monkeypatch.setattr("queue_app.services.places.line_lock", lambda _line: 0)
    # The numbers of the events would refuse the second: the last line of defence.
    with without_constraint(SessionEvent, "session_event_seq_once"):
        assert len(two_accept(monkeypatch)) == 2
        with pytest.raises(AssertionError, match="over all lines"):
            books_check()


@pytest.mark.parametrize("count", [40, pytest.param(1000, marks=pytest.mark.slow)])
def test_taking_by_hand_is_never_overwritten_by_the_distribution(count: int) -> None:
    """One takes what he likes while three sweepers distribute the same sessions to seven."""
    people = [OperatorFactory() for _ in range(7)]
    connector = line_with(*people)
    sessions = waiting_sessions(connector, count)
    taker = supervisor("intercept_session")
    taken: list[int] = []

    def take() -> None:
        for session in reversed(sessions):
            try:
                accepting(session, taker)()
            except ForbiddenError:  # the sweepers were faster
                continue
            taken.append(session.pk)

    def sweep() -> int:
        return desk.line_distribute(
            open_channel_id=connector.open_channel_id, now=timezone.now(), limit=count
        )

    results = all_at_once([take, sweep, sweep, sweep], patience_seconds=60 + count * 0.5)
    assert raised(results) == []
    assert 0 < len(taken) < count
    held = Session.objects.filter(pk__in=taken)
    assert set(held.values_list("state", "operator_id")) == {("active", taker.pk)}
    rest = Session.objects.exclude(pk__in=taken)
    assert set(rest.values_list("state", flat=True)) == {"offered"}
    # What is taken by hand is nobody's turn: the others stay even.
    assert unfair_offers() == []
    assert spread(people) <= 1
    books_check()


def taken_while_distributed(monkeypatch: pytest.MonkeyPatch) -> Session:
    """The distribution has seen a chat waiting when somebody takes it, if he can."""
    people = [OperatorFactory() for _ in range(2)]
    (session,) = waiting_sessions(line_with(*people), 1)
    held = HeldThread(partial(session_distribute, session_id=session.pk, now=timezone.now()))

    def held_line_lock(open_channel_id: int) -> int:
        held.hold()
        return line_lock(open_channel_id)

    monkeypatch.setattr("queue_app.services.offers.line_lock", held_line_lock)
    taker = supervisor("intercept_session")
    with suppress(ForbiddenError):  # it is offered to another by now
        meet(held, accepting(session, taker))
    session.refresh_from_db()
    return session


def test_who_takes_a_chat_that_is_just_given_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    session = taken_while_distributed(monkeypatch)
    assert (session.state, session.events.filter(kind="accepted").count()) == ("offered", 0)
    books_check()


def test_without_the_sessions_lock_his_chat_would_be_overwritten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Negative control: it is his, and then it is offered to another."""
    monkeypatch.setattr("queue_app.services.routing.session_lock", session_without_lock)
    with without_constraint(SessionEvent, "session_event_seq_once"):
        session = taken_while_distributed(monkeypatch)
        assert (session.state, session.events.filter(kind="accepted").count()) == ("offered", 1)


# --- limits ---------------------------------------------------------------------------------


@contextmanager
def every_commit_watched(table: str) -> Iterator[Callable[[], int]]:
    """Log each value `open_chats` takes on in a table. Yields the highest that was committed."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE watched (open_chats integer)")
        cursor.execute(
            "CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN INSERT INTO watched VALUES (NEW.open_chats); RETURN NEW; END'"
        )
        cursor.execute(
            f"CREATE TRIGGER watch AFTER INSERT OR UPDATE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION watch()"
        )

    def highest() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT max(open_chats) FROM watched")
            value: int = cursor.fetchone()[0]
            return value

    try:
        yield highest
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER watch ON {table}")
            cursor.execute("DROP FUNCTION watch")
            cursor.execute("DROP TABLE watched")


def accept_and_close(operator: Operator, rounds: int) -> list[Any]:
    """Ten threads take, end and distribute chats of one operator as fast as they can."""
    lock = threading.Lock()
    accepted: list[int] = []

    def act() -> int:
        for _ in range(rounds):
            for session in Session.objects.filter(closed_at__isnull=True).order_by("?")[:3]:
                try:
                    if session.state == "active" and session.operator_id == operator.pk:
                        session_end(session_id=session.pk, actor=operator.user, now=timezone.now())
                        desk.place_freed(session_id=session.pk, now=timezone.now())
                    else:
                        accepting(session, operator)()
                        with lock:
                            accepted.append(session.pk)
                except ConflictError:
                    pass
        return len(accepted)

    return all_at_once([act] * 10)


@pytest.mark.parametrize("rounds", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_the_limit_of_the_line_holds_at_every_commit(rounds: int) -> None:
    ana = OperatorFactory()
    connector = line_with(ana, max_chats=3)
    waiting_sessions(connector, 50 if rounds < 10 else 400)
    with every_commit_watched("queue_app_lineoperator") as highest:
        results = accept_and_close(ana, rounds)
        assert raised(results) == []
        assert highest() == 3
    assert max(results) >= 3
    books_check()


def test_the_cap_over_all_lines_holds_at_every_commit() -> None:
    ana = OperatorFactory(max_chats=3)
    connectors = [line_with(ana), line_with(ana)]
    waiting_sessions(connectors[0], 25)
    waiting_sessions(connectors[1], 25)
    with every_commit_watched("queue_app_operator") as highest:
        assert raised(accept_and_close(ana, 4)) == []
        assert highest() == 3
    books_check()


def test_without_the_lines_lock_the_limit_of_the_line_would_not_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Negative control: two read one free place before either takes it."""
    ana = OperatorFactory()
    first, second = waiting_sessions(line_with(ana, max_chats=1), 2)
    held = HeldThread(accepting(first, ana))

    def held_place_take(**values: Any) -> bool:
        held.hold()
        return place_take(**values)

    monkeypatch.setattr("queue_app.services.places.place_take", held_place_take)
    monkeypatch.setattr("queue_app.services.places.line_lock", lambda _line: 0)
    meet(held, accepting(second, ana))
    assert LineOperator.objects.get().open_chats == 2


def test_with_the_lines_lock_the_second_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    ana = OperatorFactory()
    first, second = waiting_sessions(line_with(ana, max_chats=1), 2)
    held = HeldThread(accepting(first, ana))

    def held_place_take(**values: Any) -> bool:
        held.hold()
        return place_take(**values)

    monkeypatch.setattr("queue_app.services.places.place_take", held_place_take)
    with pytest.raises(ConflictError, match="1 of 1"):
        meet(held, accepting(second, ana))
    books_check()


def test_without_the_condition_the_cap_would_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: looking at the cap, and counting up afterwards."""
    ana = OperatorFactory(max_chats=1)
    (first,) = waiting_sessions(line_with(ana), 1)
    (second,) = waiting_sessions(line_with(ana), 1)
    held = HeldThread(accepting(first, ana))

    def look_and_take(*, operator_id: int, open_channel_id: int, limited: bool) -> bool:
        operator = Operator.objects.get(pk=operator_id)
        if operator.open_chats >= operator.max_chats:
            return False
        held.hold()
        Operator.objects.filter(pk=operator_id).update(open_chats=F("open_chats") + 1)
        return True

    monkeypatch.setattr("queue_app.services.places.place_take", look_and_take)
    meet(held, accepting(second, ana))
    ana.refresh_from_db()
    assert (ana.open_chats, ana.max_chats) == (2, 1)
