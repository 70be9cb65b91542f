"""Each setting of the queue, value by value: customers by the webhook, operators in the inbox."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from channels_app.models import Connector, Message
from channels_app.services.open_channels import open_channel_update
from openlines_project.lib import tasks
from queue_app.models import Operator, Session, Timer
from queue_app.services.queues import queue_members_replace
from queue_app.services.timers import timers_sweep
from tests.factories import ConnectorFactory, OpenChannelFactory, OperatorFactory, UserFactory
from tests.flows.wire import custom_message, custom_post
from tests.queue_app.desk_story import books_check, last_event

pytestmark = pytest.mark.django_db


class Story:
    """A line and its people. What a commit asks of the worker is done at once."""

    def __init__(self, capture: Any) -> None:
        self.capture = capture
        self.connector: Connector
        self.messages = 0

    def line(self, *people: Operator, **settings: Any) -> Connector:
        channel = OpenChannelFactory(operators=list(people), **settings)
        self.connector = ConnectorFactory(open_channel=channel)
        return self.connector

    @contextmanager
    def worker(self) -> Iterator[None]:
        with self.capture(execute=True):
            yield

    def customer(self, user: str) -> Session:
        """A customer writes. Returns his newest session."""
        self.messages += 1
        body = custom_message(f"m{self.messages}", user=user)
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

    def accept(self, operator: Operator, session: Session) -> int:
        status: int = self.press(operator, f"/inbox/chats/{session.pk}/accept/").status_code
        return status

    def change(self, **changes: Any) -> None:
        """The administrator saves the line's page."""
        with self.worker():
            open_channel_update(
                open_channel=self.connector.open_channel, changes=changes, now=timezone.now()
            )

    def response_time_passes(self) -> None:
        """All deadlines come; the next sweep finds them."""
        Timer.objects.update(due_at=timezone.now() - dt.timedelta(seconds=1))
        timers_sweep()


@pytest.fixture
def story(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> Iterator[Story]:
    def do_it_now(task: Any, *args: Any, **_options: Any) -> bool:
        if task.name.startswith("queue_app."):
            task(*args)
        return True

    monkeypatch.setattr(tasks, "enqueue", do_it_now)
    yield Story(django_capture_on_commit_callbacks)
    books_check()


def holder(session: Session) -> Operator | None:
    session.refresh_from_db()
    return session.operator


def people(count: int, **values: Any) -> list[Operator]:
    return [OperatorFactory(**values) for _ in range(count)]


# --- distribution -------------------------------------------------------------------------


def test_evenly_everybody_gets_as_much(story: Story) -> None:
    ana, bruno, carla = people(3)
    story.line(ana, bruno, carla, distribution="evenly")
    sessions = [story.customer(f"u{number}") for number in range(6)]
    assert [session.operator for session in sessions] == [ana, bruno, carla] * 2
    # A chat that moves on is the turn of the one who gets it.
    assert story.accept(bruno, sessions[1]) == 204
    Timer.objects.filter(session=sessions[0], kind="response").update(due_at=timezone.now())
    timers_sweep()
    assert holder(sessions[0]) == bruno
    assert [story.customer(f"u1{number}").operator for number in range(3)] == [ana, carla, bruno]


def test_strictly_each_chat_begins_at_the_top(story: Story) -> None:
    ana, bruno, carla = people(3)
    story.line(ana, bruno, carla, distribution="strictly")
    sessions = [story.customer(f"u{number}") for number in range(3)]
    assert [session.operator for session in sessions] == [ana] * 3
    story.response_time_passes()
    assert [holder(session) for session in sessions] == [bruno] * 3
    assert story.customer("u9").operator == ana


def test_a_change_of_the_rule_counts_for_the_next_chat(story: Story) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno, distribution="strictly")
    assert [story.customer(f"u{number}").operator for number in range(2)] == [ana, ana]
    story.change(distribution="evenly")
    assert story.customer("u3").operator == bruno


# --- members ------------------------------------------------------------------------------


def test_the_order_of_the_queue_counts_and_may_be_changed(story: Story) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno, distribution="strictly")
    assert story.customer("u1").operator == ana
    with story.worker():
        queue_members_replace(
            open_channel=story.connector.open_channel,
            members=[{"user": bruno.user}, {"user": ana.user}],
            now=timezone.now(),
        )
    assert story.customer("u2").operator == bruno


