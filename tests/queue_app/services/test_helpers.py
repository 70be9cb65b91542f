"""Colleagues join and leave a chat, or take it over."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from queue_app.models import Operator, Session, SessionHelper
from queue_app.selectors import sessions_visible_to
from queue_app.services.endings import session_end
from queue_app.services.helpers import session_intercept, session_join, session_leave
from queue_app.services.replies import session_reply
from queue_app.services.snoozes import session_snooze
from tests.factories import moment
from tests.queue_app.desk_story import books_check, kinds, last_event, outcomes, timers_of
from tests.queue_app.services.acts import (
    active,
    all_rows,
    answered,
    granted,
    offered,
    person,
    refused,
    supervisor,
    waiting,
)
from tests.queue_app.services.conftest import Sent

pytestmark = pytest.mark.django_db


def join(session: Session, operator: Operator) -> Session:
    return session_join(session_id=session.pk, user=operator.user, now=moment(3))


def leave(session: Session, operator: Operator) -> Session:
    return session_leave(session_id=session.pk, user=operator.user, now=moment(4))


def intercept(session: Session, operator: Operator) -> Session:
    return session_intercept(session_id=session.pk, user=operator.user, now=moment(3))


# --- join and leave -----------------------------------------------------------------------


def test_a_helper_writes_and_the_owner_stays() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    joined = join(session, bruno)
    assert (joined.operator, joined.state) == (ana, "active")
    assert (last_event(session).kind, last_event(session).operator) == ("joined", bruno)
    message = session_reply(
        session_id=session.pk, user=bruno.user, text="Hi", client_key="key-0001", now=moment(4)
    )
    assert message.author == bruno.user
    session.refresh_from_db()
    assert (session.operator, session.turn) == (ana, "customer")
    books_check()


def test_joining_twice_is_joining_once() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    join(session, bruno)
    before = all_rows()
    join(session, bruno)
    assert all_rows() == before


def test_who_left_writes_no_more() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    join(session, bruno)
    leave(session, bruno)
    assert (last_event(session).kind, last_event(session).operator) == ("left", bruno)
    refused(
        "not_yours", 403,
        partial(session_reply, session_id=session.pk, user=bruno.user, text="Hi",
                client_key="key-0001", now=moment(5)),
    )  # fmt: skip
    refused("not_helping", 409, partial(leave, session, bruno))


def test_nobody_joins_his_own_chat_or_leaves_it() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    refused("yours", 409, partial(join, session, ana))
    error = refused("owner_stays", 409, partial(leave, session, ana))
    assert error.detail == "This chat is yours. Transfer it instead."


def test_people_of_other_lines_join_with_the_right_only() -> None:
    ana, outsider = person("Ana"), person("Carla")
    session = active(ana)
    refused("permission", 403, partial(join, session, outsider))
    outsider.user = granted(outsider.user, "intercept_session")
    join(session, outsider)
    assert SessionHelper.objects.get().operator == outsider


def test_a_helper_sees_the_chat_when_he_has_left_the_line() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    join(session, bruno)
    bruno.lines.update(position=None)
    assert list(sessions_visible_to(bruno.user)) == [session]


@pytest.mark.parametrize("state", ["waiting", "offered"])
def test_a_chat_without_owner_is_joined_too(state: str) -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = waiting(ana, bruno) if state == "waiting" else offered(ana, bruno)
    assert join(session, bruno).state == state
    books_check()


def test_a_closed_chat_is_neither_joined_nor_left() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = active(ana, bruno)
    join(session, bruno)
    session_end(session_id=session.pk, actor=ana.user, now=moment(4))
    refused("closed", 409, partial(join, session, bruno))
    refused("closed", 409, partial(leave, session, bruno))


# --- intercept ----------------------------------------------------------------------------


def test_with_the_right_a_chat_is_taken_over_whatever_the_limits() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = answered(ana, bruno)
    boss = supervisor("intercept_session")
    boss.max_chats = 0
    boss.save()
    taken = intercept(session, boss)
    assert (taken.state, taken.operator, taken.answered_at) == ("active", boss, None)
    event = last_event(session)
    assert (event.kind, event.operator, event.actor) == ("intercepted", ana, boss.user)
    assert event.data == {"by": boss.pk}
    ana.refresh_from_db()
    boss.refresh_from_db()
    assert (ana.open_chats, boss.open_chats) == (0, 1)
    # Whose turn it was, it is.
    assert taken.turn == "customer"


def test_without_the_right_nothing_is_taken_over() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    refused("permission", 403, partial(intercept, active(ana, bruno), bruno))


def test_nobody_takes_over_his_own_chat() -> None:
    ana = person("Ana")
    ana.user = granted(ana.user, "intercept_session")
    refused("yours", 409, partial(intercept, active(ana), ana))


def test_an_offer_is_taken_over_from_whom_it_was_made_to() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    session = offered(ana, bruno)
    boss = supervisor("intercept_session")
    assert intercept(session, boss).state == "active"
    assert outcomes(session) == [(ana.pk, "lost"), (boss.pk, "accepted")]
    assert timers_of(session) == []
    books_check()


def test_a_chat_that_waits_is_taken_over_from_nobody() -> None:
    session = waiting(person("Ana"))
    boss = supervisor("intercept_session")
    intercept(session, boss)
    assert (last_event(session).kind, last_event(session).operator) == ("intercepted", None)
    books_check()


def test_a_snoozed_chat_is_taken_over_awake_and_its_silence_counts() -> None:
    ana = person("Ana")
    session = answered(ana)
    session_snooze(session_id=session.pk, actor=ana.user, until=moment(60), now=moment(2))
    taken = intercept(session, supervisor("intercept_session"))
    assert (taken.snoozed_until, taken.turn) == (None, "customer")
    assert timers_of(session) == [("auto_close", moment(243))]


def test_a_helper_who_takes_over_helps_no_more() -> None:
    ana = person("Ana")
    session = active(ana)
    boss = supervisor("intercept_session")
    join(session, boss)
    intercept(session, boss)
    assert not SessionHelper.objects.exists()
    assert kinds(session)[-2:] == ["joined", "intercepted"]


def test_a_closed_chat_is_not_taken_over() -> None:
    ana = person("Ana")
    session = active(ana)
    session_end(session_id=session.pk, actor=ana.user, now=moment(2))
    refused("closed", 409, partial(intercept, session, supervisor("intercept_session")))


def test_the_freed_place_is_offered_after_the_commit(
    sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    ana = person("Ana")
    session = active(ana)
    with django_capture_on_commit_callbacks(execute=True):
        intercept(session, supervisor("intercept_session"))
    assert sent == [("place_freed", session.pk, ana.pk)]
