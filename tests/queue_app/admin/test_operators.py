"""Operators are changed through the services."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from queue_app.models import Operator
from queue_app.services.operators import operator_update
from tests.factories import OperatorFactory, SuperuserFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator(client: Client) -> Client:
    client.force_login(SuperuserFactory())
    return client


def sent(**changes: Any) -> dict[str, Any]:
    return {
        "duty": "on", "max_chats": "1000", "leave_from_0": "", "leave_from_1": "",
        "leave_until_0": "", "leave_until_1": "",
    } | changes  # fmt: skip


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
             leave_until_0="2026-05-10", leave_until_1="18:00"),
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
