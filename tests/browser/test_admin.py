"""An administrator makes a line from nothing, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import Dialog, Page, expect

from channels_app.models import Connector, ConnectorStatus, OpenChannel
from queue_app.models import QueueMember
from tests.browser.conftest import PHONE, SCREENS, Complaints, OpenPage, serve
from tests.factories import (
    LiveChatConnectorFactory,
    OpenChannelFactory,
    OperatorFactory,
    SuperuserFactory,
    TelegramConnectorFactory,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/admin/channels_app/openchannel/"


@pytest.fixture
def server(transactional_db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server for each test: it remembers the ids of content types, which the emptying of the
    database between two tests changes, and the log of the administration refers to them."""
    yield from serve(tmp_path_factory)


def order(page: Page) -> list[str]:
    return page.locator("[data-member-rows] [data-name].cut").all_inner_texts()


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=re.compile(f"^{name}")).click()


def save(page: Page) -> None:
    page.locator("[data-save]").click()
    page.wait_for_load_state()


def test_a_line_is_made_from_nothing(open_page: OpenPage) -> None:
    ana = OperatorFactory(user__first_name="Ana")
    bruno = OperatorFactory(user__first_name="Bruno", duty="pause")
    group = Group.objects.create(name="Night shift")
    page = open_page(SuperuserFactory(), path=LIST)

    page.goto(page.url + "add/")
    expect(page.get_by_label("Name")).to_have_value("Open channel 1")
    page.get_by_label("Name").fill("Online shop")
    page.get_by_role("button", name="Add open channel").click()
    # Straight to the channels, with a dot for the empty queue.
    expect(page.get_by_role("tab", name=re.compile("^Channels"))).to_have_attribute(
        "aria-selected", "true"
    )
    expect(page.locator("#tab-queue .dot-bad")).to_have_attribute("title", "nobody is in the queue")

    page.get_by_role("link", name="Connect Live chat").click()
    page.get_by_label("Name", exact=True).fill("Shop site")
    page.get_by_role("button", name="Add and connect").click()
    connector = Connector.objects.get()
    assert connector.status == ConnectorStatus.CONNECTED
    tag = page.get_by_label("Line for your site", exact=True).input_value()
    assert tag.endswith(f'/widget/{connector.public_id}.js"></script>')

    page.get_by_role("link", name="Online shop").last.click()
    tab(page, "Queue")
    for name in ("Ana Silva", "Bruno Silva", "Night shift"):
        page.get_by_label("Add to the queue").select_option(label=name)
    assert order(page) == ["Ana Silva", "Bruno Silva", "Night shift"]
    expect(page.locator("[data-save]")).to_have_text("Save 1 change")
    save(page)
    expect(page.get_by_text("1 change saved.")).to_be_visible()
    # Back on the tab where the person was.
    expect(page.locator("#queue")).to_be_visible()
    assert page.url.endswith("#queue")
    assert order(page) == ["Ana Silva", "Bruno Silva", "Night shift"]
    expect(page.locator("#tab-queue .dot-bad")).to_have_count(0)
    line = OpenChannel.objects.get()
    members = QueueMember.objects.filter(open_channel=line).order_by("position")
    assert [(row.user_id, row.group_id) for row in members] == [
        (ana.user.pk, None), (bruno.user.pk, None), (None, group.pk),
    ]  # fmt: skip


def test_members_move_by_drag_by_arrow_keys_and_by_number(open_page: OpenPage) -> None:
    people = [OperatorFactory(user__first_name=name) for name in ("Ana", "Bruno", "Carla")]
    line = OpenChannelFactory(operators=people)
    page = open_page(SuperuserFactory(), path=f"{LIST}{line.pk}/change/#queue")
    grips = page.locator("[data-grip]")

    last, first = grips.nth(2).bounding_box(), grips.nth(0).bounding_box()
    assert last is not None
    assert first is not None
    page.mouse.move(last["x"] + 5, last["y"] + 5)
    page.mouse.down()
    page.mouse.move(first["x"] + 5, first["y"] + 30, steps=8)
    page.mouse.move(first["x"] + 5, first["y"] - 5, steps=4)
    page.mouse.up()
    assert order(page) == ["Carla Silva", "Ana Silva", "Bruno Silva"]
    expect(page.locator("[data-members-say]")).to_have_text("Carla Silva: position 1")

    page.get_by_label("Move Carla Silva; arrow keys also work").press("ArrowDown")
    assert order(page) == ["Ana Silva", "Carla Silva", "Bruno Silva"]

    page.get_by_label("Position of Bruno Silva").fill("1")
    page.get_by_label("Position of Bruno Silva").press("Enter")
    assert order(page) == ["Bruno Silva", "Ana Silva", "Carla Silva"]

    page.get_by_label("Remove Ana Silva from the queue").click()
    page.get_by_label("Add to the queue").select_option(label="Ana Silva")
    assert order(page) == ["Bruno Silva", "Carla Silva", "Ana Silva"]
    save(page)
    users = QueueMember.objects.filter(open_channel=line).order_by("position")
    assert [row.user.first_name for row in users if row.user] == ["Bruno", "Carla", "Ana"]


