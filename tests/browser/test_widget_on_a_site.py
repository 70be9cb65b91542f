"""The live chat on somebody's site, and for everybody who reads it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from channels_app.models import Direction, Message
from tests.browser.conftest import DESKTOP, PHONE, Complaints, OpenPage, screenshot
from tests.browser.visitor_page import Site, answer, chat_path, site, write
from tests.channels_app.widget.visitor import livechat

__all__ = ["site"]
pytestmark = pytest.mark.browser


# --- on a site ----------------------------------------------------------------------------


def test_a_site_that_is_listed_has_the_chat(open_page: OpenPage, site: Site) -> None:
    connector = livechat()
    page = open_page()
    page.goto(site.embed(connector))
    launcher = page.get_by_role("button", name="Open the chat")
    launcher.press("Enter")
    panel = page.get_by_role("dialog", name="Aroeira Home")
    expect(panel).to_be_visible()
    expect(page.get_by_role("textbox")).to_be_focused()
    box = panel.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (368, 608)
    assert page.locator(".w-greeting").evaluate("node => getComputedStyle(node).fontSize") == "20px"
    assert (
        page.locator(".w-title").evaluate("node => getComputedStyle(node).textTransform") == "none"
    )
    write(page, "Hello from the shop")
    expect(page.get_by_role("img", name="Sent")).to_be_visible()
    message = Message.objects.get(direction=Direction.IN)
    assert message.data["page"] == {"url": f"{site.origin}/", "title": "Aroeira shop"}
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(launcher).to_be_focused()
    answer("Good day!")
    unread = page.get_by_role("button", name="Open the chat, 1 unread message")
    expect(unread).to_be_visible(timeout=10_000)
    teaser = page.locator(".w-tease")
    expect(teaser).to_contain_text("Good day!")
    page.get_by_role("button", name="Hide this message").click()
    expect(teaser).to_be_hidden()
    unread.click()
    expect(page.get_by_role("log")).to_contain_text("Good day!")
    page.reload()
    expect(page.get_by_role("button", name="Open the chat", exact=True)).to_be_visible()
    page.evaluate("() => window.openLinesChat.open()")
    expect(page.get_by_text("Hello from the shop")).to_be_visible()


def test_a_site_that_is_not_listed_has_none(
    open_page: OpenPage, site: Site, complaints: Complaints
) -> None:
    complaints.allow("has been blocked by CORS policy", "ERR_FAILED", "403")
    page = open_page()
    with page.expect_event("requestfailed"):
        page.goto(site.embed(livechat(), allowed=False))
    expect(page.get_by_role("heading", name="Aroeira shop")).to_be_visible()
    assert page.locator("#openlines-chat").count() == 0
    assert page.evaluate("() => localStorage.length") == 0


def test_a_chat_that_is_switched_off_leaves_the_page_alone(
    open_page: OpenPage, site: Site, complaints: Complaints
) -> None:
    complaints.allow("404")
    connector = livechat()
    address = site.embed(connector)
    connector.status = "disabled"
    connector.save()
    page = open_page()
    with page.expect_response(re.compile("/config$")):
        page.goto(address)
    assert page.locator("#openlines-chat").count() == 0


# --- for everybody ------------------------------------------------------------------------


def fill(page: Page) -> None:
    write(page, "Do you deliver the Ipê bookcase to Florianópolis?")
    expect(page.locator(".w-me .tick-sent")).to_be_visible()
    answer("Hello Júlia! Yes, in 6 working days. Delivery costs R$ 120, assembly is included.")
    answer("More at https://aroeira.example/delivery", state="delivered")
    expect(page.locator(".w-them")).to_have_count(2)
    write(page, "Lovely. And on a Saturday?")
    expect(page.locator(".w-me .tick-sent")).to_have_count(2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_about(open_page: OpenPage, site: Site, scheme: str) -> None:
    connector = livechat()
    page = open_page(color_scheme=scheme)
    page.goto(site.embed(connector))
    expect(page.get_by_role("button", name="Open the chat")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Open the chat").click()
    assert violations(page) == []
    fill(page)
    assert violations(page) == []
    own = open_page(path=chat_path(connector), color_scheme=scheme)
    expect(own.get_by_role("textbox")).to_be_visible()
    assert violations(own) == []


def violations(page: Page) -> list[str]:
    found = Axe().run(page, context="#openlines-chat").response["violations"]
    return [f"{item['id']}: {item['nodes'][0]['html'][:200]}" for item in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "pt-br"])
@pytest.mark.parametrize(("name", "size"), [("desktop", DESKTOP), ("phone", PHONE)])
def test_it_fits_every_screen(
    open_page: OpenPage,
    site: Site,
    scheme: str,
    language: str,
    name: str,
    size: dict[str, int],
) -> None:
    connector = livechat(language=language)
    options: dict[str, Any] = {"color_scheme": scheme, "viewport": size}
    if name == "phone":
        options |= {"has_touch": True, "is_mobile": True}
    page = open_page(**options)
    page.goto(site.embed(connector))
    page.locator(".w-launch").click()
    expect(page.locator(".w-greeting")).to_be_visible()
    screenshot(page, f"widget-{name}-{language}-{scheme}-empty")
    fill(page)
    screenshot(page, f"widget-{name}-{language}-{scheme}")
    panel = page.locator(".w-panel").bounding_box()
    assert panel is not None
    if name == "phone":
        assert (panel["x"], panel["y"], panel["width"]) == (0, 0, size["width"])
        assert panel["height"] == size["height"]
    page.locator(".w-head .w-x").click()
    answer("One moment, I ask the carrier.")
    expect(page.locator(".w-tease")).to_be_visible(timeout=10_000)
    screenshot(page, f"widget-{name}-{language}-{scheme}-closed")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    own = open_page(path=chat_path(connector), **options)
    expect(own.get_by_role("textbox")).to_be_visible()
    screenshot(own, f"chat-{name}-{language}-{scheme}")
