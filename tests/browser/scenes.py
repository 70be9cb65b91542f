"""A desk with something of everything, as the pictures show it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from channels_app.models import Attachment, AttachmentState, Connector, Message, OpenChannel
from queue_app.models import Assignment, Operator, Session, SessionState, Timer, TimerKind
from queue_app.services.events import EventKind, event_write
from tests.factories import (
    ConversationFactory,
    LiveChatConnectorFactory,
    MessageFactory,
    OpenChannelFactory,
    OperatorFactory,
    SessionFactory,
    TelegramConnectorFactory,
    UserFactory,
)

PICTURE = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x02\x00\x00\x00\x02\x08\x02\x00\x00\x00"
    b"\xfd\xd4\x9as\x00\x00\x00\x16IDATx\x9cc\x98\xb9p\xf7\xff\xff\xff\x19\xfe\xff\xff\xcf\x00"
    b"\x00>\xb8\x08\xf7`\xe2g\xe5\x00\x00\x00\x00IEND\xaeB`\x82"
)


@dataclass
class Scene:
    shop: OpenChannel
    repairs: OpenChannel
    telegram: Connector
    livechat: Connector
    maria: Operator
    igor: Operator


def scene() -> Scene:
    """Two lines, a bot and a live chat, two operators on duty."""
    maria = OperatorFactory(
        user=UserFactory(username="maria", first_name="Maria", last_name="Souza")
    )
    igor = OperatorFactory(user=UserFactory(username="igor", first_name="Igor", last_name="Lima"))
    shop = OpenChannelFactory(name="Online shop", operators=[maria, igor])
    repairs = OpenChannelFactory(name="Repairs", operators=[maria])
    return Scene(
        shop,
        repairs,
        TelegramConnectorFactory(open_channel=shop, name="Shop bot"),
        LiveChatConnectorFactory(open_channel=repairs, name="Site"),
        maria,
        igor,
    )


def chat(
    connector: Connector,
    name: str,
    text: str,
    *,
    operator: Operator | None,
    minutes: float = 3,
    **session: object,
) -> Session:
    """A chat whose customer wrote `minutes` ago."""
    at = timezone.now() - dt.timedelta(minutes=minutes)
    conversation = ConversationFactory(connector=connector, display_name=name)
    MessageFactory(conversation=conversation, text=text, created_at=at)
    row: Session = SessionFactory(
        conversation=conversation, operator=operator, started_at=at, **session
    )
    event_write(session=row, conversation=conversation, kind="started", now=at)
    row.save()
    return row


def offer(connector: Connector, name: str, text: str, operator: Operator) -> Session:
    """A chat that was just offered to `operator`."""
    row = chat(connector, name, text, operator=operator, minutes=0.2, state=SessionState.OFFERED)
    now = timezone.now()
    Session.objects.filter(pk=row.pk).update(offered_at=now)
    Assignment.objects.create(session=row, operator=operator, offered_at=now)
    Timer.objects.create(
        session=row, kind=TimerKind.RESPONSE, due_at=now + dt.timedelta(seconds=160)
    )
    return row


def long_thread(scene: Scene) -> Session:
    """A chat with every kind of message, file and trouble."""
    now = timezone.now()

    def ago(**length: float) -> dt.datetime:
        return now - dt.timedelta(**length)

    row = chat(
        scene.telegram,
        "Helena Prado",
        "Hello! My dining table came today, but the top has a scratch of about 20 cm.",
        operator=scene.maria,
        minutes=26 * 60,
        unread=2,
        waiting_since=ago(minutes=3),
    )
    conversation = row.conversation
    conversation.profile = {
        "username": "helenaprado",
        "phone": "+55 11 98321 4471",
        "email": "helena.prado@example.com",
        "language": "pt",
    }
    conversation.save()
    steps: tuple[tuple[EventKind, dt.datetime, Operator, dict[str, Any]], ...] = (
        ("offered", ago(hours=25.9), scene.igor, {"turn": 1, "round": 1}),
        ("expired", ago(hours=25.8), scene.igor, {"waited_s": 300}),
        (
            "offered",
            ago(hours=25.8),
            scene.maria,
            {
                "choice": [
                    {"operator": scene.igor.pk, "code": "tried", "data": {}},
                    {
                        "operator": scene.maria.pk,
                        "code": "chosen",
                        "data": {"rule": "evenly", "last_offer_at": ago(hours=27).isoformat()},
                    },
                ]
            },
        ),
        ("accepted", ago(hours=25.7), scene.maria, {}),
    )
    for kind, when, operator, data in steps:
        event_write(
            session=row, conversation=conversation, kind=kind, now=when,
            operator_id=operator.pk, data=data,
        )  # fmt: skip
    row.save()

    def write(text: str, when: dt.datetime, **values: object) -> Message:
        message: Message = MessageFactory(
            conversation=conversation, text=text, created_at=when, **values
        )
        return message

    ours = {"direction": "out", "author": scene.maria.user}
    write("I'm sorry about that, Helena. Could you send me the order number?", ago(hours=25.6),
          state="read", **ours)  # fmt: skip
    photo = write("", ago(hours=25.5), kind="image")
    key = default_storage.save("scene/scratch.png", ContentFile(PICTURE))
    Attachment.objects.create(
        message=photo, type="image", name="scratch.png", content_type="image/png",
        state=AttachmentState.STORED, storage_key=key, size=len(PICTURE),
    )  # fmt: skip
    write("48 213, see https://example.com/orders/48213", ago(hours=25.4),
          data={"reaction": "👍"})  # fmt: skip
    write("Good morning! We'll bring a new top on Thursday, free of charge.", ago(minutes=16),
          state="delivered", **ours)  # fmt: skip
    label = write("", ago(minutes=15), state="failed", kind="file",
                  error_text="Telegram takes files up to 50 MB; this one has 71 MB.",
                  **ours)  # fmt: skip
    Attachment.objects.create(
        message=label, type="file", name="return-label.pdf", content_type="application/pdf",
        state=AttachmentState.STORED, storage_key=key, size=71_000_000,
    )  # fmt: skip
    write("Between 9 and 12, would that suit you?", ago(minutes=14), state="unknown", **ours)
    place = write("", ago(minutes=4), kind="location")
    Attachment.objects.create(
        message=place, type="location", state=AttachmentState.STORED,
        latitude=-23.55052, longitude=-46.63331, name="Rua das Palmeiras 210",
    )  # fmt: skip
    voice = write("", ago(minutes=4), kind="voice")
    Attachment.objects.create(
        message=voice, type="voice", state=AttachmentState.PENDING, pending_at=now, duration=14
    )
    write("Does someone have to be at home in the morning?", ago(minutes=3))
    return row
