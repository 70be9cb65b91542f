"""A line whose settings are saved as its page saves them, and what then happens on the desk."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from channels_app.services.open_channels import open_channel_update
from queue_app.models import Assignment, Operator, Session
from queue_app.services.desk import desk_sweep
from queue_app.services.timers import timers_sweep
from tests.factories import OperatorFactory
from tests.flows.ending_story import BEGIN, EndingStory, story_begin
from tests.queue_app.desk_story import books_check

__all__ = ["BEGIN", "SettingStory", "holder", "people", "story", "texts_of"]


class SettingStory(EndingStory):
    """An `EndingStory` with more acts, and sweeps that notice what nobody pressed."""

    # Whether everybody stays within his limits: a chat that wakes counts above them.
    limits_hold = True

    # --- the line -------------------------------------------------------------------------

    def change(self, **changes: Any) -> None:
        """The administrator saves the line's page."""
        with self.worker():
            self.connector.open_channel = open_channel_update(
                open_channel=self.connector.open_channel, changes=changes, now=timezone.now()
            )

    # --- people ---------------------------------------------------------------------------

    def act(self, who: Operator, session: Session, act: str, **form: str) -> int:
        """He presses a button of the chat. Returns the status of the answer."""
        browser = Client(headers={"HX-Request": "true"})
        browser.force_login(who.user)
        with self.worker():
            status: int = browser.post(f"/inbox/chats/{session.pk}/{act}/", form).status_code
        return status

    def accept(self, minute: float, operator: Operator, session: Session) -> None:
        self.at(minute)
        assert self.act(operator, session, "accept") == 204

    def skip(self, minute: float, operator: Operator, session: Session) -> None:
        self.at(minute)
        assert self.act(operator, session, "skip") == 204

    def duty(self, minute: float, operator: Operator, duty: str) -> None:
        self.at(minute)
        assert self.press(operator, "/inbox/duty/", duty=duty).status_code == 204

    def looks(self, minute: float, operator: Operator) -> None:
        """His inbox is open and tells so."""
        self.at(minute)
        assert self.press(operator, "/inbox/presence/").status_code == 204

    def shown(self, operator: Operator, path: str) -> str:
        """A page of the inbox as he sees it."""
        browser = Client()
        browser.force_login(operator.user)
        return browser.get(path).content.decode()

    def rings(self, operator: Operator) -> list[int]:
        """The chats that are offered to him, alone or with others."""
        asked = Assignment.objects.filter(operator=operator, ended_at__isnull=True)
        return list(asked.order_by("session").values_list("session", flat=True))

    # --- time -----------------------------------------------------------------------------

    def sweep(self, minute: float) -> None:
        """The beat comes once at this minute."""
        self.at(minute)
        with self.worker():
            timers_sweep(now=timezone.now())
            desk_sweep(now=timezone.now())

    def passes(self, since: float, until: float, *, step: float = 1) -> None:
        """The beat comes again and again, and for the last time at `until`."""
        minute = since
        while minute < until:
            self.sweep(minute)
            minute += step
        self.sweep(until)

    def due(self, session: Session, kind: str) -> float | None:
        """The minute at which a deadline of a session comes, None when it is not set."""
        due_at: dt.datetime | None = (
            session.timers.filter(kind=kind).values_list("due_at", flat=True).first()
        )
        return None if due_at is None else (due_at - BEGIN).total_seconds() / 60


def people(count: int, **values: Any) -> list[Operator]:
    return [OperatorFactory(**values) for _ in range(count)]


def holder(session: Session) -> Operator | None:
    session.refresh_from_db()
    return session.operator


def texts_of(**texts: str) -> list[dict[str, Any]]:
    """The automatic texts of a line's page, by kind."""
    return [{"kind": kind, "text": text} for kind, text in texts.items()]


@pytest.fixture
def story(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any, time_machine: Any
) -> Iterator[SettingStory]:
    the_story = SettingStory(django_capture_on_commit_callbacks, time_machine)
    story_begin(the_story, monkeypatch)
    yield the_story
    books_check(limits=the_story.limits_hold)
