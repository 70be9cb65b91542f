"""`/conversations/` and `/messages/`: reading threads, and answering in them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.api.serializers import (
    ConversationFilters,
    ConversationSerializer,
    MessageSerializer,
)
from channels_app.api.views import ApiViewSet, Listing, ListView
from channels_app.models import Conversation, Message
from queue_app.api.serializers import ReplyBody
from queue_app.api.views import DeskViewSet, messages_shown
from queue_app.selectors import conversations_visible_to

IN_THREAD = Listing(orderings={"seq": ("seq",), "-seq": ("-seq",)}, default="seq")


def conversations_of(view: ApiViewSet[Any]) -> QuerySet[Conversation]:
    """The conversations a key sees."""
    conversations = conversations_visible_to(view.user)
    if view.key.open_channel_id is not None:
        conversations = conversations.filter(connector__open_channel_id=view.key.open_channel_id)
    return conversations


class ConversationViewSet(ListView, mixins.RetrieveModelMixin, DeskViewSet[Conversation]):
    """The endless threads, one per outside person and connector."""

    serializer_class = ConversationSerializer
    listings = {"list": Listing(filters=ConversationFilters), "messages": IN_THREAD}
    idempotent_actions = frozenset({"message_create"})

    def get_queryset(self) -> QuerySet[Conversation]:
        return conversations_of(self)

    @extend_schema(responses=MessageSerializer(many=True))
    @action(detail=True, methods=["get"], serializer_class=MessageSerializer)
    def messages(self, request: Request, pk: str) -> Response:
        """The messages of a conversation, oldest first."""
        conversation = self.get_object()
        return self.page(messages_shown().filter(conversation=conversation))

    @extend_schema(request=ReplyBody, responses={201: MessageSerializer})
    @messages.mapping.post
    def message_create(self, request: Request, pk: str) -> Response:
        """Write to the customer: in the conversation's open session, which is accepted first when
        it was offered to the key's user; without one a session of his begins with the message."""
        conversation = self.get_object()
        text = self.body(ReplyBody)["text"]

        def work() -> tuple[int, Any]:
            session = self.sessions().filter(
                conversation=conversation, closed_at__isnull=True
            ).first()  # fmt: skip
            if session is not None:
                return self.reply(session, text)
            return self.write_first(conversation, text)

        return self.once(work)


class MessageViewSet(mixins.RetrieveModelMixin, DeskViewSet[Message]):
    """One message by its id. Lists are under its conversation."""

    serializer_class = MessageSerializer
    listings = {}

    def get_queryset(self) -> QuerySet[Message]:
        return messages_shown().filter(conversation__in=conversations_of(self))
