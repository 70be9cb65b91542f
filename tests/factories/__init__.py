"""Factories: rows as the services would have left them, with the smallest possible story."""

from __future__ import annotations

import datetime as dt
from typing import Any

import factory
from django.contrib.auth.models import User
from django.utils import timezone

from channels_app.models import (
    Connector,
    ConnectorStatus,
    Conversation,
    Direction,
    Message,
    MessageState,
    OpenChannel,
    ServiceText,
)
from queue_app.models import LineOperator, LineQueue, Operator, Session, SessionState, Turn
from queue_app.services.line_rules import line_rules_forget
from queue_app.services.queues import line_operators_sync, queue_member_add

PASSWORD = "correct horse battery"
TELEGRAM_TOKEN = "123456:AAcanarycanarycanarycanarycanary0"
TELEGRAM_WEBHOOK_SECRET = "telegram-webhook-secret-0123456789"
META_APP_SECRET = "meta-app-secret-of-the-tests-012345"
META_TOKEN = "EAAtestTokenOfAnAppThatIsNotThere0123456789"
META_ACCOUNT_FIELDS = {
    "whatsapp": "phone_number_id",
    "messenger": "page_id",
    "instagram": "account_id",
}
CUSTOM_SECRET = "custom-channel-secret-0123456789"


