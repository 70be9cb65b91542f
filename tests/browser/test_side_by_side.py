"""A visitor's page and the inbox side by side: each sees the other's words by itself."""

from __future__ import annotations

import statistics
import time

import pytest
from playwright.sync_api import Locator, Page, expect

from channels_app.models import Conversation, Message
from channels_app.services.delivery import conversation_deliver
from queue_app.models import Session, SessionState
from tests.browser.conftest import PHONE, OpenPage, screenshot
from tests.browser.scenes import Scene, scene

pytestmark = pytest.mark.browser

WITHIN_S = 2.0
# A machine that runs other tests beside this one may stumble once: then it is late, not lost.
AT_LAST_MS = 15_000


class Stopwatch:
    """How long words took to the other side, in seconds."""

    def __init__(self) -> None:
        self.lengths: list[float] = []

    def until(self, place: Locator, text: str) -> None:
        """Wait until the text is there, and note how long that took from now."""
        begun = time.monotonic()
        expect(place).to_contain_text(text, timeout=AT_LAST_MS)
        self.lengths.append(time.monotonic() - begun)

    def check(self) -> None:
        assert statistics.median(self.lengths) < WITHIN_S, self.lengths


def open_both(open_page: OpenPage, desk: Scene) -> tuple[Page, Page]:
    """The visitor's page and the operator's inbox, both ready and both marked as never reloaded."""
    visitor = open_page(path=f"/chat/{desk.livechat.public_id}/", viewport=PHONE)
    inbox = open_page(desk.maria.user)
    with inbox.expect_response("**/live/"):
        inbox.goto(f"{visitor.url.split('/chat/')[0]}/inbox/mine/")
    expect(visitor.get_by_role("textbox")).to_be_visible()
    for page in (visitor, inbox):
        page.evaluate("window.kept = true")
    return visitor, inbox


def visitor_writes(page: Page, text: str) -> None:
    field = page.get_by_role("textbox")
    field.fill(text)
    field.press("Enter")


def accept(inbox: Page, text: str, watch: Stopwatch) -> None:
    """The offer rings with the customer's words; the operator takes it."""
    watch.until(inbox.locator(".offer"), text)
    inbox.locator(".offer").get_by_role("button", name="Accept").click()
    expect(inbox.locator("#reply-text")).to_be_focused(timeout=AT_LAST_MS)


def operator_writes(inbox: Page, text: str) -> None:
    inbox.keyboard.type(text)
    inbox.keyboard.press("Enter")


def stored() -> list[tuple[str, str]]:
    return list(Message.objects.order_by("seq").values_list("direction", "text"))


def test_a_question_and_its_answer_cross_within_two_seconds(open_page: OpenPage) -> None:
    desk = scene()
    watch = Stopwatch()
    visitor, inbox = open_both(open_page, desk)
    visitor_writes(visitor, "Do you deliver to Porto?")
    accept(inbox, "Do you deliver", watch)
    operator_writes(inbox, "Yes, in six days.")
    watch.until(visitor.locator(".w-them").last, "Yes, in six days.")
    expect(visitor.get_by_text("Maria Souza is answering you")).to_be_visible()
    visitor_writes(visitor, "Wonderful")
    watch.until(inbox.locator(".msg-in .text").last, "Wonderful")
    operator_writes(inbox, "Until then!")
    watch.until(visitor.locator(".w-them").last, "Until then!")
    visitor_writes(visitor, "Bye")
    watch.until(inbox.locator(".msg-in .text").last, "Bye")
    watch.check()
    # What the visitor has before his eyes is known as read, once the worker sent it.
    conversation_deliver(conversation_id=Conversation.objects.get().pk)
    expect(inbox.get_by_role("img", name="Read")).to_have_count(2, timeout=AT_LAST_MS)
    screenshot(inbox, "side-by-side-inbox")
    screenshot(visitor, "side-by-side-visitor")
    assert stored() == [
        ("in", "Do you deliver to Porto?"),
        ("out", "Yes, in six days."),
        ("in", "Wonderful"),
        ("out", "Until then!"),
        ("in", "Bye"),
    ]
    assert Session.objects.get().state == SessionState.ACTIVE
    assert [page.evaluate("window.kept") for page in (visitor, inbox)] == [True, True]


def test_who_writes_after_the_end_begins_a_new_chat_in_the_same_thread(
    open_page: OpenPage,
) -> None:
    desk = scene()
    watch = Stopwatch()
    visitor, inbox = open_both(open_page, desk)
    visitor_writes(visitor, "Are you open today?")
    accept(inbox, "Are you open today?", watch)
    operator_writes(inbox, "Until noon.")
    watch.until(visitor.locator(".w-them").last, "Until noon.")
    inbox.get_by_role("button", name="End chat").click()
    expect(inbox.get_by_text("This chat has ended.")).to_be_visible(timeout=AT_LAST_MS)
    visitor_writes(visitor, "And tomorrow?")
    accept(inbox, "And tomorrow?", watch)
    # The operator reads what was said before; the visitor's page never broke off.
    expect(inbox.locator(".msg .text")).to_have_text(
        ["Are you open today?", "Until noon.", "And tomorrow?"]
    )
    operator_writes(inbox, "All day.")
    watch.until(visitor.locator(".w-them").last, "All day.")
    watch.check()
    assert visitor.locator(".w-bubble").all_inner_texts() == [
        "Are you open today?",
        "Until noon.",
        "And tomorrow?",
        "All day.",
    ]
    first, second = Session.objects.order_by("pk")
    assert (first.state, second.state) == (SessionState.CLOSED, SessionState.ACTIVE)
    assert first.conversation_id == second.conversation_id == Conversation.objects.get().pk
    assert {first.operator, second.operator} == {desk.maria}
    assert [page.evaluate("window.kept") for page in (visitor, inbox)] == [True, True]
