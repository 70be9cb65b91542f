"""The inbox at work: what happens elsewhere appears by itself, and nothing is sent twice."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, Request, Route, expect

from channels_app.drivers.base import MessageEvent, Person
from channels_app.models import Connector, Message
from channels_app.services.intake import event_receive
from queue_app.models import Operator, Session, SessionState
from tests.browser.conftest import Complaints, OpenPage, screenshot
from tests.browser.scenes import Scene, chat, scene

pytestmark = pytest.mark.browser

# Server and test are different processes: without PostgreSQL's bell a change is heard each second.
SOON = 5_000


def customer_writes(connector: Connector, text: str, *, who: str = "ana") -> None:
    """A customer's message through the intake, as a platform delivers it."""
    key = f"{who}-{text}"
    event_receive(
        connector=connector,
        event=MessageEvent(
            key=key, chat_id=who, user=Person(external_id=who, name=who.title()),
            message_id=key, text=text,
        ),
        raw=b"{}",
        now=timezone.now(),
    )  # fmt: skip


def reply(page: Page, text: str) -> None:
    page.locator("#reply-text").fill(text)
    page.keyboard.press("Enter")


def texts_sent() -> list[str]:
    return list(
        Message.objects.filter(direction="out").order_by("pk").values_list("text", flat=True)
    )


def test_an_offer_rings_and_is_accepted_answered_and_ended(open_page: OpenPage) -> None:
    desk = scene()
    page = open_page(desk.maria.user, path="/inbox/mine/")
    expect(page.locator("#list")).to_be_visible()
    customer_writes(desk.livechat, "Can I collect it on Saturday?")
    expect(page.locator(".offer")).to_contain_text("Can I collect it", timeout=SOON)
    expect(page.locator("#announce")).to_have_text("New chat for you: Ana, Live chat")
    expect(page).to_have_title(re.compile(r"^\(1\) Inbox"))
    page.keyboard.press("a")
    expect(page.locator("#reply-text")).to_be_focused()
    expect(page).to_have_url(re.compile(r"/inbox/chats/\d+/\?view=mine$"))
    expect(page.locator(".offer")).to_have_count(0)
    page.keyboard.press("Enter")  # nothing written yet: nothing is sent
    reply(page, "Yes, until noon.")
    expect(page.locator(".msg-out .text")).to_have_text("Yes, until noon.")
    expect(page.locator("#reply-text")).to_have_value("")
    customer_writes(desk.livechat, "Thank you!")
    expect(page.locator(".msg-in .text").last).to_have_text("Thank you!", timeout=SOON)
    screenshot(page, "inbox-answered")
    page.get_by_role("button", name="End chat").click()
    expect(page.get_by_text("This chat has ended.")).to_be_visible()
    expect(page.locator("#reply-text")).to_be_hidden()
    expect(page.get_by_text("No chats are yours")).to_be_visible()
    session = Session.objects.get()
    assert session.state == SessionState.CLOSED
    assert texts_sent() == ["Yes, until noon."]


def test_two_operators_accept_at_once_and_one_is_told_by_whom(
    open_page: OpenPage, complaints: Complaints
) -> None:
    desk = scene()
    session = chat(desk.telegram, "Ana", "Is anybody there?", operator=None)
    maria = open_page(desk.maria.user, path=f"/inbox/chats/{session.pk}/?view=waiting")
    igor = open_page(desk.igor.user, path=f"/inbox/chats/{session.pk}/?view=waiting")
    expect(igor.locator("#take")).to_be_visible()
    # Maria's page hears nothing until she presses too.
    maria.route("**/inbox/list/**", lambda route: route.abort())
    maria.route("**/thread/**", lambda route: route.abort())
    complaints.allow("409", "net::ERR_FAILED")
    igor.locator("#take").click()
    expect(igor.locator("#reply-text")).to_be_visible()
    maria.locator("#take").click()
    expect(maria.locator(".toast")).to_contain_text("Igor Lima accepted this chat before you.")
    maria.unroute_all(behavior="wait")
    maria.evaluate("dispatchEvent(new Event('online'))")
    expect(maria.locator(".foot-bar")).to_contain_text("Igor Lima is answering this chat.")
    session.refresh_from_db()
    assert session.operator == desk.igor


