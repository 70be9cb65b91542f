"""Chats that change hands at the same moment: one wins, the books are right, nobody hangs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from channels_app.models import Conversation, InboundEvent, Message
from channels_app.services.errors import ServiceError
from queue_app.models import Operator, Session, SessionEvent
from queue_app.services.dialogues import conversation_write, dialogue_begin
from queue_app.services.endings import session_end
from queue_app.services.helpers import session_intercept, session_join
from queue_app.services.notes import session_note
from queue_app.services.places import place_claim, place_free, place_move
from queue_app.services.sessions import session_accept
from queue_app.services.skips import session_skip
from queue_app.services.stops import conversation_block
from queue_app.services.timers import timers_sweep
from queue_app.services.transfers import session_transfer
from tests.factories import ConversationFactory, OperatorFactory
from tests.queue_app.concurrency.crowd import (
    HeldThread,
    all_at_once,
    meet,
    raised,
    session_without_lock,
    without_constraint,
)
from tests.queue_app.desk_story import (
    books_check,
    customer_receive,
    customer_writes,
    kinds,
    line_with,
    outcomes,
)
from tests.queue_app.services.acts import person, supervisor

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

ROUNDS = 8


def chat(*people: Operator, user: str = "u1", **settings: Any) -> Session:
    """A chat of the first of these."""
    session = customer_writes(line_with(*people, **settings), user, now=timezone.now())
    return session_accept(session_id=session.pk, operator=people[0], now=timezone.now())


def transferring(session: Session, actor: Operator, target: Operator) -> Callable[[], Session]:
    return lambda: session_transfer(
        session_id=session.pk, actor=actor.user, to_operator=target, now=timezone.now()
    )


def accepting(session: Session, operator: Operator) -> Callable[[], Session]:
    return lambda: session_accept(session_id=session.pk, operator=operator, now=timezone.now())


def codes(results: list[Any]) -> list[str]:
    """How each ended: "done", or the code of its refusal. What else was raised is raised."""
    found = []
    for result in results:
        if isinstance(result, ServiceError):
            found.append(result.code)
        elif isinstance(result, BaseException):
            raise result
        else:
            found.append("done")
    return found


# --- transfer -----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["at_once", "must_accept"])
def test_of_two_transfers_at_once_one_wins(mode: str) -> None:
    ana, bruno, carla = person("Ana"), person("Bruno"), person("Carla")
    for _ in range(ROUNDS):
        session = chat(ana, bruno, carla, transfer_mode=mode)
        results = all_at_once(
            [transferring(session, ana, bruno), transferring(session, ana, carla)]
        )
        ended = codes(results)
        assert sorted(ended) == ["done", "not_yours"]
        session.refresh_from_db()
        assert session.operator == (bruno, carla)[ended.index("done")]
        assert kinds(session).count("transferred") == 1
    books_check()


def two_transfers(monkeypatch: pytest.MonkeyPatch) -> list[Operator]:
    """Both see the chat as Ana's, if they can. Returns to whom it was said to have gone."""
    ana, bruno, carla = person("Ana"), person("Bruno"), person("Carla")
    session = chat(ana, bruno, carla)
    went: list[Operator] = []

    def give(target: Operator) -> None:
        transferring(session, ana, target)()
        went.append(target)

    first = HeldThread(lambda: give(bruno))

    def held_move(**values: Any) -> None:
        first.hold()
        place_move(**values)

    monkeypatch.setattr("queue_app.services.handover.place_move", held_move)
    meet(first, lambda: give(carla))
    return went


def test_who_comes_second_waits_and_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ServiceError, match="belongs to Bruno"):
        two_transfers(monkeypatch)
    books_check()


def test_without_the_sessions_lock_both_would_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    monkeypatch.setattr("queue_app.services.transfers.session_lock", session_without_lock)
    monkeypatch.setattr("queue_app.services.places.line_lock", lambda _line: 0)
    # The numbers of the events would refuse the second: the last line of defence.
    with without_constraint(SessionEvent, "session_event_seq_once"):
        assert len(two_transfers(monkeypatch)) == 2
        with pytest.raises(AssertionError, match="over all lines"):
            books_check()


