"""The page of a line: one form, tabs, and a second editor who is told."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from channels_app.drivers.registry import BUILT_IN
from channels_app.models import Connector, ConnectorStatus, OpenChannel
from queue_app.models import QueueMember
from tests.factories import (
    ConnectorFactory,
    LiveChatConnectorFactory,
    OpenChannelFactory,
    OperatorFactory,
    SuperuserFactory,
    TelegramConnectorFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

SETTINGS = (
    "name", "public_name", "is_active", "language", "time_zone", "default_country",
    "distribution", "response_minutes", "check_availability", "max_chats",
)  # fmt: skip


@pytest.fixture
def administrator(client: Client) -> Client:
    client.force_login(SuperuserFactory(username="root"))
    return client


def address(line: OpenChannel) -> str:
    return f"/admin/channels_app/openchannel/{line.pk}/change/"


def sent(line: OpenChannel, **changes: Any) -> dict[str, Any]:
    """What a browser would send back of the page as it is now, with some fields changed."""
    members = [
        f"user:{row.user_id}" if row.user_id else f"group:{row.group_id}"
        for row in QueueMember.objects.filter(open_channel=line).order_by("position")
    ]
    minutes = line.response_minutes
    data: dict[str, Any] = {
        "name": line.name,
        "public_name": line.public_name,
        "is_active": "on" if line.is_active else "",
        "language": line.language,
        "time_zone": line.time_zone,
        "default_country": line.default_country,
        "distribution": line.distribution,
        "response_choice": str(minutes) if minutes in {1, 3, 5, 10, 15, 20, 30} else "other",
        "response_other": str(minutes),
        "check_availability": "on" if line.check_availability else "",
        "max_chats": str(line.max_chats),
        "version": str(line.version),
        "seen": json.dumps({name: getattr(line, name) for name in SETTINGS}),
        "member": members,
        "member_position": [str(number) for number in range(1, len(members) + 1)],
        "members_seen": " ".join(members),
        "tab": "general",
    }
    data |= changes
    return {name: value for name, value in data.items() if value != ""}


def dotted(text: str, tab: str) -> str:
    """What the dot on a tab says; empty when the tab has none."""
    button = re.search(rf'id="tab-{tab}".*?</button>', text, re.DOTALL)
    assert button is not None
    found = re.search(r'class="dot-bad" title="([^"]*)"', button.group())
    return found.group(1) if found else ""


# --- a new line ---------------------------------------------------------------------------


def test_a_new_line_has_a_proposed_name_and_opens_its_tabs(administrator: Client) -> None:
    OpenChannelFactory()
    page = administrator.get("/admin/channels_app/openchannel/add/")
    assert 'value="Open channel 2"' in page.content.decode()
    answer = administrator.post("/admin/channels_app/openchannel/add/", {"name": "Open channel 2"})
    line = OpenChannel.objects.get(name="Open channel 2")
    assert answer["Location"] == f"{address(line)}#channels"
    assert LogEntry.objects.get().object_id == str(line.pk)


def test_a_new_line_without_a_name_is_refused(administrator: Client) -> None:
    answer = administrator.post("/admin/channels_app/openchannel/add/", {"name": " "})
    assert answer.status_code == 200
    assert "This field is required." in answer.content.decode()
    assert OpenChannel.objects.count() == 0


# --- settings -----------------------------------------------------------------------------


def test_only_what_was_changed_is_written_and_logged(administrator: Client) -> None:
    line = OpenChannelFactory(name="Shop")
    answer = administrator.post(
        address(line), sent(line, name="Shop one", response_choice="10", tab="queue")
    )
    assert answer["Location"] == f"{address(line)}#queue"
    line.refresh_from_db()
    assert (line.name, line.response_minutes, line.version) == ("Shop one", 10, 2)
    change = json.loads(LogEntry.objects.get().change_message)
    assert change == [{"changed": {"fields": ["Name", "Response time"]}}]


def test_saving_without_a_change_writes_nothing(administrator: Client) -> None:
    line = OpenChannelFactory(response_minutes=7, operators=[OperatorFactory()])
    answer = administrator.post(address(line), sent(line))
    assert answer.status_code == 302
    line.refresh_from_db()
    assert line.version == 1
    assert LogEntry.objects.count() == 0


@pytest.mark.parametrize("minutes", ["1", "45", "720"])
def test_another_response_time_is_taken(administrator: Client, minutes: str) -> None:
    line = OpenChannelFactory()
    administrator.post(address(line), sent(line, response_choice="other", response_other=minutes))
    line.refresh_from_db()
    assert line.response_minutes == int(minutes)


@pytest.mark.parametrize("minutes", ["0", "721", "-1", "x", "", "9" * 30])
def test_a_response_time_out_of_range_puts_the_dot_on_the_queue_tab(
    administrator: Client, minutes: str
) -> None:
    line = OpenChannelFactory(operators=[OperatorFactory()])
    answer = administrator.post(
        address(line),
        sent(line, name="New name", response_choice="other") | {"response_other": minutes},
    )
    text = answer.content.decode()
    assert answer.status_code == 200
    assert dotted(text, "queue") == "has an error"
    assert dotted(text, "general") == ""
    assert 'id="tab-queue" aria-controls="queue" aria-selected="true"' in text
    line.refresh_from_db()
    assert (line.response_minutes, line.version) == (5, 1)
    assert line.name != "New name"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("time_zone", "Mars/Olympus", "Select a valid choice"),
        ("default_country", "XX", "There is no country “XX”"),
        ("language", "tlh", "Select a valid choice"),
        ("distribution", "everybody", "Select a valid choice"),
        ("max_chats", "-1", "greater than or equal to 0"),
        ("name", "", "This field is required"),
        ("name", "x\x00y", "Null characters are not allowed"),
    ],
)
def test_a_wrong_value_is_refused_beside_its_field(
    administrator: Client, field: str, value: str, words: str
) -> None:
    line = OpenChannelFactory()
    answer = administrator.post(address(line), sent(line) | {field: value})
    assert answer.status_code == 200
    assert words in answer.content.decode()
    line.refresh_from_db()
    assert line.version == 1


def test_a_country_is_read_in_small_letters(administrator: Client) -> None:
    line = OpenChannelFactory()
    administrator.post(address(line), sent(line, default_country="br"))
    line.refresh_from_db()
    assert line.default_country == "BR"


# --- two editors --------------------------------------------------------------------------


def test_a_second_editor_is_told_what_the_first_one_changed(administrator: Client) -> None:
    line = OpenChannelFactory(name="Shop")
    page = sent(line, name="My name")
    OpenChannel.objects.filter(pk=line.pk).update(response_minutes=15, version=2)
    answer = administrator.post(address(line), page)
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "Response time: now 15 minutes" in text
    assert 'value="My name"' in text
    line.refresh_from_db()
    assert line.name == "Shop"
    assert LogEntry.objects.count() == 0


def test_saving_again_after_being_told_keeps_what_the_other_changed(
    administrator: Client,
) -> None:
    line = OpenChannelFactory(name="Shop")
    page = sent(line, name="My name")
    OpenChannel.objects.filter(pk=line.pk).update(public_name="Corner", version=2)
    told = administrator.post(address(line), page)
    form = told.context["form"]
    again = page | {
        "version": form["version"].value(),
        "seen": form["seen"].value(),
        "public_name": "Corner",
    }
    answer = administrator.post(address(line), again)
    assert answer.status_code == 302
    line.refresh_from_db()
    assert (line.name, line.public_name) == ("My name", "Corner")


def test_a_queue_changed_meanwhile_is_told_too(administrator: Client) -> None:
    first, second = OperatorFactory(), OperatorFactory(user__first_name="Bruna")
    line = OpenChannelFactory(operators=[first])
    page = sent(line, member=[], member_position=[])
    QueueMember.objects.create(open_channel=line, user=second.user, position=2)
    answer = administrator.post(address(line), page)
    assert answer.status_code == 409
    assert "Bruna Silva" in answer.content.decode()
    assert QueueMember.objects.filter(open_channel=line).count() == 2


# --- the queue ----------------------------------------------------------------------------


def queue_of(line: OpenChannel) -> list[str]:
    return [str(row) for row in QueueMember.objects.filter(open_channel=line).order_by("position")]


def test_members_are_saved_in_the_order_of_their_numbers(administrator: Client) -> None:
    people = [OperatorFactory() for _number in range(3)]
    names = [person.user.username for person in people]
    line = OpenChannelFactory(operators=people)
    # The last is given position 1, as somebody without a mouse does it.
    administrator.post(address(line), sent(line, member_position=["1", "2", "1"]))
    assert queue_of(line) == [names[2], names[0], names[1]]


def test_a_group_and_an_operator_are_added_and_another_removed(administrator: Client) -> None:
    first, second = OperatorFactory(), OperatorFactory()
    group = Group.objects.create(name="Night shift")
    line = OpenChannelFactory(operators=[first])
    administrator.post(
        address(line),
        sent(
            line,
            member=[f"group:{group.pk}"],
            member_position=["1"],
            member_add=f"user:{second.user.pk}",
        ),
    )
    assert queue_of(line) == ["Night shift", second.user.username]
    assert json.loads(LogEntry.objects.get().change_message) == [
        {"changed": {"fields": ["Members"]}}
    ]


@pytest.mark.parametrize(
    "member", ["user:999999", "group:1; DROP", "user:", "operator:1", "user:" + "9" * 40]
)
def test_an_unknown_member_is_refused(administrator: Client, member: str) -> None:
    person = OperatorFactory()
    line = OpenChannelFactory(operators=[person])
    answer = administrator.post(address(line), sent(line, name="New", member_add=member))
    assert answer.status_code == 200
    assert dotted(answer.content.decode(), "queue") == "has an error"
    assert queue_of(line) == [person.user.username]
    line.refresh_from_db()
    assert line.name != "New"


@pytest.mark.parametrize("position", ["0", "-1", "x", "1e3", "", "99999"])
def test_a_position_that_is_no_number_is_refused(administrator: Client, position: str) -> None:
    person = OperatorFactory()
    line = OpenChannelFactory(operators=[person])
    answer = administrator.post(address(line), sent(line) | {"member_position": [position]})
    assert answer.status_code == 200
    assert "A position is a number from 1." in answer.content.decode()
    assert queue_of(line) == [person.user.username]


def test_an_empty_queue_puts_a_dot_on_its_tab(administrator: Client) -> None:
    line = OpenChannelFactory()
    text = administrator.get(address(line)).content.decode()
    assert dotted(text, "queue") == "nobody is in the queue"


# --- channels -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status",
    [ConnectorStatus.BROKEN, ConnectorStatus.DEGRADED, ConnectorStatus.NOT_CONFIGURED],
)
def test_a_channel_that_needs_attention_puts_a_dot_on_its_tab(
    administrator: Client, status: str
) -> None:
    line = OpenChannelFactory()
    ConnectorFactory(open_channel=line)
    connector = TelegramConnectorFactory(open_channel=line, status=status, last_error="No token.")
    text = administrator.get(address(line)).content.decode()
    assert dotted(text, "channels") == "1 channel needs attention"
    assert "No token." in text
    Connector.objects.filter(pk=connector.pk).update(status=ConnectorStatus.CONNECTED)
    assert dotted(administrator.get(address(line)).content.decode(), "channels") == ""


def test_the_tab_shows_a_tile_for_every_channel_and_every_kind(administrator: Client) -> None:
    line = OpenChannelFactory()
    LiveChatConnectorFactory(open_channel=line, name="Shop site")
    LiveChatConnectorFactory(name="Of another line")
    page = administrator.get(address(line))
    assert [tile.subtitle for tile in page.context["tiles"]] == ["Shop site"]
    assert [kind.kind for kind in page.context["kinds"]] == list(BUILT_IN)


# --- rights and the end -------------------------------------------------------------------


def test_a_viewer_sees_the_page_and_may_change_nothing(client: Client) -> None:
    line = OpenChannelFactory(name="Shop")
    viewer = UserFactory(is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_openchannel"))
    client.force_login(viewer)
    page = client.get(address(line)).content.decode()
    assert "data-save" not in page
    assert client.post(address(line), sent(line, name="Mine")).status_code == 403
    archive = f"/admin/channels_app/openchannel/{line.pk}/archive/"
    assert client.post(archive).status_code == 403
    line.refresh_from_db()
    assert (line.name, line.archived_at) == ("Shop", None)


def test_a_line_is_archived_and_its_channels_are_disconnected(administrator: Client) -> None:
    line = OpenChannelFactory()
    connector = LiveChatConnectorFactory(open_channel=line)
    archive = f"/admin/channels_app/openchannel/{line.pk}/archive/"
    assert administrator.get(archive).status_code == 405
    assert administrator.post(archive)["Location"] == f"{address(line)}#general"
    line.refresh_from_db()
    connector.refresh_from_db()
    assert line.archived_at is not None
    assert connector.status == ConnectorStatus.DISABLED


def test_an_unknown_line_is_not_found(administrator: Client) -> None:
    assert administrator.get("/admin/channels_app/openchannel/999999/change/").status_code == 404
    assert administrator.get("/admin/channels_app/openchannel/x/change/").status_code == 404
    assert User.objects.count() == 1


def test_the_list_tells_the_response_time_in_words(administrator: Client) -> None:
    OpenChannelFactory(response_minutes=3)
    page = administrator.get("/admin/channels_app/openchannel/").content.decode()
    assert "3 minutes" in page
