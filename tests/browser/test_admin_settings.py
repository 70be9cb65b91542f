"""An administrator sets up a line: hours, texts, ending, and a look at what would happen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from channels_app.models import OpenChannel, ServiceText, TextKind, WorkInterval
from channels_app.services.open_channels import open_channel_update
from queue_app.models import LineNotice, NoticeKind
from tests.browser.conftest import PHONE, SCREENS, OpenPage, serve
from tests.factories import (
    LiveChatConnectorFactory,
    OpenChannelFactory,
    OperatorFactory,
    SuperuserFactory,
    moment,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/admin/channels_app/openchannel/"
TABS = ("general", "channels", "queue", "hours", "texts", "closing")


@pytest.fixture
def server(transactional_db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server for each test: it remembers the ids of content types, which change between two."""
    yield from serve(tmp_path_factory)


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=re.compile(f"^{name}")).click()


def save(page: Page) -> None:
    page.locator("[data-save]").click()
    page.wait_for_load_state()


def full_line() -> OpenChannel:
    """A line in which every list has something to show."""
    line = OpenChannelFactory(
        name="Online shop",
        public_name="Aroeira Home",
        time_zone="America/Sao_Paulo",
        max_chats=50,
        operators=[
            OperatorFactory(user__first_name="Ana", user__last_name="Beltrão"),
            OperatorFactory(user__first_name="Igor", user__last_name="Lima", duty="pause"),
        ],
    )
    LiveChatConnectorFactory(open_channel=line, name="Shop site")
    LineNotice.objects.create(open_channel=line, kind=NoticeKind.NOBODY_ON_DUTY, began_at=moment())
    halves = (("09:00", "12:30"), ("13:30", "18:00"))
    days = [(day, *times) for day in range(5) for times in halves]
    open_channel_update(
        open_channel=line,
        now=moment(),
        changes={
            "has_hours": True, "holiday_country": "BR", "holiday_subdivision": "SP",
            "closed_action": "text", "no_answer_action": "text", "no_answer_minutes": 30,
            "check_availability": True,
            "consent_url": "https://example.com/privacy",
            "work_intervals": [
                {"weekday": day, "opens": opens, "closes": closes} for day, opens, closes in days
            ] + [{"weekday": 5, "opens": "22:00", "closes": "02:00"}],
            "holidays": [{"date": "2026-12-24", "every_year": True, "name": "Christmas Eve"}],
            "hours_exceptions": [
                {"date": "2026-12-31"},
                {"date": "2026-11-28", "opens": "09:00", "closes": "22:00"},
            ],
            "service_texts": [
                {"kind": "welcome", "text": "Hello {customer}, thank you for writing to {line}."},
                {"kind": "consent", "text": "We keep what you write to us. Details:"},
                {"kind": "closed", "text": "Thank you, {customer}! We are back {opens_at}."},
                {"kind": "no_answer", "text": "Sorry, everybody is busy. You are not forgotten."},
                {"kind": "ending", "text": "Thank you for the talk, {customer}!"},
                {"kind": "reminder", "position": 1, "minutes": 60, "text": "Are you still there?"},
            ],
        },
    )  # fmt: skip
    return line


def row(page: Page, day: str) -> Any:
    return page.locator("tr[data-day]").filter(has=page.get_by_role("rowheader", name=day))


def times(page: Page, day: str) -> list[str]:
    return [field.input_value() for field in row(page, day).locator("[data-row] input").all()]


def test_a_line_gets_its_hours_texts_and_ending(open_page: OpenPage) -> None:
    line = OpenChannelFactory(name="Shop", operators=[OperatorFactory()])
    page = open_page(SuperuserFactory(), path=f"{LIST}{line.pk}/change/#hours")

    # What does not matter yet is not shown.
    expect(page.get_by_label("Country calendar")).to_be_hidden()
    page.get_by_label("Use working hours").check()
    expect(page.get_by_label("Country calendar")).to_be_visible()

    # By keyboard: a first time is proposed, a second one typed, and the focus is where one writes.
    page.get_by_label("Add a time on Monday").press("Enter")
    expect(page.get_by_label("Monday, from")).to_be_focused()
    assert times(page, "Monday") == ["09:00", "18:00"]
    page.get_by_label("Monday, to").fill("12:30")
    page.get_by_label("Add a time on Monday").press("Enter")
    page.get_by_label("Monday, from").nth(1).fill("13:30")
    page.get_by_label("Monday, to").nth(1).fill("18:00")
    page.get_by_role("button", name="Copy to every day").click()
    assert times(page, "Sunday") == ["09:00", "12:30", "13:30", "18:00"]
    for _number in range(2):
        page.get_by_label("Remove this time of Sunday").first.click()
    expect(row(page, "Sunday").get_by_text("Closed")).to_be_visible()
    expect(page.get_by_label("Add a time on Sunday")).to_be_focused()

    page.get_by_label("Country calendar").select_option("BR")
    page.get_by_label("Region").select_option("SP")
    expect(page.get_by_text(re.compile("holidays in"))).to_be_visible()
    page.get_by_role("button", name="Add a holiday").click()
    page.get_by_label("Date of the holiday").fill("2026-12-24")
    page.get_by_label("How often").select_option("1")
    page.get_by_role("button", name="Add a day").click()
    page.get_by_label("Date of the exceptional day").fill("2026-12-31")

    expect(page.get_by_label("Out-of-hours text")).to_be_hidden()
    page.get_by_label("A customer writes out of hours").select_option("text")
    closed = page.get_by_label("Out-of-hours text")
    closed.fill("We are back .")
    closed.press("ArrowLeft")
    page.locator("#hours [data-insert='{opens_at}']").click()
    expect(closed).to_have_value("We are back {opens_at}.")
    expect(page.locator("#hours [data-count-of]")).to_have_text("23 of 2000")

    tab(page, "Closing")
    page.get_by_role("button", name="Add a reminder").click()
    expect(page.get_by_label("Reminder 1 after")).to_be_focused()
    page.get_by_label("Reminder 1 after").fill("30")
    page.get_by_label("Text of reminder 1").fill("Are you still there?")
    expect(page.locator("[data-save]")).to_have_text("Save 9 changes")
    save(page)
    expect(page.get_by_text("9 changes saved.")).to_be_visible()

    line.refresh_from_db()
    assert (line.has_hours, line.closed_action, line.version) == (True, "text", 2)
    assert (line.holiday_country, line.holiday_subdivision) == ("BR", "SP")
    assert WorkInterval.objects.filter(open_channel=line).count() == 12
    texts = ServiceText.objects.filter(open_channel=line).values_list("kind", "minutes")
    assert set(texts) == {(TextKind.CLOSED, None), (TextKind.REMINDER, 30)}
    # The page has them as they were saved, and nothing to save.
    tab(page, "Hours")
    assert times(page, "Tuesday") == ["09:00", "12:30", "13:30", "18:00"]
    expect(page.locator("[data-save]")).to_have_text("Save")


