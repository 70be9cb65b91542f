"""How a chat is handed over, whom the customer sees in it, and how it is ended, by its settings."""

from __future__ import annotations

from typing import Any

import pytest

from channels_app.drivers.base import Outgoing, SendResult
from channels_app.drivers.custom import _body
from queue_app.models import LineOperator, Operator, Session
from tests.channels_app.widget.visitor import Visitor
from tests.factories import LiveChatConnectorFactory, OperatorFactory, UserFactory
from tests.flows.setting_story import SettingStory, holder, people, story

__all__ = ["story"]
pytestmark = pytest.mark.django_db


# --- transfer -----------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "state"), [("at_once", "active"), ("must_accept", "offered")])
def test_a_transferred_chat_is_his_or_is_offered_to_him(
    story: SettingStory, mode: str, state: str
) -> None:
    ana, bruno = people(2)
    story.line(ana, bruno, distribution="strictly", transfer_mode=mode)
    session = story.customer(0)
    story.accept(1, ana, session)
    assert story.act(ana, session, "transfer", operator=str(bruno.pk)) == 204
    assert (holder(session), session.state) == (bruno, state)
    assert story.rings(bruno) == ([session.pk] if mode == "must_accept" else [])
    story.sweep(7)
    # Whom he was to accept it from in time gets it by the queue again.
    assert holder(session) == (bruno if mode == "at_once" else ana)


# --- what the customer sees of the operator -----------------------------------------------

SHOWN = [("profile", "Maria Lima"), ("alias", "Team Sun"), ("nothing", "")]


def maria() -> Operator:
    operator: Operator = OperatorFactory(
        user=UserFactory(username="maria.lima.7", first_name="Maria", last_name="Lima")
    )
    return operator


@pytest.mark.parametrize(("shown", "name"), SHOWN)
def test_the_widget_shows_the_operator_as_the_line_says(
    story: SettingStory, shown: str, name: str
) -> None:
    operator = maria()
    line = story.line(operator, operator_shown=shown)
    LineOperator.objects.update(alias_name="Team Sun")
    visitor = Visitor.arrived(LiveChatConnectorFactory(open_channel=line), origin=None)
    with story.worker():
        assert visitor.write("Hello").status_code == 201
    session = Session.objects.get(conversation=visitor.conversation)
    story.reply(1, operator, session)
    (answer,) = [row for row in visitor.read()["messages"] if row["direction"] == "out"]
    assert (answer["text"], answer["author"]) == ("Yes", name)
    assert "maria.lima.7" not in str(visitor.read())


@pytest.mark.parametrize(("shown", "name"), SHOWN)
def test_the_custom_channel_is_told_no_more_than_the_texts_say(
    story: SettingStory, monkeypatch: pytest.MonkeyPatch, shown: str, name: str
) -> None:
    bodies: list[Any] = []

    def send(outgoing: Outgoing) -> SendResult:
        bodies.append(_body(outgoing))
        return SendResult()

    monkeypatch.setattr(story, "send", send)
    operator = maria()
    story.line(operator, operator_shown=shown, texts={"ending": "Yours, {operator}"})
    LineOperator.objects.update(alias_name="Team Sun")
    session = story.customer(0)
    story.reply(1, operator, session)
    story.end(2, operator, session)
    told = [body["message"]["text"] for body in bodies]
    assert told == ["Yes", f"Yours, {name}".strip()]
    hidden = {"Maria", "Lima", "maria.lima.7", "Team Sun"} - set(name.split()) - {name}
    assert not [word for word in hidden if word in str(bodies)]


# --- ask before ending --------------------------------------------------------------------


@pytest.mark.parametrize("asks", [True, False])
def test_the_button_that_ends_a_chat_asks_first_or_does_not(
    story: SettingStory, asks: bool
) -> None:
    ana = OperatorFactory()
    story.line(ana, ask_before_ending=asks)
    session = story.customer(0)
    story.accept(1, ana, session)
    page = story.page(ana, session)
    question = f"/inbox/chats/{session.pk}/ask/close/"
    assert (question in page) is asks
    assert (f'hx-post="/inbox/chats/{session.pk}/close/"' in page) is not asks
    # Asking ends nothing, its answer does.
    assert f"/inbox/chats/{session.pk}/close/" in story.shown(ana, question)
    session.refresh_from_db()
    assert session.state == "active"
    assert story.end(2, ana, session) == "closed"