def test_a_wrong_response_time_is_found_from_another_tab(open_page: OpenPage) -> None:
    line = OpenChannelFactory(operators=[OperatorFactory()])
    page = open_page(SuperuserFactory(), path=f"{LIST}{line.pk}/change/#queue")
    expect(page.get_by_label("Minutes")).to_be_hidden()
    page.get_by_label("Response time", exact=True).select_option("other")
    page.get_by_label("Minutes").fill("900")
    tab(page, "General")
    page.get_by_label("Public name").fill("Aroeira")
    expect(page.locator("[data-save]")).to_have_text("Save 2 changes")
    save(page)
    # The tab that has it opens, with a dot.
    expect(page.get_by_role("tab", name=re.compile("^Queue"))).to_have_attribute(
        "aria-selected", "true"
    )
    expect(page.locator("#tab-queue .dot-bad")).to_have_attribute("title", "has an error")
    words = "The response time is from 1 minute to 12 hours (720 minutes)."
    expect(page.get_by_text(words, exact=True)).to_be_visible()
    expect(page.get_by_label("Minutes")).to_have_attribute("aria-invalid", "true")
    line.refresh_from_db()
    assert (line.response_minutes, line.public_name) == (5, "Corner Shop")
    page.get_by_label("Minutes").fill("90")
    save(page)
    line.refresh_from_db()
    assert (line.response_minutes, line.public_name) == (90, "Aroeira")


def test_a_second_editor_is_told(open_page: OpenPage, complaints: Complaints) -> None:
    complaints.allow("409")
    line = OpenChannelFactory(name="Shop", operators=[OperatorFactory()])
    root = SuperuserFactory()
    mine, theirs = (open_page(root, path=f"{LIST}{line.pk}/change/") for _number in range(2))
    theirs.get_by_label("Public name").fill("Their name")
    save(theirs)
    mine.get_by_label("Name", exact=True).fill("My name")
    save(mine)
    expect(mine.get_by_text("Public name: now Their name")).to_be_visible()
    expect(mine.get_by_label("Name", exact=True)).to_have_value("My name")
    line.refresh_from_db()
    assert line.name == "Shop"


def test_leaving_with_unsaved_changes_asks(open_page: OpenPage) -> None:
    line = OpenChannelFactory()
    page = open_page(SuperuserFactory(), path=f"{LIST}{line.pk}/change/")
    asked: list[str] = []

    def accept(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", accept)
    page.get_by_label("Public name").fill("Aroeira")
    page.goto(page.url.split("#")[0].replace(f"{line.pk}/change/", ""))
    assert asked == ["beforeunload"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("1440-light", {}),
        ("1440-dark", {"color_scheme": "dark"}),
        ("390-light", {"viewport": PHONE, "has_touch": True}),
        ("390-dark-pt", {"viewport": PHONE, "color_scheme": "dark", "locale": "pt-BR"}),
        ("1440-light-pt", {"locale": "pt-BR"}),
    ],
)
def test_the_pages_fit_every_screen(
    open_page: OpenPage, server: str, name: str, options: dict[str, Any]
) -> None:
    """Nothing scrolls sideways and nothing breaks the policy; the pictures are for people."""
    line = OpenChannelFactory(
        name="Online shop",
        max_chats=50,
        operators=[
            OperatorFactory(user__first_name="Ana", user__last_name="Beltrão"),
            OperatorFactory(user__first_name="Igor", user__last_name="Lima", duty="pause"),
            OperatorFactory(user__first_name="Júlio", user__last_name="Pacheco", duty="off"),
        ],
    )
    QueueMember.objects.create(
        open_channel=line, group=Group.objects.create(name="Night shift"), position=4
    )
    LiveChatConnectorFactory(open_channel=line, name="Shop site")
    bot = TelegramConnectorFactory(
        open_channel=line, status=ConnectorStatus.BROKEN,
        last_error="Telegram refused the token at 13:12. Give the bot a new one.",
    )  # fmt: skip
    page = open_page(SuperuserFactory(), **options)
    change = f"{LIST}{line.pk}/change/"
    connector = "/admin/channels_app/connector/"
    views = {
        "index": "/admin/",
        "general": change,
        "channels": f"{change}#channels",
        "queue": f"{change}#queue",
        "add-telegram": f"{connector}add/?open_channel={line.pk}&kind=telegram",
        "connector": f"{connector}{bot.pk}/change/",
        "operators": "/admin/queue_app/operator/",
        "key": "/admin/channels_app/apikey/add/",
    }
    SCREENS.mkdir(parents=True, exist_ok=True)
    for view, path in views.items():
        page.goto("about:blank")  # else another tab of the same page is no new load
        page.goto(server + path)
        wide = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, view
        page.screenshot(path=SCREENS / f"admin-{view}-{name}.png", full_page=True)
