"""What goes into the outbox: one row for each call to the platform."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from channels_app.models import Attachment, Conversation, Message
from channels_app.services.conversations import conversation_lock
from channels_app.services.errors import InvalidError
from channels_app.services.messages import (
    MAX_FILES,
    MAX_TEXT,
    capabilities_of,
    message_queue,
    request_digest,
    sending_refused,
)
from openlines_project.lib.text import text_size
from tests.channels_app.services.storage import PNG, stored
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    MessageFactory,
    MetaConnectorFactory,
    OpenChannelFactory,
    TelegramConnectorFactory,
    UserFactory,
    moment,
)

__all__ = ["stored"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def chat() -> Conversation:
    chat: Conversation = ConversationFactory(connector=TelegramConnectorFactory())
    return chat


def queue(chat: Conversation, **values: Any) -> list[Message]:
    with transaction.atomic():
        return message_queue(conversation=conversation_lock(chat.pk), now=moment(), **values)


def upload(name: str = "a.png", content: bytes = PNG) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def test_a_text_is_one_row_that_waits_to_be_sent(chat: Conversation) -> None:
    user: User = UserFactory()
    (row,) = queue(chat, text="  On its\r\nway ", author=user, client_key="k1", reply_to="m1")
    row.refresh_from_db()
    assert (row.text, row.kind, row.direction, row.state) == (
        "On its\nway",
        "text",
        "out",
        "queued",
    )
    assert (row.author, row.client_key, row.reply_to_external_id) == (user, "k1", "m1")
    assert (row.queued_at, row.next_attempt_at, row.attempts) == (moment(), None, 0)
    chat.refresh_from_db()
    assert (row.seq, row.version) == (chat.last_seq, chat.version) == (1, 1)
    assert (chat.last_text, chat.last_direction, chat.last_kind, chat.last_message_at) == (
        "On its way", "out", "text", moment(),
    )  # fmt: skip


def test_a_long_text_becomes_rows_within_the_channels_limit(chat: Conversation) -> None:
    text = "word 😀 " * 2000
    rows = queue(chat, text=text, client_key="k1", reply_to="m1")
    assert len(rows) == 4
    assert all(text_size(row.text, "utf16") <= 4096 for row in rows)
    assert " ".join(row.text for row in rows) == text.strip()
    assert [row.seq for row in rows] == [1, 2, 3, 4]
    # A repeat and the message answered belong to the first.
    assert [row.client_key for row in rows] == ["k1", None, None, None]
    assert [row.reply_to_external_id for row in rows] == ["m1", "", "", ""]
    chat.refresh_from_db()
    assert (chat.last_seq, chat.version) == (4, 4)


def test_the_connectors_own_limit_counts() -> None:
    chat = ConversationFactory(connector=ConnectorFactory(config={"text_limit": 20}))
    rows = queue(chat, text="twenty characters at most in each")
    assert [row.text for row in rows] == ["twenty characters at", "most in each"]


def test_each_file_is_a_row_of_its_own(
    chat: Conversation, stored: Callable[[], list[bytes]]
) -> None:
    rows = queue(chat, text="Here", files=[upload(), upload("b.txt", b"text")], client_key="k1")
    assert [(row.text, row.kind, row.client_key) for row in rows] == [
        ("Here", "text", "k1"), ("", "image", None), ("", "file", None),
    ]  # fmt: skip
    picture, text = Attachment.objects.order_by("pk")
    assert (picture.message, picture.type, picture.content_type, picture.state) == (
        rows[1], "image", "image/png", "stored",
    )  # fmt: skip
    assert (text.name, text.content_type, text.size) == ("b.txt", "application/octet-stream", 4)
    assert stored() == sorted([PNG, b"text"])


def test_a_file_without_a_text_carries_the_key(
    chat: Conversation, stored: Callable[[], list[bytes]]
) -> None:
    (row,) = queue(chat, files=[upload()], client_key="k1", reply_to="m1")
    assert (row.client_key, row.reply_to_external_id) == ("k1", "m1")


def refused(chat: Conversation, **values: Any) -> InvalidError:
    with pytest.raises(InvalidError) as caught:
        queue(chat, **values)
    assert not Message.objects.exists()
    assert not Attachment.objects.exists()
    version = chat.version
    chat.refresh_from_db()
    assert (chat.version, chat.last_seq) == (version, 0)
    return caught.value


@pytest.mark.parametrize("text", ["", "  \n ", "\x07"])
def test_nothing_is_not_sent(chat: Conversation, text: str) -> None:
    assert refused(chat, text=text).code == "empty"


def test_too_much_is_refused(chat: Conversation) -> None:
    error = refused(chat, text="x" * (MAX_TEXT + 1))
    assert (error.code, error.fields) == ("too_long", {"text": ["At most 20000 characters."]})
    many = [upload() for _ in range(MAX_FILES + 1)]
    assert refused(chat, files=many).code == "too_many_files"


def test_an_empty_or_too_big_file_is_refused_with_all_of_it(
    chat: Conversation, stored: Callable[[], list[bytes]], settings: Any
) -> None:
    assert refused(chat, text="Here", files=[upload("e.png", b"")]).code == "empty_file"
    settings.MEDIA_MAX_BYTES = 10
    assert refused(chat, text="Here", files=[upload()]).code == "file_too_big"
    assert stored() == []


def test_a_channel_without_files_takes_none(
    chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from channels_app.drivers.base import Capabilities
    from channels_app.drivers.telegram import TelegramDriver

    monkeypatch.setattr(TelegramDriver, "capabilities", Capabilities(files=False))
    assert refused(chat, files=[upload()]).code == "no_files"


def test_a_name_that_is_a_path_is_only_a_name(
    chat: Conversation, stored: Callable[[], list[bytes]]
) -> None:
    queue(chat, files=[upload("x.png")])
    file = upload()
    file.__dict__["_name"] = "..\\..\\etc/pass\x00wd"
    queue(chat, files=[file])
    attachment = Attachment.objects.latest("pk")
    assert attachment.name == "pass�wd"
    assert attachment.storage_key.startswith("in/")
    assert "pass" not in attachment.storage_key


def test_the_digest_tells_one_request_from_another() -> None:
    assert request_digest("a", []) == request_digest("a", [])
    assert len({
        request_digest("a", []), request_digest("b", []), request_digest("a", [upload()]),
        request_digest("a", [upload("b.png")]), request_digest("a", [upload(content=b"x")]),
    }) == 5  # fmt: skip


@pytest.mark.parametrize(
    ("line", "connector", "unreachable", "code"),
    [
        ({"is_active": False}, {}, False, "line_closed"),
        ({"archived_at": moment()}, {}, False, "line_closed"),
        ({}, {"status": "disabled"}, False, "connector_off"),
        ({}, {"status": "broken"}, False, "connector_off"),
        ({}, {}, True, "unreachable"),
    ],
)
def test_why_nothing_can_be_sent_is_said(
    line: dict[str, Any], connector: dict[str, Any], unreachable: bool, code: str
) -> None:
    chat = ConversationFactory(
        connector=ConnectorFactory(open_channel=OpenChannelFactory(**line), **connector),
        unreachable_at=moment() if unreachable else None,
    )
    refusal = sending_refused(chat)
    assert refusal is not None
    assert (refusal.code, refusal.status) == (code, 409)


@pytest.mark.parametrize("status", ["connected", "degraded", "not_configured", "connecting"])
def test_otherwise_it_can(status: str) -> None:
    chat = ConversationFactory(connector=ConnectorFactory(status=status))
    assert sending_refused(chat) is None


def test_a_channel_whose_driver_is_gone_can_do_little() -> None:
    chat = ConversationFactory(connector=ConnectorFactory(kind="carrier-pigeon"))
    assert capabilities_of(chat).files is False
    assert capabilities_of(chat).deduplicates is False


@pytest.mark.parametrize(("hours", "code"), [(24, "window"), (25, ""), (0, "")])
def test_the_time_to_answer_counts_from_the_customers_last_message(hours: int, code: str) -> None:
    connector = ConnectorFactory(config={"reply_window_hours": hours})
    chat = ConversationFactory(connector=connector)
    MessageFactory(conversation=chat, created_at=moment(-600))
    MessageFactory(conversation=chat, created_at=moment(0))
    MessageFactory(conversation=chat, direction="out", created_at=moment(1))
    refused = sending_refused(chat, now=moment(24 * 60))
    assert (refused.code if refused else "") == code


@pytest.mark.parametrize("kind", ["messenger", "instagram"])
@pytest.mark.parametrize(
    ("automatic", "hours", "code"),
    [(True, 23, ""), (True, 24, "window"), (False, 24, ""), (False, 7 * 24, "window")],
)
def test_what_no_person_wrote_may_have_a_shorter_time(
    kind: str, automatic: bool, hours: int, code: str
) -> None:
    chat = ConversationFactory(connector=MetaConnectorFactory(kind=kind))
    MessageFactory(conversation=chat, created_at=moment())
    refused = sending_refused(chat, now=moment(hours * 60), automatic=automatic)
    assert (refused.code if refused else "") == code


@pytest.mark.parametrize(("hours", "code"), [(23, ""), (24, "window")])
def test_elsewhere_it_has_the_same(hours: int, code: str) -> None:
    chat = ConversationFactory(connector=MetaConnectorFactory())
    MessageFactory(conversation=chat, created_at=moment())
    refused = sending_refused(chat, now=moment(hours * 60), automatic=True)
    assert (refused.code if refused else "") == code


def test_into_the_answers_of_another_program_only_a_person_talks() -> None:
    chat = ConversationFactory(connector=MetaConnectorFactory(kind="messenger"))
    MessageFactory(conversation=chat, created_at=moment(), data={"standby": True})
    MessageFactory(conversation=chat, direction="out", created_at=moment())
    refused = sending_refused(chat, now=moment(1), automatic=True)
    assert refused is not None
    assert refused.code == "standby"
    assert sending_refused(chat, now=moment(1)) is None
    MessageFactory(conversation=chat, created_at=moment(2))  # given back
    assert sending_refused(chat, now=moment(3), automatic=True) is None


def test_where_answers_have_their_time_nobody_is_written_to_first() -> None:
    connector = ConnectorFactory(config={"reply_window_hours": 24})
    refused = sending_refused(ConversationFactory(connector=connector), now=moment())
    assert refused is not None
    assert refused.code == "window"
