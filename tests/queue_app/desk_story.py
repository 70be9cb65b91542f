"""Telling a story of the desk: customers write, and the books must be right afterwards."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from typing import Any

from django.db.models import Count, Q

from channels_app.models import Connector, PlaceFreed
from channels_app.services.intake import delivery_receive
from channels_app.services.received import Received
from queue_app.models import (
    Assignment,
    LineOperator,
    Operator,
    Session,
    SessionEvent,
    SessionHelper,
    SessionState,
    SessionText,
    Timer,
)
from queue_app.services import desk
from queue_app.services.operators import operator_duty_set
from tests.factories import ConnectorFactory, OpenChannelFactory, moment

_numbers = itertools.count(1)
HOLDING = (SessionState.OFFERED, SessionState.ACTIVE)


def line_with(*operators: Operator, **settings: Any) -> Connector:
    """A channel of a new line with these people in its queue, in this order."""
    connector: Connector = ConnectorFactory(
        open_channel=OpenChannelFactory(operators=list(operators), **settings)
    )
    return connector


def customer_receive(
    connector: Connector, user: str, *, now: dt.datetime, text: str = "Hello", key: str = ""
) -> Received:
    """A customer's message comes in through the whole intake."""
    raw = json.dumps(
        {
            "event": "message",
            "external_user": {"id": user, "name": f"Customer {user}"},
            "message": {"id": key or f"m{next(_numbers)}", "text": text},
        }
    ).encode()
    (received,) = delivery_receive(connector=connector, raw=raw, now=now)
    return received


def customer_writes(connector: Connector, user: str, *, now: dt.datetime) -> Session:
    """A customer's message comes in. Returns his newest session."""
    received = customer_receive(connector, user, now=now)
    assert received.outcome == "done"
    assert received.conversation_id is not None
    return Session.objects.filter(conversation_id=received.conversation_id).latest("pk")


def kinds(session: Session) -> list[str]:
    """What happened in a session, in its order."""
    return list(
        SessionEvent.objects.filter(session=session).order_by("seq").values_list("kind", flat=True)
    )


def last_event(session: Session) -> SessionEvent:
    """The newest event of a session."""
    return SessionEvent.objects.filter(session=session).latest("seq")


def timers_of(session: Session) -> list[tuple[str, dt.datetime]]:
    """The deadlines of a session: kind and time. Without its longest wait, which all have."""
    timers = Timer.objects.filter(session=session).exclude(kind="ceiling")
    return list(timers.order_by("kind").values_list("kind", "due_at"))


def outcomes(session: Session) -> list[tuple[int, str]]:
    """Who had the session, and how each turn ended, in the order of the offers."""
    return list(
        Assignment.objects.filter(session=session)
        .order_by("pk")
        .values_list("operator_id", "outcome")
    )


def everything() -> list[Any]:
    """All the rows a refusal may not touch, to be compared before and after."""
    return [
        list(Session.objects.order_by("pk").values()),
        list(SessionEvent.objects.order_by("pk").values()),
        list(Assignment.objects.order_by("pk").values()),
        list(Timer.objects.order_by("pk").values()),
        list(Operator.objects.order_by("pk").values()),
        list(LineOperator.objects.order_by("pk").values()),
        list(SessionHelper.objects.order_by("pk").values()),
    ]


def books_check(*, limits: bool = True) -> None:
    """What must hold at every commit, whoever did what: raises `AssertionError`.

    Without `limits` people may have more chats than theirs: some hand-overs are stopped by none.
    """
    held = Count("sessions", filter=Q(sessions__holds_place=True))
    astray = Session.objects.filter(holds_place=True).exclude(state__in=HOLDING)
    assert not astray.exists(), "a session that nobody has counts for somebody"
    for operator in Operator.objects.annotate(held=held):
        assert operator.open_chats == operator.held, f"{operator} over all lines"
        if limits:
            assert operator.open_chats <= operator.max_chats, f"{operator} is above his cap"
    for row in LineOperator.objects.select_related("open_channel"):
        held_here = Session.objects.filter(
            open_channel=row.open_channel, operator=row.operator_id, holds_place=True
        ).count()
        assert row.open_chats == held_here, f"operator {row.operator_id} on one line"
        if limits and row.open_channel.max_chats:
            assert row.open_chats <= row.open_channel.max_chats, "above the line's limit"
    assert not Timer.objects.filter(session__closed_at__isnull=False).exists(), "timer of a closed"
    open_sessions = Session.objects.filter(closed_at__isnull=True)
    several = open_sessions.values("conversation").annotate(n=Count("pk")).filter(n__gt=1)
    assert not several.exists(), "two open sessions of one conversation"
    for session in Session.objects.select_related("open_channel"):
        open_turns = list(
            Assignment.objects.filter(session=session, ended_at__isnull=True).values_list(
                "operator_id", flat=True
            )
        )
        if session.state == SessionState.OFFERED:
            if session.to_everybody:
                assert open_turns, "an offer to everybody that nobody has"
                assert session.operator_id is None
            else:
                assert open_turns == [session.operator_id], "an offer has one open turn"
            assert Timer.objects.filter(session=session, kind="response").exists(), "no deadline"
        else:
            assert open_turns == [], f"{session.state} with an open turn"
        # With the default rule a chat counts from its offer to its end.
        counts = session.operator_id is not None and session.state in HOLDING
        if session.open_channel.place_freed == PlaceFreed.ENDING or not counts:
            assert session.holds_place == counts, f"{session.state} and its place"
        timers = set(Timer.objects.filter(session=session).values_list("kind", flat=True))
        if session.state == SessionState.ACTIVE:
            assert session.operator_id is not None
        else:
            assert not timers & {"auto_close", "reminder"}, f"{session.state} counts a silence"
        if session.state == SessionState.CLOSING:
            assert timers - {"ceiling"} == {"grace"}, "what is ending closes by itself"
            assert not session.wait_reason
        else:
            assert "grace" not in timers, f"{session.state} with a time to come back"
        ended = session.state in {SessionState.CLOSING, SessionState.CLOSED}
        assert (session.ended_at is not None) == ended
        closing_texts = SessionText.objects.filter(
            session=session, kind__in=["ending", "auto_close"]
        )
        assert closing_texts.count() <= 1, "two closing texts"
        if session.state == SessionState.WAITING:
            assert session.operator_id is None
            assert session.wait_reason
        assert (session.no_operator_since is not None) == (session.wait_reason == "no_operator")
        numbers = list(
            SessionEvent.objects.filter(session=session)
            .order_by("seq")
            .values_list("seq", flat=True)
        )
        assert numbers == list(range(1, session.event_seq + 1)), "events are numbered gapless"


def duty(operator: Operator, state: str, minute: int) -> int:
    """He presses the button, and the worker does what follows. Returns how many chats moved."""
    operator_duty_set(operator=operator, duty=state, now=moment(minute))
    return desk.operator_duty_settle(operator_id=operator.pk, now=moment(minute))


def held_by(connector: Connector) -> list[int | None]:
    """Who holds the sessions of a channel, oldest session first."""
    sessions = Session.objects.filter(conversation__connector=connector).order_by("pk")
    return list(sessions.values_list("operator_id", flat=True))
