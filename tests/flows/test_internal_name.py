"""The internal name of a line is for the staff: no byte that a customer can get holds it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from channels_app.models import Attachment, Connector, InboundEvent, Message, OpenChannel
from channels_app.services.connectors import (
    connector_check,
    connector_connect,
    connector_disconnect,
)
from channels_app.services.delivery import conversation_deliver
from channels_app.services.gestures import callback_acknowledge, typing_send
from channels_app.services.media import attachment_fetch, signed_file_path
from channels_app.services.outbox import message_resend
from channels_app.services.polling import connectors_poll
from queue_app.models import Operator, Session
from queue_app.services.endings import session_end
from queue_app.services.replies import session_reply
from tests.channels_app.services.storage import PNG, stored
from tests.factories import (
    CUSTOM_SECRET,
    TELEGRAM_WEBHOOK_SECRET,
    ConnectorFactory,
    OpenChannelFactory,
    OperatorFactory,
    TelegramConnectorFactory,
    UserFactory,
)
from tests.flows.wire import custom_message, custom_post, telegram_post, telegram_text
from tests.standins.bot_api import TOKEN, BotApiStandIn, bot_api
from tests.standins.receiver import Answer, receiver
from tests.standins.server import Call, StandIn

__all__ = ["stored"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stored")]
CANARIES = (b"Zanzibar escalations", b"zanzibar", b"Vault connector", b"ana.silva.internal")


def is_clean(*parts: object) -> bool:
    """Whether none of the staff's own names is in what left us."""
    for part in parts:
        raw = part if isinstance(part, bytes) else str(part).encode("utf-8", "replace")
        assert not [name for name in CANARIES if name.lower() in raw.lower()], raw[:500]
    return True


def call_is_clean(call: Call) -> bool:
    return is_clean(call.path, dict(call.query), dict(call.headers), call.body)


def answer_is_clean(answer: Any) -> bool:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return is_clean(dict(answer.headers), content)


@pytest.fixture
def operator() -> Operator:
    operator: Operator = OperatorFactory(user=UserFactory(username="ana.silva.internal"))
    return operator


@pytest.fixture
def line(operator: Operator) -> OpenChannel:
    line: OpenChannel = OpenChannelFactory(
        name="Zanzibar escalations", public_name="", operators=[operator]
    )
    return line


@pytest.fixture
def telegram() -> Iterator[BotApiStandIn]:
    with bot_api() as stand_in:
        yield stand_in


@pytest.fixture
def other_side() -> Iterator[StandIn]:
    with receiver() as stand_in:
        yield stand_in


def reply(operator: Operator, *, text: str = "On its way", files: Any = ()) -> list[Message]:
    """The operator answers the only open chat, and the answer is sent."""
    session = Session.objects.get(closed_at__isnull=True)
    session_reply(
        session_id=session.pk, user=operator.user, text=text, files=files,
        client_key=f"k{Message.objects.count()}", now=timezone.now(),
    )  # fmt: skip
    conversation_deliver(conversation_id=session.conversation_id)
    return list(Message.objects.filter(direction="out").order_by("seq"))


def test_a_custom_channels_program_never_reads_it(
    client: Client, line: OpenChannel, operator: Operator, other_side: StandIn, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://chat.example.com"
    connector = ConnectorFactory(
        open_channel=line, name="Vault connector",
        config={"outgoing_url": other_side.url + "/answers"}, secrets={"secret": CUSTOM_SECRET},
    )  # fmt: skip
    answers = [
        custom_post(client, connector, custom_message("m1")),
        custom_post(client, connector, custom_message("m1")),
        custom_post(client, connector, {"event": "message"}),
        client.post(f"/webhooks/{connector.public_id}/", b"{}", content_type="application/json"),
        client.get(f"/webhooks/{connector.public_id}/"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 422, 401, 403]
    assert all(map(answer_is_clean, answers))
    other_side.script("/answers", Answer(b"", status=400))
    first, *_ = reply(operator)
    assert first.state == "failed"
    message_resend(message=first, now=timezone.now())
    conversation_deliver(conversation_id=first.conversation_id)
    messages = reply(operator, text="", files=[SimpleUploadedFile("receipt.png", PNG)])
    assert {message.state for message in messages} == {"sent"}
    assert len(other_side.calls) == 3
    assert all(map(call_is_clean, other_side.calls))
    # The file's address works, and its answer says nothing either.
    url = other_side.calls[-1].json["message"]["attachments"][0]["url"]
    assert url.startswith("https://chat.example.com/files/")
    file = client.get(url.removeprefix("https://chat.example.com"))
    assert file.status_code == 200
    assert answer_is_clean(file)
    session = Session.objects.get()
    session_end(session_id=session.pk, actor=operator.user, now=timezone.now())
    # An inactive line says nothing of itself.
    OpenChannel.objects.update(is_active=False)
    assert answer_is_clean(custom_post(client, connector, custom_message("m2")))
    assert all(map(call_is_clean, other_side.calls))


def test_telegram_never_hears_it(
    client: Client, line: OpenChannel, operator: Operator, telegram: BotApiStandIn, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://chat.example.com"
    connector: Connector = TelegramConnectorFactory(
        open_channel=line, name="Vault connector", account_id=None, status="not_configured",
        config={"api_base_url": telegram.url},
        secrets={"token": TOKEN, "webhook_secret": TELEGRAM_WEBHOOK_SECRET},
    )  # fmt: skip
    connector = connector_connect(connector=connector, now=timezone.now())
    connector_check(connector=connector, now=timezone.now())
    update = telegram_text(1, "Hello")
    update["message"]["document"] = {"file_id": "file-1", "file_name": "order.png"}
    answers = [
        telegram_post(client, connector, update),
        telegram_post(client, connector, update),
        telegram_post(client, connector, b"{not json"),
        client.post(f"/webhooks/{connector.public_id}/", b"{}", content_type="application/json"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 401]
    assert all(map(answer_is_clean, answers))
    telegram.files["documents/file-1"] = PNG
    attachment = Attachment.objects.get()
    assert attachment_fetch(attachment_id=attachment.pk, now=timezone.now()) == "stored"
    attachment.refresh_from_db()
    assert answer_is_clean(client.get(signed_file_path(attachment)))
    messages = reply(operator, text="Here it is", files=[SimpleUploadedFile("receipt.png", PNG)])
    assert {message.state for message in messages} == {"sent"}
    typing_send(conversation_id=messages[0].conversation_id)
    callback_acknowledge(connector_id=connector.pk, callback_id="c1")
    connector_disconnect(connector=connector, now=timezone.now())
    connector = connector_connect(connector=connector, now=timezone.now(), polling=True)
    connectors_poll(now=timezone.now())
    methods = {call.method for call in telegram.methods}
    assert methods >= {
        "getMe", "setWebhook", "getWebhookInfo", "sendMessage", "sendPhoto", "sendChatAction",
        "answerCallbackQuery", "deleteWebhook", "getUpdates", "getFile",
    }  # fmt: skip
    assert all(map(call_is_clean, telegram.calls))


def test_a_customer_sees_the_companys_name_where_the_line_has_no_public_one(
    line: OpenChannel, settings: Any
) -> None:
    settings.COMPANY_NAME = "Example Ltd"
    assert is_clean(line.customer_name)
    assert line.customer_name == "Example Ltd"


def test_the_check_bites(line: OpenChannel) -> None:
    with pytest.raises(AssertionError):
        is_clean({"X-Line": line.name})
    with pytest.raises(AssertionError):
        is_clean(f"welcome to {line}".encode())
    assert not InboundEvent.objects.exists()
