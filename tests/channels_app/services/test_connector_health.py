"""What is noted on connectors on the way: heard, sent, in trouble, broken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from channels_app.drivers.base import DriverError
from channels_app.models import Connector
from channels_app.services.connector_health import (
    connector_broken,
    connector_heard,
    connector_notice,
    connector_sent,
)
from channels_app.signals import connector_changed
from tests.channels_app.services.outside import refusal
from tests.factories import ConnectorFactory, moment

pytestmark = pytest.mark.django_db


@pytest.fixture
def changes() -> Iterator[list[list[str]]]:
    """What was told of changed connectors."""
    told: list[list[str]] = []

    def on_change(fields: list[str], **_values: Any) -> None:
        told.append(list(fields))

    connector_changed.connect(on_change)
    yield told
    connector_changed.disconnect(on_change)


def test_times_are_written_once_a_minute() -> None:
    connector = ConnectorFactory()
    for second, heard in ((0, moment()), (59, moment()), (60, moment(1))):
        connector_heard(connector=connector, now=moment(0, second))
        assert Connector.objects.get().last_event_at == heard
    for second, sent in ((0, moment()), (59, moment()), (60, moment(1))):
        connector_sent(connector=Connector.objects.get(), now=moment(0, second))
        assert Connector.objects.get().last_sent_at == sent


def test_a_broken_connector_is_told_of_once(changes: list[list[str]]) -> None:
    connector = ConnectorFactory()
    error: DriverError = refusal("auth", "No such token.")
    connector_broken(connector=connector, error=error, now=moment())
    connector_broken(connector=connector, error=error, now=moment(1))
    assert changes == [["status"]]
    connector.refresh_from_db()
    assert (connector.status, connector.last_error_at) == ("broken", moment())


def test_a_notice_is_cut_to_what_the_column_holds() -> None:
    connector = ConnectorFactory()
    connector_notice(connector=connector, notice="n" * 400)
    connector.refresh_from_db()
    assert connector.notice == "n" * 300
