"""A chat from its first message to its end, minute by minute, through webhook and inbox.

The clock is moved by hand and the sweep looks once a minute. The platform takes what we send, or
refuses it while `refuses` says so.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from channels_app.drivers.base import DriverError, Outgoing, SendResult
from channels_app.drivers.custom import CustomDriver
from channels_app.models import Connector, OpenChannel, TextKind
from openlines_project.lib import tasks
from queue_app.models import Operator, Session
from queue_app.services.timers import timers_sweep
from tests.factories import (
    ConnectorFactory,
    OpenChannelFactory,
    ServiceTextFactory,
    moment,
)
from tests.flows.wire import custom_message, custom_post
from tests.queue_app.desk_story import books_check

BEGIN = moment()


class EndingStory:
    """One line, its people, and one customer after another."""

    def __init__(self, capture: Any, clock: Any) -> None:
        self.capture = capture
        self.clock = clock
        self.connector: Connector
        self.messages = 0
        # What reached the customers: the minute and the text.
        self.heard: list[tuple[float, str]] = []
        self.refuses: str = ""

    # --- the line -------------------------------------------------------------------------

    def line(
        self,
        *people: Operator,
        texts: dict[str, str] | None = None,
        reminders: list[tuple[int, str]] | None = None,
        config: dict[str, Any] | None = None,
        **settings: Any,
    ) -> OpenChannel:
        """A line with these automatic texts by kind, and reminders as (minutes, text)."""
        channel: OpenChannel = OpenChannelFactory(operators=list(people), **settings)
        for kind, text in (texts or {}).items():
            ServiceTextFactory(open_channel=channel, kind=TextKind(kind), text=text)
        for position, (minutes, text) in enumerate(reminders or [], 1):
            ServiceTextFactory(
                open_channel=channel, kind=TextKind.REMINDER, position=position, minutes=minutes,
                text=text,
            )  # fmt: skip
        self.connector = ConnectorFactory(open_channel=channel, config=config or {})
        return channel

    def change(self, **changes: Any) -> None:
        """The administrator saves the line's page."""
        lines = OpenChannel.objects.filter(pk=self.connector.open_channel_id)
        lines.update(version=F("version") + 1, **changes)

    # --- people ---------------------------------------------------------------------------

    def at(self, minute: float) -> None:
        self.clock.move_to(BEGIN + dt.timedelta(minutes=minute), tick=False)

    @contextmanager
    def worker(self) -> Iterator[None]:
        with self.capture(execute=True):
            yield

    def customer(self, minute: float, user: str = "u1", name: str = "Ana Prado") -> Session:
        """A customer writes. Returns his newest session."""
        self.at(minute)
        self.messages += 1
        body = custom_message(f"m{self.messages}", user=user, name=name)
        with self.worker():
            answer = custom_post(Client(), self.connector, body)
        assert answer.status_code == 200
        (result,) = answer.json()["results"]
        return Session.objects.filter(conversation_id=result["conversation_id"]).latest("pk")

    def press(self, operator: Operator, path: str, **form: str) -> Any:
        """An operator presses something in the inbox, as the page's script sends it."""
        browser = Client(headers={"HX-Request": "true"})
        browser.force_login(operator.user)
        with self.worker():
            return browser.post(path, form)

    def reply(self, minute: float, operator: Operator, session: Session, text: str = "Yes") -> None:
        """He answers; the worker sends it at once."""
        self.at(minute)
        key = f"key-{self.messages:04d}-{minute * 60:.0f}"
        path = f"/inbox/chats/{session.pk}/reply/"
        assert self.press(operator, path, text=text, client_key=key).status_code == 200

    def end(self, minute: float, operator: Operator, session: Session) -> str:
        """He ends the chat. Returns the state it is in then."""
        self.at(minute)
        assert self.press(operator, f"/inbox/chats/{session.pk}/close/").status_code == 204
        return state(session)

    def page(self, operator: Operator, session: Session) -> str:
        """The chat as he sees it."""
        browser = Client()
        browser.force_login(operator.user)
        return browser.get(f"/inbox/chats/{session.pk}/").content.decode()

    def minutes_pass(self, since: int, until: int, *, step: int = 1) -> None:
        """From one minute to another the sweep looks again and again."""
        for minute in range(since, until + 1, step):
            self.at(minute)
            with self.worker():
                timers_sweep(now=timezone.now())

    # --- the platform ---------------------------------------------------------------------

    def send(self, outgoing: Outgoing) -> SendResult:
        if self.refuses:
            raise DriverError("The platform refused it.", error_class=self.refuses)  # type: ignore[arg-type]
        minute = (timezone.now() - BEGIN).total_seconds() / 60
        self.heard.append((minute, outgoing.text))
        return SendResult(external_id=f"p{len(self.heard)}")

    def texts(self) -> list[tuple[float, str]]:
        """What the customers heard that no person wrote."""
        return [(minute, text) for minute, text in self.heard if text != "Yes"]


def state(session: Session) -> str:
    session.refresh_from_db()
    return session.state


def story_begin(the_story: EndingStory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a commit asks of the worker is done at once, by the story's clock and platform."""

    def do_it_now(task: Any, *args: Any, **_options: Any) -> bool:
        if task.name.startswith("queue_app.") or task.name.endswith(".deliver_conversation"):
            task(*args)
        return True

    monkeypatch.setattr(tasks, "enqueue", do_it_now)
    monkeypatch.setattr("queue_app.tasks.database_now", timezone.now)
    monkeypatch.setattr(CustomDriver, "send", lambda _driver, outgoing: the_story.send(outgoing))
    the_story.at(0)


@pytest.fixture
def story(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any, time_machine: Any
) -> Iterator[EndingStory]:
    the_story = EndingStory(django_capture_on_commit_callbacks, time_machine)
    story_begin(the_story, monkeypatch)
    yield the_story
    books_check()
