"""Working hours and what a customer gets out of them, setting by setting, by webhook and inbox."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from queue_app.models import Operator, Session
from tests.factories import OperatorFactory
from tests.factories.crm import default_form
from tests.flows.setting_story import BEGIN, SettingStory, holder, people, story, texts_of

__all__ = ["story"]
pytestmark = pytest.mark.django_db

CLOSED = "We are closed"
NOBODY = "Nobody can answer just now"


def days(weekdays: range | list[int], *times: tuple[str, str]) -> list[dict[str, Any]]:
    return [
        {"weekday": day, "opens": opens, "closes": closes}
        for day in weekdays
        for opens, closes in times
    ]


OFFICE = days(range(5), ("09:00", "18:00"))
NIGHT = "2026-03-02 20:00"  # a Monday
NIGHT_2 = "2026-03-03 20:00"
MORNING = "2026-03-03 09:00"


def minute(when: str) -> float:
    """A moment in UTC as a minute of the story."""
    moment = dt.datetime.fromisoformat(when).replace(tzinfo=dt.UTC)
    return (moment - BEGIN).total_seconds() / 60


def closes(story: SettingStory, *operators: Operator, **settings: Any) -> None:
    """A line with office hours that tells its customers when it is closed."""
    story.line(*operators, response_minutes=5)
    story.change(
        **{
            "has_hours": True, "work_intervals": OFFICE, "closed_action": "text",
            "no_answer_action": "nothing",
            "service_texts": texts_of(closed=CLOSED, no_answer=NOBODY),
            **settings,
        }
    )  # fmt: skip


def is_open(story: SettingStory, when: str) -> bool:
    """Whether somebody who writes then is told nothing of closing."""
    before = len(story.heard)
    story.customer(minute(when), user=when)
    told = [text for _minute, text in story.heard[before:]]
    assert told in ([], [CLOSED])
    return not told


# --- when it is open ----------------------------------------------------------------------


@pytest.mark.parametrize(("has_hours", "opens"), [(False, True), (True, False)])
def test_without_working_hours_it_is_always_open(
    story: SettingStory, has_hours: bool, opens: bool
) -> None:
    ana = OperatorFactory()
    closes(story, ana, has_hours=has_hours, distribute_closed=False)
    assert is_open(story, "2026-03-08 03:00") is opens  # a Sunday
    assert holder(Session.objects.get()) == (ana if opens else None)


@pytest.mark.parametrize(
    ("settings", "moments"),
    [
        pytest.param(
            {"work_intervals": days([0], ("09:00", "12:00"), ("13:00", "18:00"))},
            {"2026-03-09 08:59": False, "2026-03-09 09:00": True, "2026-03-09 11:59": True,
             "2026-03-09 12:00": False, "2026-03-09 13:00": True, "2026-03-09 18:00": False,
             "2026-03-10 10:00": False},
            id="several intervals a day",
        ),
        pytest.param(
            {"work_intervals": days([4], ("22:00", "02:00"))},
            {"2026-03-06 01:00": False, "2026-03-06 21:59": False, "2026-03-06 23:00": True,
             "2026-03-07 01:59": True, "2026-03-07 02:00": False},
            id="across midnight",
        ),
        pytest.param(
            {"holidays": [{"date": "2026-03-10", "every_year": False}]},
            {"2026-03-10 10:00": False, "2026-03-11 10:00": True, "2027-03-10 10:00": True},
            id="a holiday of one year",
        ),
        pytest.param(
            {"holidays": [{"date": "2026-03-10", "every_year": True}]},
            {"2026-03-10 10:00": False, "2026-03-11 10:00": True, "2027-03-10 10:00": False},
            id="a holiday of every year",
        ),
        pytest.param(
            {"holiday_country": "BR"},
            {"2026-04-20 10:00": True, "2026-04-21 10:00": False, "2026-07-09 10:00": True},
            id="the holidays of a country",
        ),
        pytest.param(
            {"holiday_country": "BR", "holiday_subdivision": "SP"},
            {"2026-04-21 10:00": False, "2026-07-09 10:00": False},
            id="and of a region",
        ),
        pytest.param(
            {"holiday_country": ""},
            {"2026-04-21 10:00": True, "2026-07-09 10:00": True},
            id="of no country",
        ),
        pytest.param(
            {"hours_exceptions": [{"date": "2026-03-08", "opens": "10:00", "closes": "14:00"}]},
            {"2026-03-08 09:59": False, "2026-03-08 10:00": True, "2026-03-08 14:00": False,
             "2026-03-15 11:00": False},
            id="an exceptional opening",
        ),
        pytest.param(
            {"hours_exceptions": [{"date": "2026-03-09", "opens": None, "closes": None}]},
            {"2026-03-09 10:00": False, "2026-03-10 10:00": True, "2026-03-16 10:00": True},
            id="an exceptional closing",
        ),
        pytest.param(
            {
                "holidays": [{"date": "2026-03-10", "every_year": False}],
                "hours_exceptions": [{"date": "2026-03-10", "opens": "10:00", "closes": "12:00"}],
            },
            {"2026-03-10 09:30": False, "2026-03-10 11:00": True, "2026-03-10 13:00": False},
            id="an exceptional opening on a holiday",
        ),
        pytest.param(
            {"time_zone": "UTC"},
            {"2026-03-09 08:59": False, "2026-03-09 09:00": True, "2026-03-09 18:00": False},
            id="by the clock of London in winter",
        ),
        pytest.param(
            {"time_zone": "America/Sao_Paulo"},
            {"2026-03-09 09:00": False, "2026-03-09 11:59": False, "2026-03-09 12:00": True,
             "2026-03-09 20:59": True, "2026-03-09 21:00": False},
            id="by the clock of São Paulo",
        ),
    ],
)  # fmt: skip
def test_the_line_is_open_when_its_settings_say(
    story: SettingStory, settings: dict[str, Any], moments: dict[str, bool]
) -> None:
    closes(story, OperatorFactory(), **settings)
    assert {when: is_open(story, when) for when in moments} == moments


# --- what a customer gets out of hours ----------------------------------------------------


@pytest.mark.parametrize("action", ["nothing", "text", "form"])
def test_out_of_hours_the_customer_gets_nothing_a_text_or_a_form(
    story: SettingStory, action: str
) -> None:
    default_form()
    closes(story, OperatorFactory(), closed_action=action)
    story.customer(minute(NIGHT))
    told = [text for _minute, text in story.heard]
    if action == "form":
        ((words, link),) = [text.splitlines() for text in told]
        assert words == CLOSED
        assert "/forms/" in link
    else:
        assert told == ([CLOSED] if action == "text" else [])


def test_the_form_has_words_of_its_own_where_the_line_has_none(story: SettingStory) -> None:
    default_form()
    closes(story, OperatorFactory(), closed_action="form", service_texts=[])
    story.customer(minute(NIGHT))
    ((_minute, text),) = story.heard
    assert text.startswith("Leave us your details, and we get back to you.\n")


def test_the_customer_is_told_once_per_closed_period(story: SettingStory) -> None:
    ana = OperatorFactory()
    closes(story, ana)
    session = story.customer(minute(NIGHT))
    story.customer(minute(NIGHT) + 5)
    # Ana answers in the night, and he writes again: it is the same night.
    story.reply(minute(NIGHT) + 10, ana, session)
    story.customer(minute(NIGHT) + 15)
    assert story.texts() == [(minute(NIGHT), CLOSED)]
    # The next night he writes again: nobody has written since he was told.
    story.customer(minute(NIGHT_2))
    assert story.texts() == [(minute(NIGHT), CLOSED)]


def test_he_is_told_again_in_another_night_once_somebody_has_answered(
    story: SettingStory,
) -> None:
    ana = OperatorFactory()
    closes(story, ana, auto_close_minutes=0)
    session = story.customer(minute(NIGHT))
    story.reply(minute(MORNING), ana, session)
    story.customer(minute(NIGHT_2))
    told = [(minute(NIGHT), CLOSED), (minute(NIGHT_2), CLOSED)]
    assert story.texts() == told
    story.customer(minute(NIGHT_2) + 5)
    assert story.texts() == told
    # Another night without an answer in between.
    story.customer(minute("2026-03-04 20:00"))
    assert story.texts() == told


def test_a_customer_who_wrote_in_time_is_not_told(story: SettingStory) -> None:
    closes(story, OperatorFactory())
    story.customer(0)
    story.customer(minute(NIGHT))
    assert story.heard == []


# --- distribution out of hours ------------------------------------------------------------


def test_distributed_out_of_hours_it_goes_one_round_and_waits_for_the_opening(
    story: SettingStory,
) -> None:
    ana, bruno = people(2)
    closes(
        story, ana, bruno, distribute_closed=True, no_answer_action="requeue",
        distribution="strictly",
    )  # fmt: skip
    session = story.customer(minute(NIGHT))
    assert (session.operator, session.born_out_of_hours) == (ana, True)
    story.sweep(minute(NIGHT) + 5)
    assert holder(session) == bruno
    story.passes(minute(NIGHT) + 10, minute(MORNING) - 1, step=60)
    assert (holder(session), session.wait_reason) == (None, "hours")
    story.sweep(minute(MORNING))
    assert holder(session) == ana


def test_distributed_out_of_hours_who_is_rung_may_answer_in_the_night(
    story: SettingStory,
) -> None:
    ana = OperatorFactory()
    closes(story, ana, distribute_closed=True, auto_close_minutes=0)
    session = story.customer(minute(NIGHT))
    story.reply(minute(NIGHT) + 1, ana, session)
    story.sweep(minute(MORNING))
    assert (holder(session), session.state) == (ana, "active")


@pytest.mark.parametrize("distribution", ["evenly", "everybody"])
def test_not_distributed_out_of_hours_it_waits_for_the_opening(
    story: SettingStory, distribution: str
) -> None:
    ana, bruno = people(2)
    closes(story, ana, bruno, distribute_closed=False, distribution=distribution)
    first, second = (story.customer(minute(NIGHT) + n, f"u{n}") for n in range(2))
    assert [story.rings(one) for one in (ana, bruno)] == [[], []]
    story.passes(minute(NIGHT) + 5, minute(MORNING) - 1, step=60)
    assert [session.wait_reason for session in Session.objects.all()] == ["hours", "hours"]
    story.sweep(minute(MORNING))
    both = [first.pk, second.pk]
    rung = [story.rings(one) for one in (ana, bruno)]
    assert rung == ([both, both] if distribution == "everybody" else [[first.pk], [second.pk]])


def test_who_does_not_want_to_wait_takes_it_before_the_opening(story: SettingStory) -> None:
    ana = OperatorFactory()
    closes(story, ana, distribute_closed=False)
    session = story.customer(minute(NIGHT))
    story.accept(minute(NIGHT) + 1, ana, session)
    story.sweep(minute(MORNING))
    assert (holder(session), session.state) == (ana, "active")


# --- one of the two texts -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "told"),
    [("text", [(minute(NIGHT), CLOSED)]), ("nothing", [(minute(NIGHT) + 5, NOBODY)])],
)
@pytest.mark.parametrize("minutes", [None, 3])
def test_no_answer_is_not_told_in_a_wait_in_which_closing_was(
    story: SettingStory, action: str, told: list[Any], minutes: int | None
) -> None:
    closes(
        story, OperatorFactory(), closed_action=action, no_answer_action="text",
        no_answer_minutes=minutes,
    )  # fmt: skip
    story.customer(minute(NIGHT))
    story.passes(minute(NIGHT) + 1, minute(NIGHT) + 30)
    # The opening brings another round, and it is over too.
    story.sweep(minute(MORNING))
    story.passes(minute(MORNING) + 4, minute(MORNING) + 20, step=4)
    if minutes is not None and action == "nothing":
        told = [(minute(NIGHT) + 3, NOBODY)]
    assert story.heard == told


def test_not_distributed_and_told_nothing_no_answer_is_told_in_the_night(
    story: SettingStory,
) -> None:
    closes(
        story, OperatorFactory(), closed_action="nothing", no_answer_action="text",
        no_answer_minutes=30, distribute_closed=False,
    )  # fmt: skip
    story.customer(minute(NIGHT))
    story.passes(minute(NIGHT) + 1, minute(NIGHT) + 60, step=1)
    assert story.heard == [(minute(NIGHT) + 30, NOBODY)]


# --- other hours --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "opens"),
    [
        ({"has_hours": False}, None),
        ({"work_intervals": days(range(5), ("09:00", "23:00"))}, None),
        ({"distribute_closed": True}, None),
        ({"work_intervals": days(range(5), ("08:00", "18:00"))}, "2026-03-03 08:00"),
        ({"time_zone": "America/Sao_Paulo", "work_intervals": days([1], ("09:00", "17:00"))},
         "2026-03-03 12:00"),
        ({"holidays": [{"date": "2026-03-03"}]}, "2026-03-04 09:00"),
        ({"hours_exceptions": [{"date": "2026-03-03", "opens": "11:00", "closes": "12:00"}]},
         "2026-03-03 11:00"),
    ],
)  # fmt: skip
def test_changed_hours_move_the_chats_that_wait_for_the_opening(
    story: SettingStory, changes: dict[str, Any], opens: str | None
) -> None:
    ana = OperatorFactory()
    closes(story, ana, distribute_closed=False)
    session = story.customer(minute(NIGHT))
    assert story.due(session, "opening") == minute(MORNING)
    story.change(**changes)
    if opens is None:
        assert holder(session) == ana
        return
    assert holder(session) is None
    story.sweep(minute(opens) - 1)
    assert holder(session) is None
    story.sweep(minute(opens))
    assert holder(session) == ana


def test_changed_hours_move_the_minutes_in_working_time(story: SettingStory) -> None:
    closes(
        story, OperatorFactory(), closed_action="nothing", no_answer_action="text",
        no_answer_minutes=60, no_answer_in_hours=True, distribute_closed=False,
    )  # fmt: skip
    session = story.customer(minute(NIGHT))
    assert story.due(session, "no_answer") == minute(MORNING) + 60
    story.change(work_intervals=days(range(5), ("08:00", "18:00")))
    assert story.due(session, "no_answer") == minute(MORNING)
    story.sweep(minute(MORNING) - 1)
    assert story.heard == []
