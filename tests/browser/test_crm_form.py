"""A CRM form on a phone, in a real browser, without a script."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect

from crm_app.models import FormSubmission
from tests.browser.conftest import PHONE, Complaints, OpenPage, screenshot
from tests.factories.crm import CrmFormFactory, link_path

pytestmark = pytest.mark.browser

FIELDS = [
    {"kind": "name", "is_required": True},
    {"kind": "phone"},
    {"kind": "email"},
    {"kind": "choice", "key": "product", "label": "Product", "choices": "Dining table\nChair"},
    {"kind": "long_text", "key": "what", "label": "What happened?",
     "help_text": "The part, and when it began."},
]  # fmt: skip


def assert_accessible(page: Page) -> None:
    found = Axe().run(page)
    assert [
        (rule["id"], node["html"][:160])
        for rule in found.response["violations"]
        for node in rule["nodes"]
    ] == []


def on_a_phone(open_page: OpenPage, path: str, scheme: str, **options: Any) -> Page:
    return open_page(
        path=path, viewport=PHONE, color_scheme=scheme, has_touch=True, is_mobile=True, **options
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_form_on_a_phone_is_accessible_and_speaks_plainly(
    open_page: OpenPage, complaints: Complaints, scheme: str
) -> None:
    complaints.allow("422")
    form = CrmFormFactory(title="Tell us what happened", fields=FIELDS)
    page = on_a_phone(open_page, link_path(form), scheme)
    expect(page.get_by_role("heading", name="Tell us what happened")).to_be_visible()
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    page.get_by_label("Phone").fill("11 9832")
    page.get_by_label("What happened?").fill("A leg of the table is loose.")
    page.get_by_role("button", name="Send").tap()
    expect(page.get_by_role("alert")).to_contain_text("Check the marked fields.")
    expect(page.get_by_text("This number is too short. Include the area code.")).to_be_visible()
    expect(page.get_by_label("Phone")).to_have_value("11 9832")
    expect(page.get_by_label("What happened?")).to_have_value("A leg of the table is loose.")
    screenshot(page, f"crm-form-errors-{scheme}")
    assert_accessible(page)
    assert page.context.cookies() == []


def test_without_a_script_the_form_is_sent_once_and_thanks(open_page: OpenPage) -> None:
    form = CrmFormFactory(title="Tell us what happened", fields=FIELDS)
    page = on_a_phone(open_page, link_path(form), "light", java_script_enabled=False)
    started = timezone.now()
    page.get_by_label("Name").fill("Paulo Anjos")
    page.get_by_label("Phone").fill("(11) 98321-2345")
    page.get_by_label("Product").select_option("Chair")
    page.get_by_label("I agree that these details are stored").check()
    # Programs are told by their speed: a person takes longer than the shortest time.
    page.wait_for_timeout(max(0, 2500 - (timezone.now() - started).total_seconds() * 1000))
    page.get_by_role("button", name="Send").tap()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    screenshot(page, "crm-form-thanks")
    page.reload()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert FormSubmission.objects.get().data == {
        "name": "Paulo Anjos", "phone": "+5511983212345", "product": "Chair"
    }  # fmt: skip


def test_the_trap_is_where_no_person_goes(open_page: OpenPage) -> None:
    page = open_page(path=link_path(CrmFormFactory()))
    page.get_by_label("Name").focus()
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.name || ''"))
    assert {"f-phone", "f-email", "f-consent"} <= set(seen)
    assert "website" not in seen
    assert page.get_by_role("textbox").count() == 3


def test_a_link_that_leads_nowhere_says_so_plainly(
    open_page: OpenPage, complaints: Complaints
) -> None:
    complaints.allow("404", "410")
    page = open_page(path="/forms/cut-off/", viewport=PHONE)
    expect(page.get_by_role("heading", name="There is no such form")).to_be_visible()
    assert_accessible(page)
    page.goto(page.url.replace("/forms/cut-off/", link_path(CrmFormFactory(), hours=-1)))
    expect(page.get_by_role("heading", name="This link has expired")).to_be_visible()
    screenshot(page, "crm-form-expired")
    assert_accessible(page)
