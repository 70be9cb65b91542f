"""A shift without a mouse: signing in, accepting, answering, ending a chat, duty."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from queue_app.models import Session, SessionState
from tests.browser.conftest import OpenPage
from tests.browser.scenes import offer, scene

pytestmark = pytest.mark.browser

MANY_STEPS = 40


def tab_to(page: Page, place: Locator, *, key: str = "Tab") -> None:
    """Press the key until the place has the focus, and see that one can see it."""
    for _ in range(MANY_STEPS):
        page.keyboard.press(key)
        if place.evaluate("node => node === document.activeElement"):
            style = place.evaluate("node => getComputedStyle(node).outlineStyle")
            assert style != "none", "nobody sees where he is"
            return
    raise AssertionError(f"{place} is not reached")


def test_a_chat_from_the_sign_in_to_its_end(open_page: OpenPage) -> None:
    desk = scene()
    session = offer(desk.telegram, "Ana", "Is anybody there?", desk.maria)
    page = open_page(path="/login/")
    page.keyboard.type("maria")
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse battery")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/inbox/mine/$"))
    tab_to(page, page.locator(f"#accept-{session.pk}"))
    page.keyboard.press("Enter")
    expect(page.locator("#reply-text")).to_be_focused()
    page.keyboard.type("I am.")
    page.keyboard.press("Enter")
    expect(page.locator(".msg-out .text")).to_have_text("I am.")
    tab_to(page, page.get_by_role("button", name="End chat"), key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This chat has ended.")).to_be_visible()
    # The button is gone; the reader is still in the chat.
    expect(page.locator("#thread")).to_be_focused()
    session.refresh_from_db()
    assert session.state == SessionState.CLOSED
    assert Session.objects.count() == 1


def test_duty_is_paused_and_taken_up_again(open_page: OpenPage) -> None:
    desk = scene()
    page = open_page(desk.maria.user, path="/inbox/mine/")
    switch = page.locator("#duty-switch")
    tab_to(page, switch)
    page.keyboard.press("Enter")
    expect(switch).to_have_accessible_name("Back on duty")
    expect(switch).to_be_focused()
    page.keyboard.press("Enter")
    expect(switch).to_have_accessible_name("Pause: no new offers")
    expect(switch).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#notices")).to_contain_text("You are paused")
    tab_to(page, page.locator("#duty-end"))
    page.keyboard.press("Enter")
    expect(page.locator("#notices")).to_contain_text("You are off duty")
    expect(page.locator("#list")).to_be_focused()
    desk.maria.refresh_from_db()
    assert desk.maria.duty == "off"


def test_what_an_operator_on_a_break_may_press_stands_beside_each_other(
    open_page: OpenPage,
) -> None:
    desk = scene()
    desk.maria.duty = "pause"
    desk.maria.save()
    for locale in ("en-GB", "pt-BR"):
        page = open_page(desk.maria.user, path="/inbox/mine/", locale=locale)
        boxes = []
        for place in (page.locator("#duty-back"), page.locator("#duty-end")):
            # No word runs over the edge of its button.
            assert place.evaluate("node => node.scrollWidth <= node.clientWidth")
            box = place.bounding_box()
            assert box is not None
            boxes.append(box)
        assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