def test_a_transfer_and_taking_by_hand_at_once_one_wins() -> None:
    people = [person(name, duty="off") for name in ("Ana", "Bruno", "Carla")]
    ana, bruno, carla = people
    connector = line_with(*people, check_availability=True)
    for number in range(ROUNDS):
        session = customer_writes(connector, f"u{number}", now=timezone.now())
        results = all_at_once([transferring(session, ana, bruno), accepting(session, carla)])
        ended = codes(results)
        session.refresh_from_db()
        if ended[0] == "done":
            assert (ended[1], session.operator) == ("taken", bruno)
        else:
            assert (ended, session.operator) == (["not_yours", "done"], carla)
    books_check()


def test_a_transfer_and_accepting_ones_own_offer_at_once_end_the_same_way() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    for number in range(ROUNDS):
        session = customer_writes(line_with(ana, bruno), f"u{number}", now=timezone.now())
        assert session.operator == ana
        ended = codes(all_at_once([transferring(session, ana, bruno), accepting(session, ana)]))
        assert ended[0] == "done"
        assert ended[1] in {"done", "taken"}
        session.refresh_from_db()
        assert (session.state, session.operator) == ("active", bruno)
    books_check()


def test_chats_that_cross_do_not_wait_for_each_other_in_a_circle() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    boss = supervisor("assign_session")
    first, second = chat(ana), chat(bruno)
    for number in range(20):
        there, back = (bruno, ana) if number % 2 == 0 else (ana, bruno)
        results = all_at_once([transferring(first, boss, there), transferring(second, boss, back)])
        assert codes(results) == ["done", "done"]
    books_check()


def cross(monkeypatch: pytest.MonkeyPatch, move: Callable[..., None]) -> None:
    """Two chats cross; the first stands still between giving a place back and taking the other."""
    ana, bruno = person("Ana"), person("Bruno")
    boss = supervisor("assign_session")
    first, second = chat(ana), chat(bruno)
    held = HeldThread(transferring(first, boss, bruno))

    def held_free(*, session: Session) -> bool:
        freed = place_free(session=session)
        held.hold()
        return freed

    monkeypatch.setattr("queue_app.services.places.place_free", held_free)
    monkeypatch.setattr("queue_app.services.handover.place_move", move)
    meet(held, transferring(second, boss, ana))


def test_people_are_locked_in_one_order(monkeypatch: pytest.MonkeyPatch) -> None:
    cross(monkeypatch, place_move)
    books_check()


def test_without_the_order_they_would_wait_in_a_circle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""

    def as_they_come(
        *, session: Session, operator: Operator, limited: bool = True, by_himself: bool = False
    ) -> None:
        from queue_app.services import places

        places.place_free(session=session)
        place_claim(session=session, operator=operator, limited=limited, by_himself=by_himself)

    with pytest.raises(OperationalError, match="deadlock"):
        cross(monkeypatch, as_they_come)


# --- skip -----------------------------------------------------------------------------------


def skip_against_expiry() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    for number in range(ROUNDS):
        now = timezone.now()
        session = customer_writes(line_with(ana, bruno), f"u{number}", now=now)
        assert session.operator == ana
        late = now + dt.timedelta(minutes=5)
        ended = codes(
            all_at_once(
                [
                    partial(session_skip, session_id=session.pk, operator=ana, now=late),
                    partial(timers_sweep, now=late),
                ]
            )
        )
        # A timer that others work on waits for the next tick.
        timers_sweep(now=late)
        session.refresh_from_db()
        assert (session.state, session.operator) == ("offered", bruno)
        how = "skipped" if ended[0] == "done" else "expired"
        assert outcomes(session) == [(ana.pk, how), (bruno.pk, "")]
        assert ended[0] in {"done", "not_yours", "not_accepted"}
        steps = kinds(session)
        assert steps.count("skipped") + steps.count("expired") == 1


