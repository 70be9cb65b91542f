"""What a hostile customer writes, and is called, is text on every surface and never code."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.test import Client

from channels_app.models import Attachment, Conversation, Message, MessageState, OpenChannel
from queue_app.models import Session
from tests.channels_app.api.client import api_for
from tests.channels_app.services.storage import stored
from tests.channels_app.widget.visitor import Visitor
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    LiveChatConnectorFactory,
    MessageFactory,
    OpenChannelFactory,
    OperatorFactory,
    SessionFactory,
    UserFactory,
)
from tests.flows.wire import custom_message, custom_post

__all__ = ["stored"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stored")]

HOSTILE = {
    "script": "<script>alert('pwned')</script>",
    "attribute": "\"><img src=x onerror=alert('pwned')>",
    "single quotes": "'><svg/onload=alert('pwned')>",
    "end of a text": "</textarea></title></style></script><script>pwned()</script>",
    "template": "{{7*7}}{% debug %}{{ settings.SECRET_KEY }}${7*7}#{7*7}<%= 7*7 %>",
    "htmx": "<div hx-get='/logout/' hx-trigger='load' hx-on::load='pwned()'>x</div>",
    "alpine": "<b x-data x-init=\"pwned()\" @click='pwned()' :class='pwned()'>x</b>",
    "entity": "&lt;script&gt;pwned()&lt;/script&gt;&#60;img src=x onerror=pwned()&#62;",
    "half": "<img src=x onerror=pwned()",
    "comment": "<!--><img src=x onerror=pwned()>-->",
}
LINKS = {
    "javascript:alert(1)": [], "JaVaScRiPt:alert(1)//http://a.example": [],
    "data:text/html,<script>alert(1)</script>": [], "vbscript:msgbox(1)": [],
    "file:///etc/passwd": [], "[click](javascript:alert(1))": [], "ftp://a.example/": [],
    'http://a.example/"onmouseover="pwned()': ["http://a.example/"],
    "http://a.example/'><script>pwned()</script>": ["http://a.example/"],
    "https://a.example/?q=1&b=<b>": ["https://a.example/?q=1&b"],
}  # fmt: skip
# Attributes whose value is code or makes the page ask for something.
CODE = re.compile(r"^(on.*|x-.*|@.*|:.*|style|srcdoc|hx-(on|vals|vars|headers|ext).*)$")


class Page(HTMLParser):
    """What a browser would make of a page: elements with attributes, and the text between."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def links(self) -> list[str]:
        """Where the links in messages lead."""
        return [given["href"] for tag, given in self.elements
                if tag == "a" and "nofollow" in given.get("rel", "")]  # fmt: skip


def inert(html: str, *, admin: bool = False) -> Page:
    """The page, having checked that no element and no attribute in it came from a customer."""
    page = Page(html)
    for tag, given in page.elements:
        assert tag not in {"iframe", "object", "embed", "base"}, tag
        if tag == "script":
            assert given.get("src") or "json" in given.get("type", ""), given
        for name, value in given.items():
            if name in {"src", "href", "action", "formaction"} and value != "data:,":
                assert not re.match(r"\s*(javascript|vbscript|data):", value, re.IGNORECASE), value
            if CODE.match(name):
                # The theme's own expressions are the only code in attributes.
                assert admin, (tag, name)
                assert "pwned" not in value, (tag, name, value)
        assert given.get("src") != "x"
        assert "/logout/" not in given.get("hx-get", "")
    return page


