"""The Closing tab: how chats end, by hand and by themselves, and reminders before."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from channels_app.models import OpenChannel, ServiceText
from tests.channels_app.admin.line_page import address, opened, sent
from tests.factories import OpenChannelFactory

pytestmark = pytest.mark.django_db


def reminders(line: OpenChannel) -> list[tuple[int, int | None, str]]:
    rows = ServiceText.objects.filter(open_channel=line, kind="reminder").order_by("position")
    return list(rows.values_list("position", "minutes", "text"))


def reminder(number: int, after: str, text: str, unit: str = "minutes") -> dict[str, str]:
    return {
        f"reminder_{number}_minutes_0": after,
        f"reminder_{number}_minutes_1": unit,
        f"reminder_{number}_text": text,
    }


def test_everything_of_the_tab_is_saved(administrator: Client) -> None:
    line = OpenChannelFactory()
    page = sent(
        administrator, line, ask_before_ending="on", ceiling_days="7", text_ending="Bye",
        grace_minutes_0="0", auto_close_minutes_0="2", auto_close_minutes_1="days",
        text_auto_close="Ended",
    )  # fmt: skip
    assert administrator.post(address(line), page).status_code == 302
    line.refresh_from_db()
    assert (line.ask_before_ending, line.ceiling_days) == (True, 7)
    assert (line.grace_minutes, line.auto_close_minutes) == (0, 2880)
    texts = ServiceText.objects.values_list("kind", "text")
    assert dict(texts) == {"ending": "Bye", "auto_close": "Ended"}


def test_lengths_are_shown_in_the_largest_unit(administrator: Client) -> None:
    page = sent(administrator, OpenChannelFactory(auto_close_minutes=240, grace_minutes=10))
    assert (page["auto_close_minutes_0"], page["auto_close_minutes_1"]) == (["4"], ["hours"])
    assert (page["grace_minutes_0"], page["grace_minutes_1"]) == (["10"], ["minutes"])


def test_reminders_are_numbered_in_their_order(administrator: Client) -> None:
    line = OpenChannelFactory()
    page = sent(
        administrator, line, **reminder(1, "30", "First"), **reminder(3, "2", "Second", "hours")
    )
    assert administrator.post(address(line), page).status_code == 302
    assert reminders(line) == [(1, 30, "First"), (2, 120, "Second")]
    # Taking out the first makes the second the first.
    administrator.post(address(line), sent(administrator, line, **reminder(1, "", "")))
    assert reminders(line) == [(1, 120, "Second")]


@pytest.mark.parametrize(
    ("changes", "part", "words"),
    [
        (reminder(1, "", "Hello"), "id_reminder_1_minutes_0", "Say after which time"),
        (reminder(2, "30", ""), "id_reminder_2_text", "Write the reminder"),
        (reminder(1, "4", "Hello", "hours"), "id_reminder_1_minutes_0",
         "before the chat ends by itself, after 4 hours."),
        (reminder(1, "60", "One") | reminder(3, "30", "Two"), "id_reminder_3_minutes_0",
         "later than the reminder before it"),
        (reminder(3, "30", "{weather}"), "id_reminder_3_text", "Unknown placeholder {weather}."),
        (reminder(1, "29", "Hello", "days"), "id_reminder_1_minutes_0",
         "From 1 minute to 28 days."),
        ({"auto_close_minutes_0": ""}, "id_auto_close_minutes_0", "Give a number."),
        ({"auto_close_minutes_0": "9" * 30}, "id_auto_close_minutes_0", "less than or equal"),
        ({"grace_minutes_0": "2", "grace_minutes_1": "days"}, "id_grace_minutes_0",
         "From 0 minutes to 1 day."),
        ({"grace_minutes_1": "weeks"}, "id_grace_minutes_0", "Select a valid choice"),
        ({"ceiling_days": "0"}, "id_ceiling_days", "greater than or equal to 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_beside_its_field(
    administrator: Client, changes: dict[str, Any], part: str, words: str
) -> None:
    line = OpenChannelFactory()
    text = administrator.post(address(line), sent(administrator, line, **changes)).content.decode()
    assert opened(text) == "closing"
    assert f'href="#{part}"' in text
    assert words in text
    line.refresh_from_db()
    assert (line.version, reminders(line)) == (1, [])