def test_passing_on_and_the_response_time_at_once_are_one_step() -> None:
    skip_against_expiry()
    books_check()


# --- company ----------------------------------------------------------------------------------


def test_five_who_take_over_at_once_leave_one_owner() -> None:
    ana = person("Ana")
    session = chat(ana)
    bosses = [supervisor("intercept_session") for _ in range(5)]
    results = all_at_once(
        [
            partial(session_intercept, session_id=session.pk, user=boss.user, now=timezone.now())
            for boss in bosses
        ]
    )
    assert codes(results) == ["done"] * 5
    session.refresh_from_db()
    assert session.operator in bosses
    assert kinds(session).count("intercepted") == 5
    books_check()


def test_joining_ten_times_at_once_is_joining_once() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = chat(ana, bruno)
    join = partial(session_join, session_id=session.pk, user=bruno.user, now=timezone.now())
    assert codes(all_at_once([join] * 10)) == ["done"] * 10
    assert session.helpers.count() == 1
    assert kinds(session).count("joined") == 1


def test_twenty_identical_notes_at_once_are_one() -> None:
    ana = person("Ana")
    session = chat(ana)
    note = partial(
        session_note, session_id=session.pk, user=ana.user, text="Be kind",
        client_key="note-0001", now=timezone.now(),
    )  # fmt: skip
    assert raised(all_at_once([note] * 20)) == []
    assert Message.objects.filter(direction="note").count() == 1


# --- beginning --------------------------------------------------------------------------------


def test_an_old_chat_taken_up_by_two_at_once_is_one_new_chat() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    old = chat(ana, bruno)
    session_end(session_id=old.pk, actor=ana.user, now=timezone.now())
    results = all_at_once(
        [
            partial(dialogue_begin, session_id=old.pk, actor=one.user, now=timezone.now())
            for one in (ana, bruno, ana, bruno)
        ]
    )
    ended = codes(results)
    assert sorted(ended) == ["done", "done", "open_session", "open_session"]
    assert ended[:2] == ended[2:]
    assert Session.objects.count() == 2
    books_check()


def test_the_first_word_and_the_customers_at_once_are_one_chat() -> None:
    ana = person("Ana")
    connector = line_with(ana)
    for number in range(ROUNDS):
        user = f"u{number}"
        conversation = ConversationFactory(connector=connector, external_chat_id=user)
        write = partial(
            conversation_write, conversation_id=conversation.pk, user=ana.user, text="Hi",
            client_key="key-0001", now=timezone.now(),
        )  # fmt: skip
        hear = partial(customer_receive, connector, user, now=timezone.now())
        assert codes(all_at_once([write, hear])) == ["done", "done"]
        (session,) = Session.objects.filter(conversation=conversation)
        assert (session.state, session.operator) == ("active", ana)
        seqs = Message.objects.filter(conversation=conversation).order_by("seq")
        assert list(seqs.values_list("seq", flat=True)) == [1, 2]
    books_check()


def test_blocking_and_writing_at_once_lose_nothing_and_let_nothing_in_after() -> None:
    ana = person("Ana")
    connector = line_with(ana)
    for number in range(ROUNDS):
        user = f"u{number}"
        session = customer_writes(connector, user, now=timezone.now())
        block = partial(
            conversation_block, session_id=session.pk, actor=ana.user, now=timezone.now()
        )
        hear = partial(customer_receive, connector, user, now=timezone.now(), key=f"late-{number}")
        _blocked, received = all_at_once([block, hear])
        conversation = Conversation.objects.get(pk=session.conversation_id)
        heard = Message.objects.filter(conversation=conversation, external_id=f"late-{number}")
        if received.outcome == "done":
            assert (heard.count(), conversation.ignored_count) == (1, 0)
        else:
            assert received.outcome == "ignored"
            assert (heard.count(), conversation.ignored_count) == (0, 1)
            assert InboundEvent.objects.get(key=received.key).raw is not None
        again = customer_receive(connector, user, now=timezone.now())
        assert again.outcome == "ignored"
