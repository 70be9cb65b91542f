"""The Queue tab: how chats are distributed, and what happens when nobody answers."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from channels_app.models import ServiceText
from tests.channels_app.admin.line_page import address, dotted, opened, sent
from tests.factories import OpenChannelFactory, OperatorFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [
        ("distribution", "everybody", "everybody"),
        ("response_means", "replying", "replying"),
        ("prefer_last_operator", "on", True),
        ("check_availability", "on", True),
        ("demand_connection", "on", True),
        ("away_returns", "at_once", "at_once"),
        ("max_chats", "7", 7),
        ("place_freed", "first_reply", "first_reply"),
        ("operator_shown", "nothing", "nothing"),
        ("transfer_mode", "must_accept", "must_accept"),
        ("no_answer_in_hours", "on", True),
        ("no_answer_action", "nothing", "nothing"),
    ],
)
def test_each_setting_is_saved_alone(
    administrator: Client, field: str, value: str, stored: Any
) -> None:
    line = OpenChannelFactory()
    assert getattr(line, field) != stored
    answer = administrator.post(address(line), sent(administrator, line, **{field: value}))
    assert answer.status_code == 302
    line.refresh_from_db()
    assert (getattr(line, field), line.version) == (stored, 2)


@pytest.mark.parametrize(
    ("number", "unit", "minutes"),
    [("15", "minutes", 15), ("2", "hours", 120), ("12", "hours", 720), ("", "hours", None)],
)
def test_the_time_until_the_action_has_a_unit(
    administrator: Client, number: str, unit: str, minutes: int | None
) -> None:
    line = OpenChannelFactory(no_answer_minutes=5)
    page = sent(administrator, line, no_answer_minutes_0=number, no_answer_minutes_1=unit)
    administrator.post(address(line), page)
    line.refresh_from_db()
    assert line.no_answer_minutes == minutes


@pytest.mark.parametrize(
    ("number", "unit"), [("0", "minutes"), ("13", "hours"), ("1", "days"), ("-1", "hours")]
)
def test_a_time_out_of_range_is_told_in_words(
    administrator: Client, number: str, unit: str
) -> None:
    line = OpenChannelFactory()
    page = sent(administrator, line, no_answer_minutes_0=number, no_answer_minutes_1=unit)
    text = administrator.post(address(line), page).content.decode()
    assert "From 1 minute to 12 hours." in text
    assert opened(text) == "queue"
    line.refresh_from_db()
    assert (line.no_answer_minutes, line.version) == (None, 1)


def test_a_text_that_is_to_be_sent_has_to_be_written(administrator: Client) -> None:
    line = OpenChannelFactory(operators=[OperatorFactory()])
    page = sent(administrator, line, no_answer_action="text")
    text = administrator.post(address(line), page).content.decode()
    assert (opened(text), dotted(text, "queue")) == ("queue", "has an error")
    assert '<a href="#id_text_no_answer" data-go>Text when nobody answers</a>' in text
    line.refresh_from_db()
    assert (line.no_answer_action, line.version) == ("requeue", 1)

    page = sent(administrator, line, no_answer_action="text", text_no_answer="Sorry")
    assert administrator.post(address(line), page).status_code == 302
    line.refresh_from_db()
    assert (line.no_answer_action, line.version) == ("text", 2)
    assert ServiceText.objects.values_list("kind", "text").get() == ("no_answer", "Sorry")


def test_minutes_that_are_not_shown_are_not_looked_at(administrator: Client) -> None:
    line = OpenChannelFactory()
    page = sent(administrator, line, response_choice="10", response_other="9999")
    assert administrator.post(address(line), page).status_code == 302
    line.refresh_from_db()
    assert line.response_minutes == 10
