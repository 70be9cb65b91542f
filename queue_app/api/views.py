"""What the desk's resources share: who sees which line."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

from channels_app.api.serializers import MessageSerializer
from channels_app.api.views import ApiViewSet
from channels_app.models import ApiKey, Conversation, Message
from queue_app.models import Session
from queue_app.selectors import open_channels_visible_to, sessions_visible_to
from queue_app.services.dialogues import conversation_write
from queue_app.services.replies import session_reply

M = TypeVar("M", bound=Model)


class DeskViewSet(ApiViewSet[M]):
    """A resource of the desk, with the sessions its key sees."""

    lines_visible_to = staticmethod(open_channels_visible_to)

    def sessions(self) -> QuerySet[Session]:
        """The sessions the key's user sees, on the line the key is limited to."""
        sessions = sessions_visible_to(self.user)
        if self.key.open_channel_id is not None:
            sessions = sessions.filter(open_channel_id=self.key.open_channel_id)
        return sessions

    def reply(self, session: Session, text: str) -> tuple[int, Any]:
        """Answer the customer. Returns status and body of the message."""
        sent = session_reply(
            session_id=session.pk,
            user=self.user,
            text=text,
            client_key=client_key(api_key=self.key, idempotency_key=self.idempotency_key()),
            now=timezone.now(),
        )
        return 201, self.message_shown(sent)

    def write_first(self, conversation: Conversation, text: str) -> tuple[int, Any]:
        """Write to somebody without an open session. Returns status and body of the message."""
        sent = conversation_write(
            conversation_id=conversation.pk,
            user=self.user,
            text=text,
            client_key=client_key(api_key=self.key, idempotency_key=self.idempotency_key()),
            now=timezone.now(),
        )
        return 201, self.message_shown(sent)

    def message_shown(self, message: Message) -> Any:
        """A message as the API shows it."""
        return self.shown(messages_shown().get(pk=message.pk), MessageSerializer)


def messages_shown() -> QuerySet[Message]:
    """Messages with all that showing them needs, in a fixed number of queries."""
    return Message.objects.select_related("author", "conversation").prefetch_related("attachments")


def client_key(*, api_key: ApiKey, idempotency_key: str | None) -> str:
    """The key that keeps a reply from being written twice, also when the kept answer of the first
    request is gone. Another program's equal key is another key."""
    if idempotency_key is None:
        return uuid.uuid4().hex
    digest = hashlib.sha256(f"{api_key.pk}:{idempotency_key}".encode()).hexdigest()
    return f"api:{digest[:56]}"


def user_or_error(name: int | str) -> User:
    """A user named in a body, by id or user name. Raises `ValidationError`."""
    by = {"pk": name} if isinstance(name, int) else {"username": name}
    user = User.objects.filter(is_active=True, **by).first()
    if user is None:
        raise ValidationError({"user": [_("There is no such active user.")]})
    return user
