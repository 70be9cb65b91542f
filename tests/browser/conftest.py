"""A real server on the test's database, and a real browser to look at it.

`server` is the address of a uvicorn process. `open_page(user)` gives a page of a browser context
of its own, signed in as `user` (or nobody); every page fails its test when a script fails, the
content security policy is broken or something is asked from elsewhere.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.conftest import browser_path

ROOT = Path(__file__).resolve().parent.parent.parent
SCREENS = ROOT / "var" / "screens"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


class OpenPage(Protocol):
    """Opens a page. Options are those of playwright's `new_context`."""

    def __call__(self, user: User | None = None, *, path: str = "", **options: Any) -> Page: ...


# Not for the session: the loop would stay in the way of the tests of other folders.
@pytest.fixture(scope="module", autouse=True)
def _orm_beside_playwright() -> Iterator[None]:
    """Playwright's loop runs in the test's thread; Django would refuse the ORM there."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    yield
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


def database_url() -> str:
    """The test's own database, as a server process of its own is told of it."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        return f"sqlite:///{database['NAME']}"
    account = ":".join(part for part in (database["USER"], database["PASSWORD"]) if part)
    return f"postgres://{account}@{database['HOST']}:{database['PORT']}/{database['NAME']}"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a uvicorn process that serves the test's database."""
    yield from serve(tmp_path_factory)


def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the server, give its address, and end it."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("server") / "log.txt"
    environment = {
        key: value for key, value in os.environ.items() if key != "DJANGO_ALLOW_ASYNC_UNSAFE"
    } | {
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "openlines_project.settings_test",
        "OPENLINES_VAR": str(settings.VAR),
        "SECRET_KEY": settings.SECRET_KEY,
        "FIELD_ENCRYPTION_KEYS": ",".join(settings.FIELD_ENCRYPTION_KEYS),
    }
    command = [
        sys.executable, "-m", "uvicorn", "openlines_project.asgi:application", "--host",
        "127.0.0.1", "--port", str(port), "--lifespan", "off", "--log-level", "warning",
        "--timeout-graceful-shutdown", "1",
    ]  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_for_server(address, process, log)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def wait_for_server(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", urlsplit(address).port or 0), timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"The server did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=browser_path(), args=ARGUMENTS)
        yield running
        running.close()


def sign_in(context: BrowserContext, server: str, user: User) -> None:
    """Give the context the session cookie of `user`."""
    client = Client()
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": cookie.value, "url": server}]
    )


class Complaints:
    """What pages of one test complained about."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.allowed_hosts = {urlsplit(server).netloc}
        self.expected = ["htmx:"]  # it notes each failed request, which the browser tells anyway
        self.found: list[str] = []

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.found.append(f"script: {error}"))
        page.on("request", lambda request: self._request(request.url))

    def allow(self, *texts: str) -> None:
        """Complaints that hold one of these texts are meant to happen in this test."""
        self.expected += texts

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            place = message.location.get("url", "")
            self.found.append(f"console: {message.text} ({place})")

    def _request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"} and parts.netloc not in self.allowed_hosts:
            self.found.append(f"asked from outside: {url}")

    def unexpected(self) -> list[str]:
        return [
            text for text in self.found if not any(allowed in text for allowed in self.expected)
        ]


@pytest.fixture
def complaints(server: str) -> Iterator[Complaints]:
    kept = Complaints(server)
    yield kept
    assert kept.unexpected() == []


@pytest.fixture
def open_page(
    transactional_db: None, server: str, browser: Browser, complaints: Complaints
) -> Iterator[OpenPage]:
    contexts: list[BrowserContext] = []

    def opened(user: User | None = None, *, path: str = "", **options: Any) -> Page:
        context = browser.new_context(
            **({"viewport": DESKTOP, "locale": "en-GB", "timezone_id": "UTC"} | options)
        )
        contexts.append(context)
        context.set_default_timeout(10_000)
        context.on("page", complaints.watch)
        if user is not None:
            sign_in(context, server, user)
        page = context.new_page()
        if path:
            page.goto(server + path)
        return page

    yield opened
    for context in contexts:
        context.close()


def screenshot(page: Page, name: str) -> None:
    """Keep a picture under var/screens for a person to look at."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENS / f"{name}.png")
