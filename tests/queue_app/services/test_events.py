"""The history: numbered without gaps, with the columns statistics need."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import IntegrityError, transaction

from queue_app.models import Session, SessionEvent
from queue_app.services.events import event_build, event_write, seconds_between
from tests.factories import OperatorFactory, SessionFactory, moment
from tests.queue_app.desk_story import customer_writes, line_with

pytestmark = pytest.mark.django_db


def test_an_event_carries_the_facts_of_its_moment() -> None:
    ana = OperatorFactory()
    session = SessionFactory()
    conversation = session.conversation
    event = event_write(
        session=session, conversation=conversation, kind="accepted", now=moment(3),
        operator_id=ana.pk, actor=ana.user, data={"reaction_s": 1.5},
    )  # fmt: skip
    stored = SessionEvent.objects.get()
    assert stored == event
    assert (stored.seq, stored.kind, stored.at) == (1, "accepted", moment(3))
    assert (stored.operator, stored.actor) == (ana, ana.user)
    assert (stored.open_channel, stored.connector_kind) == (session.open_channel, "custom")
    assert (stored.contact, stored.data, stored.folded_at) == (None, {"reaction_s": 1.5}, None)


def test_events_are_numbered_by_the_session() -> None:
    session = SessionFactory()
    numbers = [
        event_build(
            session=session, conversation=session.conversation, kind="started", now=moment()
        ).seq
        for _ in range(3)
    ]
    assert numbers == [1, 2, 3]
    assert session.event_seq == 3
    assert not SessionEvent.objects.exists()


def test_a_number_is_given_once() -> None:
    session = SessionFactory()
    event_write(session=session, conversation=session.conversation, kind="started", now=moment())
    session.event_seq = 0
    with pytest.raises(IntegrityError), transaction.atomic():
        event_write(session=session, conversation=session.conversation, kind="closed", now=moment())
    assert SessionEvent.objects.get().kind == "started"


def test_the_number_is_saved_with_the_session() -> None:
    session = customer_writes(line_with(OperatorFactory()), "u1", now=moment())
    assert Session.objects.get().event_seq == SessionEvent.objects.filter(session=session).count()


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        (None, moment(), None),
        (moment(), moment(1), 60.0),
        (moment(1), moment(), 0.0),
        (moment(), moment() + dt.timedelta(microseconds=1500), 0.002),
    ],
)
def test_a_length_is_never_negative_and_to_the_millisecond(
    start: dt.datetime | None, end: dt.datetime, seconds: float | None
) -> None:
    assert seconds_between(start, end) == seconds
