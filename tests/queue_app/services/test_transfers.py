"""Handing a chat over by hand: at once, by asking, or to another line."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from channels_app.models import Message, OpenChannel
from queue_app.models import LineOperator, Operator, Session, SessionHelper
from queue_app.services import desk
from queue_app.services.endings import session_end
from queue_app.services.helpers import session_join
from queue_app.services.operators import operator_duty_set
from queue_app.services.sessions import session_accept
from queue_app.services.snoozes import session_snooze
from queue_app.services.timers import timers_sweep
from queue_app.services.transfers import session_transfer
from tests.factories import OpenChannelFactory, moment
from tests.queue_app.desk_story import (
    books_check,
    customer_writes,
    kinds,
    last_event,
    line_with,
    outcomes,
    timers_of,
)
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


def transfer(
    session: Session, actor: Operator, target: Operator | OpenChannel, reason: str = ""
) -> Session:
    to: dict[str, Any] = (
        {"to_operator": target} if isinstance(target, Operator) else {"to_line": target}
    )
    return session_transfer(
        session_id=session.pk, actor=actor.user, reason=reason, now=moment(3), **to
    )


# --- to a person ------------------------------------------------------------------------


def test_a_colleague_has_it_at_once() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    after = transfer(session, ana, bruno, "He knows the customer")
    assert (after.state, after.operator, after.answered_at) == ("active", bruno, None)
    event = last_event(session)
    assert (event.kind, event.operator, event.actor) == ("transferred", ana, ana.user)
    assert event.data == {
        "to": bruno.pk, "to_line": None, "reason": "He knows the customer", "mode": "at_once",
    }  # fmt: skip
    note = Message.objects.get(direction="note")
    assert (note.text, note.author, note.queued_at) == ("He knows the customer", ana.user, None)
    assert outcomes(session)[-1] == (bruno.pk, "accepted")
    assert timers_of(session) == []
    books_check()


def test_a_colleague_is_asked_where_the_line_says_so() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno, transfer_mode="must_accept")
    after = transfer(session, ana, bruno)
    assert (after.state, after.operator, after.to_everybody) == ("offered", bruno, False)
    assert last_event(session).data["mode"] == "must_accept"
    assert timers_of(session) == [("response", moment(8))]
    assert not Message.objects.filter(direction="note").exists()
    books_check()
    taken = session_accept(session_id=session.pk, operator=bruno, now=moment(4))
    assert (taken.state, taken.operator) == ("active", bruno)
    books_check()


def test_who_does_not_answer_lets_it_go_back_to_the_queue() -> None:
    ana, bruno, carla = person("Ana"), person("Bruno"), person("Carla")
    session = active(ana, bruno, transfer_mode="must_accept")
    transfer(session, ana, carla)
    assert timers_sweep(now=moment(8)) == 1
    session.refresh_from_db()
    assert (session.state, session.operator) == ("offered", bruno)
    assert (carla.pk, "expired") in outcomes(session)
    books_check()


def test_the_sweep_leaves_a_colleague_of_no_queue_his_time() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    outsider = person("Carla", duty="off")
    session = active(ana, bruno, transfer_mode="must_accept", check_availability=True)
    transfer(session, ana, outsider)
    desk.desk_sweep(now=moment(4))
    session.refresh_from_db()
    assert (session.state, session.operator) == ("offered", outsider)
    # Coming and leaving is an answer.
    operator_duty_set(operator=outsider, duty="on", now=moment(5))
    operator_duty_set(operator=outsider, duty="off", now=moment(6))
    desk.desk_sweep(now=moment(6))
    session.refresh_from_db()
    assert session.operator in {ana, bruno}
    assert (outsider.pk, "returned") in outcomes(session)
    books_check()


def test_a_switched_off_account_loses_what_it_was_asked() -> None:
    ana, bruno, carla = person("Ana"), person("Bruno"), person("Carla")
    session = active(ana, bruno, transfer_mode="must_accept")
    transfer(session, ana, carla)
    carla.user.is_active = False
    carla.user.save()
    desk.desk_sweep(now=moment(4))
    session.refresh_from_db()
    assert session.operator in {ana, bruno}


@pytest.mark.parametrize("mode", ["at_once", "must_accept"])
def test_above_his_limit_he_gets_it_from_a_supervisor_only(mode: str) -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno, transfer_mode=mode, max_chats=1)
    second = customer_writes(session.conversation.connector, "u2", now=moment(1))
    assert second.operator == bruno
    error = refused("full", 409, partial(transfer, session, ana, bruno))
    assert error.detail == "Bruno has 1 of 1 chats."
    boss = supervisor("assign_session")
    assert transfer(session, boss, bruno).operator == bruno
    row = LineOperator.objects.get(operator=bruno)
    assert row.open_chats == 2


def test_his_cap_over_all_lines_holds_too() -> None:
    ana, bruno = person("Ana"), person("Bruno", max_chats=0)
    error = refused("full", 409, partial(transfer, active(ana, bruno), ana, bruno))
    assert error.detail == "Bruno has 0 of 0 chats."


def test_nobody_hands_a_chat_to_himself_or_to_whom_it_is() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    refused("yourself", 409, partial(transfer, session, ana, ana))
    boss = supervisor("assign_session")
    error = refused("same_operator", 409, partial(transfer, session, boss, ana))
    assert error.detail == "Ana has this chat."
    refused("yourself", 409, partial(transfer, session, boss, boss))


def test_a_switched_off_account_gets_nothing() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    bruno.user.is_active = False
    bruno.user.save()
    error = refused("inactive", 409, partial(transfer, session, ana, bruno))
    assert error.detail == "The account of Bruno is switched off."


def test_an_offer_is_transferred_by_whom_it_is_made_to() -> None:
    ana, bruno, carla = person("Ana"), person("Bruno"), person("Carla")
    session = offered(ana, bruno)
    refused("not_yours", 403, partial(transfer, session, bruno, carla))
    after = transfer(session, ana, carla)
    assert (after.state, after.operator) == ("active", carla)
    assert outcomes(session) == [(ana.pk, "transferred"), (carla.pk, "accepted")]
    books_check()


def test_a_chat_that_waits_is_transferred_by_the_people_of_its_line() -> None:
    ana, bruno, outsider = person("Ana"), person("Bruno"), person("Carla")
    session = waiting(ana, bruno)
    refused("permission", 403, partial(transfer, session, outsider, bruno))
    after = transfer(session, ana, bruno)
    assert (after.state, after.operator, after.no_operator_since) == ("active", bruno, None)
    assert (last_event(session).operator, last_event(session).actor) == (None, ana.user)
    books_check()


def test_a_helper_gives_away_nothing() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    session_join(session_id=session.pk, user=bruno.user, now=moment(2))
    refused("not_yours", 403, partial(transfer, session, bruno, person("Carla")))
    # Whose the chat is by then helps in it no more.
    transfer(session, ana, bruno)
    assert not SessionHelper.objects.exists()


def test_what_is_handed_over_is_our_turn() -> None:
    """With the customer's turn it would lie where nobody looks."""
    ana, bruno = person("Ana"), person("Bruno")
    session = answered(ana, bruno)
    assert session.turn == "customer"
    after = transfer(session, ana, bruno)
    assert (after.turn, after.waiting_since) == ("operator", None)
    assert timers_of(session) == []


