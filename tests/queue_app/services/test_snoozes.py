"""A chat is put aside until a moment, and comes back."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from queue_app.models import LineOperator, Operator, Session
from queue_app.services.endings import session_end
from queue_app.services.locks import session_lock
from queue_app.services.silence import silence_begin
from queue_app.services.snoozes import session_snooze, session_wake, snooze_lift
from queue_app.services.timers import timers_sweep
from tests.factories import moment
from tests.queue_app.desk_story import books_check, kinds, last_event, timers_of
from tests.queue_app.services.acts import (
    active,
    answered,
    offered,
    person,
    refused,
    supervisor,
    waiting,
)
from tests.queue_app.services.conftest import Sent

pytestmark = pytest.mark.django_db


def snooze(session: Session, operator: Operator, until: dt.datetime | None = None) -> Session:
    return session_snooze(
        session_id=session.pk, actor=operator.user, until=until or moment(60), now=moment(3)
    )


def wake(session: Session, operator: Operator) -> Session:
    return session_wake(session_id=session.pk, actor=operator.user, now=moment(10))


def silent(operator: Operator, **settings: Any) -> Session:
    """An answered chat whose answer has arrived: the customer's silence is counted."""
    session = answered(operator, **settings)
    silence_begin(session=session, now=moment(2))
    assert timers_of(session) == [("auto_close", moment(242))]
    return session


def test_while_it_is_snoozed_nothing_ends_it() -> None:
    ana = person("Ana")
    session = silent(ana)
    snoozed = snooze(session, ana)
    assert (snoozed.state, snoozed.snoozed_until) == ("active", moment(60))
    assert timers_of(session) == [("snooze", moment(60))]
    event = last_event(session)
    assert (event.kind, event.operator, event.data) == (
        "snoozed", ana, {"until": moment(60).isoformat()},
    )  # fmt: skip
    assert timers_sweep(now=moment(59)) == 0


def test_when_its_moment_comes_it_is_our_turn() -> None:
    ana = person("Ana")
    session = silent(ana)
    snooze(session, ana)
    version = Session.objects.get().version
    assert timers_sweep(now=moment(60)) == 1
    session.refresh_from_db()
    assert (session.state, session.turn, session.snoozed_until) == ("active", "operator", None)
    assert (session.waiting_since, session.version) == (None, version + 1)
    assert last_event(session).data == {"why": "due"}
    assert timers_of(session) == []
    books_check()


def test_a_chat_taken_back_is_whose_turn_it_was_and_its_silence_counts_anew() -> None:
    ana = person("Ana")
    session = silent(ana)
    snooze(session, ana)
    woken = wake(session, ana)
    assert (woken.turn, woken.snoozed_until) == ("customer", None)
    assert (last_event(session).data, last_event(session).actor) == ({"why": "by_hand"}, ana.user)
    assert timers_of(session) == [("auto_close", moment(250))]


def test_snoozing_again_moves_the_moment() -> None:
    ana = person("Ana")
    session = active(ana)
    snooze(session, ana)
    snooze(session, ana, moment(90))
    assert timers_of(session) == [("snooze", moment(90))]
    assert kinds(session)[-2:] == ["snoozed", "snoozed"]


@pytest.mark.parametrize(
    "until",
    [moment(3), moment(2), moment(3) + dt.timedelta(days=90, seconds=1)],
    ids=["now", "past", "beyond 90 days"],
)
def test_a_moment_that_is_none_is_refused(until: dt.datetime) -> None:
    ana = person("Ana")
    session = active(ana)
    error = refused("invalid", 400, partial(snooze, session, ana, until))
    assert list(error.fields) == ["until"]
    snooze(session, ana, moment(3) + dt.timedelta(days=90))


def test_only_ones_own_active_chat_is_snoozed() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    refused("not_yours", 403, partial(snooze, session, bruno))
    boss = supervisor("intercept_session", "end_any_session", "assign_session")
    refused("not_yours", 403, partial(snooze, session, boss))
    session_end(session_id=session.pk, actor=ana.user, now=moment(2))
    refused("closed", 409, partial(snooze, session, ana))


@pytest.mark.parametrize("state", ["waiting", "offered"])
def test_what_is_not_accepted_is_not_snoozed(state: str) -> None:
    ana = person("Ana")
    session = waiting(ana) if state == "waiting" else offered(ana)
    refused("not_accepted", 409, partial(snooze, session, ana))


def test_what_does_not_sleep_is_not_woken() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    refused("not_snoozed", 409, partial(wake, session, ana))
    snooze(session, ana)
    refused("not_yours", 403, partial(wake, session, bruno))


# --- the place ----------------------------------------------------------------------------


def chats(operator: Operator) -> tuple[int, int]:
    """How many chats he has over all lines, and on his one line."""
    operator.refresh_from_db()
    return operator.open_chats, LineOperator.objects.get(operator=operator).open_chats


@pytest.mark.parametrize(("rule", "held"), [("ending", 1), ("first_reply", 0), ("every_reply", 0)])
def test_a_snoozed_chat_counts_only_where_chats_count_to_their_end(
    rule: str, held: int, sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    ana = person("Ana")
    session = active(ana, place_freed=rule)
    with django_capture_on_commit_callbacks(execute=True):
        snooze(session, ana)
    assert chats(ana) == (held, held)
    assert sent == ([] if held else [("place_freed", session.pk)])
    books_check()
    # The customer still waits for his answer: awake, it counts as it did before.
    wake(session, ana)
    assert chats(ana) == (1, 1)
    books_check()


@pytest.mark.parametrize(("rule", "held"), [("ending", 1), ("first_reply", 0), ("every_reply", 0)])
def test_an_answered_chat_wakes_up_as_it_fell_asleep(rule: str, held: int) -> None:
    ana = person("Ana")
    session = answered(ana, place_freed=rule)
    assert chats(ana) == (held, held)
    snooze(session, ana)
    timers_sweep(now=moment(60))
    assert chats(ana) == (held, held)
    books_check()


# --- lifted by the customer ---------------------------------------------------------------


def lift(session: Session) -> None:
    with transaction.atomic():
        conversation, locked = session_lock(session.pk)
        snooze_lift(session=locked, conversation=conversation, now=moment(5), why="customer")


def test_a_customers_message_lifts_it() -> None:
    ana = person("Ana")
    session = answered(ana, place_freed="first_reply")
    snooze(session, ana)
    lift(session)
    session.refresh_from_db()
    assert session.snoozed_until is None
    assert last_event(session).data == {"why": "customer"}
    assert timers_of(session) == []
    books_check()


def test_what_does_not_sleep_is_left_alone() -> None:
    session = active(person("Ana"))
    before = Session.objects.values().get()
    lift(session)
    assert Session.objects.values().get() == before
    assert kinds(session)[-1] == "accepted"
