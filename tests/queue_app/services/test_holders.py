"""Who may hold a chat no longer, and what goes on at once."""

from __future__ import annotations

from typing import Any

import pytest

from queue_app.models import Operator, Session
from queue_app.services.holders import gone_holders, holder_gone, operator_gone, returns_now
from queue_app.services.queues import queue_members_replace
from tests.factories import OperatorFactory, UserFactory, moment
from tests.queue_app.desk_story import customer_writes, line_with
from tests.queue_app.services.acts import active, answered, offered, person

pytestmark = pytest.mark.django_db

CHECKED: dict[str, Any] = {"check_availability": True}
LATER = moment(10)


def anew(session: Session) -> Session:
    return Session.objects.select_related("open_channel", "operator__user").get(pk=session.pk)


def gone(session: Session) -> str | None:
    """Why its operator may hold it no longer. The coarse net must have caught him as well."""
    session = anew(session)
    why = holder_gone(session=session, now=LATER)
    caught = gone_holders(session.open_channel, now=LATER, limit=10)
    if why is not None and returns_now(session):
        assert caught == [(session.pk, session.operator_id)]
    return why


def leaves(operator: Operator, **how: Any) -> None:
    Operator.objects.filter(pk=operator.pk).update(duty_changed_at=moment(5), **how)


def test_nobody_is_gone_where_nobody_has_it_and_who_works_stays() -> None:
    assert gone(active(person("Ana"), **CHECKED)) is None
    waiting = customer_writes(line_with(), "u1", now=moment())
    assert gone(waiting) is None


@pytest.mark.parametrize(
    ("how", "offer", "chat"),
    [
        ({"duty": "pause"}, "paused", None),
        ({"duty": "off"}, "off_duty", "off_duty"),
        ({"leave_from": moment(9)}, "on_leave", "on_leave"),
        ({"leave_from": moment(11)}, None, None),
        ({"leave_until": moment(9)}, None, None),
    ],
)
def test_duty_and_leave_count_where_availability_is_checked(
    how: dict[str, Any], offer: str | None, chat: str | None
) -> None:
    for settings, expected in ((CHECKED, (offer, chat)), ({}, (None, None))):
        ana, bruno = person("Ana"), person("Bruno")
        sessions = offered(ana, **settings), active(bruno, **settings)
        leaves(ana, **how)
        leaves(bruno, **how)
        assert tuple(gone(session) for session in sessions) == expected


def test_a_paused_operator_keeps_an_unanswered_chat() -> None:
    ana = person("Ana")
    session = active(ana, **CHECKED)
    leaves(ana, duty="pause")
    assert gone(session) is None
    assert returns_now(anew(session))


def test_a_switched_off_account_counts_on_every_line() -> None:
    ana = person("Ana")
    session = active(ana)
    ana.user.is_active = False
    ana.user.save()
    assert gone(session) == "inactive"


def test_who_was_taken_out_of_the_queue_is_gone_unless_he_was_chosen_by_hand() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    queue_members_replace(
        open_channel=session.open_channel, members=[{"user": bruno.user}], now=moment(2)
    )
    assert gone(session) == "removed"
    Session.objects.update(outside_queue=True)
    assert gone(session) is None


def test_whom_a_colleague_chose_while_he_was_off_duty_is_not_gone_for_that() -> None:
    ana = person("Ana")
    session = active(ana, **CHECKED)
    Session.objects.update(outside_queue=True, offered_at=moment(4))
    Operator.objects.update(duty="off", duty_changed_at=moment(3))
    assert gone(session) is None
    leaves(ana, duty="off")
    assert gone(session) == "off_duty"


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"demand_connection": True, **CHECKED}, "not_connected"),
        ({"demand_connection": False, **CHECKED}, None),
        ({"demand_connection": True}, None),
    ],
)
def test_a_closed_inbox_ends_offers_where_it_is_demanded(
    settings: dict[str, Any], why: str | None
) -> None:
    ana, bruno = person("Ana", seen_at=moment()), person("Bruno", seen_at=moment())
    offer, chat = offered(ana, **settings), active(bruno, **settings)
    assert gone(offer) == why
    assert gone(chat) is None
    Operator.objects.update(seen_at=moment(9))
    assert gone(offer) is None


def test_on_a_closed_line_nothing_is_taken_back() -> None:
    ana = person("Ana")
    session = active(ana, **CHECKED)
    leaves(ana, duty="off")
    session = anew(session)
    session.open_channel.is_active = False
    assert holder_gone(session=session, now=LATER) is None


def test_of_an_offer_to_everybody_each_is_asked_about_by_himself() -> None:
    ana, bruno = OperatorFactory(user=UserFactory()), OperatorFactory(user=UserFactory())
    session = offered(ana, bruno, distribution="everybody", **CHECKED)
    leaves(ana, duty="pause")
    session = anew(session)
    assert holder_gone(session=session, now=LATER) is None
    told = [
        operator_gone(
            session=session, operator=Operator.objects.get(pk=one.pk), is_offer=True, now=LATER
        )
        for one in (ana, bruno)
    ]
    assert told == ["paused", None]
    assert gone_holders(session.open_channel, now=LATER, limit=10) == [(session.pk, ana.pk)]


@pytest.mark.parametrize(("rule", "at_once"), [("on_message", False), ("at_once", True)])
def test_what_goes_on_at_once(rule: str, at_once: bool) -> None:
    settings = {**CHECKED, "away_returns": rule}
    people = [person(name) for name in ("Ana", "Bruno", "Carla")]
    offer = offered(people[0], **settings)
    chat = active(people[1], **settings)
    done = answered(people[2], **settings)
    assert [returns_now(anew(session)) for session in (offer, chat, done)] == [
        True, True, at_once,
    ]  # fmt: skip
    # He wrote again: it is our turn, and waits for nothing.
    customer_writes(done.conversation.connector, "u1", now=moment(4))
    assert returns_now(anew(done))
