"""The weekly times of an operator, and his own button beside them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from channels_app.services.errors import InvalidError
from queue_app.models import Operator, OperatorShift
from queue_app.services import schedules
from queue_app.services.operators import operator_duty_set
from queue_app.services.schedules import (
    MAX_SHIFTS,
    Shift,
    operator_schedule_next,
    operator_schedule_set,
    schedules_sweep,
)
from tests.factories import OperatorFactory
from tests.queue_app.services.conftest import Sent

pytestmark = pytest.mark.django_db

MONDAY, TUESDAY, FRIDAY, SUNDAY = 0, 1, 4, 6


def at(day: int, hour: int, minute: int = 0) -> dt.datetime:
    """A moment of the week of Monday 2 March 2026, in UTC."""
    return dt.datetime(2026, 3, 2 + day, hour, minute, tzinfo=dt.UTC)


def shift(weekday: int, starts: str, ends: str) -> Shift:
    return Shift(weekday, dt.time.fromisoformat(starts), dt.time.fromisoformat(ends))


OFFICE = [shift(day, "09:00", "18:00") for day in range(5)]


def follow(
    operator: Operator, *shifts: Shift, now: dt.datetime, zone: str = "", on: bool = True
) -> Operator:
    return operator_schedule_set(
        operator=operator, follows_schedule=on, schedule_zone=zone, shifts=shifts, now=now
    )


def sweep(operator: Operator, now: dt.datetime) -> str:
    schedules_sweep(now=now)
    operator.refresh_from_db()
    return operator.duty


def test_the_schedule_puts_on_duty_and_off_at_each_change() -> None:
    operator = OperatorFactory(duty="off")
    follow(operator, *OFFICE, now=at(MONDAY, 8))
    operator.refresh_from_db()
    assert (operator.duty, operator.schedule_next_at) == ("off", at(MONDAY, 9))
    assert sweep(operator, at(MONDAY, 8, 59)) == "off"
    assert sweep(operator, at(MONDAY, 9)) == "on"
    assert operator.duty_changed_at == at(MONDAY, 9)
    assert operator.schedule_next_at == at(MONDAY, 18)
    assert sweep(operator, at(MONDAY, 17, 59)) == "on"
    assert sweep(operator, at(MONDAY, 18)) == "off"
    assert operator.schedule_next_at == at(TUESDAY, 9)
    assert sweep(operator, at(FRIDAY, 18)) == "off"
    assert operator.schedule_next_at == at(7, 9)


def test_several_shifts_a_day_and_one_across_midnight() -> None:
    operator = OperatorFactory(duty="off")
    follow(
        operator, shift(MONDAY, "08:00", "12:00"), shift(MONDAY, "13:00", "17:00"),
        shift(MONDAY, "22:00", "06:00"), now=at(MONDAY, 7),
    )  # fmt: skip
    told = [
        sweep(operator, moment)
        for moment in (
            at(MONDAY, 8), at(MONDAY, 12), at(MONDAY, 13), at(MONDAY, 17), at(MONDAY, 22),
            at(TUESDAY, 5), at(TUESDAY, 6),
        )
    ]  # fmt: skip
    assert told == ["on", "off", "on", "off", "on", "on", "off"]
    assert operator.schedule_next_at == at(7, 8)


def test_the_times_are_those_of_his_zone() -> None:
    operator = OperatorFactory(duty="off")
    follow(operator, shift(MONDAY, "09:00", "18:00"), now=at(MONDAY, 9), zone="America/Sao_Paulo")
    operator.refresh_from_db()
    assert (operator.duty, operator.schedule_next_at) == ("off", at(MONDAY, 12))


def test_his_own_button_holds_until_the_next_change() -> None:
    operator = OperatorFactory(duty="off")
    follow(operator, *OFFICE, now=at(MONDAY, 8))
    assert sweep(operator, at(MONDAY, 9)) == "on"
    operator_duty_set(operator=operator, duty="pause", now=at(MONDAY, 12))
    assert sweep(operator, at(MONDAY, 12, 30)) == "pause"
    operator_duty_set(operator=operator, duty="off", now=at(MONDAY, 13))
    assert sweep(operator, at(MONDAY, 17)) == "off"
    assert sweep(operator, at(MONDAY, 18)) == "off"
    operator_duty_set(operator=operator, duty="on", now=at(MONDAY, 20))
    assert sweep(operator, at(TUESDAY, 8)) == "on"
    assert sweep(operator, at(TUESDAY, 18)) == "off"


def test_a_change_carried_out_late_yields_to_what_he_did_after_it() -> None:
    operator = OperatorFactory(duty="off")
    follow(operator, *OFFICE, now=at(MONDAY, 8))
    assert sweep(operator, at(MONDAY, 9)) == "on"
    # The worker is away from 17:00 to 20:00. He ends at 18:30 and comes back at 19:00.
    operator_duty_set(operator=operator, duty="off", now=at(MONDAY, 18, 30))
    operator_duty_set(operator=operator, duty="on", now=at(MONDAY, 19))
    assert sweep(operator, at(MONDAY, 20)) == "on"
    assert operator.schedule_next_at == at(TUESDAY, 9)


def test_of_changes_that_were_missed_the_last_one_counts() -> None:
    operator = OperatorFactory(duty="off")
    follow(operator, *OFFICE, now=at(MONDAY, 8))
    assert sweep(operator, at(TUESDAY, 10)) == "on"
    assert operator.schedule_next_at == at(TUESDAY, 18)
    # Between two missed changes he did something: the later change is later than that.
    operator_duty_set(operator=operator, duty="off", now=at(TUESDAY, 19))
    assert sweep(operator, at(2, 10)) == "on"


def test_a_second_sweep_changes_nothing(
    sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    operator = OperatorFactory(duty="off")
    follow(operator, *OFFICE, now=at(MONDAY, 8))
    with django_capture_on_commit_callbacks(execute=True):
        assert schedules_sweep(now=at(MONDAY, 9)) == 1
        assert schedules_sweep(now=at(MONDAY, 9)) == 0
    assert sent == [("operator_duty_changed", operator.pk)]


def test_one_broken_schedule_stops_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    broken, sound = OperatorFactory(duty="off"), OperatorFactory(duty="off")
    follow(broken, *OFFICE, now=at(MONDAY, 8))
    follow(sound, *OFFICE, now=at(MONDAY, 8))
    Operator.objects.filter(pk=broken.pk).update(schedule_zone="Nowhere/At_all")
    assert schedules_sweep(now=at(MONDAY, 9)) == 1
    sound.refresh_from_db()
    broken.refresh_from_db()
    assert (sound.duty, broken.duty) == ("on", "off")


def test_leave_is_another_matter() -> None:
    operator = OperatorFactory(duty="off", leave_from=at(MONDAY, 0), leave_until=at(FRIDAY, 0))
    follow(operator, *OFFICE, now=at(MONDAY, 8))
    assert sweep(operator, at(MONDAY, 9)) == "on"
    assert operator.leave_until == at(FRIDAY, 0)


# --- setting it -----------------------------------------------------------------------------


def test_switching_it_on_is_a_change_of_its_own() -> None:
    late, early = OperatorFactory(duty="on"), OperatorFactory(duty="off")
    assert follow(late, *OFFICE, now=at(MONDAY, 20)).duty == "off"
    assert follow(early, *OFFICE, now=at(MONDAY, 10)).duty == "on"


def test_switching_it_off_leaves_his_duty_alone() -> None:
    operator = OperatorFactory(duty="off")
    follow(operator, *OFFICE, now=at(MONDAY, 10))
    changed = follow(operator, *OFFICE, now=at(MONDAY, 11), on=False)
    assert (changed.duty, changed.schedule_next_at) == ("on", None)
    assert sweep(operator, at(MONDAY, 18)) == "on"
    assert OperatorShift.objects.filter(operator=operator).count() == 5


def test_another_day_of_the_schedule_leaves_his_button_alone() -> None:
    operator = OperatorFactory(duty="off")
    follow(operator, *OFFICE, now=at(MONDAY, 10))
    operator_duty_set(operator=operator, duty="off", now=at(MONDAY, 11))
    shorter = [*OFFICE[:4], shift(FRIDAY, "09:00", "13:00")]
    assert follow(operator, *shorter, now=at(MONDAY, 12)).duty == "off"
    # One that ends today's work ends it, and one that begins it begins it.
    ended = [shift(MONDAY, "09:00", "11:00")]
    operator_duty_set(operator=operator, duty="on", now=at(MONDAY, 12))
    assert follow(operator, *ended, now=at(MONDAY, 13)).duty == "off"
    assert follow(operator, *OFFICE, now=at(MONDAY, 14)).duty == "on"


def test_saving_what_is_there_writes_nothing(
    sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    operator = OperatorFactory(duty="off")
    follow(operator, *OFFICE, now=at(MONDAY, 10))
    operator_duty_set(operator=operator, duty="pause", now=at(MONDAY, 11))
    rows = list(OperatorShift.objects.order_by("pk").values())
    with django_capture_on_commit_callbacks(execute=True):
        assert follow(operator, *reversed(OFFICE), now=at(MONDAY, 12)).duty == "pause"
    assert list(OperatorShift.objects.order_by("pk").values()) == rows
    assert sent == []


def test_who_is_always_on_has_no_next_change() -> None:
    operator = OperatorFactory(duty="off")
    always = [shift(day, "00:00", "00:00") for day in range(7)]
    changed = follow(operator, *always, now=at(MONDAY, 10))
    assert (changed.duty, changed.schedule_next_at) == ("on", None)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"schedule_zone": "Mars/Olympus"}, "schedule_zone"),
        ({"schedule_zone": "../../etc/passwd"}, "schedule_zone"),
        ({"shifts": []}, "shifts"),
        ({"shifts": [shift(7, "09:00", "10:00")]}, "shifts"),
        ({"shifts": [shift(0, "09:00", "10:00"), shift(0, "09:00", "12:00")]}, "shifts"),
        (
            {"shifts": [Shift(0, dt.time(9, n % 60, n // 60), dt.time(10)) for n in range(71)]},
            "shifts",
        ),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(values: dict[str, Any], field: str) -> None:
    assert MAX_SHIFTS == 70
    operator = OperatorFactory(duty="off")
    wanted: dict[str, Any] = {"follows_schedule": True, "schedule_zone": "", "shifts": OFFICE}
    with pytest.raises(InvalidError) as caught:
        operator_schedule_set(operator=operator, now=at(MONDAY, 10), **(wanted | values))
    assert (caught.value.code, list(caught.value.fields)) == ("invalid", [field])
    operator.refresh_from_db()
    assert (operator.follows_schedule, operator.duty) == (False, "off")
    assert not OperatorShift.objects.exists()


def test_the_next_change_and_what_it_brings() -> None:
    made = OperatorFactory(duty="off")
    assert operator_schedule_next(made) is None
    operator = follow(made, *OFFICE, now=at(MONDAY, 8))
    assert operator_schedule_next(operator) == (at(MONDAY, 9), "on")
    sweep(operator, at(MONDAY, 9))
    assert operator_schedule_next(operator) == (at(MONDAY, 18), "off")


def test_a_sweep_takes_a_batch_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules, "BATCH", 2)
    for _number in range(3):
        follow(OperatorFactory(duty="off"), *OFFICE, now=at(MONDAY, 8))
    assert schedules_sweep(now=at(MONDAY, 9)) == 2
    assert schedules_sweep(now=at(MONDAY, 9)) == 1