def test_a_snoozed_chat_is_handed_over_awake() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    session_snooze(session_id=session.pk, actor=ana.user, until=moment(60), now=moment(2))
    after = transfer(session, ana, bruno)
    assert after.snoozed_until is None
    assert timers_of(session) == []
    books_check()


def test_a_chat_that_is_ending_goes_on_with_whom_it_is_given_to() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = answered(ana, bruno)
    Session.objects.filter(pk=session.pk).update(state="closing", ended_at=moment(2))
    Session.objects.filter(pk=session.pk).update(holds_place=False)
    Operator.objects.filter(pk=ana.pk).update(open_chats=0)
    ana.lines.update(open_chats=0)
    after = transfer(session, ana, bruno)
    assert (after.state, after.operator, after.ended_at) == ("active", bruno, None)
    books_check()


def test_a_closed_chat_is_not_transferred() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    session_end(session_id=session.pk, actor=ana.user, now=moment(2))
    refused("closed", 409, partial(transfer, session, ana, bruno))


@pytest.mark.parametrize("both", [True, False])
def test_exactly_one_target_is_given(both: bool) -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    to: dict[str, Any] = {"to_operator": bruno, "to_line": OpenChannelFactory()} if both else {}
    error = refused("one_target", 400, lambda: session_transfer(
        session_id=session.pk, actor=ana.user, reason="", now=moment(3), **to
    ))  # fmt: skip
    assert list(error.fields) == ["operator", "open_channel"]


