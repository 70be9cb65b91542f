"""What the desk does when something happened below."""

from __future__ import annotations

from typing import Any

import pytest

from channels_app.models import OpenChannel
from channels_app.services.open_channels import open_channel_update
from tests.factories import OpenChannelFactory, moment

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("changes", "redistributes"),
    [
        ({"name": "Another name"}, False),
        ({"public_name": "For customers", "language": "pt-br"}, False),
        ({"response_minutes": 10}, False),
        ({"distribution": "strictly"}, True),
        ({"check_availability": True}, True),
        ({"max_chats": 7, "name": "Another name"}, True),
        ({"is_active": False}, True),
    ],
)
def test_only_settings_that_decide_who_gets_a_chat_redistribute(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], redistributes: bool
) -> None:
    line: OpenChannel = OpenChannelFactory()
    told: list[OpenChannel] = []
    monkeypatch.setattr(
        "queue_app.receivers.queue_changed", lambda *, open_channel: told.append(open_channel)
    )
    open_channel_update(open_channel=line, changes=changes, now=moment())
    assert told == ([line] if redistributes else [])