def test_an_impossible_combination_is_told_with_its_field(open_page: OpenPage) -> None:
    line = OpenChannelFactory(operators=[OperatorFactory()])
    page = open_page(SuperuserFactory(), path=f"{LIST}{line.pk}/change/#queue")
    page.get_by_label("Send a text").check()
    expect(page.get_by_label("Text when nobody answers")).to_be_visible()
    tab(page, "General")
    page.get_by_label("Public name").fill("Aroeira")
    save(page)

    # The tab that has it opens, with a dot; the banner names the field and leads to it.
    expect(page.get_by_role("tab", name=re.compile("^Queue"))).to_have_attribute(
        "aria-selected", "true"
    )
    expect(page.locator("#tab-queue .dot-bad")).to_have_attribute("title", "has an error")
    expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
    field = page.get_by_label("Text when nobody answers")
    expect(field).to_have_attribute("aria-invalid", "true")
    line.refresh_from_db()
    assert (line.no_answer_action, line.public_name, line.version) == ("requeue", "Corner Shop", 1)
    page.screenshot(path=SCREENS / "settings-refused.png", full_page=True)

    tab(page, "General")
    page.get_by_role("link", name="Text when nobody answers").click()
    expect(field).to_be_focused()
    expect(page.locator("[data-save]")).to_have_text("Save 2 changes")
    field.fill("Sorry, {custumer}.")
    save(page)
    expect(page.locator("#queue").get_by_text("Did you mean {customer}?")).to_be_visible()
    page.get_by_label("Text when nobody answers").fill("Sorry, {customer}.")
    save(page)
    expect(page.get_by_text("3 changes saved.")).to_be_visible()
    line.refresh_from_db()
    assert (line.no_answer_action, line.public_name) == ("text", "Aroeira")


def test_the_preview_answers_beside_the_settings(open_page: OpenPage) -> None:
    line = OpenChannelFactory(operators=[OperatorFactory()])
    LiveChatConnectorFactory(open_channel=line, name="Shop site")
    page = open_page(SuperuserFactory(), path=f"{LIST}{line.pk}/change/#texts")
    card = page.get_by_role("complementary", name="What would happen")
    card.get_by_label("from").select_option("returning")
    card.get_by_role("button", name="Show").click()
    expect(card.get_by_text("Nobody has written on this channel yet.")).to_be_visible()
    # The page is the same one, with what is written on it.
    expect(page.get_by_label("Welcome text")).to_be_visible()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("1440-light", {}),
        ("1440-dark", {"color_scheme": "dark"}),
        ("390-light", {"viewport": PHONE, "has_touch": True}),
        ("390-dark-pt", {"viewport": PHONE, "color_scheme": "dark", "locale": "pt-BR"}),
    ],
)
def test_every_tab_fits_every_screen_and_everybody(
    open_page: OpenPage, server: str, name: str, options: dict[str, Any]
) -> None:
    """Nothing scrolls sideways, axe finds nothing; the pictures are for people."""
    line = full_line()
    page = open_page(SuperuserFactory(), **options)
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.goto(f"{server}{LIST}")
    page.screenshot(path=SCREENS / f"settings-list-{name}.png", full_page=True)
    for view in TABS:
        page.goto("about:blank")  # else another tab of the same page is no new load
        page.goto(f"{server}{LIST}{line.pk}/change/#{view}")
        expect(page.locator(f"#{view}")).to_be_visible()
        if view == "hours":
            page.locator("details.ol-fold summary").click()
        page.screenshot(path=SCREENS / f"settings-{view}-{name}.png", full_page=True)
        wide = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, view
        assert violations(page) == [], view


def violations(page: Page) -> list[str]:
    """What axe finds in our part of the page."""
    found = Axe().run(page, context="#content-main").response["violations"]
    return [f"{rule['id']}: {[node['target'] for node in rule['nodes']]}" for rule in found]
