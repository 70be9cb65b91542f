"""The inbox tells that it is open, and shows when the schedule changes one's duty."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from queue_app.models import Operator
from queue_app.services.schedules import Shift, operator_schedule_set
from tests.factories import UserFactory
from tests.queue_app.inbox.stories import desk, part

pytestmark = pytest.mark.django_db


def seen(operator: Operator) -> bool:
    operator.refresh_from_db()
    return operator.seen_at is not None


def test_every_answer_of_the_inbox_says_that_somebody_is_there() -> None:
    story = desk()
    chat = story.chat()
    for method, path in (
        ("get", "/inbox/mine/"), ("get", "/inbox/list/mine/"), ("get", f"/inbox/chats/{chat.pk}/"),
        ("post", f"/inbox/chats/{chat.pk}/typing/"), ("post", "/inbox/presence/"),
    ):  # fmt: skip
        Operator.objects.update(seen_at=None)
        assert part(story.client, method, path).status_code < 400
        assert seen(story.operator), path


def test_what_is_refused_says_nothing() -> None:
    story = desk()
    assert story.client.get("/inbox/chats/999/").status_code == 404
    assert story.client.get("/inbox/presence/").status_code == 405
    assert not seen(story.operator)


def test_presence_asks_for_the_forms_token_and_a_signed_in_user() -> None:
    assert part(Client(), "post", "/inbox/presence/").status_code == 401
    forger = Client(enforce_csrf_checks=True)
    story = desk()
    forger.force_login(story.operator.user)
    assert forger.post("/inbox/presence/").status_code == 403
    assert not seen(story.operator)


def test_who_is_no_operator_is_answered_too() -> None:
    client = Client()
    client.force_login(UserFactory())
    assert part(client, "post", "/inbox/presence/").status_code == 204
    assert not Operator.objects.exists()


def test_a_database_that_cannot_take_it_costs_nobody_his_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = desk()

    def locked(**_values: object) -> None:
        raise OperationalError("lock timeout")

    monkeypatch.setattr("queue_app.inbox.http.operator_seen", locked)
    assert story.client.get("/inbox/mine/").status_code == 200


def test_opening_the_inbox_puts_nobody_on_duty() -> None:
    story = desk()
    Operator.objects.update(duty="off")
    page = story.client.get("/inbox/mine/").content.decode()
    assert "You are off duty: you get no chats." in page
    assert "Go on duty" in page
    story.operator.refresh_from_db()
    assert story.operator.duty == "off"


def test_the_next_change_of_the_schedule_stands_beside_the_button() -> None:
    story = desk()
    tomorrow = timezone.localdate() + dt.timedelta(days=1)
    shift = Shift(tomorrow.weekday(), dt.time(9), dt.time(18))
    operator_schedule_set(
        operator=story.operator, follows_schedule=True, schedule_zone="UTC", shifts=[shift],
        now=timezone.now(),
    )  # fmt: skip
    for path in ("/inbox/mine/", "/inbox/me/"):
        page = story.client.get(path).content.decode()
        assert f"Your schedule puts you on duty at {tomorrow:%A} 09:00." in page, path
        assert f"by schedule on duty at {tomorrow:%A} 09:00" in page
    # A week of days and nights: nothing to tell.
    always = [Shift(day, dt.time(0), dt.time(0)) for day in range(7)]
    operator_schedule_set(
        operator=story.operator, follows_schedule=True, schedule_zone="UTC", shifts=always,
        now=timezone.now(),
    )  # fmt: skip
    assert "schedule" not in story.client.get("/inbox/me/").content.decode()
