"""Operators are changed through the services."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from queue_app.models import LineOperator, Operator, OperatorShift
from queue_app.services.operators import operator_duty_set, operator_update
from queue_app.services.schedules import Shift, operator_schedule_set
from tests.factories import OpenChannelFactory, OperatorFactory, SuperuserFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator(client: Client) -> Client:
    client.force_login(SuperuserFactory())
    return client


def sent(
    *shifts: tuple[int, str, str], stored: tuple[OperatorShift, ...] = (), **changes: Any
) -> dict[str, Any]:
    """What the page sends: the form, and a row of the table for each shift."""
    rows: dict[str, Any] = {
        "shifts-TOTAL_FORMS": str(len(shifts)), "shifts-INITIAL_FORMS": str(len(stored)),
        "lines-TOTAL_FORMS": "0", "lines-INITIAL_FORMS": "0",
    }  # fmt: skip
    for number, (weekday, starts, ends) in enumerate(shifts):
        row = f"shifts-{number}-"
        rows |= {row + "weekday": weekday, row + "starts": starts, row + "ends": ends}
        if number < len(stored):
            rows |= {row + "id": stored[number].pk, row + "operator": stored[number].operator_id}
    return rows | {
        "duty": "on", "initial-duty": "off", "max_chats": "1000", "schedule_zone": "",
        "leave_from_0": "", "leave_from_1": "", "leave_until_0": "", "leave_until_1": "",
    } | changes  # fmt: skip


# What the page of somebody on duty carries.
WAS_ON: dict[str, Any] = {"initial-duty": "on"}


def address(operator: Operator) -> str:
    return f"/admin/queue_app/operator/{operator.pk}/change/"


def test_an_operator_is_made_for_a_user_once(administrator: Client) -> None:
    user = UserFactory()
    answer = administrator.post(
        "/admin/queue_app/operator/add/", sent(user=user.pk, duty="pause", max_chats="3")
    )
    assert answer.status_code == 302
    operator = Operator.objects.get(user=user)
    assert (operator.duty, operator.max_chats) == ("pause", 3)
    again = administrator.post("/admin/queue_app/operator/add/", sent(user=user.pk))
    assert again.status_code == 200
    assert Operator.objects.filter(user=user).count() == 1


def test_duty_leave_and_cap_are_saved(administrator: Client) -> None:
    operator = OperatorFactory()
    administrator.post(
        address(operator),
        sent(duty="off", max_chats="7", leave_from_0="2026-05-01", leave_from_1="08:00",
             leave_until_0="2026-05-10", leave_until_1="18:00", **WAS_ON),
    )  # fmt: skip
    operator.refresh_from_db()
    assert (operator.duty, operator.max_chats) == ("off", 7)
    assert operator.duty_changed_at is not None
    assert operator.leave_from == dt.datetime(2026, 5, 1, 8, tzinfo=dt.UTC)
    assert operator.leave_until == dt.datetime(2026, 5, 10, 18, tzinfo=dt.UTC)


def test_a_leave_that_ends_before_it_begins_is_refused(administrator: Client) -> None:
    operator = OperatorFactory()
    answer = administrator.post(
        address(operator),
        sent(duty="off", leave_from_0="2026-05-10", leave_from_1="08:00",
             leave_until_0="2026-05-01", leave_until_1="08:00"),
    )  # fmt: skip
    assert answer.status_code == 200
    assert "Choose a time after the beginning of the leave." in answer.content.decode()
    operator.refresh_from_db()
    assert (operator.duty, operator.leave_from) == ("on", None)


def test_the_user_of_an_operator_stays(administrator: Client) -> None:
    operator, other = OperatorFactory(), UserFactory()
    user = operator.user
    administrator.post(address(operator), sent(user=other.pk))
    operator.refresh_from_db()
    assert operator.user == user


def test_a_leave_moves_offers_only_when_it_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[int] = []
    monkeypatch.setattr(
        "queue_app.services.operators.enqueue_after_commit",
        lambda _task, operator_id: woken.append(operator_id),
    )
    operator = OperatorFactory()
    now = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
    operator_update(operator=operator, now=now, leave_from=None, leave_until=None, max_chats=1000)
    assert woken == []
    operator_update(operator=operator, now=now, leave_from=now, leave_until=None, max_chats=1000)
    assert woken == [operator.pk]


# --- weekly times ---------------------------------------------------------------------------


def shifts_of(operator: Operator) -> list[str]:
    return [str(shift) for shift in OperatorShift.objects.filter(operator=operator)]


def test_weekly_times_are_added_changed_and_removed(administrator: Client) -> None:
    operator = OperatorFactory(duty="off")
    every_day = [(day, "00:00", "00:00") for day in range(7)]
    form = sent(*every_day, follows_schedule="on", schedule_zone="Europe/Berlin", duty="off")
    assert administrator.post(address(operator), form).status_code == 302
    operator.refresh_from_db()
    assert (operator.follows_schedule, operator.schedule_zone) == (True, "Europe/Berlin")
    # It says that he works now: it has put him on duty.
    assert operator.duty == "on"
    assert len(shifts_of(operator)) == 7
    stored = tuple(OperatorShift.objects.filter(operator=operator))
    form = sent(
        (0, "22:00", "06:00"), (0, "08:00", "12:00"), stored=stored[:2],
        follows_schedule="on", duty="on", **(WAS_ON | {"shifts-1-DELETE": "on"}),
    )  # fmt: skip
    assert administrator.post(address(operator), form).status_code == 302
    assert shifts_of(operator) == ["Monday 22:00-06:00"]
    assert "shift" in LogEntry.objects.latest("pk").get_change_message()


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ((), "Add a shift, or switch the schedule off."),
        (((0, "09:00", "10:00"), (0, "09:00", "12:00")), "duplicate"),
        (((0, "", "10:00"),), "This field is required."),
        (((9, "09:00", "10:00"),), "Select a valid choice"),
    ],
)
def test_weekly_times_that_make_no_sense_are_refused(
    administrator: Client, rows: tuple[Any, ...], sentence: str
) -> None:
    operator = OperatorFactory(duty="off")
    answer = administrator.post(address(operator), sent(*rows, follows_schedule="on"))
    assert answer.status_code == 200
    assert sentence in answer.content.decode()
    operator.refresh_from_db()
    assert (operator.follows_schedule, operator.duty) == (False, "off")
    assert shifts_of(operator) == []


def test_a_page_that_is_out_of_date_puts_nobody_off_duty(administrator: Client) -> None:
    operator = OperatorFactory(duty="off")
    page = administrator.get(address(operator)).content.decode()
    assert 'name="initial-duty" value="off"' in page
    operator_duty_set(operator=operator, duty="on", now=timezone.now())
    form = sent(duty="off", max_chats="9")
    assert administrator.post(address(operator), form).status_code == 302
    operator.refresh_from_db()
    assert (operator.duty, operator.max_chats) == ("on", 9)


def test_the_page_shows_presence_and_the_next_change(administrator: Client) -> None:
    operator = OperatorFactory(duty="off", seen_at=timezone.now())
    OperatorFactory()
    operator_schedule_set(
        operator=operator, follows_schedule=True, schedule_zone="Asia/Calcutta",
        shifts=[Shift(0, dt.time(9), dt.time(18))], now=timezone.now(),
    )  # fmt: skip
    page = administrator.get(address(operator)).content.decode()
    # An old name of a zone that was stored stays among the choices.
    assert '<option value="Asia/Calcutta" selected>' in page
    assert "Schedule changes next" in page
    rows = administrator.get("/admin/queue_app/operator/").context["cl"]
    admin = rows.model_admin
    assert [admin.connected(row) for row in rows.result_list.order_by("pk")] == [True, False]


def test_what_a_lines_customers_call_him_is_set_on_his_page(administrator: Client) -> None:
    ana = OperatorFactory()
    first, second = (OpenChannelFactory(operators=[ana]) for _ in range(2))
    rows = {row.open_channel_id: row for row in LineOperator.objects.filter(operator=ana)}
    page = administrator.get(f"/admin/queue_app/operator/{ana.pk}/change/").content.decode()
    assert first.name in page
    form = {"lines-TOTAL_FORMS": "2", "lines-INITIAL_FORMS": "2"}
    for number, line in enumerate((first, second)):
        form |= {
            f"lines-{number}-id": str(rows[line.pk].pk),
            f"lines-{number}-operator": str(ana.pk),
            f"lines-{number}-alias_name": "Ana of the shop" if line == first else "",
        }
    answer = administrator.post(
        f"/admin/queue_app/operator/{ana.pk}/change/", sent() | form, follow=True
    )
    assert answer.status_code == 200
    names = dict(LineOperator.objects.values_list("open_channel", "alias_name"))
    assert names == {first.pk: "Ana of the shop", second.pk: ""}