def test_a_reason_beyond_all_measure_is_refused() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    refused("too_long", 400, partial(transfer, active(ana, bruno), ana, bruno, "x" * 20_001))


def test_the_freed_place_is_offered_after_the_commit(
    sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    with django_capture_on_commit_callbacks(execute=True):
        transfer(session, ana, bruno)
    assert sent == [("place_freed", session.pk, ana.pk)]


def test_who_waits_gets_the_place_of_who_gave_a_chat_away() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, max_chats=1)
    second = customer_writes(session.conversation.connector, "u2", now=moment(2))
    assert second.wait_reason == "no_operator"
    transfer(session, ana, bruno)
    assert desk.place_freed(session_id=session.pk, operator_id=ana.pk, now=moment(4)) == 1
    second.refresh_from_db()
    assert second.operator == ana
    books_check()


# --- to a line --------------------------------------------------------------------------


def test_on_another_line_it_is_distributed_at_once() -> None:
    ana, bruno, carla = person("Ana"), person("Bruno"), person("Carla")
    other = line_with(carla, response_minutes=7).open_channel
    session = active(ana, bruno)
    after = transfer(session, ana, other, "Sales")
    assert (after.open_channel, after.state, after.operator) == (other, "offered", carla)
    assert kinds(session) == ["started", "offered", "accepted", "transferred", "offered"]
    event = session.events.get(kind="transferred")
    # It happened where it was until then; the offer happens where it is now.
    assert event.open_channel_id == session.open_channel_id
    assert last_event(session).open_channel == other
    assert event.data == {"to": None, "to_line": other.pk, "reason": "Sales", "mode": "line"}
    assert timers_of(session) == [("response", moment(10))]
    assert Message.objects.get(direction="note").text == "Sales"
    books_check()


def test_turns_of_the_line_before_do_not_count() -> None:
    """Ana let it pass on the first line; on the second she is asked like everybody."""
    ana, bruno = person("Ana"), person("Bruno")
    session = offered(ana, bruno)
    timers_sweep(now=moment(5))
    session.refresh_from_db()
    assert session.operator == bruno
    other = line_with(ana).open_channel
    after = transfer(session, bruno, other)
    assert (after.state, after.operator, after.round) == ("offered", ana, 1)
    rounds = session.assignments.order_by("pk").values_list("operator", "round", "outcome")
    assert list(rounds) == [
        (ana.pk, 0, "expired"), (bruno.pk, 0, "transferred"), (ana.pk, 1, ""),
    ]  # fmt: skip
    books_check()


def test_with_nobody_there_it_waits_there() -> None:
    ana, bruno = person("Ana"), person("Bruno", duty="off")
    other = line_with(bruno, check_availability=True).open_channel
    after = transfer(active(ana), ana, other)
    assert (after.state, after.wait_reason, after.open_channel) == (
        "waiting", "no_operator", other,
    )  # fmt: skip
    books_check()


def test_helpers_of_the_line_before_leave_it() -> None:
    ana, bruno, carla = person("Ana"), person("Bruno"), person("Carla")
    session = active(ana, bruno)
    session_join(session_id=session.pk, user=bruno.user, now=moment(2))
    transfer(session, ana, line_with(carla).open_channel)
    assert not SessionHelper.objects.exists()
    assert session.events.get(kind="left").operator == bruno


def test_the_same_line_and_a_closed_line_are_refused() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    refused("same_line", 409, partial(transfer, session, ana, session.open_channel))
    closed = OpenChannelFactory(is_active=False, name="Sales")
    error = refused("line_closed", 409, partial(transfer, session, ana, closed))
    assert error.detail == "The line Sales is closed."
    archived = OpenChannelFactory(archived_at=moment())
    refused("line_closed", 409, partial(transfer, session, ana, archived))


def test_the_next_chat_of_the_customer_begins_where_his_channel_is() -> None:
    ana, carla = person("Ana"), person("Carla")
    session = active(ana)
    other = line_with(carla).open_channel
    transfer(session, ana, other)
    session_accept(session_id=session.pk, operator=carla, now=moment(4))
    session_end(session_id=session.pk, actor=carla.user, now=moment(5))
    after = customer_writes(session.conversation.connector, "u1", now=moment(6))
    assert (after.open_channel_id, after.operator) == (session.open_channel_id, ana)