def story(hostile: str, *, text: str | None = None) -> tuple[OpenChannel, Session, Message]:
    """Everything that can be named or said is `hostile`."""
    short = hostile[:60]
    person = UserFactory(first_name=short[:150], last_name=short[:150], is_superuser=True,
                         is_staff=True, username=f"boss-{User.objects.count()}")  # fmt: skip
    operator = OperatorFactory(user=person)
    line = OpenChannelFactory(name=hostile[:120], public_name=hostile[:120], operators=[operator])
    conversation = ConversationFactory(
        connector=ConnectorFactory(open_channel=line, name=hostile[:120]),
        display_name=hostile[:200],
        profile=dict.fromkeys(("username", "phone", "email", "language"), hostile),
    )
    quoted = MessageFactory(conversation=conversation, text=text or hostile, external_id="q1")
    message = MessageFactory(
        conversation=conversation, text=text or hostile, reply_to_external_id="q1",
        buttons=[{"text": hostile}], data={"reaction": hostile[:30]},
    )  # fmt: skip
    for position, kind in enumerate(("file", "contact", "location", "image")):
        Attachment.objects.create(
            message=message, position=position, type=kind, name=hostile[:200], phone=hostile[:40],
            state="stored", storage_key="in/aa/none", latitude=1, longitude=2,
            content_type="image/png" if kind == "image" else "application/octet-stream",
        )  # fmt: skip
    MessageFactory(
        conversation=conversation, direction="out", state=MessageState.FAILED, author=person,
        text=text or hostile, error_text=hostile, queued_at=None,
    )  # fmt: skip
    session = SessionFactory(conversation=conversation, operator=operator)
    assert quoted.seq < message.seq
    LogEntry.objects.log_actions(
        user_id=person.pk, queryset=[line], action_flag=CHANGE, change_message=hostile
    )
    return line, session, message


def signed_in(session: Session) -> Client:
    client = Client()
    assert session.operator is not None
    client.force_login(session.operator.user)
    return client


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_the_inbox_shows_it_as_it_was_written(hostile: str) -> None:
    line, session, _message = story(hostile)
    client = signed_in(session)
    for path in ("/inbox/mine/", "/inbox/all/", f"/inbox/all/?line={line.pk}", "/inbox/me/",
                 "/inbox/list/mine/", f"/inbox/chats/{session.pk}/",
                 f"/inbox/chats/{session.pk}/thread/?since=0"):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code == 200
        page = inert(answer.content.decode())
        assert "4949" not in page.text
    thread = inert(client.get(f"/inbox/chats/{session.pk}/").content.decode())
    # Nothing is lost either: what was written can be read, blanks aside.
    assert "".join(hostile.split()) in "".join(thread.text.split())


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_the_administration_shows_it_as_it_was_written(hostile: str) -> None:
    line, session, _message = story(hostile)
    client = signed_in(session)
    failed = Message.objects.get(state=MessageState.FAILED)
    connector = session.conversation.connector
    base = "/admin/channels_app"
    for path in (
        "/admin/", f"{base}/openchannel/", f"{base}/openchannel/{line.pk}/change/",
        f"{base}/openchannel/{line.pk}/history/", f"{base}/connector/",
        f"{base}/connector/{connector.pk}/change/", f"{base}/message/",
        f"{base}/message/{failed.pk}/change/", "/admin/queue_app/session/",
        f"/admin/queue_app/session/{session.pk}/change/", "/admin/queue_app/operator/",
        "/admin/auth/user/", f"{base}/apikey/add/",
        f"{base}/openchannel/?q={quote(hostile[:40])}",
    ):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code == 200, path
        page = inert(answer.content.decode(), admin=True)
        assert settings.SECRET_KEY not in page.text
        assert "49494949" not in page.text


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_programs_and_visitors_get_it_as_json_and_nothing_else(hostile: str) -> None:
    line = OpenChannelFactory(name="Internal", public_name=hostile[:120])
    connector = LiveChatConnectorFactory(
        open_channel=line,
        config={"allowed_origins": [], "title": hostile[:60], "greeting": hostile},
    )
    chat = Client().get(f"/chat/{connector.public_id}/")
    inert(chat.content.decode())
    visitor = Visitor.arrived(connector, origin=None)
    visitor.write(hostile)
    for answer in (visitor.get("config"), visitor.get("messages?after=0")):
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert holds(answer.json(), hostile)
    api = api_for(UserFactory(is_staff=True, is_superuser=True), scope="read")
    conversation = Conversation.objects.get()
    for path in ("/conversations/", f"/conversations/{conversation.pk}/messages/"):
        answer = api.get(path)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def holds(value: Any, text: str) -> bool:
    """Whether a JSON value has this text somewhere, unchanged."""
    if isinstance(value, dict):
        return any(holds(item, text) for item in value.values())
    if isinstance(value, list):
        return any(holds(item, text) for item in value)
    return isinstance(value, str) and value in {text, text[:60]}


