"""The live chat in a real browser: on our own page and on somebody else's site."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from channels_app.models import Connector, Conversation, Direction, Message
from channels_app.services.delivery import conversation_deliver
from queue_app.models import Session
from queue_app.services.replies import session_reply
from tests.browser.conftest import DESKTOP, PHONE, Complaints, OpenPage, screenshot
from tests.channels_app.widget.visitor import add_message, livechat
from tests.factories import OperatorFactory, UserFactory

pytestmark = pytest.mark.browser

# A site as unfriendly to guests as sites are: its own root size, rules for everything, no colours.
HOST_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Aroeira shop</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/site.css"><script async src="{script}"></script></head>
<body><main><h1>Aroeira shop</h1><p>Beds, chairs and bookcases.</p></main></body></html>"""
HOST_STYLE = """html { font-size: 62.5%; } body { margin: 0; background: #fff; color: #222;
 font: 1.6rem/1.5 Georgia, serif; } main { max-width: 60rem; margin: 4rem auto; padding: 0 2rem; }
 div, section, p, button, textarea, ol { letter-spacing: .3em; text-transform: uppercase;
 float: left; }
 main, main * { letter-spacing: normal; text-transform: none; float: none; }"""


class Site:
    """Somebody else's site on an origin of its own, with a strict policy for what it loads."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.script = ""
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                is_style = self.path == "/site.css"
                body = HOST_STYLE if is_style else HOST_PAGE.format(script=site.script)
                self.send_response(200)
                self.send_header("Content-Type", "text/css" if is_style else "text/html")
                self.send_header(
                    "Content-Security-Policy",
                    f"default-src 'none'; style-src 'self'; script-src {server};"
                    f" connect-src {server}; img-src {server} data:",
                )
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *args: Any) -> None:
                """Nothing is worth a line."""

        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.httpd.server_port}"
        threading.Thread(target=self.httpd.serve_forever, daemon=True).start()

    def embed(self, connector: Connector, *, allowed: bool = True) -> str:
        """Put the connector's script on the page. Returns the page's address."""
        self.script = f"{self.server}/widget/{connector.public_id}.js"
        connector.config |= {"allowed_origins": [self.origin] if allowed else []}
        connector.save(update_fields=["config"])
        return f"{self.origin}/"


@pytest.fixture
def site(server: str, complaints: Complaints) -> Iterator[Site]:
    running = Site(server)
    complaints.allowed_hosts.add(running.origin.removeprefix("http://"))
    yield running
    running.httpd.shutdown()
    running.httpd.server_close()


def chat_path(connector: Connector) -> str:
    return f"/chat/{connector.public_id}/"


def write(page: Page, text: str) -> None:
    page.get_by_role("textbox").fill(text)
    page.get_by_role("textbox").press("Enter")


def answer(text: str, **columns: Any) -> Message:
    """An operator's answer in the only conversation there is."""
    ana = UserFactory(first_name="Ana", last_name="Barros")
    return add_message(Conversation.objects.get(), text=text, author=ana, **columns)


def bubbles(page: Page) -> list[str]:
    return page.locator(".w-bubble").all_inner_texts()


def stored() -> list[str]:
    messages = Message.objects.filter(direction=Direction.IN).order_by("seq")
    return list(messages.values_list("text", flat=True))


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
