"""Duty in the words of its settings: own button, weekly times, supervisor, and who is told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.test import Client
from django.utils import timezone

from openlines_project.lib import tasks
from queue_app.models import Operator, Session
from queue_app.services.notices import line_notices_sweep
from queue_app.services.queues import queue_members_replace
from queue_app.services.schedules import operator_schedule_next, schedules_sweep
from tests.channels_app.api.client import admin_api
from tests.factories import OperatorFactory, SuperuserFactory, UserFactory
from tests.flows.test_settings_queue import Story, holder
from tests.queue_app.desk_story import books_check

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> Iterator[Story]:
    """What a commit asks of the desk's worker is done at once; mail has its own sweep."""

    def do_it_now(task: Any, *args: Any, **_options: Any) -> bool:
        if task.name.startswith("queue_app.") and "notices" not in task.name:
            task(*args)
        return True

    monkeypatch.setattr(tasks, "enqueue", do_it_now)
    yield Story(django_capture_on_commit_callbacks)
    books_check()


def works_tomorrow(operator: Operator) -> dt.datetime:
    """He follows weekly times that begin tomorrow at nine. Returns that moment."""
    tomorrow = timezone.localdate() + dt.timedelta(days=1)
    shift = {"weekday": tomorrow.weekday(), "starts": "09:00", "ends": "18:00"}
    answer = admin_api().patch(
        f"/operators/{operator.pk}/",
        {"follows_schedule": True, "schedule_zone": "UTC", "shifts": [shift]},
    )
    assert answer.status_code == 200
    operator.refresh_from_db()
    following = operator_schedule_next(operator)
    assert following is not None
    assert following[1] == "on"
    return following[0]


# --- duty by schedule -----------------------------------------------------------------------


def test_duty_by_schedule_on_begins_and_ends_by_itself(story: Story) -> None:
    ana = OperatorFactory(duty="off")
    story.line(ana, check_availability=True)
    nine = works_tomorrow(ana)
    session = story.customer("u1")
    assert session.wait_reason == "no_operator"
    with story.worker():
        schedules_sweep(now=nine - dt.timedelta(seconds=1))
    assert holder(session) is None
    with story.worker():
        schedules_sweep(now=nine)
    assert holder(session) == ana
    with story.worker():
        schedules_sweep(now=nine + dt.timedelta(hours=9))
    assert holder(session) is None
    assert session.wait_reason == "no_operator"


def test_duty_by_schedule_off_leaves_it_to_his_button(story: Story) -> None:
    ana = OperatorFactory(duty="off")
    story.line(ana, check_availability=True)
    nine = works_tomorrow(ana)
    admin_api().patch(f"/operators/{ana.pk}/", {"follows_schedule": False})
    session = story.customer("u1")
    with story.worker():
        schedules_sweep(now=nine)
    assert holder(session) is None
    story.press(ana, "/inbox/duty/", duty="on")
    assert holder(session) == ana


def test_his_own_button_holds_until_the_schedule_changes_next(story: Story) -> None:
    ana = OperatorFactory(duty="off")
    story.line(ana, check_availability=True)
    nine = works_tomorrow(ana)
    story.press(ana, "/inbox/duty/", duty="on")
    session = story.customer("u1")
    assert holder(session) == ana
    with story.worker():
        schedules_sweep(now=nine - dt.timedelta(hours=1))
    assert holder(session) == ana
    with story.worker():
        schedules_sweep(now=nine)
        schedules_sweep(now=nine + dt.timedelta(hours=9))
    assert holder(session) is None


# --- the supervisor -------------------------------------------------------------------------


def supervisor() -> Client:
    user = UserFactory()
    user.groups.add(Group.objects.get(name="Supervisors"))
    client = Client(headers={"HX-Request": "true"})
    client.force_login(user)
    return client


def test_a_supervisor_puts_somebody_on_duty_and_the_waiting_chat_is_his(story: Story) -> None:
    ana, bruno = OperatorFactory(duty="off"), OperatorFactory(duty="off")
    story.line(ana, bruno, check_availability=True, distribution="strictly")
    chief = supervisor()
    session = story.customer("u1")

    def press(operator: Operator, duty: str) -> None:
        path = f"/inbox/supervisor/operators/{operator.pk}/duty/"
        with story.worker():
            assert chief.post(path, {"duty": duty}).status_code == 204

    assert "Nobody is available" in chief.get("/inbox/supervisor/").content.decode()
    press(ana, "on")
    assert holder(session) == ana
    press(bruno, "on")
    press(ana, "pause")
    assert holder(session) == bruno
    press(bruno, "off")
    assert holder(session) is None


# --- who is told ----------------------------------------------------------------------------


def front_page() -> str:
    client = Client()
    client.force_login(SuperuserFactory(email=""))
    return client.get("/admin/").content.decode()


def test_nobody_on_duty_is_told_once_and_not_per_message(story: Story) -> None:
    chief = SuperuserFactory()
    ana = OperatorFactory(duty="off")
    story.line(ana, check_availability=True, name="Repairs")
    line_notices_sweep(now=timezone.now())
    assert mail.outbox == []  # nobody waits: nothing to tell
    for number in range(3):
        story.customer(f"u{number}")
        line_notices_sweep(now=timezone.now())
    (letter,) = mail.outbox
    assert letter.to == [chief.email]
    assert "Repairs" in letter.subject
    assert "nobody of its queue is on duty" in front_page()
    story.press(ana, "/inbox/duty/", duty="on")
    line_notices_sweep(now=timezone.now())
    assert "nobody of its queue is on duty" not in front_page()
    assert Session.objects.filter(operator=ana).count() == 3
    # The next evening it is told again.
    story.press(ana, "/inbox/duty/", duty="off")
    line_notices_sweep(now=timezone.now())
    assert len(mail.outbox) == 2


def test_a_line_that_checks_no_availability_lacks_nobody(story: Story) -> None:
    SuperuserFactory()
    story.line(OperatorFactory(duty="off"), check_availability=False)
    story.customer("u1")
    line_notices_sweep(now=timezone.now())
    assert mail.outbox == []


def test_an_empty_queue_is_told_once(story: Story) -> None:
    SuperuserFactory()
    ana = OperatorFactory()
    line = story.line(ana, name="Repairs").open_channel
    queue_members_replace(open_channel=line, members=[], now=timezone.now())
    for number in range(2):
        story.customer(f"u{number}")
        line_notices_sweep(now=timezone.now())
    assert [letter.subject for letter in mail.outbox] == ["Open Lines: Repairs: the queue is empty"]
    assert "Repairs has nobody in its queue" in front_page()
    with story.worker():
        queue_members_replace(open_channel=line, members=[{"user": ana.user}], now=timezone.now())
    line_notices_sweep(now=timezone.now())
    assert "Repairs has nobody in its queue" not in front_page()
