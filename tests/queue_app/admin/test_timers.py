"""Deadlines: the late ones are on top and can be asked for."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from queue_app.admin.timers import TimerAdmin
from queue_app.models import NoticeKind, Timer, TimerKind
from queue_app.services.notices import line_notice_begin
from tests.factories import OpenChannelFactory, SessionFactory, SuperuserFactory, UserFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/queue_app/timer/"


def timer(minutes: float, kind: str = TimerKind.RESPONSE, **values: object) -> Timer:
    """A timer that is due in some minutes."""
    due_at = timezone.now() + dt.timedelta(minutes=minutes)
    return Timer.objects.create(session=SessionFactory(), kind=kind, due_at=due_at, **values)


def test_late_failed_and_coming_timers_are_told_apart(client: Client) -> None:
    client.force_login(SuperuserFactory())
    ahead, late = timer(5), timer(-10)
    failed = timer(-20, attempts=3, error="OperationalError")

    def listed(**query: str) -> list[Timer]:
        return list(client.get(LIST, query).context["cl"].result_list)

    assert listed() == [failed, late, ahead]
    assert listed(due="late") == [failed, late]
    assert listed(due="failed") == [failed]
    assert listed(due="ahead") == [ahead]
    just_now = timer(-0.1, TimerKind.ROUTE)
    assert listed(due="now") == [failed, late, just_now]
    assert listed(due="late") == [failed, late]
    assert listed(kind="route") == [just_now]
    assert listed(kind="route", due="late") == []
    text = client.get(LIST).content.decode()
    assert "10 minutes" in text
    assert "OperationalError" in text


def test_a_failed_timer_shows_its_error_and_its_next_try(client: Client) -> None:
    client.force_login(SuperuserFactory())
    page: TimerAdmin = client.get(LIST).context["cl"].model_admin
    assert page.next_try(timer(5)) == "–"
    assert page.next_try(timer(-5, attempts=1)) == "at once"
    put_off = timer(5, attempts=2, error="KeyError: no such line")
    assert page.next_try(put_off).endswith(f"{put_off.due_at:%H:%M:%S}")
    assert "KeyError: no such line" in client.get(LIST, {"due": "failed"}).content.decode()


def press(client: Client, *timers: Timer) -> str:
    chosen = {"action": "try_now", "_selected_action": [row.pk for row in timers]}
    return client.post(LIST, chosen, follow=True).content.decode()


def test_a_failed_or_late_timer_is_tried_now(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []
    monkeypatch.setattr(
        "queue_app.services.deadlines.enqueue_after_commit", lambda task: woken.append(task.name)
    )
    client.force_login(SuperuserFactory())
    put_off, late, ahead = timer(30, attempts=4, error="x"), timer(-5), timer(30)
    before = {row.pk: row.due_at for row in (put_off, late, ahead)}
    page = press(client, put_off, late, ahead)
    assert "2 timers are tried now." in page
    assert "1 timer has not come yet and did not fail: it stays." in page
    after = {row.pk: row for row in Timer.objects.all()}
    assert after[put_off.pk].due_at <= timezone.now()
    # How often it failed is not forgotten.
    assert (after[put_off.pk].attempts, after[put_off.pk].error) == (4, "x")
    assert after[late.pk].due_at == before[late.pk]
    assert after[ahead.pk].due_at == before[ahead.pk]
    assert woken == ["queue_app.tasks.timers_sweep"] * 2


def test_who_may_only_look_tries_nothing(client: Client) -> None:
    reader = UserFactory(is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_timer"))
    client.force_login(reader)
    row = timer(30, attempts=1)
    chosen = {"action": "try_now", "_selected_action": [row.pk]}
    assert client.post(LIST, chosen).status_code == 403
    assert Timer.objects.get().due_at == row.due_at


# --- the front page -------------------------------------------------------------------------


def test_the_front_page_tells_how_many_are_late(client: Client) -> None:
    client.force_login(SuperuserFactory())
    timer(-0.5)
    assert "Late deadlines" not in client.get("/admin/").content.decode()
    for _number in range(2):
        timer(-5)
    page = client.get("/admin/").content.decode()
    assert "Late deadlines: 2." in page
    assert "/admin/queue_app/timer/?due=late" in page
    Timer.objects.bulk_create(
        Timer(session=SessionFactory(), kind=TimerKind.ROUTE, due_at=row.due_at)
        for row in [timer(-5)] * 100
    )
    assert "Late deadlines: 99+." in client.get("/admin/").content.decode()


def test_the_front_page_tells_what_is_wrong_with_a_line(client: Client) -> None:
    line = OpenChannelFactory(name="Repairs")
    line_notice_begin(open_channel=line, kind=NoticeKind.QUEUE_EMPTY, now=timezone.now())
    client.force_login(SuperuserFactory())
    assert "Repairs has nobody in its queue" in client.get("/admin/").content.decode()
    timer(-5)
    client.force_login(UserFactory(is_staff=True))
    page = client.get("/admin/").content.decode()
    assert "Repairs" not in page
    assert "Late deadlines" not in page
