"""The supervisor's page in a real browser: pictures, access, keyboard, and that it moves."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone
from playwright.sync_api import expect

from queue_app.models import LineOperator, NoticeKind, Operator, Session, Timer
from queue_app.services.notices import line_notice_begin
from tests.browser.conftest import PHONE, OpenPage, screenshot
from tests.browser.scenes import Scene, chat, offer, scene
from tests.browser.test_inbox_looks import assert_accessible
from tests.browser.test_keyboard import tab_to
from tests.factories import OpenChannelFactory, OperatorFactory, UserFactory

pytestmark = pytest.mark.browser

PAGE = "/inbox/supervisor/"


def chief() -> User:
    user = UserFactory(username="sofia", first_name="Sofia", last_name="Reis")
    group, _made = Group.objects.get_or_create(name="Supervisors")
    user.groups.add(group)
    return user


def busy_desk() -> Scene:
    """Offers in every state of haste, customers late and waiting, people of every duty."""
    desk = scene()
    now = timezone.now()
    lia = OperatorFactory(
        user=UserFactory(username="lia", first_name="Lia", last_name="Campos"), duty="pause",
        duty_changed_at=now - dt.timedelta(minutes=9),
    )  # fmt: skip
    rafael = OperatorFactory(
        user=UserFactory(username="rafael", first_name="Rafael", last_name="Teixeira"), duty="off",
        leave_from=now - dt.timedelta(days=1), leave_until=now + dt.timedelta(days=2),
    )  # fmt: skip
    OpenChannelFactory(name="Wholesale", operators=[lia, rafael, desk.maria])
    Operator.objects.filter(pk=desk.maria.pk).update(
        max_chats=3, seen_at=now, duty_changed_at=now - dt.timedelta(hours=3)
    )
    for pk in (desk.maria.pk, desk.igor.pk):
        LineOperator.objects.filter(operator_id=pk).update(last_offer_at=now)
    for name, left_s in (("Camila Ferraz", 38), ("Marta Nogueira", 112), ("Hotel Atlântida", 250)):
        row = offer(desk.telegram, name, "Hello?", Operator.objects.get(pk=desk.igor.pk))
        Timer.objects.filter(session=row).update(due_at=now + dt.timedelta(seconds=left_s))
    chat(desk.telegram, "Tomás Quiroga", "Sigo esperando el código de envío, gracias",
         operator=Operator.objects.get(pk=desk.maria.pk), minutes=13)  # fmt: skip
    chat(desk.livechat, "نور الحداد", "هل يتوفر هذا الكرسي باللون الأخضر؟",
         operator=Operator.objects.get(pk=desk.maria.pk), minutes=4)  # fmt: skip
    chat(desk.livechat, "Paulo Anjos", "Can somebody call me?", operator=None, minutes=12,
         wait_reason="no_operator", no_operator_since=now)  # fmt: skip
    chat(desk.telegram, "Beatriz Sá", "Do you have this lamp in black?", operator=None, minutes=2,
         wait_reason="round_over")  # fmt: skip
    chat(desk.telegram, "Done", "Thanks", operator=Operator.objects.get(pk=desk.maria.pk),
         minutes=30, waiting_since=None, turn="customer")  # fmt: skip
    line_notice_begin(open_channel=desk.repairs, kind=NoticeKind.ROUNDS_OVER, now=now)
    return desk


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_on_a_desk_is_accessible(open_page: OpenPage, scheme: str) -> None:
    busy_desk()
    page = open_page(chief(), path=PAGE, color_scheme=scheme)
    expect(page.locator("#board-passing tbody tr")).to_have_count(3)
    expect(page.locator("#board-passing tbody tr").first).to_contain_text("Camila Ferraz")
    expect(page.locator("#board-waiting tbody tr").first).to_contain_text("Tomás Quiroga")
    expect(page.locator("#board-team .op").first).to_contain_text("Maria Souza")
    # The bars run by the server's clock.
    bar = page.locator("#board-passing .bar rect").first
    share = float((bar.get_attribute("width") or "").rstrip("%"))
    assert 0 < share < 20
    expect(page.locator("#board-passing .bar").first).to_have_class("bar bar-danger")
    screenshot(page, f"supervisor-1440-{scheme}")
    assert_accessible(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_on_a_phone_is_accessible(open_page: OpenPage, scheme: str) -> None:
    busy_desk()
    options = {"viewport": PHONE, "color_scheme": scheme, "has_touch": True, "is_mobile": True}
    page = open_page(chief(), path="/inbox/me/", **options)
    page.get_by_role("link", name="Supervision").tap()
    expect(page.get_by_role("heading", name="Supervision", level=1)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert page.locator("#thread").evaluate("node => node.scrollWidth <= node.clientWidth")
    screenshot(page, f"supervisor-390-{scheme}")
    assert_accessible(page)
    opener = page.get_by_label("Duty of Lia Campos")
    opener.scroll_into_view_if_needed()
    screenshot(page, f"supervisor-390-team-{scheme}")
    opener.tap()
    expect(page.get_by_role("button", name="Put on duty").locator("visible=true")).to_be_visible()
    screenshot(page, f"supervisor-390-menu-{scheme}")
    assert_accessible(page)


def test_an_empty_desk_says_so(open_page: OpenPage) -> None:
    scene()
    page = open_page(chief(), path=PAGE)
    expect(page.get_by_text("No customer waits for an answer.")).to_be_visible()
    screenshot(page, "supervisor-empty")
    assert_accessible(page)


def test_duty_of_others_by_keyboard(open_page: OpenPage) -> None:
    desk = busy_desk()
    page = open_page(chief(), path=PAGE)
    opener = page.locator(f"#menu-{desk.igor.pk}-opener")
    tab_to(page, opener)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator(f"#menu-{desk.igor.pk}-pause")).to_be_focused()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    expect(page.locator(f"#menu-{desk.igor.pk}-pause")).to_be_hidden()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(f"#member-{desk.igor.pk}")).to_contain_text("Paused")
    expect(opener).to_be_focused()
    assert Operator.objects.get(pk=desk.igor.pk).duty == "pause"


def test_it_moves_by_itself_and_leaves_alone_what_did_not_change(open_page: OpenPage) -> None:
    desk = busy_desk()
    page = open_page(chief(), path=PAGE)
    expect(page.locator("#figure-waiting .stat-value")).to_have_text("2")
    page.evaluate("document.getElementById('board-team').dataset.mine = 'yes'")
    menu = page.locator(f"#menu-{desk.igor.pk}-opener")
    menu.click()
    chat(desk.telegram, "A new one", "Hello?", operator=None, minutes=0.1)
    expect(page.locator("#figure-waiting .stat-value")).to_have_text("3", timeout=8000)
    expect(page.locator("#board-waiting")).to_contain_text("A new one")
    # The team is what it was: not written anew, and its menu is still open.
    assert page.locator("#board-team").get_attribute("data-mine") == "yes"
    expect(page.locator(f"#menu-{desk.igor.pk}-pause")).to_be_visible()
    # Somebody's duty changes: the list is new, the open menu stays open.
    Operator.objects.filter(pk=desk.maria.pk).update(duty="off")
    expect(page.locator(f"#member-{desk.maria.pk}")).to_contain_text("Off duty", timeout=8000)
    expect(page.locator(f"#menu-{desk.igor.pk}-pause")).to_be_visible()
    page.get_by_role("heading", name="Supervision").click()
    expect(page.locator(f"#menu-{desk.igor.pk}-pause")).to_be_hidden()


def test_one_line_is_chosen_and_a_chat_is_opened(open_page: OpenPage) -> None:
    desk = busy_desk()
    page = open_page(chief(), path=PAGE)
    page.get_by_label("Line", exact=True).select_option(label="Repairs")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#board-passing")).to_contain_text("No offer is open")
    expect(page.locator("#board-waiting tbody tr")).to_have_count(2)
    page.get_by_role("link", name="Open the chat of Paulo Anjos").click()
    expect(page.locator("#chat-head")).to_contain_text("Paulo Anjos")
    assert Session.objects.filter(open_channel=desk.repairs).count() == 2


def test_an_open_inbox_says_so_every_half_minute_and_one_tab_is_enough(
    open_page: OpenPage, server: str
) -> None:
    desk = scene()
    first = open_page(desk.maria.user)
    second = first.context.new_page()
    told: list[str] = []
    first.context.on("request", lambda request: told.append(request.url))
    for tab in (first, second):
        tab.clock.install()
        tab.goto(server + "/inbox/mine/")
        expect(tab.get_by_role("heading", name="You're all caught up")).to_be_visible()
    # The page itself was the first sign of life.
    assert Operator.objects.get(pk=desk.maria.pk).seen_at is not None
    told.clear()
    Operator.objects.filter(pk=desk.maria.pk).update(seen_at=None)
    with first.context.expect_event(
        "response", lambda response: response.url.endswith("/inbox/presence/")
    ) as answer:
        first.clock.run_for(31_000)  # the clock of all tabs of the browser
    assert answer.value.status == 204
    assert len([url for url in told if url.endswith("/inbox/presence/")]) == 1
    seen_at = Operator.objects.get(pk=desk.maria.pk).seen_at
    assert seen_at is not None
