"""`/sessions/`: episodes of service, and what an operator does with them."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.api.serializers import EmptyBody, MessageSerializer
from channels_app.api.views import Listing, ListView
from queue_app.api.serializers import (
    AssignmentSerializer,
    ReplyBody,
    SessionEventSerializer,
    SessionFilters,
    SessionSerializer,
)
from queue_app.api.session_actions import SessionActions
from queue_app.models import Assignment, Session, SessionEvent
from queue_app.services.endings import session_end
from queue_app.services.operators import operator_for_user
from queue_app.services.sessions import session_accept


class SessionViewSet(ListView, mixins.RetrieveModelMixin, SessionActions):
    """Every action is done as the user of the key."""

    serializer_class = SessionSerializer
    listings = {
        "list": Listing(filters=SessionFilters),
        "events": Listing(orderings={"seq": ("seq",), "-seq": ("-seq",)}, default="seq"),
        "assignments": Listing(default="id"),
    }
    idempotent_actions = frozenset({"reply_create", "note", "new_session"})

    def get_queryset(self) -> QuerySet[Session]:
        return self.sessions()

    @extend_schema(request=EmptyBody, responses=SessionSerializer)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: str) -> Response:
        """Take the session. Of two at once one gets it, the other 409 `taken`."""
        session = self.get_object()
        self.body(EmptyBody)
        accepted = session_accept(
            session_id=session.pk, operator=operator_for_user(self.user), now=timezone.now()
        )
        return Response(self.shown(accepted))

    @extend_schema(request=ReplyBody, responses={201: MessageSerializer})
    @action(detail=True, methods=["post"], url_path="reply", url_name="reply")
    def reply_create(self, request: Request, pk: str) -> Response:
        """Answer the customer. A session offered to the key's user is accepted first."""
        session = self.get_object()
        text = self.body(ReplyBody)["text"]
        return self.once(lambda: self.reply(session, text))

    @extend_schema(request=EmptyBody, responses=SessionSerializer)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        """End the session. Where the line gives the customer time to come back it is `closing`
        first; what he writes after it is `closed` opens a new one."""
        session = self.get_object()
        self.body(EmptyBody)
        ended = session_end(session_id=session.pk, actor=self.user, now=timezone.now())
        return Response(self.shown(ended))

    @extend_schema(responses=SessionEventSerializer(many=True))
    @action(detail=True, methods=["get"], serializer_class=SessionEventSerializer)
    def events(self, request: Request, pk: str) -> Response:
        """Everything that happened in the session, in order."""
        return self.page(SessionEvent.objects.filter(session=self.get_object()))

    @extend_schema(responses=AssignmentSerializer(many=True))
    @action(detail=True, methods=["get"], serializer_class=AssignmentSerializer)
    def assignments(self, request: Request, pk: str) -> Response:
        """To whom the session was offered, and how each turn ended."""
        return self.page(Assignment.objects.filter(session=self.get_object()))
