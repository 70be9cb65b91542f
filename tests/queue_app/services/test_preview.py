"""The preview says what then happens: each question is asked, and then the message is sent."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels_app.models import Connector, Conversation, Message
from channels_app.services.open_channels import open_channel_update
from queue_app.models import Assignment, Session, Timer
from queue_app.services.endings import session_end
from queue_app.services.operators import operator_duty_set
from queue_app.services.preview import arrival_preview, preview_moment
from queue_app.services.replies import session_reply
from queue_app.services.timers import timers_sweep
from tests.factories import moment
from tests.factories.crm import default_form
from tests.flows.setting_story import texts_of
from tests.queue_app.desk_story import customer_writes, line_with
from tests.queue_app.services.acts import person

pytestmark = pytest.mark.django_db

WEEK = [{"weekday": day, "opens": "09:00", "closes": "18:00"} for day in range(5)]
TEXTS = texts_of(
    welcome="Welcome to {line}", consent="We keep it:", closed="We open {opens_at}",
    no_answer="Nobody answers",
)  # fmt: skip
HOURS: dict[str, Any] = {"has_hours": True, "work_intervals": WEEK}
NIGHT = 8 * 60  # from Monday 12:00
OPENING = 21 * 60
HOLIDAYS = [
    {"date": dt.date(2026, 3, 1) + dt.timedelta(days=day), "every_year": True} for day in range(365)
]
TOLD = "the customer is told that nobody can answer."


def line_of(*names: str, on: bool = True, **settings: Any) -> Connector:
    """A channel of a line whose page was saved with these settings."""
    connector = line_with(*[person(name, duty="on" if on else "off") for name in names])
    changes = {"service_texts": TEXTS, "consent_url": "https://shop.example/p", **settings}
    connector.open_channel = open_channel_update(
        open_channel=connector.open_channel, changes=changes, now=moment()
    )
    return connector


def foretold(connector: Connector, minute: int, conversation: Conversation | None = None) -> str:
    lines = arrival_preview(
        open_channel=connector.open_channel, connector=connector, at=moment(minute),
        conversation=conversation,
    )  # fmt: skip
    return "\n".join(line.text for line in lines)


def happens(connector: Connector, minute: int, user: str = "u1") -> Session:
    connector.refresh_from_db()
    return customer_writes(connector, user, now=moment(minute))


def asked(session: Session) -> str:
    """Who has the offer, as the preview names them."""
    turns = Assignment.objects.filter(session=session, ended_at__isnull=True).order_by("pk")
    return ", ".join(turn.operator.name for turn in turns.select_related("operator__user"))


def ours(session: Session) -> list[str]:
    """The automatic texts that went out, without the links below them."""
    rows = Message.objects.filter(conversation=session.conversation, author_kind="system")
    return [row.text.splitlines()[0] for row in rows.filter(direction="out").order_by("seq")]


def quoted(told: str) -> list[str]:
    return [line.split("“")[1].split("”")[0] for line in told.splitlines() if ": “" in line]


def due(session: Session, kind: str) -> dt.datetime | None:
    timers = Timer.objects.filter(session=session, kind=kind)
    return timers.values_list("due_at", flat=True).first()


def words(session: Session, at: dt.datetime | None, seen: int) -> str:
    assert at is not None
    return preview_moment(at, moment(seen), session.open_channel)


# --- who is asked, and when it goes on ----------------------------------------------------


@pytest.mark.parametrize("distribution", ["evenly", "strictly", "everybody"])
def test_who_is_offered_it_is_who_was_named(distribution: str) -> None:
    connector = line_of("Ana", "Bruno", distribution=distribution)
    for user in range(3):
        told = foretold(connector, user)
        session = happens(connector, user, f"u{user}")
        assert f"The chat is offered to {asked(session)}." in told.splitlines()
        assert quoted(told) == ours(session) == ["Welcome to Corner Shop", "We keep it:"]


@pytest.mark.parametrize(
    ("distribution", "round_minutes"), [("evenly", 15), ("strictly", 15), ("everybody", 5)]
)
@pytest.mark.parametrize("action", ["text", "form", "nothing"])
def test_it_goes_on_and_is_over_when_foretold(
    distribution: str, round_minutes: int, action: str
) -> None:
    default_form()
    connector = line_of("Ana", "Bruno", "Carla", distribution=distribution, no_answer_action=action)
    told = foretold(connector, 0)
    session = happens(connector, 0)
    passes_on = f"Not accepted by {words(session, due(session, 'response'), 0)}, it goes to"
    assert (passes_on in told) is (distribution != "everybody")
    for minute in range(1, round_minutes):
        timers_sweep(now=moment(minute))
    session.refresh_from_db()
    assert session.state == "offered"
    assert len(ours(session)) == 2
    timers_sweep(now=moment(round_minutes))
    session.refresh_from_db()
    assert session.wait_reason == "round_over"
    over = f"When everybody has let it pass, about {words(session, moment(round_minutes), 0)}, "
    (line,) = [line for line in told.splitlines() if line.startswith(over)]
    then = {"text": "gets the text", "form": "gets a form", "nothing": "waits for somebody"}
    assert then[action] in line
    assert len(ours(session)) == (2 if action == "nothing" else 3)


def test_a_queue_that_is_asked_again_is_foretold() -> None:
    connector = line_of("Ana", no_answer_action="requeue")
    told = foretold(connector, 0)
    session = happens(connector, 0)
    timers_sweep(now=moment(5))
    timers_sweep(now=moment(5, 1))
    session.refresh_from_db()
    assert (session.state, session.round) == ("offered", 2)
    assert "about 12:05, the queue is asked again, 20 times at most." in told


@pytest.mark.parametrize(("minutes", "is_first"), [(3, True), (30, False)])
def test_the_lines_time_for_an_answer_is_foretold_where_it_comes_first(
    minutes: int, is_first: bool
) -> None:
    connector = line_of("Ana", "Bruno", no_answer_action="text", no_answer_minutes=minutes)
    told = foretold(connector, 0)
    session = happens(connector, 0)
    assert (f"accepted by {words(session, due(session, 'no_answer'), 0)}: {TOLD}" in told) is (
        is_first
    )
    for minute in range(1, 40):
        timers_sweep(now=moment(minute))
    # Once: what the minutes tell, the end of the round does not.
    assert ours(session).count("Nobody answers") == 1
    assert ("gets the text" in told) is not is_first


@pytest.mark.parametrize(("distribution", "round_minutes"), [("strictly", 10), ("everybody", 10)])
def test_the_last_operator_of_who_comes_back_is_foretold(
    distribution: str, round_minutes: int
) -> None:
    connector = line_of(
        "Ana", "Bruno", distribution="evenly", prefer_last_operator=True,
        no_answer_action="nothing",
    )  # fmt: skip
    happens(connector, 0, "u0")
    session = happens(connector, 0)
    bruno = session.operator
    assert bruno is not None
    session_reply(
        session_id=session.pk, user=bruno.user, text="Yes", client_key="key-0001", now=moment(1)
    )
    session_end(session_id=session.pk, actor=bruno.user, now=moment(2))
    connector.open_channel = open_channel_update(
        open_channel=connector.open_channel, changes={"distribution": distribution}, now=moment(3)
    )
    new = foretold(connector, 60)
    told = foretold(connector, 60, Conversation.objects.get(pk=session.conversation_id))
    again = happens(connector, 60)
    assert asked(again) == "Bruno"
    assert "The chat is offered to Bruno." in told
    assert "The chat is offered to Bruno." not in new
    assert quoted(told) == []
    for minute in range(61, 60 + round_minutes):
        timers_sweep(now=moment(minute))
    again.refresh_from_db()
    assert again.state == "offered"
    timers_sweep(now=moment(60 + round_minutes))
    again.refresh_from_db()
    assert again.wait_reason == "round_over"
    assert f"about {words(again, moment(60 + round_minutes), 60)}, it waits for" in told


# --- out of hours -------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["nothing", "text"])
def test_distributed_out_of_hours_it_is_offered_and_waits_for_the_opening(action: str) -> None:
    connector = line_of("Ana", closed_action=action, no_answer_action="text", **HOURS)
    told = foretold(connector, NIGHT)
    session = happens(connector, NIGHT)
    assert f"The chat is offered to {asked(session)}." in told
    assert quoted(told) == ours(session)
    assert ("We open Tuesday 09:00" in quoted(told)) is (action == "text")
    timers_sweep(now=moment(NIGHT + 5))
    session.refresh_from_db()
    assert session.wait_reason == "hours"
    is_told = "Nobody answers" in ours(session)
    assert is_told is (action == "nothing")
    assert ("gets the text “nobody answers”" in told) is is_told
    assert "waits for the opening" in told


@pytest.mark.parametrize("distribution", ["evenly", "everybody"])
def test_not_distributed_it_waits_and_is_offered_at_the_opening(distribution: str) -> None:
    connector = line_of(
        "Ana", "Bruno", closed_action="text", no_answer_action="text", distribute_closed=False,
        distribution=distribution, **HOURS,
    )  # fmt: skip
    told = foretold(connector, NIGHT)
    session = happens(connector, NIGHT)
    assert quoted(told) == ours(session)
    opens = words(session, due(session, "opening"), NIGHT)
    assert f"The chat waits for the opening: {opens}." in told
    timers_sweep(now=moment(OPENING))
    assert f"The chat is offered to {asked(session)}." in told
    for minute in range(OPENING + 1, OPENING + 12):
        timers_sweep(now=moment(minute))
    session.refresh_from_db()
    assert session.wait_reason == "round_over"
    assert "Nobody answers" not in ours(session)
    assert "it waits for somebody to take it" in told


@pytest.mark.parametrize("distribute", [True, False])
def test_a_line_that_closes_meanwhile(distribute: bool) -> None:
    connector = line_of(
        "Ana", "Bruno", no_answer_action="text", distribute_closed=distribute, **HOURS
    )
    told = foretold(connector, 5 * 60 + 57)
    session = happens(connector, 5 * 60 + 57)
    for minute in range(5 * 60 + 58, 6 * 60 + 20):
        timers_sweep(now=moment(minute))
    session.refresh_from_db()
    assert session.wait_reason == "hours"
    turns = Assignment.objects.filter(session=session).count()
    assert turns == (2 if distribute else 1)
    assert ("it goes to the next" in told) is distribute
    assert ("gets the text “nobody answers”" in told) is ("Nobody answers" in ours(session))
    assert "waits for the opening" in told


def test_a_line_that_never_opens_says_so() -> None:
    connector = line_of(
        "Ana", distribute_closed=False, no_answer_action="text", no_answer_minutes=10,
        holidays=HOLIDAYS, **HOURS,
    )  # fmt: skip
    told = foretold(connector, 0)
    session = happens(connector, 0)
    assert due(session, "opening") is None
    assert "The chat waits. The line has no next opening." in told
    assert f"accepted by {words(session, due(session, 'no_answer'), 0)}: {TOLD}" in told


# --- nobody, others, a closed line --------------------------------------------------------


@pytest.mark.parametrize("names", [(), ("Ana",)])
@pytest.mark.parametrize("action", ["requeue", "text", "nothing"])
@pytest.mark.parametrize("minutes", [None, 20])
def test_nobody_is_foretold_with_the_moment_of_the_text(
    names: tuple[str, ...], action: str, minutes: int | None
) -> None:
    connector = line_of(
        *names, on=False, check_availability=True, no_answer_action=action,
        no_answer_minutes=minutes,
    )  # fmt: skip
    told = foretold(connector, 0)
    session = happens(connector, 0)
    assert session.wait_reason == "no_operator"
    assert ("Nobody can take the chat" if names else "The queue is empty") in told
    tells_at = due(session, "no_answer")
    assert (tells_at is not None) is (action == "text")
    assert (TOLD in told) is (action == "text")
    if tells_at is not None:
        assert f"Nobody has accepted by {words(session, tells_at, 0)}: " in told


@pytest.mark.parametrize("closed_action", ["nothing", "text"])
@pytest.mark.parametrize("distribute", [True, False])
def test_nobody_out_of_hours(closed_action: str, distribute: bool) -> None:
    connector = line_of(
        "Ana", on=False, check_availability=True, closed_action=closed_action,
        no_answer_action="text", distribute_closed=distribute, **HOURS,
    )  # fmt: skip
    told = foretold(connector, NIGHT)
    session = happens(connector, NIGHT)
    if not distribute:
        timers_sweep(now=moment(OPENING))
    tells_at = due(session, "no_answer")
    assert tells_at is not None
    timers_sweep(now=tells_at)
    is_told = "Nobody answers" in ours(session)
    assert is_told is (closed_action == "nothing")
    seen = NIGHT if distribute else OPENING
    assert (f"accepted by {words(session, tells_at, seen)}: {TOLD}" in told) is is_told


def test_others_who_wait_are_not_overtaken() -> None:
    connector = line_of("Ana", on=False, check_availability=True)
    first = happens(connector, 0, "u0")
    operator_duty_set(operator=person_of(connector), duty="on", now=moment(1))
    told = foretold(connector, 2)
    session = happens(connector, 2)
    assert (first.wait_reason, session.wait_reason) == ("no_operator", "no_operator")
    assert "Others wait longer: the chat waits behind them." in told
    assert "is offered to" not in told


def person_of(connector: Connector) -> Any:
    return connector.open_channel.line_operators.get().operator


def test_a_closed_line_offers_nothing_and_says_nothing() -> None:
    connector = line_of("Ana", is_active=False)
    told = foretold(connector, 0)
    session = happens(connector, 0)
    assert (session.wait_reason, ours(session)) == ("line_closed", [])
    assert told == "The message is kept and shown, and offered to nobody."


# --- nothing is written -------------------------------------------------------------------


def everything() -> dict[str, list[Any]]:
    return {
        model._meta.label: list(model._default_manager.order_by("pk").values())
        for model in apps.get_models()
        if model._meta.managed
    }


@pytest.mark.parametrize(
    "settings",
    [
        {"distribution": "evenly"},
        {"distribution": "strictly", "prefer_last_operator": True},
        {"distribution": "everybody"},
        {"closed_action": "form", **HOURS},
        {"closed_action": "text", "distribute_closed": False, **HOURS},
    ],
)
@pytest.mark.parametrize("is_new", [True, False])
def test_nothing_is_written_or_locked(settings: dict[str, Any], is_new: bool) -> None:
    default_form()
    connector = line_of("Ana", "Bruno", no_answer_action="form", **settings)
    session = happens(connector, 0)
    conversation = None if is_new else Conversation.objects.get(pk=session.conversation_id)
    before = everything()
    with CaptureQueriesContext(connection) as queries:
        assert foretold(connector, NIGHT, conversation)
    assert everything() == before
    for query in queries.captured_queries:
        assert query["sql"].split()[0] == "SELECT"
        assert "FOR UPDATE" not in query["sql"]
        assert "FOR NO KEY" not in query["sql"]
