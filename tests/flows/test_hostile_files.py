"""Hostile files by every way in: kept as bytes, handed out as downloads, under names of ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from channels_app.models import Attachment
from channels_app.services.delivery import conversation_deliver
from channels_app.services.media import attachment_fetch, signed_file_path
from queue_app.models import Session
from queue_app.services.replies import session_reply
from tests.channels_app.services.storage import HTML, JPEG, PNG, SVG, stored
from tests.channels_app.widget.visitor import Visitor
from tests.factories import (
    TELEGRAM_WEBHOOK_SECRET,
    LiveChatConnectorFactory,
    OpenChannelFactory,
    OperatorFactory,
    TelegramConnectorFactory,
)
from tests.flows.wire import telegram_post, telegram_text
from tests.standins.bot_api import TOKEN, BotApiStandIn, bot_api

__all__ = ["stored"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stored")]

# What may run where it is opened: by content, whatever the name says.
RUNS = {
    "svg": SVG,
    "html": HTML,
    "xhtml": b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><script/></html>',
    "javascript": b"alert(document.cookie)//",
    "hta": b"<hta:application/><script>new ActiveXObject('x')</script>",
    "pdf": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>",
    "program": b"MZ\x90\x00\x03",
    "flash": b"FWS\x09",
    "archive of html": b"PK\x03\x04index.html",
    "byte order mark and html": b"\xef\xbb\xbf" + HTML,
    "mhtml": b"MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n" + HTML,
}
POLYGLOTS = {"png and html": PNG + HTML, "jpeg and script": JPEG + b"*/alert(1)//",
             "gif and script": b"GIF89a/*" + b"\x00" * 32 + b"*/=1;alert(1)//"}  # fmt: skip
NAMES = [
    "../../../etc/passwd", "..\\..\\windows\\win.ini", "..", ".", "/etc/shadow", "CON", "a/b/c.svg",
    "x\r\nSet-Cookie: mine=1\r\n\r\n<script>alert(1)</script>.png", "a\x00b.png", "\u202egnp.exe",
    'a"; filename="evil.html', "x" * 300 + ".png", "x.php.jpg", "\u2028.svg", "%2e%2e%2fx",
    "😀.html",
]  # fmt: skip


def checked(answer: Any, content: bytes) -> None:
    """A file that leaves: whole, alone in a sandbox, and with one header for each thing."""
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content) == content
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert re.search(r"sandbox\s*($|;)", policy), policy
    assert not answer.cookies
    assert "mine=1" not in answer.headers.get("Set-Cookie", "")
    for name, value in answer.headers.items():
        assert not re.search(r"[\x00-\x1f\x7f]", f"{name}{value}"), name


def is_download(answer: Any) -> bool:
    given: str = answer.headers["Content-Disposition"]
    kind: str = answer.headers["Content-Type"]
    return given.startswith("attachment") and kind == "application/octet-stream"


def shown_name(answer: Any) -> str:
    """What a browser would save the file as."""
    given = answer.headers["Content-Disposition"]
    found = re.search(r"filename\*?=(?:utf-8'')?\"?(.*?)\"?$", given)
    assert found is not None, given
    return found[1]


def by_live_chat(content: bytes, name: str, monkeypatch: pytest.MonkeyPatch) -> Attachment:
    visitor = Visitor.arrived(LiveChatConnectorFactory(), origin=None)
    file = SimpleUploadedFile("placeholder", content, content_type="image/png")
    # The test's own upload would clean the name; a visitor's program need not.
    monkeypatch.setattr(file, "_name", name)
    answer = visitor.upload({"client_id": "0b1c2d3e-0000-4000-8000-000000000001", "files": [file]})
    assert answer.status_code == 201, answer.content
    shown = answer.json()["message"]["attachments"][0]
    assert not re.search(r"[/\\\x00-\x1f\u202a-\u202e]", shown["name"])
    return Attachment.objects.get()


def by_telegram(content: bytes, name: str, _patch: pytest.MonkeyPatch) -> Attachment:
    with bot_api() as telegram:
        connector = telegram_connector(telegram)
        telegram.files["documents/file-1"] = content
        update = telegram_text(1, "Look")
        update["message"]["document"] = {
            "file_id": "file-1", "file_name": name, "mime_type": "image/png",
        }  # fmt: skip
        assert telegram_post(Client(), connector, update).status_code == 200
        attachment = Attachment.objects.get()
        assert attachment_fetch(attachment_id=attachment.pk, now=timezone.now()) == "stored"
    attachment.refresh_from_db()
    return attachment


def telegram_connector(telegram: BotApiStandIn) -> Any:
    operator = OperatorFactory()
    return TelegramConnectorFactory(
        open_channel=OpenChannelFactory(operators=[operator]),
        config={"api_base_url": telegram.url},
        secrets={"token": TOKEN, "webhook_secret": TELEGRAM_WEBHOOK_SECRET},
    )


WAYS = [by_live_chat, by_telegram]
Way = Callable[[bytes, str, pytest.MonkeyPatch], Attachment]


@pytest.mark.parametrize("way", WAYS, ids=["live chat", "Telegram"])
@pytest.mark.parametrize("content", RUNS.values(), ids=RUNS)
def test_what_may_run_is_a_download_whatever_it_calls_itself(
    client: Client, way: Way, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    attachment = way(content, "holiday.png", monkeypatch)
    assert attachment.type == "file"
    answer = client.get(signed_file_path(attachment))
    assert is_download(answer)
    checked(answer, content)


@pytest.mark.parametrize("way", WAYS, ids=["live chat", "Telegram"])
@pytest.mark.parametrize("content", POLYGLOTS.values(), ids=POLYGLOTS)
def test_a_picture_that_is_also_a_page_is_only_ever_a_picture(
    client: Client, way: Way, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    attachment = way(content, "page.html", monkeypatch)
    answer = client.get(signed_file_path(attachment))
    assert re.fullmatch(r"image/(png|jpeg|gif)", answer.headers["Content-Type"])
    checked(answer, content)


@pytest.mark.parametrize("way", WAYS, ids=["live chat", "Telegram"])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_no_path_and_no_header(
    client: Client, way: Way, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way is by_live_chat and name in {".", ".."}:
        pytest.skip("Django takes such a part for no file at all")
    attachment = way(SVG, name, monkeypatch)
    # Where it lies is our choice alone.
    assert re.fullmatch(r"in/[0-9a-f]{2}/[0-9a-f]{32}", attachment.storage_key)
    assert len(attachment.name) <= 200
    answer = client.get(signed_file_path(attachment))
    assert is_download(answer)
    checked(answer, SVG)
    saved_as = shown_name(answer)
    assert not re.search(r"[/\\]|^\.{0,2}$", saved_as.replace('\\"', "")), saved_as


def test_a_file_lies_outside_of_what_is_served(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    attachment = by_live_chat(HTML, "a.html", monkeypatch)
    for path in (
        f"/media/{attachment.storage_key}", f"/{attachment.storage_key}",
        f"/static/{attachment.storage_key}", f"/static/../media/{attachment.storage_key}",
        f"/files/{attachment.storage_key}/", f"/files/{attachment.public_id}/",
        "/files/../secrets.env/", "/static/../secrets.env", "/static/%2e%2e/secrets.env",
    ):  # fmt: skip
        assert client.get(path).status_code == 404, path
    assert not settings.MEDIA_ROOT.is_relative_to(settings.STATIC_ROOT)


@pytest.mark.parametrize("name", ["a\r\nX-Evil: 1\r\n\r\nbody.svg", 'x"; name="chat_id', "../../a"])
def test_what_an_operator_sends_reaches_the_platform_as_one_file(
    client: Client, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bot_api() as telegram:
        connector = telegram_connector(telegram)
        telegram_post(client, connector, telegram_text(1, "Hello"))
        session = Session.objects.get()
        assert session.operator is not None
        file = SimpleUploadedFile("placeholder", SVG, content_type="image/svg+xml")
        # Django cleans the name of an upload; what is sent must not depend on it.
        monkeypatch.setattr(file, "_name", name)
        session_reply(
            session_id=session.pk, user=session.operator.user, text="", files=[file],
            client_key="0123456789abcdef", now=timezone.now(),
        )  # fmt: skip
        conversation_deliver(conversation_id=session.conversation_id)
        (sent,) = telegram.sent
    # An SVG is no picture: it travels as a document, to the right chat, with no more parts.
    assert sent.method == "sendDocument"
    assert str(sent.params["chat_id"]) == session.conversation.external_chat_id
    (given,) = sent.files.values()
    assert given.content == SVG
    assert not re.search(r"[\r\n/\\]", given.name)
    attachment = Attachment.objects.get()
    answer = client.get(signed_file_path(attachment))
    assert is_download(answer)
    checked(answer, SVG)
