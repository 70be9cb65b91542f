"""The page of a line: one form, tabs, and a second editor who is told."""

from __future__ import annotations

import datetime as dt
import json

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from channels_app.drivers.registry import BUILT_IN
from channels_app.models import Connector, ConnectorStatus, OpenChannel
from channels_app.services.open_channels import open_channel_update
from queue_app.models import LineNotice, NoticeKind, QueueMember
from tests.channels_app.admin.line_page import address, dotted, form_sent, opened, sent
from tests.factories import (
    ConnectorFactory,
    LiveChatConnectorFactory,
    OpenChannelFactory,
    OperatorFactory,
    SuperuserFactory,
    TelegramConnectorFactory,
    UserFactory,
    moment,
)

pytestmark = pytest.mark.django_db


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
        address(line), sent(administrator, line, name="Shop one", response_choice="10", tab="queue")
    )
    assert answer["Location"] == f"{address(line)}#queue"
    line.refresh_from_db()
    assert (line.name, line.response_minutes, line.version) == ("Shop one", 10, 2)
    change = json.loads(LogEntry.objects.get().change_message)
    assert change == [{"changed": {"fields": ["Name", "Response time"]}}]


def test_saving_without_a_change_writes_nothing(administrator: Client) -> None:
    line = OpenChannelFactory(response_minutes=7, operators=[OperatorFactory()])
    answer = administrator.post(address(line), sent(administrator, line))
    assert answer.status_code == 302
    line.refresh_from_db()
    assert line.version == 1
    assert LogEntry.objects.count() == 0


@pytest.mark.parametrize("minutes", ["1", "45", "720"])
def test_another_response_time_is_taken(administrator: Client, minutes: str) -> None:
    line = OpenChannelFactory()
    administrator.post(
        address(line), sent(administrator, line, response_choice="other", response_other=minutes)
    )
    line.refresh_from_db()
    assert line.response_minutes == int(minutes)


@pytest.mark.parametrize("minutes", ["0", "721", "-1", "x", "", "9" * 30])
def test_a_response_time_out_of_range_puts_the_dot_on_the_queue_tab(
    administrator: Client, minutes: str
) -> None:
    line = OpenChannelFactory(operators=[OperatorFactory()])
    answer = administrator.post(
        address(line),
        sent(administrator, line, name="New name", response_choice="other", response_other=minutes),
    )
    text = answer.content.decode()
    assert answer.status_code == 200
    assert dotted(text, "queue") == "has an error"
    assert dotted(text, "general") == ""
    assert opened(text) == "queue"
    line.refresh_from_db()
    assert (line.response_minutes, line.version) == (5, 1)
    assert line.name != "New name"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("time_zone", "Mars/Olympus", "Select a valid choice"),
        ("default_country", "XX", "There is no country “XX”"),
        ("language", "tlh", "Select a valid choice"),
        ("distribution", "by lot", "Select a valid choice"),
        ("max_chats", "-1", "greater than or equal to 0"),
        ("name", "", "This field is required"),
        ("name", "x\x00y", "Null characters are not allowed"),
    ],
)
def test_a_wrong_value_is_refused_beside_its_field(
    administrator: Client, field: str, value: str, words: str
) -> None:
    line = OpenChannelFactory()
    answer = administrator.post(address(line), sent(administrator, line, **{field: value}))
    assert answer.status_code == 200
    assert words in answer.content.decode()
    line.refresh_from_db()
    assert line.version == 1


def test_a_country_is_read_in_small_letters(administrator: Client) -> None:
    line = OpenChannelFactory()
    administrator.post(address(line), sent(administrator, line, default_country="br"))
    line.refresh_from_db()
    assert line.default_country == "BR"


# --- two editors --------------------------------------------------------------------------


def test_a_second_editor_is_told_what_the_first_one_changed(administrator: Client) -> None:
    line = OpenChannelFactory(name="Shop")
    page = sent(administrator, line, name="My name")
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
    page = sent(administrator, line, name="My name")
    OpenChannel.objects.filter(pk=line.pk).update(public_name="Corner", version=2)
    told = administrator.post(address(line), page)
    # What the person had not touched is shown as the other one left it.
    again = form_sent(told.content.decode())
    assert (again["public_name"], again["name"]) == (["Corner"], ["My name"])
    answer = administrator.post(address(line), again)
    assert answer.status_code == 302
    line.refresh_from_db()
    assert (line.name, line.public_name) == ("My name", "Corner")


def test_a_queue_changed_meanwhile_is_told_too(administrator: Client) -> None:
    first, second = OperatorFactory(), OperatorFactory(user__first_name="Bruna")
    line = OpenChannelFactory(operators=[first])
    page = sent(administrator, line, member=[], member_position=[])
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
    administrator.post(address(line), sent(administrator, line, member_position=["1", "2", "1"]))
    assert queue_of(line) == [names[2], names[0], names[1]]


