"""Passing a chat on: the next one is asked, unless there is none."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from channels_app.models import OpenChannel
from queue_app.models import Assignment, Operator, Session, Timer
from queue_app.services import followups
from queue_app.services.endings import session_end
from queue_app.services.sessions import session_accept
from queue_app.services.skips import session_skip
from queue_app.services.timers import timers_sweep
from tests.factories import moment
from tests.queue_app.desk_story import (
    books_check,
    kinds,
    last_event,
    outcomes,
    timers_of,
)
from tests.queue_app.services.acts import active, answered, offered, person, refused, waiting
from tests.queue_app.services.conftest import Sent

pytestmark = pytest.mark.django_db


def skip(session: Session, operator: Operator, reason: str = "") -> Session:
    return session_skip(session_id=session.pk, operator=operator, now=moment(3), reason=reason)


def test_an_offer_passed_on_goes_to_the_next_at_once() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = offered(ana, bruno)
    after = skip(session, ana, " Not my field ")
    assert (after.state, after.operator) == ("offered", bruno)
    assert kinds(session) == ["started", "offered", "skipped", "offered"]
    event = session.events.get(kind="skipped")
    assert (event.operator, event.actor, event.data) == (ana, ana.user, {"reason": "Not my field"})
    assert outcomes(session) == [(ana.pk, "skipped"), (bruno.pk, "")]
    assert timers_of(session) == [("response", moment(8))]
    books_check()


def test_a_chat_not_answered_yet_is_passed_on_and_does_not_come_back() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno, distribution="strictly")
    after = skip(session, ana)
    assert (after.state, after.operator) == ("offered", bruno)
    assert outcomes(session) == [
        (ana.pk, "accepted"), (ana.pk, "skipped"), (bruno.pk, ""),
    ]  # fmt: skip
    books_check()


def test_when_the_last_one_passes_it_on_the_round_is_over() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = offered(ana, bruno)
    skip(session, ana)
    after = skip(session, bruno)
    assert (after.state, after.operator, after.wait_reason) == ("waiting", None, "round_over")
    books_check()


def test_alone_in_the_queue_he_is_told_and_keeps_it() -> None:
    ana, gone = person("Ana"), person("Gone")
    session = offered(ana, gone)
    gone.user.is_active = False
    gone.user.save()
    error = refused("alone", 409, partial(skip, session, ana))
    assert error.detail == "Nobody else on this line could take the chat. It stays with you."
    taken = session_accept(session_id=session.pk, operator=ana, now=moment(1))
    refused("alone", 409, partial(skip, taken, ana))


def test_somebody_off_duty_could_take_it_some_day() -> None:
    ana, bruno = person("Ana"), person("Bruno", duty="off")
    session = offered(ana, bruno, check_availability=True)
    after = skip(session, ana)
    assert (after.state, after.wait_reason) == ("waiting", "round_over")


def test_an_answered_chat_is_not_passed_on() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    refused("answered", 409, partial(skip, answered(ana, bruno), ana))


def test_a_chat_of_somebody_else_is_not_passed_on() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    error = refused("not_yours", 403, partial(skip, offered(ana, bruno), bruno))
    assert error.detail == "This chat is offered to Ana."
    taken = session_accept(session_id=Session.objects.get().pk, operator=ana, now=moment(1))
    assert refused("not_yours", 403, partial(skip, taken, bruno)).detail == (
        "This chat belongs to Ana."
    )


def test_what_waits_or_is_closed_is_not_passed_on() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = waiting(ana, bruno)
    refused("not_accepted", 409, partial(skip, session, ana))
    session_end(session_id=session.pk, actor=ana.user, now=moment(2))
    refused("closed", 409, partial(skip, session, ana))


def test_on_a_closed_line_chats_stay_where_they_are() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = offered(ana, bruno)
    OpenChannel.objects.update(is_active=False)
    refused("line_closed", 409, partial(skip, session, ana))


def test_who_answers_for_the_customer_passes_it_to_the_queue() -> None:
    ana, bruno, responsible = person("Ana"), person("Bruno"), person("Rita")
    session = offered(ana, bruno)
    # As the step that asks the CRM leaves it: offered to somebody who is in no queue.
    Assignment.objects.filter(session=session).delete()
    Assignment.objects.create(session=session, operator=responsible, offered_at=moment())
    Session.objects.filter(pk=session.pk).update(
        operator=responsible, from_crm=True, holds_place=False
    )
    Operator.objects.filter(pk=ana.pk).update(open_chats=0)
    ana.lines.update(open_chats=0)
    after = skip(session, responsible)
    assert (after.state, after.from_crm) == ("offered", False)
    assert after.operator in {ana, bruno}
    books_check()


def offered_to_both(ana: Operator, bruno: Operator, *others: Operator) -> Session:
    """An offer to everybody that two people have, as the distribution leaves it."""
    session = waiting(ana, bruno, *others)
    for operator in (ana, bruno):
        Assignment.objects.create(session=session, operator=operator, turn=1, offered_at=moment())
    Session.objects.filter(pk=session.pk).update(
        state="offered", to_everybody=True, wait_reason="", no_operator_since=None,
        offered_at=moment(),
    )  # fmt: skip
    Timer.objects.create(session=session, kind="response", due_at=moment(5))
    return Session.objects.get(pk=session.pk)


def test_of_an_offer_to_everybody_only_his_own_turn_ends() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = offered_to_both(ana, bruno)
    after = skip(session, ana)
    assert (after.state, after.to_everybody, after.operator) == ("offered", True, None)
    assert outcomes(session) == [(ana.pk, "skipped"), (bruno.pk, "")]
    assert (last_event(session).kind, last_event(session).operator) == ("skipped", ana)
    assert timers_of(session) == [("response", moment(5))]
    refused("not_yours", 403, partial(skip, session, ana))
    assert session_accept(session_id=session.pk, operator=bruno, now=moment(4)).operator == bruno


def test_when_all_have_passed_on_an_offer_to_everybody_the_round_is_over() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = offered_to_both(ana, bruno)
    skip(session, ana)
    after = skip(session, bruno)
    assert (after.state, after.to_everybody, after.wait_reason) == (
        "waiting", False, "round_over",
    )  # fmt: skip
    assert [event.operator for event in session.events.filter(kind="skipped")] == [ana, bruno]
    books_check()


def test_who_was_not_asked_passes_nothing_on() -> None:
    ana, bruno, carla = person("Ana"), person("Bruno"), person("Carla")
    session = offered_to_both(ana, bruno, carla)
    error = refused("not_yours", 403, partial(skip, session, carla))
    assert error.detail == "This chat is not yours."


def test_the_freed_place_is_offered_after_the_commit(
    sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = offered(ana, bruno)
    with django_capture_on_commit_callbacks(execute=True):
        skip(session, ana)
    assert ("place_freed", session.pk, ana.pk) in sent


def test_should_the_next_choice_fail_the_timer_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = offered(ana, bruno)

    def fail(**_values: Any) -> None:
        raise RuntimeError("planted")

    with monkeypatch.context() as patch:
        patch.setattr(followups, "session_distribute", fail)
        after = skip(session, ana)
    assert (after.state, after.wait_reason) == ("waiting", "unrouted")
    assert timers_of(session) == [("route", moment(3))]
    timers_sweep(now=moment(3))
    session.refresh_from_db()
    assert (session.state, session.operator) == ("offered", bruno)
    books_check()