@pytest.mark.parametrize(("text", "links"), LINKS.items(), ids=LINKS)
def test_only_web_addresses_become_links(text: str, links: list[str]) -> None:
    _line, session, _message = story("Ana", text=text)
    page = inert(signed_in(session).get(f"/inbox/chats/{session.pk}/").content.decode())
    found = set(page.links())
    assert all(link.startswith(("http://", "https://", "mailto:")) for link in found), found
    assert all(any(link.startswith(start) for link in found) for start in links), found
    # A web address inside something else is still only a web address.
    assert not [link for link in found if "://a.example" not in link]


OVERRIDE = "\u202e\u2066\u200bgnp.exe\u202d\u2069\ufeff"


def test_marks_that_turn_text_around_are_taken_out_of_names() -> None:
    _line, session, message = story("Ana", text="Hello")
    Conversation.objects.update(display_name=f"Ana{OVERRIDE}", profile={"username": OVERRIDE})
    Attachment.objects.filter(message=message).update(name=OVERRIDE)
    client = signed_in(session)
    for path in ("/inbox/mine/", f"/inbox/chats/{session.pk}/", "/admin/queue_app/session/",
                 f"/admin/queue_app/session/{session.pk}/change/",
                 "/admin/channels_app/message/"):  # fmt: skip
        html = client.get(path).content.decode()
        assert not re.findall("[\u202a-\u202e\u2066-\u2069]", html), path
        assert "gnp.exe" in html or "/message/" in path


class Boxes(HTMLParser):
    """Where a mark that turns text around stands: in an element with a `dir`, or loose."""

    VOID = frozenset({"img", "input", "br", "link", "meta", "wbr", "hr", "source"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, bool]] = []
        self.boxed = self.loose = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append((tag, tag != "html" and "dir" in dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "\u202e" in data:
            isolated = any(has_dir for _tag, has_dir in self.open)
            self.boxed += isolated
            self.loose += not isolated


def test_a_text_that_turns_around_stays_in_its_own_box() -> None:
    _line, session, _message = story("Ana", text=f"\u202e{'x' * 20}")
    client = signed_in(session)
    for path in ("/inbox/mine/", f"/inbox/chats/{session.pk}/"):
        # `dir` isolates: what follows in the page keeps its direction.
        boxes = Boxes(client.get(path).content.decode())
        assert (boxes.loose, boxes.boxed > 0) == (0, True), path


@pytest.mark.parametrize(
    "text", ["A" * 1_000_000, "Z" + "\u0301" * 10_000, "\u200b" * 50_000, "<b>" * 100_000]
)
def test_a_flood_of_text_is_cut_and_every_page_still_opens(client: Client, text: str) -> None:
    line = OpenChannelFactory(operators=[OperatorFactory()])
    connector = ConnectorFactory(open_channel=line)
    answer = custom_post(client, connector, custom_message("m1", text, name=text[:5000]))
    assert answer.status_code in {200, 422}
    assert answer.status_code == 200 or not Message.objects.exists()
    if answer.status_code == 422:
        return
    message = Message.objects.get()
    assert 0 < len(message.text) <= 20_000
    assert len(Conversation.objects.get().display_name) <= 255
    session = Session.objects.get()
    boss = UserFactory(is_staff=True, is_superuser=True)
    client.force_login(boss)
    for path in ("/inbox/all/", f"/inbox/chats/{session.pk}/", "/admin/queue_app/session/"):
        page = client.get(path)
        assert page.status_code == 200
        inert(page.content.decode(), admin=True)
        assert len(page.content) < 600_000
