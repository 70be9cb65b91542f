"""Open channels: made with a name, changed with a version, archived with their channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from channels_app.models import Connector, OpenChannel
from channels_app.services.errors import ConflictError, InvalidError
from channels_app.services.line_rows import rows_stored
from channels_app.services.open_channels import (
    SETTINGS,
    open_channel_archive,
    open_channel_clone,
    open_channel_create,
    open_channel_name_propose,
    open_channel_update,
)
from channels_app.signals import open_channel_changed
from queue_app.models import LineOperator, LineQueue
from tests.factories import ConnectorFactory, OpenChannelFactory, OperatorFactory, moment

pytestmark = pytest.mark.django_db


@pytest.fixture
def changes() -> Iterator[list[list[str]]]:
    told: list[list[str]] = []

    def on_change(fields: list[str], **_values: Any) -> None:
        told.append(list(fields))

    open_channel_changed.connect(on_change)
    yield told
    open_channel_changed.disconnect(on_change)


def test_a_line_without_a_name_gets_the_next_one() -> None:
    first = open_channel_create(now=moment())
    second = open_channel_create(now=moment())
    assert (first.name, second.name) == ("Open channel 1", "Open channel 2")
    OpenChannelFactory(name="Open channel 4")
    assert open_channel_name_propose() == "Open channel 5"


def test_a_new_line_has_its_lock_and_its_defaults(changes: list[list[str]]) -> None:
    line = open_channel_create(now=moment(), name="Sales", response_minutes=7)
    assert (line.response_minutes, line.distribution, line.is_active) == (7, "evenly", True)
    assert line.version == 1
    assert LineQueue.objects.filter(open_channel=line).count() == 1
    assert changes == [["created"]]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"response_minutes": 0}, "response_minutes"),
        ({"response_minutes": 721}, "response_minutes"),
        ({"response_minutes": "soon"}, "response_minutes"),
        ({"distribution": "by lot"}, "distribution"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"time_zone": "../etc/passwd"}, "time_zone"),
        ({"language": "xx"}, "language"),
        ({"default_country": "b1"}, "default_country"),
        ({"default_country": "Brazil"}, "default_country"),
        ({"max_chats": -1}, "max_chats"),
        ({"name": "n" * 121}, "name"),
        ({"version": 7}, "version"),
        ({"archived_at": None}, "archived_at"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_wrong_settings_are_named_and_nothing_is_written(
    values: dict[str, Any], field: str, changes: list[list[str]]
) -> None:
    with pytest.raises(InvalidError) as caught:
        open_channel_create(now=moment(), **values)
    assert list(caught.value.fields) == [field]
    assert not OpenChannel.objects.exists()
    line = OpenChannelFactory()
    before = OpenChannel.objects.values().get()
    with pytest.raises(InvalidError) as caught:
        open_channel_update(open_channel=line, changes=values, now=moment())
    assert list(caught.value.fields) == [field]
    assert OpenChannel.objects.values().get() == before
    assert changes == []


def test_a_change_names_what_changed_and_raises_the_version(changes: list[list[str]]) -> None:
    line = OpenChannelFactory(name="Sales", response_minutes=5)
    updated = open_channel_update(
        open_channel=line, changes={"name": "Sales", "response_minutes": 9}, now=moment()
    )
    assert (updated.response_minutes, updated.version) == (9, 2)
    assert changes == [["response_minutes"]]


def test_a_change_of_nothing_is_none(changes: list[list[str]]) -> None:
    line = OpenChannelFactory(name="Sales")
    updated = open_channel_update(open_channel=line, changes={"name": "Sales"}, now=moment())
    assert updated.version == 1
    assert changes == []


def test_the_second_of_two_editors_is_told(changes: list[list[str]]) -> None:
    line = OpenChannelFactory(name="Sales")
    open_channel_update(
        open_channel=line, changes={"name": "Shop"}, now=moment(), expected_version=1
    )
    with pytest.raises(ConflictError) as caught:
        open_channel_update(
            open_channel=line, changes={"name": "Store"}, now=moment(), expected_version=1
        )
    assert (caught.value.code, caught.value.status) == ("version_stale", 409)
    assert OpenChannel.objects.get().name == "Shop"
    assert len(changes) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("response_means", "guessing"),
        ("no_answer_minutes", 0),
        ("no_answer_minutes", 721),
        ("auto_close_minutes", 40321),
        ("grace_minutes", 1441),
        ("ceiling_days", 0),
        ("ceiling_days", 366),
        ("consent_url", "nowhere"),
        ("holiday_country", "XX"),
        ("welcome_when", "never"),
        ("place_freed", ""),
    ],
)
def test_every_setting_has_its_limits(name: str, value: Any, changes: list[list[str]]) -> None:
    line = OpenChannelFactory()
    before = OpenChannel.objects.values().get()
    with pytest.raises(InvalidError) as caught:
        open_channel_update(open_channel=line, changes={name: value}, now=moment())
    assert list(caught.value.fields) == [name]
    assert OpenChannel.objects.values().get() == before
    assert changes == []


# --- cloning ------------------------------------------------------------------------------


def full_line() -> OpenChannel:
    line = OpenChannelFactory(name="Sales", operators=[OperatorFactory(), OperatorFactory()])
    return open_channel_update(
        open_channel=line,
        now=moment(),
        changes={
            "has_hours": True,
            "response_minutes": 9,
            "public_name": "Shop",
            "work_intervals": [{"weekday": 0, "opens": "09:00", "closes": "18:00"}],
            "service_texts": [{"kind": "welcome", "text": "Hello"}],
        },
    )


def test_a_clone_has_all_settings_and_the_queue_but_no_channel(
    changes: list[list[str]],
) -> None:
    line = full_line()
    ConnectorFactory(open_channel=line)
    LineOperator.objects.filter(open_channel=line, position=1).update(alias_name="Ana")
    copy = open_channel_clone(open_channel=line, name="Sales two", now=moment(1))
    settings = {name: getattr(line, name) for name in SETTINGS}
    assert {name: getattr(copy, name) for name in SETTINGS} == settings | {"name": "Sales two"}
    assert rows_stored(copy) == rows_stored(line)
    assert (copy.version, copy.pk != line.pk) == (1, True)
    people = [
        list(
            LineOperator.objects.filter(open_channel=row)
            .order_by("position")
            .values_list("operator", "position", "alias_name", "turn", "open_chats")
        )
        for row in (line, copy)
    ]
    assert people[0] == people[1]
    assert [alias for _person, _place, alias, *_counts in people[1]] == ["Ana", ""]
    assert LineQueue.objects.filter(open_channel=copy).exists()
    assert not Connector.objects.filter(open_channel=copy).exists()
    assert changes[-1] == ["created"]


def test_a_change_of_the_clone_leaves_the_original() -> None:
    line = full_line()
    copy = open_channel_clone(open_channel=line, now=moment())
    open_channel_update(open_channel=copy, changes={"service_texts": []}, now=moment())
    assert len(rows_stored(line)["service_texts"]) == 1


def test_a_clone_without_a_name_gets_one_that_nobody_uses() -> None:
    line = OpenChannelFactory(name="n" * 118)
    first = open_channel_clone(open_channel=line, now=moment())
    second = open_channel_clone(open_channel=line, now=moment())
    assert first.name == "n" * 113 + " (copy)"
    assert second.name == "n" * 111 + " (copy 2)"


def test_a_name_that_is_too_long_makes_no_clone() -> None:
    line = OpenChannelFactory()
    with pytest.raises(InvalidError) as caught:
        open_channel_clone(open_channel=line, name="n" * 121, now=moment())
    assert list(caught.value.fields) == ["name"]
    assert OpenChannel.objects.count() == 1


def test_the_clone_of_an_archived_line_is_in_use() -> None:
    line = open_channel_archive(open_channel=OpenChannelFactory(), now=moment())
    copy = open_channel_clone(open_channel=line, now=moment(1))
    assert (copy.archived_at, copy.is_open_for_work) == (None, True)


def test_archiving_switches_the_channels_off_and_keeps_the_history(
    changes: list[list[str]],
) -> None:
    line = OpenChannelFactory()
    connector = ConnectorFactory(open_channel=line)
    archived = open_channel_archive(open_channel=line, now=moment())
    assert (archived.archived_at, archived.is_open_for_work) == (moment(), False)
    connector.refresh_from_db()
    assert connector.status == "disabled"
    again = open_channel_archive(open_channel=line, now=moment(1))
    assert (again.archived_at, again.version) == (moment(), 2)
    assert changes == [["archived_at"]]
    assert Connector.objects.count() == 1


def test_customers_read_the_public_name_or_the_companys(settings: Any) -> None:
    settings.COMPANY_NAME = "Example Ltd"
    assert OpenChannelFactory(public_name="Corner Shop").customer_name == "Corner Shop"
    assert OpenChannelFactory(public_name="").customer_name == "Example Ltd"
