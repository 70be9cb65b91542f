"""Eight tabs of one browser, inbox and chat pages mixed: all stay alive on one event stream.

Over HTTP/1.1 a browser opens six connections to a host. A stream for each tab would use them up,
and the seventh page would hang for ever.
"""

from __future__ import annotations

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, Request, expect

from channels_app.models import Conversation
from queue_app.models import Session
from queue_app.services.replies import session_reply
from queue_app.services.sessions import session_accept
from tests.browser.conftest import OpenPage
from tests.browser.scenes import scene

pytestmark = pytest.mark.browser

SOON = 10_000  # milliseconds: the machine that runs this may be slow, a hanging tab never comes


class Streams:
    """The event streams that the pages of a context have open, and the most at one time."""

    def __init__(self, context: BrowserContext) -> None:
        self.open: set[Request] = set()
        self.most = 0
        self.all = 0
        context.on("request", self._begin)
        context.on("requestfinished", self._end)
        context.on("requestfailed", self._end)

    def _begin(self, request: Request) -> None:
        if request.url.endswith("/live/"):
            self.open.add(request)
            # A page takes its connections with it, and nobody is told of their end.
            request.frame.page.on("close", lambda _page: self._end(request))
            self.all += 1
            self.most = max(self.most, len(self.open))

    def _end(self, request: Request) -> None:
        self.open.discard(request)


def visitor_writes(page: Page, text: str) -> None:
    page.get_by_role("textbox").fill(text)
    page.get_by_role("textbox").press("Enter")


def test_eight_tabs_stay_alive_on_one_stream(open_page: OpenPage, server: str) -> None:
    desk = scene()
    first = open_page(desk.maria.user)
    streams = Streams(first.context)
    tabs = [first, *(first.context.new_page() for _ in range(7))]
    inboxes, chats = tabs[::2], tabs[1::2]
    for inbox, chat in zip(inboxes, chats, strict=True):
        inbox.goto(f"{server}/inbox/mine/")
        chat.goto(f"{server}/chat/{desk.livechat.public_id}/")
        expect(chat.get_by_role("textbox")).to_be_visible()

    # What is written in one chat page is in all of them, and rings in every inbox.
    visitor_writes(chats[0], "Do all of you see this?")
    for inbox in inboxes:
        expect(inbox.locator(".offer")).to_contain_text("Do all of you see this?", timeout=SOON)
    for chat in chats:
        expect(chat.locator(".w-me .w-bubble")).to_have_text(
            ["Do all of you see this?"], timeout=SOON
        )

    # What an operator does is in all of them too.
    session = Session.objects.get()
    session_accept(session_id=session.pk, operator=desk.maria, now=timezone.now())
    session_reply(
        session_id=session.pk, user=desk.maria.user, text="All four of us.",
        client_key="four-of-us", now=timezone.now(),
    )  # fmt: skip
    for chat in chats:
        expect(chat.locator(".w-them")).to_contain_text("All four of us.", timeout=SOON)
    for inbox in inboxes:
        expect(inbox.locator(f"#open-{session.pk}")).to_contain_text("All four", timeout=SOON)
        expect(inbox.locator(".offer")).to_have_count(0)
    assert (streams.most, streams.all) == (1, 1)
    assert Conversation.objects.count() == 1

    # The tab that listens goes: another takes over, and still there is one stream.
    first.close()
    visitor_writes(chats[3], "And now?")
    for inbox in inboxes[1:]:
        expect(inbox.locator(f"#open-{session.pk}")).to_contain_text("And now?", timeout=SOON)
    for chat in chats[:3]:
        expect(chat.locator(".w-me").last).to_contain_text("And now?", timeout=SOON)
    assert (streams.most, streams.all) == (1, 2)
    for tab in tabs[1:]:
        assert tab.evaluate("fetch('/healthz').then((answer) => answer.status)") == 200
