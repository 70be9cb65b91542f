"""Deadlines: the late ones are on top and can be asked for."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from queue_app.models import Timer, TimerKind
from tests.factories import SessionFactory, SuperuserFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/queue_app/timer/"


def test_late_failed_and_coming_timers_are_told_apart(client: Client) -> None:
    client.force_login(SuperuserFactory())
    now = timezone.now()

    def timer(minutes: int, **values: object) -> Timer:
        return Timer.objects.create(
            session=SessionFactory(), kind=TimerKind.RESPONSE,
            due_at=now + dt.timedelta(minutes=minutes), **values,
        )  # fmt: skip

    ahead, late = timer(5), timer(-10)
    failed = timer(-20, attempts=3, error="OperationalError")

    def listed(**query: str) -> list[Timer]:
        return list(client.get(LIST, query).context["cl"].result_list)

    assert listed() == [failed, late, ahead]
    assert listed(due="late") == [failed, late]
    assert listed(due="failed") == [failed]
    assert listed(due="ahead") == [ahead]
    text = client.get(LIST).content.decode()
    assert "10 minutes" in text
    assert "OperationalError" in text
