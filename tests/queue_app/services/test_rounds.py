"""Nobody answers: rounds, what follows them, and the line's time for an answer."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import transaction

from channels_app.models import Connector, Message, OpenChannel
from channels_app.services.open_channels import open_channel_update
from queue_app.models import LineNotice, Session, SessionText, Timer
from queue_app.services.locks import session_lock
from queue_app.services.operators import operator_duty_set
from queue_app.services.replies import session_reply
from queue_app.services.rounds import MAX_ROUNDS, deadlines_recompute
from queue_app.services.sessions import session_accept
from queue_app.services.skips import session_skip
from queue_app.services.timers import timers_sweep
from tests.factories import OperatorFactory, moment
from tests.queue_app.desk_story import (
    books_check,
    customer_writes,
    kinds,
    line_with,
    outcomes,
    timers_of,
)
from tests.queue_app.line_story import hours_set, text_set

pytestmark = pytest.mark.django_db


def ours(session: Session) -> list[str]:
    """What the line has written by itself, in order."""
    rows = Message.objects.filter(conversation=session.conversation, author_kind="system")
    return list(rows.filter(direction="out").order_by("seq").values_list("text", flat=True))


def telling(action: str, *, people: int = 1, **settings: Any) -> Connector:
    """A line whose customers are told when nobody answers."""
    operators = [OperatorFactory() for _ in range(people)]
    connector = line_with(*operators, no_answer_action=action, **settings)
    text_set(connector.open_channel, "no_answer", "Nobody can answer just now.")
    return connector


# --- put back in the queue --------------------------------------------------------------------


def test_the_queue_is_asked_again_from_its_top() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = customer_writes(line_with(ana, bruno, distribution="strictly"), "u1", now=moment())
    for minute in (5, 10):
        timers_sweep(now=moment(minute))
    session.refresh_from_db()
    assert (session.wait_reason, session.round) == ("round_over", 1)
    timers_sweep(now=moment(10, 1))
    session.refresh_from_db()
    assert (session.state, session.operator, session.round) == ("offered", ana, 2)
    books_check()


def test_a_round_begins_a_response_time_after_the_last_one_at_the_earliest() -> None:
    ana = OperatorFactory()
    connector = line_with(ana, OperatorFactory(duty="off"), check_availability=True)
    session = customer_writes(connector, "u1", now=moment())
    session_skip(session_id=session.pk, operator=ana, now=moment(1))
    timers_sweep(now=moment(1, 1))
    session.refresh_from_db()
    assert session.wait_reason == "round_over"
    assert timers_of(session) == [("route", moment(5))]
    assert timers_sweep(now=moment(4, 59)) == 0
    timers_sweep(now=moment(5))
    session.refresh_from_db()
    assert (session.state, session.operator, session.round) == ("offered", ana, 2)


def test_after_twenty_rounds_it_waits_and_the_supervisors_are_told_once() -> None:
    ana = OperatorFactory()
    session = customer_writes(line_with(ana, response_minutes=1), "u1", now=moment())
    now = moment()
    while Timer.objects.filter(session=session, kind__in=["response", "route"]).exists():
        now += dt.timedelta(minutes=1)
        timers_sweep(now=now)
        timers_sweep(now=now)
    session.refresh_from_db()
    assert (session.round, session.wait_reason) == (MAX_ROUNDS, "round_over")
    assert len(outcomes(session)) == MAX_ROUNDS
    assert list(LineNotice.objects.values_list("kind", flat=True)) == ["rounds_over"]
    assert now == moment(MAX_ROUNDS)


# --- text, form, nothing ------------------------------------------------------------------------


def test_with_three_operators_the_customer_hears_it_after_the_third() -> None:
    connector = telling("text", people=3)
    session = customer_writes(connector, "u1", now=moment())
    for minute in (5, 10):
        timers_sweep(now=moment(minute))
        assert ours(session) == []
    timers_sweep(now=moment(15))
    assert ours(session) == ["Nobody can answer just now."]
    session.refresh_from_db()
    assert (session.state, session.wait_reason) == ("waiting", "round_over")
    assert kinds(session)[-4:] == ["round_over", "text", "no_answer", "waiting"]
    assert session.events.get(kind="no_answer").data == {"action": "text", "why": "round_over"}
    # Then as with "nothing": no new round by itself.
    assert timers_of(session) == []
    books_check()


def test_the_text_is_sent_once_however_often_the_round_ends() -> None:
    connector = telling("text")
    ana = OperatorFactory.create(duty="on")
    session = customer_writes(connector, "u1", now=moment())
    timers_sweep(now=moment(5))
    operator = session.assignments.get().operator
    session_accept(session_id=session.pk, operator=operator, now=moment(6))
    session_reply(
        session_id=session.pk, user=operator.user, text="Hello", client_key="k", now=moment(6)
    )
    customer_writes(connector, "u1", now=moment(7))
    from queue_app.services.transfers import session_transfer

    session_transfer(
        session_id=session.pk, to_operator=ana, actor=operator.user, reason="", now=moment(8)
    )
    assert SessionText.objects.filter(session=session, kind="no_answer").count() == 1
    assert ours(session) == ["Nobody can answer just now."]


def test_a_form_is_handed_out_with_the_text_above_it() -> None:
    connector = telling("form")
    session = customer_writes(connector, "u1", now=moment())
    timers_sweep(now=moment(5))
    (text,) = ours(session)
    words, link = text.split("\n")
    assert words == "Nobody can answer just now."
    assert "/forms/" in link
    assert kinds(session).count("form_sent") == 1


def test_a_form_has_words_of_its_own_in_the_language_of_the_line() -> None:
    connector = line_with(OperatorFactory(), no_answer_action="form")
    session = customer_writes(connector, "u1", now=moment())
    timers_sweep(now=moment(5))
    (text,) = ours(session)
    assert text.startswith("Leave us your details, and we get back to you.\n")


def test_with_nothing_the_chat_waits_and_nobody_is_told() -> None:
    session = customer_writes(telling("nothing"), "u1", now=moment())
    timers_sweep(now=moment(5))
    session.refresh_from_db()
    assert (session.wait_reason, ours(session), timers_of(session)) == ("round_over", [], [])


@pytest.mark.parametrize("closing", [{"is_active": False}])
def test_an_inactive_line_tells_nobody_anything(closing: dict[str, Any]) -> None:
    connector = telling("text", no_answer_minutes=3)
    session = customer_writes(connector, "u1", now=moment())
    open_channel_update(open_channel=connector.open_channel, changes=closing, now=moment(1))
    timers_sweep(now=moment(6))
    assert ours(session) == []


# --- after some minutes ---------------------------------------------------------------------------


def test_the_line_may_wait_no_longer_than_some_minutes() -> None:
    connector = telling("text", people=3, no_answer_minutes=7)
    session = customer_writes(connector, "u1", now=moment())
    timers_sweep(now=moment(5))
    timers_sweep(now=moment(6, 59))
    assert ours(session) == []
    timers_sweep(now=moment(7))
    assert ours(session) == ["Nobody can answer just now."]
    session.refresh_from_db()
    assert session.state == "offered"  # the second operator still has his time
    assert session.events.get(kind="no_answer").data["why"] == "minutes"
    timers_sweep(now=moment(10))
    timers_sweep(now=moment(15))
    assert len(ours(session)) == 1


def test_who_accepts_in_time_ends_the_clock() -> None:
    connector = telling("text", no_answer_minutes=7)
    session = customer_writes(connector, "u1", now=moment())
    assert ("no_answer", moment(7)) in timers_of(session)
    session_accept(
        session_id=session.pk, operator=session.assignments.get().operator, now=moment(1)
    )
    assert timers_of(session) == []


def test_nobody_at_all_is_no_round_and_is_told_after_one_response_time() -> None:
    connector = telling("text", people=0, response_minutes=4)
    session = customer_writes(connector, "u1", now=moment())
    assert session.wait_reason == "no_operator"
    assert timers_of(session) == [("no_answer", moment(4))]
    timers_sweep(now=moment(4))
    assert ours(session) == ["Nobody can answer just now."]
    session.refresh_from_db()
    assert session.wait_reason == "no_operator"
    assert session.events.get(kind="no_answer").data["why"] == "no_operator"
    books_check()


@pytest.mark.parametrize(("in_hours", "due"), [(False, moment(30)), (True, moment(20 * 60 + 40))])
def test_the_minutes_run_on_the_clock_or_in_working_time(in_hours: bool, due: dt.datetime) -> None:
    # Monday 12:00; open until 12:20, and again from 08:30 on Tuesday.
    connector = telling("text", people=0, no_answer_minutes=30, no_answer_in_hours=in_hours)
    hours_set(connector.open_channel, (0, "08:00", "12:20"), (1, "08:30", "17:00"))
    session = customer_writes(connector, "u1", now=moment())
    assert ("no_answer", due) in timers_of(session)


def test_changed_hours_move_the_deadlines_in_working_time() -> None:
    connector = telling("text", people=0, no_answer_minutes=30, no_answer_in_hours=True)
    hours_set(connector.open_channel, (0, "08:00", "12:20"), (1, "08:30", "17:00"))
    session = customer_writes(connector, "u1", now=moment())
    hours_set(connector.open_channel, (0, "08:00", "18:00"))
    line = OpenChannel.objects.get(pk=connector.open_channel_id)
    deadlines_recompute(open_channel=line, now=moment(1))
    assert ("no_answer", moment(30)) in timers_of(session)


# --- to everybody ---------------------------------------------------------------------------------


def to_everybody(*operators: Any, **settings: Any) -> Session:
    return customer_writes(
        line_with(*operators, distribution="everybody", **settings), "u1", now=moment()
    )


def test_everybody_has_the_offer_and_nobody_a_place_less() -> None:
    ana, bruno, carla = OperatorFactory(), OperatorFactory(duty="off"), OperatorFactory()
    session = to_everybody(ana, bruno, carla, check_availability=True)
    assert (session.state, session.operator, session.to_everybody) == ("offered", None, True)
    assert outcomes(session) == [(ana.pk, ""), (carla.pk, "")]
    assert timers_of(session) == [("response", moment(5))]
    ana.refresh_from_db()
    assert ana.open_chats == 0
    books_check()


def test_the_first_who_accepts_wins_and_the_others_lose() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = to_everybody(ana, bruno)
    session_accept(session_id=session.pk, operator=bruno, now=moment(1))
    session.refresh_from_db()
    assert (session.state, session.operator, session.to_everybody) == ("active", bruno, False)
    assert outcomes(session) == [(ana.pk, "lost"), (bruno.pk, "accepted")]
    assert session.events.get(kind="accepted").data["by_hand"] is False
    books_check()


def test_it_is_rung_again_and_made_to_who_came_meanwhile() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory(duty="off")
    session = to_everybody(ana, bruno, check_availability=True)
    operator_duty_set(operator=bruno, duty="on", now=moment(1))
    timers_sweep(now=moment(5))
    session.refresh_from_db()
    assert (session.state, session.round, session.offered_at) == ("offered", 2, moment(5))
    assert outcomes(session) == [(ana.pk, ""), (bruno.pk, "")]
    assert session.events.get(kind="rung").data == {"round": 2, "added": [bruno.pk]}
    assert timers_of(session) == [("response", moment(10))]
    books_check()


def test_a_skip_ends_only_ones_own_offer() -> None:
    ana, bruno = OperatorFactory(), OperatorFactory()
    session = to_everybody(ana, bruno)
    session_skip(session_id=session.pk, operator=ana, now=moment(1))
    session.refresh_from_db()
    assert (session.state, outcomes(session)) == ("offered", [(ana.pk, "skipped"), (bruno.pk, "")])
    session_skip(session_id=session.pk, operator=bruno, now=moment(2))
    session.refresh_from_db()
    assert (session.state, session.wait_reason) == ("waiting", "round_over")
    # Nobody is left: the next round, a response time after this one began.
    assert timers_of(session) == [("route", moment(5))]
    books_check()


def test_everybody_is_told_nothing_where_the_line_tells_the_customer() -> None:
    ana = OperatorFactory()
    connector = line_with(ana, distribution="everybody", no_answer_action="text")
    text_set(connector.open_channel, "no_answer", "Nobody can answer just now.")
    session = customer_writes(connector, "u1", now=moment())
    timers_sweep(now=moment(5))
    session.refresh_from_db()
    assert (session.state, session.wait_reason) == ("waiting", "round_over")
    assert ours(session) == ["Nobody can answer just now."]
    assert outcomes(session) == [(ana.pk, "expired")]
    books_check()


def test_a_limit_is_asked_when_somebody_accepts() -> None:
    from channels_app.services.errors import ConflictError

    ana = OperatorFactory()
    connector = line_with(ana, distribution="everybody", max_chats=1)
    first = customer_writes(connector, "u1", now=moment())
    second = customer_writes(connector, "u2", now=moment())
    session_accept(session_id=first.pk, operator=ana, now=moment(1))
    with pytest.raises(ConflictError) as refused:
        session_accept(session_id=second.pk, operator=ana, now=moment(1))
    assert (refused.value.code, str(refused.value.detail)) == (
        "full", "You have 1 of 1 chats. End one first.",
    )  # fmt: skip
    second.refresh_from_db()
    assert second.state == "offered"
    books_check()


def test_a_left_over_response_timer_of_a_closed_line_rings_nobody() -> None:
    ana = OperatorFactory()
    connector = line_with(ana, distribution="everybody")
    session = customer_writes(connector, "u1", now=moment())
    open_channel_update(
        open_channel=connector.open_channel, changes={"is_active": False}, now=moment(1)
    )
    timers_sweep(now=moment(5))
    session.refresh_from_db()
    assert (session.round, kinds(session)) == (1, ["started", "offered"])
    assert timers_of(session) == [("response", moment(10))]
    with transaction.atomic():
        assert session_lock(session.pk)[1].to_everybody
