"""What people did, in words between the messages."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from queue_app.event_words import event_lines
from queue_app.models import Operator, Session, SessionEvent
from queue_app.selectors import event_names
from queue_app.services.events import EventKind
from tests.factories import OpenChannelFactory, SessionFactory, UserFactory, moment
from tests.queue_app.services.acts import person

pytestmark = pytest.mark.django_db


def event(
    session: Session,
    kind: EventKind,
    *,
    of: Operator | None = None,
    by: Operator | None = None,
    **data: Any,
) -> SessionEvent:
    """A step of a session as the services write it."""
    session.event_seq += 1
    made: SessionEvent = SessionEvent.objects.create(
        session=session,
        seq=session.event_seq,
        kind=kind,
        at=moment(),
        operator=of,
        actor=by.user if by else None,
        open_channel=session.open_channel,
        connector_kind="custom",
        data=data,
    )
    return made


def words(*events: SessionEvent, reader: Any = None) -> list[str]:
    lines = event_lines(events, event_names(events), reader=reader or UserFactory())
    return [str(line.text) for line in lines]


def test_every_act_has_its_line() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    line = OpenChannelFactory(name="Sales <b>")
    chat = SessionFactory()
    told = words(
        event(chat, "transferred", of=ana, by=ana, to=bruno.pk, to_line=None, mode="at_once"),
        event(chat, "transferred", of=ana, by=bruno, to=bruno.pk, to_line=None, mode="must_accept"),
        event(chat, "transferred", of=ana, by=ana, to=None, to_line=line.pk, mode="line"),
        event_intercepted(chat, ana, bruno),
        event_intercepted(chat, None, bruno),
        event(chat, "joined", of=ana, by=ana),
        event(chat, "left", of=ana, by=ana),
        event(chat, "snoozed", of=ana, by=ana, until="2026-03-02T12:30:00+00:00"),
        event(chat, "woken", of=ana, why="due"),
        event(chat, "woken", of=ana, by=ana, why="by_hand"),
        event(chat, "woken", of=ana, why="customer"),
        event(chat, "skipped", of=ana, by=ana, reason="Not <mine>"),
        event(chat, "closed", of=ana, by=ana, reason="spam"),
        event(chat, "spam_undone", of=ana, by=bruno),
        event(chat, "closed", of=ana, by=bruno, reason="forced"),
    )
    assert told[7].startswith("Snoozed by <b>Ana</b> until ")
    assert told[:7] + told[8:] == [
        "<b>Ana</b> transferred the chat to <b>Bruno</b>",
        "<b>Bruno</b> asked <b>Bruno</b> to take the chat",
        "<b>Ana</b> transferred the chat to the line <b>Sales &lt;b&gt;</b>",
        "Taken over from <b>Ana</b> by <b>Bruno</b>",
        "Taken by <b>Bruno</b>",
        "<b>Ana</b> joined",
        "<b>Ana</b> left",
        "The snoozed chat is back",
        "Taken back from snooze by <b>Ana</b>",
        "The customer wrote: the chat is snoozed no longer",
        "<b>Ana</b>: passed it on: Not &lt;mine&gt;",
        "Closed as spam by <b>Ana</b>",
        "<b>Bruno</b> says this is no spam",
        "Chat stopped by <b>Bruno</b>",
    ]


def event_intercepted(chat: Session, of: Operator | None, by: Operator) -> SessionEvent:
    made = event(chat, "intercepted", of=of, by=by)
    made.data = {"by": by.pk}
    made.save()
    return made


def test_passing_on_and_the_next_offer_are_one_line() -> None:
    ana, bruno = person("Ana"), person("Bruno")
    chat = SessionFactory()
    assert words(
        event(chat, "skipped", of=ana, by=ana, reason=""), event(chat, "offered", of=bruno)
    ) == ["Passed from <b>Ana</b> to <b>Bruno</b>: passed it on"]


def test_names_take_two_queries_however_many_they_are() -> None:
    people = [person(f"Name{number}") for number in range(5)]
    lines = [OpenChannelFactory() for _ in range(5)]
    chat = SessionFactory()
    told = [event(chat, "transferred", by=one, to=one.pk, to_line=None) for one in people]
    told += [event(chat, "transferred", by=people[0], to=None, to_line=one.pk) for one in lines]
    with CaptureQueriesContext(connection) as queries:
        assert len(words(*told, reader=people[0].user)) == 10
    assert len(queries) == 2


def test_a_name_that_is_gone_is_nobody() -> None:
    ana = person("Ana")
    chat = SessionFactory()
    assert words(event(chat, "transferred", by=ana, to=10**9, to_line=None)) == [
        "<b>Ana</b> transferred the chat to <b>nobody</b>"
    ]