def test_a_group_and_an_operator_are_added_and_another_removed(administrator: Client) -> None:
    first, second = OperatorFactory(), OperatorFactory()
    group = Group.objects.create(name="Night shift")
    line = OpenChannelFactory(operators=[first])
    administrator.post(
        address(line),
        sent(
            administrator,
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
    answer = administrator.post(
        address(line), sent(administrator, line, name="New", member_add=member)
    )
    assert answer.status_code == 200
    assert dotted(answer.content.decode(), "queue") == "has an error"
    assert queue_of(line) == [person.user.username]
    line.refresh_from_db()
    assert line.name != "New"


@pytest.mark.parametrize("position", ["0", "-1", "x", "1e3", "", "99999"])
def test_a_position_that_is_no_number_is_refused(administrator: Client, position: str) -> None:
    person = OperatorFactory()
    line = OpenChannelFactory(operators=[person])
    answer = administrator.post(address(line), sent(administrator, line, member_position=position))
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
    assert client.post(address(line), sent(client, line, name="Mine")).status_code == 403
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


def test_a_line_is_cloned_and_its_copy_opens(administrator: Client) -> None:
    person = OperatorFactory()
    line = OpenChannelFactory(name="Shop", operators=[person], response_minutes=7)
    clone = f"/admin/channels_app/openchannel/{line.pk}/clone/"
    assert administrator.get(clone).status_code == 405
    answer = administrator.post(clone)
    copy = OpenChannel.objects.get(name="Shop (copy)")
    assert answer["Location"] == f"{address(copy)}#general"
    assert (copy.response_minutes, queue_of(copy)) == (7, [person.user.username])
    assert LogEntry.objects.get().object_id == str(copy.pk)


def test_cloning_is_for_who_may_add_lines(client: Client) -> None:
    line = OpenChannelFactory()
    editor = UserFactory(is_staff=True)
    rights = ["view_openchannel", "change_openchannel"]
    editor.user_permissions.add(*Permission.objects.filter(codename__in=rights))
    client.force_login(editor)
    assert "line-clone" not in client.get(address(line)).content.decode()
    clone = f"/admin/channels_app/openchannel/{line.pk}/clone/"
    assert client.post(clone).status_code == 403
    assert OpenChannel.objects.count() == 1


# --- what is told of a line ---------------------------------------------------------------


def test_what_is_wrong_with_a_line_is_told_on_its_page_and_in_the_list(
    administrator: Client,
) -> None:
    line = OpenChannelFactory(name="Shop")
    notice = LineNotice.objects.create(
        open_channel=line, kind=NoticeKind.NOBODY_ON_DUTY, began_at=moment()
    )
    for path in (address(line), "/admin/channels_app/openchannel/"):
        assert "Nobody is on duty" in administrator.get(path).content.decode()
    LineNotice.objects.filter(pk=notice.pk).update(ended_at=moment(5))
    for path in (address(line), "/admin/channels_app/openchannel/"):
        assert "Nobody is on duty" not in administrator.get(path).content.decode()


@pytest.mark.parametrize(
    ("hour", "words"), [(12, "open until 18:00"), (19, "closed until Tuesday 09:00")]
)
def test_the_page_says_whether_the_line_is_open(
    administrator: Client, hour: int, words: str
) -> None:
    line = OpenChannelFactory()
    assert "open until" not in administrator.get(address(line)).content.decode()
    week = [{"weekday": day, "opens": "09:00", "closes": "18:00"} for day in range(7)]
    changes = {"has_hours": True, "work_intervals": week}
    open_channel_update(open_channel=line, changes=changes, now=moment())
    root = SuperuserFactory()
    monday = dt.datetime(2026, 3, 2, hour, tzinfo=dt.UTC)
    with time_machine.travel(monday, tick=False):
        administrator.force_login(root)
        assert words in administrator.get(address(line)).content.decode()


def test_the_list_counts_channels_and_members(administrator: Client) -> None:
    line = OpenChannelFactory(operators=[OperatorFactory() for _number in range(3)])
    ConnectorFactory(open_channel=line)
    ConnectorFactory(open_channel=line)
    ConnectorFactory(open_channel=line, status=ConnectorStatus.DISABLED)
    page = administrator.get("/admin/channels_app/openchannel/")
    row = page.context["cl"].result_list[0]
    assert (row.channels_on, row.members_count) == (2, 3)


def test_an_unknown_line_is_not_found(administrator: Client) -> None:
    assert administrator.get("/admin/channels_app/openchannel/999999/change/").status_code == 404
    assert administrator.get("/admin/channels_app/openchannel/x/change/").status_code == 404
    assert User.objects.count() == 1


def test_the_list_tells_the_response_time_in_words(administrator: Client) -> None:
    OpenChannelFactory(response_minutes=3)
    page = administrator.get("/admin/channels_app/openchannel/").content.decode()
    assert "3 minutes" in page