def test_what_is_typed_without_a_network_is_sent_once_when_it_is_back(
    open_page: OpenPage, complaints: Complaints
) -> None:
    desk = scene()
    session = chat(desk.telegram, "Ana", "Is anybody there?", operator=desk.maria)
    page = open_page(desk.maria.user, path=f"/inbox/chats/{session.pk}/?view=mine")
    complaints.allow("ERR_INTERNET_DISCONNECTED", "ERR_NETWORK")
    page.context.set_offline(True)
    reply(page, "I am here.")
    expect(page.locator("#reply-waits")).to_contain_text("What you type is kept")
    expect(page.locator("#reply-text")).to_have_value("I am here.")
    screenshot(page, "inbox-offline")
    assert texts_sent() == []
    page.context.set_offline(False)
    expect(page.locator(".msg-out .text")).to_have_text("I am here.", timeout=SOON)
    expect(page.locator("#reply-waits")).to_be_hidden()
    assert texts_sent() == ["I am here."]


def test_an_answer_that_was_lost_on_its_way_back_is_not_sent_again(
    open_page: OpenPage, complaints: Complaints
) -> None:
    desk = scene()
    session = chat(desk.telegram, "Ana", "Is anybody there?", operator=desk.maria)
    page = open_page(desk.maria.user, path=f"/inbox/chats/{session.pk}/?view=mine")
    complaints.allow("ERR_FAILED")
    lost: list[str] = []

    def lose_once(route: Route) -> None:
        if not lost:
            lost.append(route.fetch().text())  # the server has it
            route.abort()
        else:
            route.continue_()

    page.route("**/reply/", lose_once)
    reply(page, "Counted once.")
    expect(page.locator("#reply-waits")).to_be_visible()
    expect(page.locator("#reply-waits")).to_be_hidden(timeout=SOON)
    expect(page.locator("#reply-text")).to_have_value("")
    assert texts_sent() == ["Counted once."]


def test_a_double_click_sends_once(open_page: OpenPage) -> None:
    desk = scene()
    session = chat(desk.telegram, "Ana", "Is anybody there?", operator=desk.maria)
    page = open_page(desk.maria.user, path=f"/inbox/chats/{session.pk}/?view=mine")
    page.locator("#reply-text").fill("Just once")
    page.locator("#reply-send").dblclick()
    expect(page.locator(".msg-out .text")).to_have_text("Just once")
    page.reload()
    expect(page.locator(".msg-out")).to_have_count(1)
    assert texts_sent() == ["Just once"]


def test_a_draft_survives_a_reload_with_its_key(open_page: OpenPage) -> None:
    desk = scene()
    session = chat(desk.telegram, "Ana", "Is anybody there?", operator=desk.maria)
    page = open_page(desk.maria.user, path=f"/inbox/chats/{session.pk}/?view=mine")
    page.locator("#reply-text").fill("Half a sen")
    key = page.locator("#reply [name=client_key]").input_value()
    page.reload()
    expect(page.locator("#reply-text")).to_have_value("Half a sen")
    assert page.locator("#reply [name=client_key]").input_value() == key


def test_files_go_out_with_the_answer(open_page: OpenPage) -> None:
    desk = scene()
    session = chat(desk.livechat, "Ana", "Where are you?", operator=desk.maria)
    page = open_page(desk.maria.user, path=f"/inbox/chats/{session.pk}/?view=mine")
    page.locator("#reply-files").set_input_files(
        {"name": "map.txt", "mimeType": "text/plain", "buffer": b"turn left"}
    )
    expect(page.locator("#reply-chosen")).to_have_text("map.txt")
    reply(page, "Here")
    expect(page.locator(".att-file")).to_contain_text("map.txt")
    expect(page.locator("#reply-chosen")).to_be_hidden()
    assert Message.objects.filter(direction="out").count() == 2


def test_duty_is_started_paused_and_ended_by_button(open_page: OpenPage) -> None:
    desk = scene()
    Operator.objects.filter(pk=desk.maria.pk).update(duty="off")
    page = open_page(desk.maria.user, path="/inbox/mine/")
    page.get_by_role("button", name="Go on duty").click()
    expect(page.locator("#duty")).to_contain_text("On duty")
    expect(page.get_by_text("You are off duty")).to_have_count(0)
    page.get_by_role("button", name="Pause: no new offers").click()
    expect(page.locator("#notices")).to_contain_text("You are paused")
    page.get_by_role("button", name="End duty").click()
    expect(page.locator("#notices")).to_contain_text("You are off duty: you get no chats.")
    desk.maria.refresh_from_db()
    assert desk.maria.duty == "off"


def live_streams(context: BrowserContext) -> list[str]:
    """Counts the streams that the pages of a context open."""
    opened: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("/live/"):
            opened.append(request.url)

    context.on("request", note)
    return opened


