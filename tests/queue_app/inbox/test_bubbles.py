"""What stands in a bubble: words, links, files and places, none of them markup."""

from __future__ import annotations

import pytest
from django.utils import translation

from channels_app.models import Attachment, AttachmentState, Message
from tests.queue_app.inbox.stories import desk

pytestmark = pytest.mark.django_db


def test_nothing_a_customer_writes_becomes_markup() -> None:
    story = desk()
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)> \"'><svg/onload=alert(1)>"
    session = story.chat(
        text=evil + " javascript:alert(1) https://example.com/<script>",
        conversation={"display_name": evil, "profile": {"username": evil, "email": evil}},
    )
    message = Message.objects.get()
    Attachment.objects.create(
        message=message, type="contact", name=evil, phone='"><script>',
        state=AttachmentState.STORED,
    )  # fmt: skip
    html = story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    for tag in ("<script>alert", "<img src=x", "<svg/onload", 'href="javascript'):
        assert tag not in html
    assert "&lt;script&gt;alert(1)" in html


def test_links_open_beside_the_inbox_and_tell_nothing() -> None:
    story = desk()
    session = story.chat(text="see https://example.com/a?b=1&c=2")
    html = story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    assert (
        '<a href="https://example.com/a?b=1&amp;c=2" target="_blank"'
        ' rel="noopener noreferrer nofollow">'
    ) in html


def test_files_that_are_not_here_have_a_placeholder() -> None:
    story = desk()
    session = story.chat()
    message = Message.objects.get()
    for position, state in enumerate(["pending", "too_big", "failed", "expired"]):
        Attachment.objects.create(message=message, position=position, type="image", state=state)
    html = story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    for words in ("being fetched", "too big to be fetched", "could not be fetched",
                  "no longer available"):  # fmt: skip
        assert f"Photo: {words}" in html


def test_a_place_is_shown_with_its_coordinates_and_no_map() -> None:
    story = desk()
    session = story.chat()
    Attachment.objects.create(
        message=Message.objects.get(), type="location", latitude=-23.5, longitude=46.25,
        state=AttachmentState.STORED,
    )  # fmt: skip
    html = story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    assert 'href="geo:-23.50000,46.25000"' in html
    with translation.override("pt-br"):
        html = story.client.get(
            f"/inbox/chats/{session.pk}/", headers={"Accept-Language": "pt-BR"}
        ).content.decode()
    assert 'href="geo:-23.50000,46.25000"' in html


def test_a_web_address_somebody_sent_is_a_link_and_nothing_else_is() -> None:
    story = desk()
    session = story.chat()
    for position, ref in enumerate(["https://example.com/a?b=1&c=2", "javascript:alert(1)"]):
        Attachment.objects.create(
            message=Message.objects.get(), position=position, type="link", platform_ref=ref,
            state=AttachmentState.STORED,
        )  # fmt: skip
    html = story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    assert 'href="https://example.com/a?b=1&amp;c=2"' in html
    assert 'rel="noopener noreferrer nofollow"' in html
    assert "javascript:" not in html
