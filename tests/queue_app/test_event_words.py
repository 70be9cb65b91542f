"""Every step of a session has its sentence, in the thread and on the session's page."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from django.contrib.auth.models import User
from django.utils import translation

from queue_app.act_words import Names
from queue_app.event_words import event_lines
from queue_app.models import Operator, SessionEvent
from queue_app.services.events import EventKind
from tests.factories import moment

ANA, BRUNO = User(pk=1, first_name="Ana"), User(pk=2, first_name="Bruno")
NAMES = Names(people={10: ANA, 20: BRUNO}, lines={7: "Repairs"})
PEOPLE = {"ana": ANA, "bruno": BRUNO}
CHOSEN = {"code": "chosen", "data": {"rule": "everybody"}}


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


def step(kind: str, who: str = "", /, *, seq: int = 1, by: str = "", **data: Any) -> SessionEvent:
    return SessionEvent(
        session_id=5, seq=seq, kind=kind, at=moment(), data=data,
        operator=Operator(user=PEOPLE[who]) if who else None, actor=PEOPLE[by] if by else None,
    )  # fmt: skip


def told(*events: SessionEvent, reader: User | None = None, whole: bool = False) -> list[str]:
    """The sentences of events, without their markup."""
    lines = event_lines(events, NAMES, reader=reader, whole=whole)
    return [html.unescape(re.sub(r"<.*?>", "", line.text)) for line in lines]


@pytest.mark.parametrize("kind", get_args(EventKind))
def test_no_kind_is_told_by_its_code(kind: str) -> None:
    (words,) = told(step(kind, "ana", until=moment().isoformat(), why="due"), whole=True)
    assert words not in {"", kind}


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (step("started"), "Chat 5 began"),
        (step("started", out_of_hours=True), "Chat 5 began out of hours"),
        (step("started", "ana", by_operator=True), "Ana began chat 5"),
        (step("started", "ana", by_operator=True, parent=4),
         "Ana took the customer's words up again: chat 5"),
        (step("offered", "ana", choice=[]), "Offered to Ana"),
        (step("offered", "ana", choice=[{"code": "chosen", "data": {"rule": "last_operator"}}]),
         "Offered to Ana, who answered this customer last"),
        (step("offered", choice=[CHOSEN] * 4, more=0), "Offered to 4 people at once"),
        (step("offered", choice=[CHOSEN], more=0), "Offered to 1 person"),
        (step("offered", choice=[CHOSEN] * 20, more=3), "Offered to everybody at once"),
        (step("rung", round=2, added=[]), "Rung again for everybody"),
        (step("rung", round=2, added=[3, 4]), "Rung again for everybody, and for 2 people more"),
        (step("waiting", reason="no_operator"), "The chat waits: nobody is available"),
        (step("waiting", reason="hours", opens_at="2026-03-05T12:00:00+00:00"),
         "The chat waits for the opening, Thursday 12:00"),
        (step("waiting", reason="hours", opens_at=None), "The chat waits for the opening"),
        (step("waiting", reason="responsible"),
         "The chat waits for the one who answers for the customer"),
        (step("expired", "ana", waited_s=301), "Ana: not accepted within 5 min"),
        (step("expired", "ana", waited_s=301, replying=True), "Ana: not answered within 5 min"),
        (step("expired", waited_s=60.0), "Offered to everybody: not accepted within 1 min"),
        (step("skipped", "ana", reason="Speaks French"), "Ana: passed it on: Speaks French"),
        (step("returned", "ana", why="not_connected"), "Ana: has no inbox open"),
        (step("returned", why="rule"),
         "The offer was taken back: the line distributes in another way now"),
        (step("round_over", round=1, action="requeue"),
         "Everybody let the chat pass: the chat goes through the queue again"),
        (step("round_over", round=1, action="form"),
         "Everybody let the chat pass: the customer gets the form for his details"),
        (step("round_over", round=1, action="nothing"),
         "Everybody let the chat pass: everybody may take it"),
        (step("no_answer", action="text", why="minutes"),
         "The customer was told that nobody can answer just now"),
        (step("no_answer", action="form", why="round_over"),
         "Nobody can answer just now: the customer was asked for his details"),
        (step("accepted", "ana"), "Accepted by Ana"),
        (step("accepted", "ana", by_hand=True), "Taken from the waiting chats by Ana"),
        (step("transferred", "ana", by="ana", to=20, to_line=None, mode="at_once"),
         "Ana transferred the chat to Bruno"),
        (step("transferred", "ana", by="ana", to=20, to_line=None, mode="must_accept"),
         "Ana asked Bruno to take the chat"),
        (step("transferred", "ana", by="ana", to=None, to_line=7, mode="line"),
         "Ana transferred the chat to the line Repairs"),
        (step("intercepted", "ana", by="bruno"), "Taken over from Ana by nobody"),
        (step("joined", "bruno", by="bruno"), "Bruno joined"),
        (step("left", "bruno", by="bruno"), "Bruno left"),
        (step("snoozed", "ana", by="ana", until="2026-03-03T09:00:00+00:00"),
         "Snoozed by Ana until Tuesday 09:00"),
        (step("woken", "ana", why="due"), "The snoozed chat is back"),
        (step("woken", "ana", by="ana", why="by_hand"), "Taken back from snooze by Ana"),
        (step("woken", "ana", why="customer"),
         "The customer wrote: the chat is snoozed no longer"),
        (step("text", kind="welcome", skipped="window"),
         "Welcome not sent: the time to answer is over"),
        (step("text", kind="ending", skipped="spam"),
         "Closing text not sent: the chat was closed as spam"),
        (step("consented"), "The customer gave his consent by writing on"),
        (step("form_sent", form=1), "The customer got the form for his details"),
        (step("ended", "ana", by="ana", reason="operator"), "Chat ended by Ana"),
        (step("ended", "ana", reason="auto"), "Chat ended by itself"),
        (step("resumed", "ana"), "The customer wrote in time: the chat goes on"),
        (step("closed", "ana", by="ana", reason="spam"), "Closed as spam by Ana"),
        (step("closed", "ana", by="ana", reason="forced"), "Chat stopped by Ana"),
        (step("spam_undone", "ana", by="bruno"), "Bruno says this is no spam"),
    ],
)  # fmt: skip
def test_each_step_has_its_sentence(event: SessionEvent, sentence: str) -> None:
    assert told(event) == [sentence]


def test_whoever_reads_is_called_you() -> None:
    taken = step("intercepted", "ana", by="bruno")
    taken.data["by"] = 20
    assert told(taken) == ["Taken over from Ana by Bruno"]
    assert told(taken, reader=BRUNO) == ["Taken over from Ana by you"]
    assert told(step("accepted", "ana"), reader=ANA) == ["Accepted by you"]


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (step("replied", "ana"), "Answered by Ana"),
        (step("answered_outside"), "Answered in the platform's own app"),
        (step("text", kind="reminder", skipped=""), "Reminder sent"),
        (step("form_submitted", form=1, submission=2), "The customer filled in the form"),
        (step("of_another_release"), "of_another_release"),
    ],
)
def test_what_stands_in_the_thread_as_a_message_is_told_only_on_its_own_page(
    event: SessionEvent, sentence: str
) -> None:
    assert told(event) == []
    assert told(event, whole=True) == [sentence]


def test_the_reason_of_a_transfer_stands_in_the_thread_as_a_note() -> None:
    event = step("transferred", "ana", by="ana", to=20, to_line=None, reason="Speaks French")
    assert told(event) == ["Ana transferred the chat to Bruno"]
    assert told(event, whole=True) == ["Ana transferred the chat to Bruno: Speaks French"]


def test_a_chat_passed_on_is_one_line_that_says_from_whom_and_why() -> None:
    passed = step("expired", "ana", waited_s=300)
    offered = step("offered", "bruno", seq=2, choice=[])
    assert told(passed, offered) == ["Passed from Ana to Bruno: not accepted within 5 min"]
    # The line that stood there while nobody had it yet is the one that changes.
    alone, both = event_lines([passed], NAMES), event_lines([passed, offered], NAMES)
    assert [line.key for line in alone] == [line.key for line in both] == ["e5-1"]


def test_an_offer_to_everybody_that_ended_goes_on_in_one_line() -> None:
    ended = step("returned", why="rule")
    offered = step("offered", "bruno", seq=2, choice=[])
    assert told(ended, offered) == [
        "The offer was taken back: the line distributes in another way now. Offered to Bruno"
    ]


def test_that_everybody_let_it_pass_is_not_said_twice() -> None:
    events = [step("round_over", round=1, action="text"),
              step("waiting", seq=2, reason="round_over")]  # fmt: skip
    assert told(*events) == ["Everybody let the chat pass: the customer gets a text"]
    assert len(told(*events, whole=True)) == 2


def test_the_end_is_told_by_who_or_what_ended_it() -> None:
    ended = step("ended", "ana", by="ana", reason="operator")
    closed = step("closed", "ana", seq=2, reason="operator")
    assert told(ended, closed) == ["Chat ended by Ana", "Chat closed"]
    assert told(step("closed", "ana", by="bruno", reason="operator")) == ["Chat ended by Bruno"]


def test_nothing_that_is_named_becomes_markup() -> None:
    sly = Names(lines={7: "<script>"})
    event = step("transferred", by="ana", to=None, to_line=7, reason="<img>")
    (line,) = event_lines([event], sly, whole=True)
    assert "<script>" not in line.text
    assert "<img>" not in line.text
