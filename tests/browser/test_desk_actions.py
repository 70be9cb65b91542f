"""What an operator does with a chat, with a mouse, a finger and without either."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from channels_app.models import Conversation, Message
from queue_app.models import Assignment, Session, SessionState, Timer, TimerKind
from tests.browser.conftest import PHONE, OpenPage, screenshot
from tests.browser.desk_scenes import colleague, every_state
from tests.browser.scenes import Scene, chat, scene
from tests.browser.test_inbox_looks import assert_accessible

pytestmark = pytest.mark.browser


def open_chat(open_page: OpenPage, desk: Scene, session: Session, **options: object) -> Page:
    path = f"/inbox/chats/{session.pk}/?view=mine"
    return open_page(desk.maria.user, path=path, **options)


def test_a_chat_is_transferred_to_a_colleague_with_a_word_why(open_page: OpenPage) -> None:
    desk = scene()
    colleague("Bartholomew", "Featherstonehaugh-Cholmondeley", desk, duty="off")
    session = chat(desk.telegram, "Helena Prado", "My table has a scratch", operator=desk.maria)
    page = open_chat(open_page, desk, session)
    page.locator("#head-transfer").click()
    dialog = page.locator("#dialog")
    expect(dialog.get_by_role("heading", name="Transfer this chat")).to_be_visible()
    expect(page.locator("#target-find")).to_be_focused()
    page.keyboard.type("lima")
    expect(dialog.locator(".target:visible")).to_have_count(1)
    screenshot(page, "transfer-1440")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("He knows the carrier")
    dialog.get_by_role("button", name="Transfer").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#chat-foot")).to_contain_text("Igor Lima is answering this chat.")
    expect(page.locator("#rows-of-thread")).to_contain_text("you transferred the chat to Igor Lima")
    expect(page.locator(".msg-note .text")).to_have_text("He knows the carrier")
    session.refresh_from_db()
    assert session.operator == desk.igor
    note = Message.objects.get(direction="note")
    assert (note.text, note.author) == ("He knows the carrier", desk.maria.user)


def test_what_cannot_be_done_is_said_in_the_dialog(open_page: OpenPage, complaints: object) -> None:
    desk = scene()
    session = chat(desk.telegram, "Helena Prado", "My table has a scratch", operator=desk.maria)
    page = open_chat(open_page, desk, session)
    complaints.allow("409")  # type: ignore[attr-defined]
    page.locator("#head-transfer").click()
    page.locator("#dialog").get_by_text("Igor Lima").click()
    desk.igor.user.is_active = False
    desk.igor.user.save()
    page.locator("#ask-send").click()
    expect(page.locator("#dialog-error")).to_have_text("The account of Igor Lima is switched off.")
    page.keyboard.press("Escape")
    expect(page.locator("#dialog")).to_be_hidden()
    expect(page.locator("#head-transfer")).to_be_focused()
    session.refresh_from_db()
    assert session.operator == desk.maria


def test_a_private_note_is_written_by_keyboard_and_its_draft_is_kept(
    open_page: OpenPage,
) -> None:
    desk = scene()
    session = chat(desk.telegram, "Helena Prado", "My table has a scratch", operator=desk.maria)
    page = open_chat(open_page, desk, session)
    expect(page.locator("#reply-text")).to_be_focused()
    page.keyboard.type("Good mor")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page.locator("#note-text")).to_be_focused()
    expect(page.locator("#reply-text")).to_be_hidden()
    page.keyboard.type("Offer a new top")
    screenshot(page, "note-1440")
    page.reload()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page.locator("#note-text")).to_have_value("Offer a new top")
    page.keyboard.press("Enter")
    expect(page.locator(".msg-note .text")).to_have_text("Offer a new top")
    expect(page.locator("#note-text")).to_have_value("")
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    expect(page.locator("#reply-text")).to_have_value("Good mor")
    assert Message.objects.filter(direction="note").count() == 1
    assert not Message.objects.filter(direction="out").exists()


def test_a_chat_is_snoozed_and_woken(open_page: OpenPage) -> None:
    desk = scene()
    session = chat(desk.telegram, "Sara Lindqvist", "Until then", operator=desk.maria,
                   turn="customer")  # fmt: skip
    page = open_chat(open_page, desk, session, timezone_id="America/Sao_Paulo")
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    expect(page.get_by_role("heading", name="Snooze this chat")).to_be_visible()
    screenshot(page, "snooze-1440")
    page.get_by_role("button", name=re.compile("^Tomorrow")).click()
    expect(page.locator("#chat-state")).to_contain_text(re.compile(r"Snoozed until \w+ 09:00\."))
    fold = page.locator("#fold-snoozed")
    expect(fold).to_be_visible()
    expect(page.locator(f"#open-{session.pk}")).to_be_hidden()
    fold.locator("summary").click()
    expect(page.locator(f"#open-{session.pk}")).to_contain_text("09:00")
    session.refresh_from_db()
    assert session.snoozed_until is not None
    assert session.snoozed_until.astimezone(dt.UTC).hour == 12
    page.locator("#wake").click()
    expect(page.locator("#chat-state")).not_to_contain_text("Snoozed")
    expect(page.locator("[data-group=customer]")).to_contain_text("Sara Lindqvist")
    session.refresh_from_db()
    assert session.snoozed_until is None


def test_spam_can_be_taken_back_for_some_seconds(open_page: OpenPage) -> None:
    desk = scene()
    session = chat(desk.telegram, "Win A Prize", "Click here", operator=desk.maria)
    page = open_chat(open_page, desk, session)
    page.locator("#chat-menu-button").click()
    page.locator("#act-spam").click()
    page.get_by_label("Block the sender: nothing more of him comes in").check()
    page.get_by_role("button", name="Mark as spam").click()
    expect(page.locator("#chat-foot")).to_contain_text("This chat was closed as spam.")
    expect(page.locator("#chat-state")).to_contain_text("This sender is blocked")
    toast = page.locator(".toast")
    expect(toast).to_contain_text("Closed as spam.")
    screenshot(page, "spam-1440")
    session.refresh_from_db()
    assert session.close_reason == "spam"
    assert Conversation.objects.get().blocked_at is not None
    toast.get_by_role("button", name="Undo").click()
    expect(page.locator("#chat-foot")).to_contain_text("This chat has ended.")
    expect(page.locator("#chat-state")).not_to_contain_text("blocked")
    expect(toast).to_have_count(0)
    session.refresh_from_db()
    assert session.close_reason == "operator"
    assert Conversation.objects.get().blocked_at is None


def test_an_offer_to_everybody_goes_to_the_first_and_the_other_is_told(
    open_page: OpenPage, complaints: object
) -> None:
    desk = scene()
    session = chat(desk.telegram, "Camila Ferraz", "The sofa came without its legs",
                   operator=None, minutes=0.2, state=SessionState.OFFERED,
                   to_everybody=True)  # fmt: skip
    now = timezone.now()
    Session.objects.filter(pk=session.pk).update(offered_at=now)
    for one in (desk.maria, desk.igor):
        Assignment.objects.create(session=session, operator=one, offered_at=now)
    Timer.objects.create(
        session=session, kind=TimerKind.RESPONSE, due_at=now + dt.timedelta(minutes=3)
    )
    complaints.allow("409")  # type: ignore[attr-defined]
    maria = open_page(desk.maria.user, path="/inbox/mine/")
    igor = open_page(desk.igor.user, path="/inbox/mine/")
    for page in (maria, igor):
        expect(page.locator(".offer")).to_contain_text("New chat for 2 people")
        expect(page.locator(".countdown text")).to_contain_text(":")
    screenshot(maria, "offer-to-everybody-1440")
    # Igor's page hears nothing any more of what Maria does before he presses.
    igor.route("**/inbox/list/**", lambda route: route.abort())
    complaints.allow("ERR_FAILED")  # type: ignore[attr-defined]
    maria.locator(".offer .btn-accept").click()
    expect(maria.locator("#reply-text")).to_be_focused()
    igor.locator(".offer .btn-accept").click()
    expect(igor.locator(".toast")).to_contain_text("Maria Souza accepted this chat before you.")
    igor.unroute("**/inbox/list/**")
    igor.evaluate("dispatchEvent(new Event('online'))")
    expect(igor.locator(".offer")).to_have_count(0)
    session.refresh_from_db()
    assert session.operator == desk.maria


def test_ending_is_asked_where_the_line_says_so(open_page: OpenPage) -> None:
    desk = scene()
    desk.shop.ask_before_ending = True
    desk.shop.save()
    session = chat(desk.telegram, "Helena Prado", "Thank you", operator=desk.maria)
    page = open_chat(open_page, desk, session)
    page.locator("#end-chat").click()
    expect(page.get_by_role("heading", name="End this chat?")).to_be_visible()
    page.get_by_role("button", name="Cancel").or_(page.get_by_text("Cancel")).first.click()
    expect(page.locator("#dialog")).to_be_hidden()
    session.refresh_from_db()
    assert session.state == SessionState.ACTIVE
    page.locator("#end-chat").click()
    expect(page.locator("#ask-send")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#chat-foot")).to_contain_text("This chat has ended.")


def test_the_menu_works_by_keyboard(open_page: OpenPage) -> None:
    desk = scene()
    session = chat(desk.telegram, "Helena Prado", "Thank you", operator=desk.maria)
    page = open_chat(open_page, desk, session)
    button = page.locator("#chat-menu-button")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#act-transfer")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#act-transfer")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#act-snooze")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#act-transfer")).to_be_hidden()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#act-block")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Block Helena Prado?")).to_be_visible()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()


def test_somebody_is_written_to_first_and_a_chat_is_taken_up_again(open_page: OpenPage) -> None:
    desk = scene()
    ended: dict[str, Any] = {
        "state": SessionState.CLOSED, "closed_at": timezone.now(), "close_reason": "operator",
    }  # fmt: skip
    first = chat(desk.telegram, "Ingrid Solheim", "The chairs are here", operator=desk.maria,
                 **ended)  # fmt: skip
    second = chat(desk.telegram, "Kenji Watanabe", "Thank you", operator=desk.maria, **ended)
    page = open_chat(open_page, desk, first)
    page.keyboard.press("r")
    expect(page.locator("#reply-text")).to_be_focused()
    screenshot(page, "write-first-1440")
    page.keyboard.type("How do they look?")
    page.keyboard.press("Enter")
    expect(page.locator(".msg-out .text")).to_have_text("How do they look?")
    begun = Session.objects.get(conversation=first.conversation, closed_at__isnull=True)
    expect(page.locator("#chat")).to_have_attribute("data-session", str(begun.pk))
    page.goto(page.url.split("/inbox/")[0] + f"/inbox/chats/{second.pk}/")
    page.locator(".msg-in").hover()
    page.get_by_role("button", name="New chat from this message").click()
    expect(page.locator("#reply-text")).to_be_focused()
    begun = Session.objects.get(conversation=second.conversation, closed_at__isnull=True)
    assert (begun.operator, begun.parent) == (desk.maria, second)


def test_a_customer_who_writes_is_shown_and_then_no_more(open_page: OpenPage) -> None:
    desk = scene()
    session = chat(desk.telegram, "Helena Prado", "Wait", operator=desk.maria)
    page = open_chat(open_page, desk, session)
    expect(page.locator("#chat-writing")).to_be_hidden()
    # He began eight seconds ago: two more are left.
    typed = timezone.now() - dt.timedelta(seconds=7)
    Conversation.objects.update(typing_at=typed, changed_at=timezone.now())
    expect(page.locator("#chat-writing")).to_have_text("Helena Prado is writing…")
    expect(page.locator(f"#open-{session.pk} .typing-text")).to_be_visible()
    expect(page.locator("#chat-writing")).to_be_hidden()
    expect(page.locator(f"#open-{session.pk} .conv-text")).to_have_text("Wait")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_is_accessible_on_a_desk(open_page: OpenPage, scheme: str) -> None:
    desk = scene()
    chats = every_state(desk)
    page = open_chat(open_page, desk, chats["mine"], color_scheme=scheme)
    page.locator("#fold-snoozed > summary").click()
    page.locator("#chat-menu-button").click()
    screenshot(page, f"desk-mine-{scheme}")
    assert_accessible(page)
    page.locator("#act-transfer").click()
    expect(page.locator("#target-find")).to_be_focused()
    screenshot(page, f"desk-transfer-{scheme}")
    assert_accessible(page)
    server = page.url.split("/inbox/")[0]
    for name in ("waiting", "hours", "other", "helped", "ending", "snoozed", "spam", "closed"):
        view = "waiting" if name in {"waiting", "hours"} else "mine"
        page.goto(f"{server}/inbox/chats/{chats[name].pk}/?view={view}")
        page.locator("[data-key=KeyN]").first.focus()
        page.keyboard.press("n")
        screenshot(page, f"desk-{name}-{scheme}")
        assert_accessible(page)


# As long as a fifth more than English, and without a place to break.
LONG = "Oberlandesgerichtspräsidentenstellvertreter"


def test_long_words_break_nothing_on_a_phone(open_page: OpenPage) -> None:
    desk = scene()
    desk.shop.name = f"Linha de atendimento {LONG}"
    desk.shop.save()
    chats = every_state(desk)
    Conversation.objects.filter(pk=chats["mine"].conversation_id).update(display_name=LONG * 2)
    Session.objects.update(unread=0)
    options = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
    page = open_chat(open_page, desk, chats["mine"], **options)
    server = page.url.split("/inbox/")[0]

    def fits(name: str) -> None:
        lengthen(page)
        screenshot(page, f"phone-{name}")
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"], name

    page.locator("#chat-menu-button").tap()
    fits("menu")
    assert_accessible(page)
    page.locator("#act-transfer").tap()
    expect(page.locator("#ask-send")).to_be_visible()
    fits("transfer")
    assert_accessible(page)
    for name in ("waiting", "spam", "closed", "helped", "snoozed", "offered"):
        page.goto(f"{server}/inbox/chats/{chats[name].pk}/")
        fits(name)
    for view in ("mine", "waiting", "all"):
        page.goto(f"{server}/inbox/{view}/")
        fits(f"list-{view}")
        assert_accessible(page)


def lengthen(page: Page) -> None:
    """Make the words on buttons a fifth longer, as they are in Portuguese."""
    page.evaluate(
        """() => {
          const labels = '.btn, .menu-item > span, .modes > label';
          for (const place of document.querySelectorAll(labels)) {
            for (const node of place.childNodes) {
              const length = node.nodeType === 3 ? node.textContent.trim().length : 0;
              if (length) node.textContent += 'm'.repeat(length / 5 + 1);
            }
          }
        }"""
    )


@pytest.mark.parametrize("act", ["transfer/", "ask/snooze/", "ask/spam/"])
def test_questions_have_a_page_where_there_are_no_scripts(open_page: OpenPage, act: str) -> None:
    desk = scene()
    session = chat(desk.telegram, "Helena Prado", "Thank you", operator=desk.maria)
    page = open_page(desk.maria.user, path=f"/inbox/chats/{session.pk}/{act}",
                     java_script_enabled=False)  # fmt: skip
    screenshot(page, f"page-{act.strip('/').replace('/', '-')}")
    if act == "transfer/":
        page.get_by_text("Igor Lima").click()
    if act == "ask/snooze/":
        page.get_by_role("button", name=re.compile("^In an hour")).click()
    else:
        page.locator("#ask-send").click()
    expect(page.locator("#rows-of-thread, #list").first).to_be_visible()
    session.refresh_from_db()
    done = {"transfer/": session.operator == desk.igor,
            "ask/snooze/": session.snoozed_until is not None,
            "ask/spam/": session.close_reason == "spam"}  # fmt: skip
    assert done[act]
