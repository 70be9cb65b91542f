"""The live chat in a real browser: on our own page and on somebody else's site."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Route, expect

from channels_app.models import Conversation, Direction, Message
from channels_app.services.delivery import conversation_deliver
from queue_app.models import Session
from queue_app.services.replies import session_reply
from tests.browser.conftest import Complaints, OpenPage
from tests.browser.visitor_page import answer, bubbles, chat_path, stored, write
from tests.channels_app.widget.visitor import livechat
from tests.factories import OperatorFactory, UserFactory

pytestmark = pytest.mark.browser


# --- our own page -------------------------------------------------------------------------


def test_a_visitor_writes_and_an_operators_answer_appears_by_itself(open_page: OpenPage) -> None:
    ana = OperatorFactory(user=UserFactory(first_name="Ana", last_name="Barros"))
    page = open_page(path=chat_path(livechat(operators=[ana])))
    expect(page.get_by_text("Hello! How can we help?")).to_be_visible()
    write(page, "Do you deliver?")
    expect(page.get_by_role("img", name="Sent")).to_be_visible()
    assert stored() == ["Do you deliver?"]
    message = session_reply(
        session_id=Session.objects.get().pk,
        user=ana.user,
        text="Yes, in 6 days.",
        client_key="key-1",
        now=timezone.now(),
    )
    expect(page.get_by_text("Yes, in 6 days.")).to_be_visible(timeout=2000)
    expect(page.get_by_text("Ana Barros is answering you")).to_be_visible()
    expect(page.get_by_text("Hello! How can we help?")).to_be_hidden()
    with page.expect_response(re.compile("/seen$")):
        conversation_deliver(conversation_id=message.conversation_id)
    message.refresh_from_db()
    assert message.state == "read"


def test_a_reload_keeps_the_thread_and_the_visitor(open_page: OpenPage) -> None:
    page = open_page(path=chat_path(livechat()))
    write(page, "one")
    expect(page.get_by_role("img", name="Sent")).to_be_visible()
    answer("two")
    expect(page.get_by_text("two", exact=True)).to_be_visible()
    page.get_by_role("textbox").fill("half a sen")
    page.reload()
    expect(page.locator(".w-bubble")).to_have_count(2)
    assert bubbles(page) == ["one", "two"]
    assert page.get_by_role("textbox").input_value() == "half a sen"
    write(page, "three")
    expect(page.get_by_role("img", name="Sent")).to_have_count(2)
    assert stored() == ["one", "three"]
    assert Conversation.objects.count() == 1
    assert page.context.cookies() == []


def test_what_was_written_offline_arrives_once_and_in_order(
    open_page: OpenPage, complaints: Complaints
) -> None:
    complaints.allow("ERR_INTERNET_DISCONNECTED")
    page = open_page(path=chat_path(livechat()))
    write(page, "before")
    expect(page.get_by_role("img", name="Sent")).to_be_visible()
    page.context.set_offline(True)
    write(page, "first")
    write(page, "second")
    expect(page.get_by_text("Not sent yet. We keep trying.")).to_be_visible()
    expect(page.get_by_text("No connection. What you write is kept.")).to_be_visible()
    assert stored() == ["before"]
    page.context.set_offline(False)
    expect(page.get_by_role("img", name="Sent")).to_have_count(3)
    assert stored() == ["before", "first", "second"]
    assert bubbles(page) == ["before", "first", "second"]


def test_what_was_written_offline_survives_a_reload(
    open_page: OpenPage, complaints: Complaints
) -> None:
    complaints.allow("ERR_FAILED")
    page = open_page(path=chat_path(livechat()))
    expect(page.get_by_role("textbox")).to_be_visible()
    page.route("**/session", lambda route: route.abort())
    write(page, "kept")
    expect(page.get_by_text("Not sent yet. We keep trying.")).to_be_visible()
    page.unroute("**/session")
    page.reload()
    expect(page.get_by_role("img", name="Sent")).to_be_visible()
    assert stored() == ["kept"]


def test_an_answer_of_the_server_that_was_lost_doubles_nothing(
    open_page: OpenPage, complaints: Complaints
) -> None:
    complaints.allow("ERR_FAILED")
    page = open_page(path=chat_path(livechat()))
    lost: list[int] = []

    def lose_once(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch().status)  # the server has it, the page never hears
            route.abort()
        else:
            route.continue_()

    page.route("**/messages*", lose_once)
    write(page, "only once")
    expect(page.get_by_role("img", name="Sent")).to_be_visible()
    assert lost == [201]
    assert stored() == ["only once"]
    assert bubbles(page) == ["only once"]


def test_a_server_that_is_busy_is_asked_again(open_page: OpenPage, complaints: Complaints) -> None:
    complaints.allow("503")
    page = open_page(path=chat_path(livechat()))
    tries: list[str] = []

    def busy_twice(route: Route) -> None:
        if route.request.method != "POST" or len(tries) == 2:
            route.continue_()
            return
        tries.append(route.request.post_data or "")
        route.fulfill(status=503, json={"code": "unavailable", "detail": "", "fields": {}})

    page.route("**/messages*", busy_twice)
    write(page, "patience")
    expect(page.get_by_role("img", name="Sent")).to_be_visible()
    assert len(set(tries)) == 1
    assert stored() == ["patience"]


def test_what_can_never_be_sent_says_why_and_can_be_removed(
    open_page: OpenPage, complaints: Complaints
) -> None:
    complaints.allow("400")
    page = open_page(path=chat_path(livechat()))
    body = {"code": "invalid", "detail": "", "fields": {"text": ["That is not possible."]}}
    page.route(
        "**/messages*",
        lambda route: (
            route.fulfill(status=400, json=body)
            if route.request.method == "POST"
            else route.continue_()
        ),
    )
    write(page, "wrong")
    expect(page.get_by_text("Not sent. That is not possible.")).to_be_visible()
    page.unroute("**/messages*")
    write(page, "right")
    expect(page.get_by_role("img", name="Sent")).to_be_visible()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("wrong")).to_be_hidden()
    page.reload()
    expect(page.get_by_text("right")).to_be_visible()
    assert bubbles(page) == ["right"]


def test_two_tabs_are_one_visitor(open_page: OpenPage) -> None:
    path = chat_path(livechat())
    page = open_page(path=path)
    other = page.context.new_page()
    other.goto(page.url)
    write(page, "from the first")
    expect(page.get_by_role("img", name="Sent")).to_be_visible()
    expect(other.get_by_text("from the first")).to_be_visible()
    other.bring_to_front()
    write(other, "from the second")
    expect(other.get_by_role("img", name="Sent")).to_have_count(2)
    expect(page.get_by_role("img", name="Sent")).to_have_count(2)
    assert bubbles(page) == bubbles(other) == ["from the first", "from the second"]
    assert Conversation.objects.count() == 1
    assert stored() == ["from the first", "from the second"]


def test_a_line_that_is_closed_keeps_the_message_and_says_so(open_page: OpenPage) -> None:
    page = open_page(path=chat_path(livechat(is_active=False)))
    expect(page.get_by_text("Leave us a message.")).to_be_visible()
    write(page, "Anybody there?")
    expect(page.get_by_text("We have received your message")).to_be_visible()
    page.reload()
    expect(page.get_by_text("We have received your message")).to_be_visible()


def test_hostile_words_are_words(open_page: OpenPage) -> None:
    page = open_page(path=chat_path(livechat()))
    hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    write(page, hostile)
    expect(page.get_by_role("img", name="Sent")).to_be_visible()
    answer(f"{hostile} javascript:alert(3) see https://a.example/x?y=1&z=(2). Bye")
    link = page.get_by_role("link")
    expect(link).to_have_count(1)
    expect(link).to_have_text("https://a.example/x?y=1&z=(2")
    assert link.get_attribute("href") == "https://a.example/x?y=1&z=(2"
    assert link.get_attribute("rel") == "noopener noreferrer nofollow"
    assert link.get_attribute("target") == "_blank"
    assert page.locator(".w-bubble img").count() == 0
    assert hostile in bubbles(page)[0]


def test_files_go_both_ways(open_page: OpenPage, tmp_path: Any) -> None:
    page = open_page(path=chat_path(livechat()))
    picture = tmp_path / "bookcase.png"
    picture.write_bytes(page.screenshot(clip={"x": 0, "y": 0, "width": 300, "height": 200}))
    page.get_by_role("button", name="Attach a file").wait_for()
    page.locator("input[type=file]").set_input_files(picture)
    image = page.locator(".w-bubble img")
    expect(image).to_be_visible()
    expect(image).to_have_attribute("alt", "bookcase.png")
    page.wait_for_function(
        "() => document.querySelector('#openlines-chat').shadowRoot"
        ".querySelector('.w-bubble img').naturalWidth === 300"
    )
    message = Message.objects.get(direction=Direction.IN)
    assert [item.name for item in message.attachments.all()] == ["bookcase.png"]