class UserFactory(factory.django.DjangoModelFactory[User]):
    """A person of the staff; `PASSWORD` signs him in."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda number: f"user{number}")
    first_name = factory.Sequence(lambda number: f"Name{number}")
    last_name = "Silva"
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.com")

    @factory.post_generation
    def password(obj: User, create: bool, extracted: str | None, **_kwargs: Any) -> None:  # noqa: N805
        obj.set_password(extracted or PASSWORD)
        if create:
            obj.save(update_fields=["password"])


class SuperuserFactory(UserFactory):
    """An administrator."""

    is_staff = True
    is_superuser = True


class OperatorFactory(factory.django.DjangoModelFactory[Operator]):
    """An operator, on duty."""

    class Meta:
        model = Operator

    user = factory.SubFactory(UserFactory)
    duty = "on"


class OpenChannelFactory(factory.django.DjangoModelFactory[OpenChannel]):
    """A line with an empty queue. `operators=[...]` puts people into it, in order."""

    class Meta:
        model = OpenChannel
        skip_postgeneration_save = True

    name = factory.Sequence(lambda number: f"Internal line {number}")
    public_name = "Corner Shop"

    @factory.post_generation
    def operators(
        obj: OpenChannel,  # noqa: N805
        create: bool,
        extracted: list[Operator] | None,
        **_kwargs: Any,
    ) -> None:
        if not create:
            return
        LineQueue.objects.get_or_create(open_channel=obj)
        for operator in extracted or []:
            queue_member_add(open_channel=obj, user=operator.user, now=timezone.now())
        line_operators_sync(open_channel=obj)


class ServiceTextFactory(factory.django.DjangoModelFactory[ServiceText]):
    """An automatic text of a line, known to this process at once."""

    class Meta:
        model = ServiceText

    open_channel = factory.SubFactory(OpenChannelFactory)
    kind = "ending"
    text = "Goodbye"

    @classmethod
    def _create(cls, model_class: type[ServiceText], *args: Any, **kwargs: Any) -> ServiceText:
        text: ServiceText = super()._create(model_class, *args, **kwargs)
        line_rules_forget()
        return text


class ConnectorFactory(factory.django.DjangoModelFactory[Connector]):
    """A connected channel: custom by default."""

    class Meta:
        model = Connector

    open_channel = factory.SubFactory(OpenChannelFactory)
    kind = "custom"
    name = factory.Sequence(lambda number: f"Channel {number}")
    status = ConnectorStatus.CONNECTED
    config = factory.LazyFunction(dict)
    secrets = factory.LazyFunction(lambda: {"secret": CUSTOM_SECRET})


class TelegramConnectorFactory(ConnectorFactory):
    """A connected bot."""

    kind = "telegram"
    account_id = factory.Sequence(lambda number: str(900000 + number))
    account_name = "@corner_shop_bot"
    secrets = factory.LazyFunction(
        lambda: {"token": TELEGRAM_TOKEN, "webhook_secret": TELEGRAM_WEBHOOK_SECRET}
    )


class MetaConnectorFactory(ConnectorFactory):
    """A connected WhatsApp number. `kind` and `account_id` make it a page or another account."""

    kind = "whatsapp"
    account_id = "109000000000001"
    account_name = "Corner Shop"
    config = factory.LazyAttribute(
        lambda made: {META_ACCOUNT_FIELDS[made.kind]: made.account_id or ""}
    )
    secrets = factory.LazyAttribute(
        lambda made: {
            "page_token" if made.kind == "messenger" else "access_token": META_TOKEN,
            "app_secret": META_APP_SECRET,
            "verify_token": "verify-token-of-the-tests",
        }
    )


class LiveChatConnectorFactory(ConnectorFactory):
    """A widget that only our own chat page may use."""

    kind = "livechat"
    config = factory.LazyFunction(lambda: {"allowed_origins": [], "title": "", "greeting": ""})
    secrets = factory.LazyFunction(dict)


class ConversationFactory(factory.django.DjangoModelFactory[Conversation]):
    """A thread without messages."""

    class Meta:
        model = Conversation

    connector = factory.SubFactory(ConnectorFactory)
    external_chat_id = factory.Sequence(lambda number: f"chat-{number}")
    external_user_id = factory.LazyAttribute(lambda row: row.external_chat_id)
    display_name = factory.Sequence(lambda number: f"Customer {number}")
    changed_at = factory.LazyFunction(timezone.now)
    created_at = factory.LazyFunction(timezone.now)


class MessageFactory(factory.django.DjangoModelFactory[Message]):
    """The next message of a conversation, from the customer by default."""

    class Meta:
        model = Message

    conversation = factory.SubFactory(ConversationFactory)
    direction = Direction.IN
    text = "Good morning"
    state = MessageState.RECEIVED
    created_at = factory.LazyFunction(timezone.now)
    failed_at = factory.LazyAttribute(
        lambda row: row.created_at if row.state in {"failed", "unknown"} else None
    )

    @classmethod
    def _create(cls, model_class: type[Message], *args: Any, **kwargs: Any) -> Message:
        conversation = kwargs["conversation"]
        conversation.last_seq += 1
        conversation.version += 1
        conversation.last_text = str(kwargs.get("text", ""))[:160]
        conversation.last_kind = kwargs.get("kind", "text")
        conversation.last_direction = kwargs["direction"]
        conversation.last_message_at = kwargs["created_at"]
        conversation.changed_at = kwargs["created_at"]
        conversation.save()
        kwargs.setdefault("seq", conversation.last_seq)
        kwargs.setdefault("version", conversation.version)
        message: Message = super()._create(model_class, *args, **kwargs)
        return message


class SessionFactory(factory.django.DjangoModelFactory[Session]):
    """A session on its connector's line. With `operator` it is active and his, and counted."""

    class Meta:
        model = Session

    conversation = factory.SubFactory(ConversationFactory)
    open_channel = factory.LazyAttribute(lambda row: row.conversation.connector.open_channel)
    state = factory.LazyAttribute(
        lambda row: SessionState.ACTIVE if row.operator else SessionState.WAITING
    )
    operator = None
    turn = Turn.OPERATOR
    started_at = factory.LazyFunction(timezone.now)
    waiting_since = factory.LazyAttribute(lambda row: row.started_at)
    accepted_at = factory.LazyAttribute(lambda row: row.started_at if row.operator else None)
    holds_place = factory.LazyAttribute(
        lambda row: row.operator is not None and row.state in {"offered", "active"}
    )

    @classmethod
    def _create(cls, model_class: type[Session], *args: Any, **kwargs: Any) -> Session:
        session: Session = super()._create(model_class, *args, **kwargs)
        if session.operator is not None and session.holds_place:
            Operator.objects.filter(pk=session.operator.pk).update(
                open_chats=session.operator.open_chats + 1
            )
            session.operator.refresh_from_db()
            row, _ = LineOperator.objects.get_or_create(
                open_channel=session.open_channel, operator=session.operator
            )
            row.open_chats += 1
            row.save()
        return session


def moment(minute: int = 0, second: int = 0) -> dt.datetime:
    """A fixed moment: tests name the minutes of one story."""
    return dt.datetime(2026, 3, 2, 12, 0, tzinfo=dt.UTC) + dt.timedelta(
        minutes=minute, seconds=second
    )
