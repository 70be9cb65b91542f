"""The card "What would happen": it asks the desk, and writes nothing."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from channels_app.models import OpenChannel
from channels_app.services.open_channels import open_channel_update
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    LiveChatConnectorFactory,
    OpenChannelFactory,
    UserFactory,
    moment,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The desk's answers, planted; what it was asked."""
    questions: list[dict[str, Any]] = []

    def arrival_preview(**question: Any) -> list[Any]:
        questions.append(question)
        return [
            SimpleNamespace(icon="user", text="Offered to Ana <b>first</b>."),
            SimpleNamespace(icon="clock", text="At 12:05 to Bruno."),
        ]

    monkeypatch.setattr("queue_app.admin.preview.arrival_preview", arrival_preview)
    return questions


def ask(client: Client, line: OpenChannel, *, is_script: bool = True, **query: Any) -> Any:
    headers = {"X-Requested-With": "fetch"} if is_script else {}
    return client.get(f"/admin/channels_app/openchannel/{line.pk}/preview/", query, headers=headers)


def test_a_message_of_somebody_new_is_asked_about_in_the_lines_own_time(
    administrator: Client, asked: list[dict[str, Any]]
) -> None:
    line = OpenChannelFactory(time_zone="America/Sao_Paulo")
    connector = LiveChatConnectorFactory(open_channel=line)
    answer = ask(administrator, line, connector=connector.pk, at="2026-11-29T23:00")
    text = answer.content.decode()
    question = asked[0]
    assert question["at"] == dt.datetime(2026, 11, 30, 2, 0, tzinfo=dt.UTC)
    assert (question["open_channel"], question["connector"]) == (line, connector)
    assert question["conversation"] is None
    assert "Offered to Ana &lt;b&gt;first&lt;/b&gt;." in text
    assert text.index("At 12:05 to Bruno.") > text.index("Offered to Ana")
    assert 'icons.svg#i-user"' in text
    assert "Sunday, Nov. 29, 2026, 23:00: the line is open. It has no working hours." in text
    # Only the answer: the page around it is there already.
    assert "<html" not in text


def test_the_last_customer_of_the_channel_can_come_back(
    administrator: Client, asked: list[dict[str, Any]]
) -> None:
    line = OpenChannelFactory()
    connector = ConnectorFactory(open_channel=line)
    ConversationFactory(connector=connector, last_message_at=moment(1))
    last = ConversationFactory(connector=connector, last_message_at=moment(2))
    ConversationFactory(last_message_at=moment(3))
    ask(administrator, line, **{"connector": connector.pk, "at": "2026-11-29T23:00",
                                "from": "returning"})  # fmt: skip
    assert [question["conversation"] for question in asked] == [last]


def test_without_a_script_the_answer_is_a_page(
    administrator: Client, asked: list[dict[str, Any]]
) -> None:
    line = OpenChannelFactory()
    connector = ConnectorFactory(open_channel=line)
    answer = ask(
        administrator, line, is_script=False, connector=connector.pk, at="2026-11-29T23:00"
    )
    text = answer.content.decode()
    assert "<html" in text
    assert "Offered to Ana" in text
    assert 'value="2026-11-29T23:00"' in text


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("2026-11-30T10:00", "the line is open until 18:00."),
        ("2026-11-30T19:00", "the line is closed. It opens Dec. 7, 2026 09:00."),
        ("2026-12-02T08:00", "the line is closed. It opens Monday 09:00."),
    ],
)
def test_the_answer_begins_with_the_hours(
    administrator: Client, asked: list[dict[str, Any]], at: str, words: str
) -> None:
    line = open_channel_update(
        open_channel=OpenChannelFactory(),
        changes={
            "has_hours": True,
            "work_intervals": [{"weekday": 0, "opens": "09:00", "closes": "18:00"}],
        },
        now=moment(),
    )
    connector = ConnectorFactory(open_channel=line)
    text = ask(administrator, line, connector=connector.pk, at=at).content.decode()
    assert words in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"connector": "x"}, "Choose a channel of this line."),
        ({"connector": "999999999999999999999"}, "Choose a channel of this line."),
        ({"at": "soon"}, "Give a date and a time."),
        ({"at": "0001-01-01T00:00"}, "Give a date and a time."),
        ({"at": "9999-12-31T23:59"}, "Give a date and a time."),
        ({"at": "2026-11-29T23:00+02:00"}, "Give a date and a time."),
        ({"from": "returning"}, "Nobody has written on this channel yet."),
    ],
)
def test_a_question_that_cannot_be_asked_is_told(
    administrator: Client, asked: list[dict[str, Any]], changes: dict[str, str], words: str
) -> None:
    line = OpenChannelFactory()
    connector = ConnectorFactory(open_channel=line)
    query: dict[str, Any] = {"connector": connector.pk, "at": "2026-11-29T23:00"} | changes
    answer = ask(administrator, line, **query)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert asked == []


def test_the_channel_of_another_line_and_one_switched_off_are_none_of_its_own(
    administrator: Client, asked: list[dict[str, Any]]
) -> None:
    line = OpenChannelFactory()
    off = ConnectorFactory(open_channel=line, status="disabled")
    for connector in (off, ConnectorFactory()):
        text = ask(administrator, line, connector=connector.pk).content.decode()
        assert "Choose a channel of this line." in text
    assert asked == []


def test_the_card_is_for_who_may_see_the_line(client: Client, asked: list[dict[str, Any]]) -> None:
    line = OpenChannelFactory()
    connector = ConnectorFactory(open_channel=line)
    client.force_login(UserFactory(is_staff=True))
    assert ask(client, line, connector=connector.pk).status_code == 403
    assert client.post(f"/admin/channels_app/openchannel/{line.pk}/preview/").status_code == 405
    assert asked == []
