"""Connected: a page of the inbox was heard from in the last 90 seconds."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from queue_app.models import Operator
from queue_app.services.presence import is_connected, operator_seen
from tests.factories import OpenChannelFactory, OperatorFactory, UserFactory, moment
from tests.queue_app.services.conftest import Sent

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("silent_s", "connected"), [(0, True), (89, True), (90, True), (91, False), (3600, False)]
)
def test_somebody_is_connected_for_90_seconds(silent_s: int, connected: bool) -> None:
    operator = Operator(seen_at=moment())
    assert is_connected(operator, moment(second=silent_s)) is connected


def test_who_was_never_heard_from_is_not_connected() -> None:
    assert not is_connected(Operator(), moment())


def test_being_seen_is_written_down_at_most_every_30_seconds() -> None:
    operator = OperatorFactory()
    written = [
        second
        for second in (0, 10, 29, 30, 45, 59, 61)
        if operator_seen(user=operator.user, now=moment(second=second))
    ]
    assert written == [0, 30, 61]
    operator.refresh_from_db()
    assert operator.seen_at == moment(second=61)


def test_between_two_writes_it_costs_one_question() -> None:
    operator = OperatorFactory(seen_at=moment())
    with CaptureQueriesContext(connection) as queries:
        assert not operator_seen(user=operator.user, now=moment(second=20))
    assert len(queries) == 1
    assert queries[0]["sql"].startswith("SELECT")


def test_duty_is_another_matter() -> None:
    operator = OperatorFactory(duty="off")
    operator_seen(user=operator.user, now=moment())
    operator.refresh_from_db()
    assert (operator.duty, operator.duty_changed_at) == ("off", None)


def test_a_user_who_is_no_operator_becomes_none() -> None:
    assert not operator_seen(user=UserFactory(), now=moment())
    assert not Operator.objects.exists()


@pytest.mark.parametrize(
    ("before_s", "woken"), [(None, True), (91, True), (90, False), (31, False)]
)
def test_who_comes_back_is_offered_what_waits(
    before_s: int | None, woken: bool, sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    seen_at = None if before_s is None else moment() - dt.timedelta(seconds=before_s)
    operator = OperatorFactory(seen_at=seen_at)
    OpenChannelFactory(operators=[operator], demand_connection=True)
    with django_capture_on_commit_callbacks(execute=True):
        assert operator_seen(user=operator.user, now=moment())
    assert sent == ([("operator_duty_changed", operator.pk)] if woken else [])


def test_where_no_line_demands_it_coming_back_wakes_nobody(
    sent: Sent, django_capture_on_commit_callbacks: Any
) -> None:
    operator, colleague = OperatorFactory(), OperatorFactory()
    OpenChannelFactory(operators=[operator], demand_connection=False)
    OpenChannelFactory(operators=[colleague], demand_connection=True)
    with django_capture_on_commit_callbacks(execute=True):
        assert operator_seen(user=operator.user, now=moment())
    assert sent == []


def test_of_two_pages_at_once_one_tells(
    sent: Sent, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    operator = OperatorFactory()
    OpenChannelFactory(operators=[operator], demand_connection=True)
    stale = Operator.objects.get(pk=operator.pk)
    with django_capture_on_commit_callbacks(execute=True):
        assert operator_seen(user=operator.user, now=moment())
        # The second page had read the row before the first one wrote it.
        monkeypatch.setattr("django.db.models.query.QuerySet.first", lambda _rows: stale)
        assert not operator_seen(user=operator.user, now=moment(second=1))
    assert sent == [("operator_duty_changed", operator.pk)]
    operator.refresh_from_db()
    assert operator.seen_at == moment()