def test_who_is_taken_out_loses_his_offers_at_once(story: Story) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno, distribution="strictly")
    session = story.customer("u1")
    with story.worker():
        queue_members_replace(
            open_channel=story.connector.open_channel,
            members=[{"user": bruno.user}],
            now=timezone.now(),
        )
    assert holder(session) == bruno
    assert story.accept(ana, session) == 404  # it is not his to see any more


# --- response time ------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [1, 3, 5, 10, 15, 20, 30, 720])
def test_an_offer_stands_for_the_response_time(story: Story, minutes: int) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno, response_minutes=minutes)
    session = story.customer("u1")
    due_at = Timer.objects.get(kind="response").due_at
    assert session.offered_at is not None
    assert due_at - session.offered_at == dt.timedelta(minutes=minutes)
    assert timers_sweep(now=due_at - dt.timedelta(milliseconds=1)) == 0
    assert holder(session) == ana
    assert timers_sweep(now=due_at) == 1
    assert holder(session) == bruno
    assert story.accept(ana, session) == 403
    assert story.accept(bruno, session) == 204
    assert not Timer.objects.filter(kind="response").exists()


def test_a_new_response_time_counts_for_the_next_offer(story: Story) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno, response_minutes=30)
    session = story.customer("u1")
    before = Timer.objects.get(kind="response").due_at
    story.change(response_minutes=1)
    assert Timer.objects.get(kind="response").due_at == before
    timers_sweep(now=before)
    assert holder(session) == bruno
    assert Timer.objects.get(kind="response").due_at == before + dt.timedelta(minutes=1)


def test_a_chat_nobody_takes_waits_and_everybody_sees_it(story: Story) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno)
    session = story.customer("u1")
    story.response_time_passes()
    story.response_time_passes()
    assert holder(session) is None
    assert (session.state, session.wait_reason) == ("waiting", "round_over")
    browser = Client()
    browser.force_login(ana.user)
    assert b"Ana Prado" in browser.get("/inbox/waiting/").content
    assert story.accept(ana, session) == 204
    assert holder(session) == ana


# --- availability -------------------------------------------------------------------------


def test_without_the_check_those_off_duty_get_chats_too(story: Story) -> None:
    ana, bruno = OperatorFactory(duty="off"), OperatorFactory(duty="pause")
    story.line(ana, bruno, check_availability=False)
    assert [story.customer(f"u{number}").operator for number in range(2)] == [ana, bruno]
    # And leaving takes nothing away.
    assert story.press(bruno, "/inbox/duty/", duty="off").status_code == 204
    assert list(Session.objects.order_by("pk").values_list("operator", flat=True)) == [
        ana.pk,
        bruno.pk,
    ]


def test_with_the_check_only_those_on_duty_get_chats(story: Story) -> None:
    ana, bruno, carla = (OperatorFactory(duty=duty) for duty in ("off", "pause", "on"))
    story.line(ana, bruno, carla, check_availability=True)
    session = story.customer("u1")
    assert session.operator == carla
    codes = {item["operator"]: item["code"] for item in last_event(session).data["choice"]}
    assert codes == {ana.pk: "off_duty", bruno.pk: "paused", carla.pk: "chosen"}


def test_with_the_check_a_chat_waits_for_the_first_who_comes(story: Story) -> None:
    ana, bruno = people(2, duty="off")
    story.line(ana, bruno, check_availability=True)
    first, second = story.customer("u1"), story.customer("u2")
    assert (first.wait_reason, second.wait_reason) == ("no_operator", "no_operator")
    assert story.press(bruno, "/inbox/duty/", duty="on").status_code == 204
    assert (holder(first), holder(second)) == (bruno, bruno)


def test_with_the_check_leaving_hands_offers_on_and_keeps_chats(story: Story) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno, check_availability=True, distribution="strictly")
    accepted, offered = story.customer("u1"), story.customer("u2")
    assert story.accept(ana, accepted) == 204
    assert story.press(ana, "/inbox/duty/", duty="pause").status_code == 204
    assert (holder(accepted), holder(offered)) == (ana, bruno)


def test_switching_the_check_on_hands_offers_on(story: Story) -> None:
    ana, bruno = OperatorFactory(duty="off"), OperatorFactory()
    story.line(ana, bruno, distribution="strictly")
    session = story.customer("u1")
    assert session.operator == ana
    story.change(check_availability=True)
    assert holder(session) == bruno


