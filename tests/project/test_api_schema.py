from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from openlines_project.api_urls import RESOURCES
from tests.channels_app.api.client import api_for
from tests.conftest import browser_path
from tests.factories import SuperuserFactory, UserFactory

pytestmark = pytest.mark.django_db


def schema_by(client: Client, **headers: str) -> Any:
    return client.get("/api/schema/", headers=headers)


def test_the_description_is_valid_and_generated_without_a_warning() -> None:
    out = io.StringIO()
    call_command("spectacular", fail_on_warn=True, validate=True, stdout=out)
    assert "openapi: 3" in out.getvalue()


def test_the_description_names_every_resource() -> None:
    client = Client()
    client.force_login(SuperuserFactory())
    described = schema_by(client).json()
    assert {path.split("/")[3] for path in described["paths"]} == set(RESOURCES)
    assert described["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"
    create = described["paths"]["/api/v1/open-channels/"]["post"]
    assert {p["name"] for p in create["parameters"]} == {"Idempotency-Key"}
    assert set(create["responses"]) == {"201", "400", "401", "403", "409"}
    listed = described["paths"]["/api/v1/sessions/"]["get"]
    assert {p["name"] for p in listed["parameters"]} == {
        "conversation", "state", "open_channel", "operator", "cursor", "page_size", "ordering",
    }  # fmt: skip


def test_no_secret_can_be_read() -> None:
    client = Client()
    client.force_login(SuperuserFactory())
    shapes = schema_by(client).json()["components"]["schemas"]
    shown = ("Connector", "Conversation", "Message", "Attachment", "Operator", "InboundEvent")
    names = {name for shape in shown for name in shapes[shape]["properties"]}
    assert {"webhook_url", "external_chat_id", "author"} <= names
    assert not [
        name for name in names for word in ("secret", "token", "password", "raw", "ref", "storage")
        if word in name.split("_")
    ]  # fmt: skip


def test_strangers_do_not_get_the_description() -> None:
    assert schema_by(Client()).status_code == 401
    client = Client()
    client.force_login(UserFactory())
    assert schema_by(client).status_code == 403


def test_a_key_gets_the_description() -> None:
    api = api_for(UserFactory(), "read")
    assert schema_by(Client(), Authorization=f"Bearer {api.token}").status_code == 200
    assert schema_by(Client(), Authorization="Bearer olk_wrong").status_code == 401


def test_the_page_is_for_signed_in_staff() -> None:
    client = Client()
    response = client.get("/api/docs/")
    assert (response.status_code, response["Location"]) == (302, "/login/?next=/api/docs/")
    client.force_login(UserFactory())
    assert client.get("/api/docs/").status_code == 403
    client.force_login(SuperuserFactory())
    response = client.get("/api/docs/")
    assert response.status_code == 200
    assert b"<style" not in response.content
    assert b"style=" not in response.content
    assert b"<script>" not in response.content
    assert "unsafe" not in response["Content-Security-Policy"]


@pytest.fixture
def _orm_beside_playwright() -> Iterator[None]:
    """Playwright's loop runs in the test's thread; Django would refuse the ORM there."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    yield
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_orm_beside_playwright")
def test_the_page_draws_itself_within_our_policy_and_asks_nobody_else(live_server: Any) -> None:
    from playwright.sync_api import sync_playwright

    client = Client()
    client.force_login(SuperuserFactory())
    complaints: list[str] = []
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path(),
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
        )
        context = browser.new_context()
        session = client.cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        page = context.new_page()
        page.on("console", lambda entry: complaints.append(entry.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{live_server.url}/api/docs/")
        page.get_by_text("/api/v1/open-channels/", exact=True).first.wait_for(timeout=30_000)
        page.get_by_text("/api/v1/sessions/{id}/reply/", exact=True).first.click()
        page.get_by_role("button", name="Authorize").first.wait_for()
        page.screenshot(path=os.environ.get("API_DOCS_SHOT") or None)
        browser.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith((live_server.url, "data:"))] == []
