"""A visitor's page and the inbox side by side: each sees the other's words by itself."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from channels_app.models import Message
from queue_app.models import Session, SessionState
from tests.browser.conftest import PHONE, OpenPage, screenshot
from tests.browser.scenes import scene

pytestmark = pytest.mark.browser

WITHIN = 2_000


def test_a_question_and_its_answer_cross_within_two_seconds(
    open_page: OpenPage, server: str
) -> None:
    desk = scene()
    visitor = open_page(path=f"/chat/{desk.livechat.public_id}/", viewport=PHONE)
    inbox = open_page(desk.maria.user)
    with inbox.expect_response("**/live/"):
        inbox.goto(f"{server}/inbox/mine/")
    field = visitor.get_by_role("textbox")
    expect(field).to_be_visible()
    field.fill("Do you deliver to Porto?")
    field.press("Enter")
    expect(inbox.locator(".offer")).to_contain_text("Do you deliver", timeout=WITHIN)
    inbox.locator(".offer").get_by_role("button", name="Accept").click()
    expect(inbox.locator("#reply-text")).to_be_focused()
    inbox.keyboard.type("Yes, in six days.")
    inbox.keyboard.press("Enter")
    expect(visitor.get_by_text("Yes, in six days.")).to_be_visible(timeout=WITHIN)
    field.fill("Wonderful")
    field.press("Enter")
    words = inbox.locator(".msg-in .text")
    expect(words).to_have_count(2, timeout=WITHIN)
    expect(words.last).to_have_text("Wonderful")
    screenshot(inbox, "side-by-side-inbox")
    screenshot(visitor, "side-by-side-visitor")
    inbox.get_by_role("button", name="End chat").click()
    expect(inbox.get_by_text("This chat has ended.")).to_be_visible()
    assert list(Message.objects.order_by("seq").values_list("direction", "text")) == [
        ("in", "Do you deliver to Porto?"),
        ("out", "Yes, in six days."),
        ("in", "Wonderful"),
    ]
    assert Session.objects.get().state == SessionState.CLOSED
