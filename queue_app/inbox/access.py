"""What a reader may open: everything else is not there (404)."""

from __future__ import annotations

from django.shortcuts import get_object_or_404

from channels_app.models import Conversation, Message
from queue_app.inbox.http import InboxRequest
from queue_app.models import Session
from queue_app.selectors import conversations_visible_to, sessions_visible_to


def visible_session(request: InboxRequest, session_id: int) -> Session:
    """A session the reader may see, with all a page needs of it."""
    return get_object_or_404(
        sessions_visible_to(request.user)
        .select_related("conversation__connector__open_channel", "open_channel", "operator__user")
        .defer("conversation__connector__secrets"),
        pk=session_id,
    )


def visible_message(request: InboxRequest, message_id: int) -> Message:
    """A message of a conversation the reader may see."""
    return get_object_or_404(
        Message, pk=message_id, conversation__in=conversations_visible_to(request.user)
    )


def visible_conversation(request: InboxRequest, conversation_id: int) -> Conversation:
    """A conversation the reader may see."""
    return get_object_or_404(conversations_visible_to(request.user), pk=conversation_id)
