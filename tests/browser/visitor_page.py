"""A visitor and his pages: our own chat page, and a site of somebody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Page

from channels_app.models import Connector, Conversation, Direction, Message
from tests.browser.conftest import Complaints
from tests.channels_app.widget.visitor import add_message
from tests.factories import UserFactory

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
