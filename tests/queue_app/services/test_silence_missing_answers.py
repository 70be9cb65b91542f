"""Silence counts from an answer that has arrived; settings that change meanwhile."""

from __future__ import annotations

import pytest
from django.db import transaction

from channels_app.models import Message
from channels_app.services.delivery import message_discard, message_resend
from queue_app.services.locks import session_lock
from queue_app.services.texts import service_text_send
from queue_app.services.timers import timers_sweep
from tests.factories import (
    OperatorFactory,
    moment,
)
from tests.queue_app.desk_story import (
    timers_of,
)
from tests.queue_app.services.test_silence import answer, answered, becomes, change, state_of

pytestmark = pytest.mark.django_db


# --- an answer that is missing ------------------------------------------------------------


@pytest.mark.parametrize("state", ["queued", "sending", "unknown"])
def test_while_a_later_answer_is_missing_nothing_ends(state: str) -> None:
    ana = OperatorFactory()
    session = answered(ana)
    later = answer(session, ana, 30)
    Message.objects.filter(pk=later.pk).update(state=state)
    timers_sweep(now=moment(62))
    assert state_of(session) == ("active", "")
    assert timers_of(session) == [("auto_close", moment(122))]
    becomes(later, "delivered", 70)
    assert timers_of(session) == [("auto_close", moment(130))]
    timers_sweep(now=moment(130))
    assert state_of(session) == ("closed", "auto")


def test_an_answer_that_is_given_up_or_sent_again_holds_nothing_up() -> None:
    ana = OperatorFactory()
    session = answered(ana)
    given_up, again = answer(session, ana, 30), answer(session, ana, 31)
    for message in (given_up, again):
        becomes(message, "failed", 32)
    timers_sweep(now=moment(62))
    assert state_of(session) == ("active", "")
    message_discard(message=given_up, now=moment(70))
    timers_sweep(now=moment(122))
    assert state_of(session) == ("active", "")
    message_resend(message=again, now=moment(130))
    becomes(again, "sent", 131)
    assert timers_of(session) == [("auto_close", moment(191))]
    timers_sweep(now=moment(191))
    assert state_of(session) == ("closed", "auto")


def test_a_closing_text_that_failed_holds_nothing_up() -> None:
    """Only people's answers count: an automatic text that is missing stops no deadline."""
    ana = OperatorFactory()
    session = answered(ana)
    with transaction.atomic():
        conversation, locked = session_lock(session.pk)
        service_text_send(
            session=locked, conversation=conversation, kind="closed", text="Later", now=moment(9)
        )
        locked.save(update_fields=["event_seq"])
    becomes(Message.objects.get(author_kind="system"), "failed", 10)
    timers_sweep(now=moment(62))
    assert state_of(session) == ("closed", "auto")


# --- changed settings ---------------------------------------------------------------------


def test_other_minutes_count_for_the_next_answer() -> None:
    ana = OperatorFactory()
    session = answered(ana)
    change(session, auto_close_minutes=30)
    becomes(Message.objects.get(direction="out"), "read", 5)
    assert timers_of(session) == [("auto_close", moment(62))]
    becomes(answer(session, ana, 10), "sent", 10)
    assert timers_of(session) == [("auto_close", moment(40))]


def test_never_counts_for_the_next_answer() -> None:
    ana = OperatorFactory()
    session = answered(ana)
    change(session, auto_close_minutes=0)
    assert timers_of(session) == [("auto_close", moment(62))]
    becomes(answer(session, ana, 10), "sent", 10)
    assert timers_of(session) == []


def test_never_counts_for_what_waits_for_a_missing_answer() -> None:
    ana = OperatorFactory()
    session = answered(ana)
    answer(session, ana, 30)
    change(session, auto_close_minutes=0)
    timers_sweep(now=moment(62))
    assert timers_of(session) == []
    assert state_of(session) == ("active", "")
