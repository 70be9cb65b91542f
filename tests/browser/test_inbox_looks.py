"""The inbox in every form it has: pictures for people, the accessibility rules for machines."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from queue_app.models import Operator
from tests.browser.conftest import PHONE, OpenPage, screenshot
from tests.browser.scenes import Scene, chat, long_thread, offer, scene

pytestmark = pytest.mark.browser


def full_desk() -> tuple[Scene, int]:
    desk = scene()
    opened = long_thread(desk)
    chat(desk.telegram, "Tomás Quiroga", "Sigo esperando el código de envío, gracias",
         operator=desk.maria, minutes=13, unread=3)  # fmt: skip
    chat(desk.livechat, "نور الحداد", "هل يتوفر هذا الكرسي باللون الأخضر؟",
         operator=desk.maria, minutes=4, unread=1)  # fmt: skip
    chat(desk.livechat, "", "Can I collect it on Saturday?", operator=desk.maria, minutes=1)
    chat(desk.telegram, "Renata Vilela", "A copy of the invoice is on its way",
         operator=desk.maria, minutes=37, turn="customer")  # fmt: skip
    for number in range(3):
        chat(desk.telegram, f"Waiting customer {number}", "Is anybody there?", operator=None,
             minutes=5 + number)  # fmt: skip
    offer(desk.telegram, "Camila Ferraz", "The sofa came without its legs, what now?", desk.maria)
    return desk, opened.pk


def assert_accessible(page: Page) -> None:
    found = Axe().run(page)
    assert [
        (rule["id"], node["html"][:160])
        for rule in found.response["violations"]
        for node in rule["nodes"]
    ] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_chat_on_a_desk_is_accessible(open_page: OpenPage, scheme: str) -> None:
    desk, pk = full_desk()
    page = open_page(desk.maria.user, path=f"/inbox/chats/{pk}/?view=mine", color_scheme=scheme)
    expect(page.locator(".countdown text")).to_contain_text(":")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
    screenshot(page, f"inbox-1440-{scheme}")
    assert_accessible(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_chat_on_a_phone_is_accessible(open_page: OpenPage, scheme: str) -> None:
    desk, pk = full_desk()
    options = {"viewport": PHONE, "color_scheme": scheme, "has_touch": True, "is_mobile": True}
    page = open_page(desk.maria.user, path="/inbox/mine/", **options)
    expect(page.locator(".offer")).to_be_visible()
    screenshot(page, f"inbox-phone-list-{scheme}")
    assert_accessible(page)
    page.locator(f"#open-{pk}").tap()
    expect(page.locator("#reply-text")).to_be_visible()
    expect(page.locator(".pane-list")).to_be_hidden()
    screenshot(page, f"inbox-phone-thread-{scheme}")
    assert_accessible(page)
    page.get_by_role("link", name="Client card").tap()
    expect(page.locator("#card")).to_be_visible()
    screenshot(page, f"inbox-phone-card-{scheme}")
    page.get_by_role("link", name="Close the client card").tap()
    expect(page.locator("#card")).to_be_hidden()
    page.get_by_role("link", name="Back to the list").tap()
    expect(page.locator(".pane-list")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


@pytest.mark.parametrize("width", [1024, 800])
def test_narrow_windows_keep_list_and_chat(open_page: OpenPage, width: int) -> None:
    desk, pk = full_desk()
    viewport = {"width": width, "height": 768}
    page = open_page(desk.maria.user, path=f"/inbox/chats/{pk}/?view=mine", viewport=viewport)
    expect(page.locator(".pane-list")).to_be_visible()
    expect(page.locator("#reply-text")).to_be_visible()
    screenshot(page, f"inbox-{width}")
    assert_accessible(page)


def test_an_empty_desk_says_what_to_do(open_page: OpenPage) -> None:
    desk = scene()
    chat(desk.telegram, "Ana", "Is anybody there?", operator=None)
    Operator.objects.filter(pk=desk.maria.pk).update(duty="off")
    page = open_page(desk.maria.user, path="/inbox/mine/")
    expect(page.get_by_text("1 customer is waiting.")).to_be_visible()
    expect(page.get_by_role("button", name="Go on duty")).to_be_visible()
    screenshot(page, "inbox-empty")
    assert_accessible(page)


def test_ones_own_page_is_accessible(open_page: OpenPage) -> None:
    desk = scene()
    page = open_page(desk.maria.user, path="/inbox/me/")
    expect(page.get_by_role("heading", name="Maria Souza")).to_be_visible()
    screenshot(page, "me")
    assert_accessible(page)


def test_the_inbox_speaks_portuguese(open_page: OpenPage) -> None:
    desk, pk = full_desk()
    page = open_page(desk.maria.user, path=f"/inbox/chats/{pk}/?view=mine", locale="pt-BR")
    assert page.locator("html").get_attribute("lang") == "pt-br"
    expect(page.get_by_role("button", name="Encerrar conversa")).to_be_visible()
    expect(page.get_by_role("button", name="Enviar", exact=True)).to_be_visible()
    screenshot(page, "inbox-1440-pt")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_signing_in_is_accessible(open_page: OpenPage, scheme: str) -> None:
    page = open_page(path="/login/", color_scheme=scheme)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    screenshot(page, f"login-{scheme}")
    assert_accessible(page)