def test_switching_the_check_off_offers_what_waits(story: Story) -> None:
    ana = OperatorFactory(duty="off")
    story.line(ana, check_availability=True)
    session = story.customer("u1")
    assert session.operator is None
    story.change(check_availability=False)
    assert holder(session) == ana


# --- limits ---------------------------------------------------------------------------------


def test_no_limit_is_the_default(story: Story) -> None:
    ana = OperatorFactory()
    story.line(ana, max_chats=0)
    assert {story.customer(f"u{number}").operator for number in range(7)} == {ana}


def test_a_full_operator_gets_the_next_chat_when_he_ends_one(story: Story) -> None:
    ana = OperatorFactory()
    story.line(ana, max_chats=2)
    first, second, third, fourth = (story.customer(f"u{number}") for number in range(4))
    assert [session.state for session in (first, second, third, fourth)] == [
        "offered", "offered", "waiting", "waiting",
    ]  # fmt: skip
    assert story.accept(ana, first) == 204
    refused = story.press(ana, f"/inbox/chats/{third.pk}/accept/")
    assert (refused.status_code, refused["X-Error-Code"]) == (409, "full")
    assert refused.content.decode() == "You have 2 of 2 chats. End one first."
    assert story.press(ana, f"/inbox/chats/{first.pk}/close/").status_code == 204
    assert (holder(third), holder(fourth)) == (ana, None)


def test_a_lower_limit_takes_nothing_away_and_a_higher_one_gives(story: Story) -> None:
    ana = OperatorFactory()
    story.line(ana, max_chats=0)
    sessions = [story.customer(f"u{number}") for number in range(2)]
    story.change(max_chats=1)
    assert {holder(session) for session in sessions} == {ana}
    waiting = story.customer("u9")
    assert waiting.wait_reason == "no_operator"
    story.change(max_chats=3)
    assert holder(waiting) == ana


def test_the_cap_over_all_lines_counts_chats_of_other_lines(story: Story) -> None:
    ana = OperatorFactory(max_chats=1)
    story.line(ana)
    first = story.customer("u1")
    story.line(ana)
    second = story.customer("u1")
    assert (first.operator, second.wait_reason) == (ana, "no_operator")
    assert story.press(ana, f"/inbox/chats/{first.pk}/close/").status_code == 204
    assert holder(second) == ana


# --- a closed line ------------------------------------------------------------------------


@pytest.mark.parametrize("closed", [{"is_active": False}, {"archived_at": timezone.now()}])
def test_a_closed_line_keeps_messages_and_offers_nothing(
    story: Story, closed: dict[str, Any]
) -> None:
    ana = OperatorFactory()
    story.line(ana, **closed)
    session = story.customer("u1")
    assert (session.state, session.wait_reason) == ("waiting", "line_closed")
    assert Message.objects.get().text == "Hello"
    assert not Timer.objects.filter(kind="response").exists()
    browser = Client()
    browser.force_login(ana.user)
    assert browser.get(f"/inbox/chats/{session.pk}/").status_code == 200


def test_a_line_that_closes_keeps_chats_with_their_operators_and_sends_nothing(
    story: Story,
) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno)
    accepted, offered = story.customer("u1"), story.customer("u2")
    assert story.accept(ana, accepted) == 204
    story.change(is_active=False)
    story.response_time_passes()
    assert (holder(accepted), holder(offered)) == (ana, bruno)
    answer = story.press(
        ana, f"/inbox/chats/{accepted.pk}/reply/", text="Yes", client_key="key-00000001"
    )
    assert (answer.status_code, answer["X-Error-Code"]) == (409, "line_closed")
    assert not Message.objects.filter(direction="out").exists()


def test_a_line_that_opens_again_offers_what_came_meanwhile(story: Story) -> None:
    ana = OperatorFactory(user=UserFactory(first_name="Ana"))
    story.line(ana)
    story.change(is_active=False)
    session = story.customer("u1")
    assert session.wait_reason == "line_closed"
    story.change(is_active=True)
    assert holder(session) == ana
    reply = story.press(
        ana, f"/inbox/chats/{session.pk}/reply/", text="Yes", client_key="key-00000001"
    )
    assert reply.status_code == 200
    assert Message.objects.get(direction="out").text == "Yes"