def test_where_there_is_no_stream_the_page_asks(
    open_page: OpenPage, complaints: Complaints
) -> None:
    desk = scene()
    page = open_page(desk.maria.user)
    page.route("**/live/", lambda route: route.fulfill(status=503))
    complaints.allow("503")
    page.goto(f"{complaints.server}/inbox/mine/")
    customer_writes(desk.telegram, "Hello?")
    expect(page.locator(".offer")).to_contain_text("Hello?", timeout=3 * SOON)


def test_where_tabs_cannot_agree_on_one_of_them_each_asks(open_page: OpenPage, server: str) -> None:
    desk = scene()
    page = open_page(desk.maria.user)
    streams = live_streams(page.context)
    # As on a plain http address: no locks there.
    page.add_init_script("Object.defineProperty(navigator, 'locks', { value: undefined })")
    page.goto(f"{server}/inbox/mine/")
    customer_writes(desk.livechat, "Hello?")
    expect(page.locator(".offer")).to_contain_text("Hello?", timeout=3 * SOON)
    assert streams == []


def test_offers_and_messages_are_heard(open_page: OpenPage, server: str) -> None:
    desk = scene()
    session = chat(desk.telegram, "Ana", "Hello", operator=desk.maria)
    page = open_page(desk.maria.user)
    page.add_init_script(
        "HTMLMediaElement.prototype.play = async function () {"
        "  document.documentElement.dataset.played ??= '';"
        "  document.documentElement.dataset.played += this.src.split('/').pop() + ' ';"
        "}"
    )
    page.goto(f"{server}/inbox/mine/")
    page.locator("#list").click()  # browsers demand that the page was touched
    customer_writes(desk.livechat, "I am new", who="bea")
    html = page.locator("html")
    expect(html).to_have_attribute("data-played", "offer.wav ", timeout=SOON)
    customer_writes(desk.telegram, "More", who=session.conversation.external_chat_id)
    expect(page).to_have_title(re.compile(r"^\(2\) "), timeout=SOON)
    expect(html).to_have_attribute("data-played", re.compile(r"message\.wav"), timeout=SOON)


def test_a_chat_opens_from_the_list_without_a_new_page_and_back_leads_back(
    open_page: OpenPage,
) -> None:
    desk = scene()
    one = chat(desk.telegram, "Ana", "First", operator=desk.maria)
    two = chat(desk.telegram, "Bea", "Second", operator=desk.maria)
    page = open_page(desk.maria.user, path="/inbox/mine/")
    page.evaluate("window.kept = true")
    page.keyboard.press("j")
    expect(page.locator("#chat")).to_have_attribute("data-session", str(two.pk))
    page.locator("#thread").focus()
    page.keyboard.press("j")
    expect(page.locator("#chat")).to_have_attribute("data-session", str(one.pk))
    expect(page.locator(f"#open-{one.pk}")).to_have_attribute("aria-current", "true")
    assert page.evaluate("window.kept") is True
    page.go_back()
    expect(page.locator("#chat")).to_have_attribute("data-session", str(two.pk))


def test_earlier_messages_come_on_demand(open_page: OpenPage) -> None:
    from tests.factories import MessageFactory

    desk = scene()
    session = chat(desk.telegram, "Ana", "The very first", operator=desk.maria)
    for number in range(60):
        MessageFactory(conversation=session.conversation, text=f"Message {number}")
    page = open_page(desk.maria.user, path=f"/inbox/chats/{session.pk}/?view=mine")
    expect(page.get_by_text("Message 59", exact=True).last).to_be_visible()
    expect(page.get_by_text("The very first")).to_have_count(0)
    page.get_by_role("link", name="Earlier messages").click()
    expect(page.get_by_text("The very first")).to_have_count(1)
    expect(page.locator("#rows-of-thread > .day")).to_have_count(1)
    expect(page.locator("#rows-of-thread > .msg")).to_have_count(61)


def test_who_was_signed_out_is_led_to_the_sign_in_page(
    open_page: OpenPage, complaints: Complaints
) -> None:
    desk = scene()
    page = open_page(desk.maria.user, path="/inbox/mine/")
    complaints.allow("401")
    page.context.clear_cookies(name="sessionid")
    page.evaluate("setTimeout(() => dispatchEvent(new Event('online')))")
    expect(page).to_have_url(re.compile(r"/login/\?next=%2Finbox%2Fmine%2F$"))


def test_signing_in_leads_to_the_inbox(open_page: OpenPage) -> None:
    desk: Scene = scene()
    page = open_page(path="/login/")
    page.get_by_label("User name").fill("maria")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(r"/inbox/mine/$"))
    page.get_by_role("link", name="Maria Souza").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile(r"/login/$"))
    assert desk.maria.user.is_active
