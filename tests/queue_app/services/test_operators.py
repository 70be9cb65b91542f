"""Operators: made on first need, on and off duty, their leave."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from channels_app.services.errors import InvalidError
from queue_app.models import Operator
from queue_app.services.operators import (
    operator_duty_set,
    operator_for_user,
    operator_update,
    operators_for_users,
)
from tests.factories import OperatorFactory, UserFactory, moment
from tests.queue_app.services.conftest import Sent

pytestmark = pytest.mark.django_db


def test_an_operator_is_made_on_first_need_and_off_duty() -> None:
    user = UserFactory()
    operator = operator_for_user(user)
    assert (operator.user, operator.duty, operator.open_chats) == (user, "off", 0)
    assert operator.max_chats == 1000
    assert operator_for_user(user) == operator
    assert Operator.objects.count() == 1


def test_only_the_missing_operators_are_made() -> None:
    ana = OperatorFactory()
    user = UserFactory()
    found = operators_for_users([ana.user, user])
    assert found == {ana.user_id: ana, user.pk: Operator.objects.get(user=user)}
    assert Operator.objects.count() == 2


def test_nobody_needs_no_operator() -> None:
    assert operators_for_users([]) == {}


@pytest.mark.parametrize(
    ("before", "after"), [("off", "on"), ("on", "pause"), ("pause", "off"), ("on", "off")]
)
def test_duty_changes_with_its_time_and_wakes_the_worker(
    before: str, after: str, sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    operator = OperatorFactory(duty=before)
    with django_capture_on_commit_callbacks(execute=True):
        changed = operator_duty_set(operator=operator, duty=after, now=moment(3))
    assert (changed.duty, changed.duty_changed_at) == (after, moment(3))
    assert sent == [("operator_duty_changed", operator.pk)]


def test_setting_the_same_duty_again_changes_nothing(
    sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    operator = OperatorFactory(duty="on", duty_changed_at=moment())
    with django_capture_on_commit_callbacks(execute=True):
        changed = operator_duty_set(operator=operator, duty="on", now=moment(3))
    assert changed.duty_changed_at == moment()
    assert sent == []


def test_the_row_decides_and_not_a_stale_copy() -> None:
    operator = OperatorFactory(duty="on")
    stale = Operator.objects.get(pk=operator.pk)
    operator_duty_set(operator=operator, duty="off", now=moment(1))
    assert operator_duty_set(operator=stale, duty="on", now=moment(2)).duty == "on"


def test_what_a_colleague_does_with_his_duty_is_in_his_history() -> None:
    operator, chief = OperatorFactory(duty="on"), UserFactory()
    operator_duty_set(operator=operator, duty="pause", now=moment(), actor=operator.user)
    assert not LogEntry.objects.exists()
    operator_duty_set(operator=operator, duty="off", now=moment(1), actor=chief)
    operator_duty_set(operator=operator, duty="off", now=moment(2), actor=chief)
    (entry,) = LogEntry.objects.all()
    assert (entry.user, entry.object_id) == (chief, str(operator.pk))
    assert entry.get_change_message() == "Duty: Off duty"


@pytest.mark.parametrize("duty", ["", "ON", "sleeping"])
def test_a_duty_nobody_knows_is_refused(duty: str, sent: Sent) -> None:
    operator = OperatorFactory(duty="on")
    with pytest.raises(InvalidError) as caught:
        operator_duty_set(operator=operator, duty=duty, now=moment())
    assert (caught.value.code, caught.value.status) == ("invalid", 400)
    assert Operator.objects.get().duty == "on"
    assert sent == []


def test_leave_and_cap_are_written_and_wake_the_worker(
    sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    operator = OperatorFactory()
    with django_capture_on_commit_callbacks(execute=True):
        changed = operator_update(
            operator=operator,
            leave_from=moment(5),
            leave_until=moment(9),
            max_chats=7,
            now=moment(),
        )
    assert (changed.leave_from, changed.leave_until, changed.max_chats) == (
        moment(5), moment(9), 7,
    )  # fmt: skip
    assert sent == [("operator_duty_changed", operator.pk)]


def test_an_update_that_changes_nothing_wakes_nobody(
    sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    operator = OperatorFactory(max_chats=7)
    with django_capture_on_commit_callbacks(execute=True):
        operator_update(
            operator=operator, leave_from=None, leave_until=None, max_chats=7, now=moment()
        )
    assert sent == []


@pytest.mark.parametrize("length", [dt.timedelta(0), dt.timedelta(minutes=-1)])
def test_a_leave_that_ends_before_it_begins_is_refused(length: dt.timedelta) -> None:
    operator = OperatorFactory(max_chats=7)
    with pytest.raises(InvalidError) as caught:
        operator_update(
            operator=operator, leave_from=moment(5), leave_until=moment(5) + length,
            max_chats=1, now=moment(),
        )  # fmt: skip
    assert list(caught.value.fields) == ["leave_until"]
    operator.refresh_from_db()
    assert (operator.leave_from, operator.max_chats) == (None, 7)
