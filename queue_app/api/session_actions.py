"""`/sessions/<id>/...`: what a person does with a session beside answering and ending it."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.api.serializers import EmptyBody, MessageSerializer
from channels_app.models import OpenChannel
from queue_app.api.serializers import (
    NewSessionBody,
    NoteBody,
    SessionSerializer,
    SkipBody,
    SnoozeBody,
    SpamBody,
    TransferBody,
)
from queue_app.api.views import DeskViewSet, client_key
from queue_app.models import Operator, Session
from queue_app.services.dialogues import dialogue_begin
from queue_app.services.helpers import session_intercept, session_join, session_leave
from queue_app.services.notes import session_note
from queue_app.services.operators import operator_for_user
from queue_app.services.skips import session_skip
from queue_app.services.snoozes import session_snooze, session_wake
from queue_app.services.stops import session_force_stop, session_spam
from queue_app.services.transfers import session_transfer


class SessionActions(DeskViewSet[Session]):
    """The actions of the sessions' resource. A refusal is 409 when it is not the moment, 403 when
    it is not the person; nothing was changed then."""

    @extend_schema(request=SkipBody, responses=SessionSerializer)
    @action(detail=True, methods=["post"])
    def skip(self, request: Request, pk: str) -> Response:
        """Pass on a session that is offered to the key's user, or that he has not answered since
        he got it. The next operator is found. 409 `alone` when nobody else ever could take it."""
        session = self.get_object()
        reason = self.body(SkipBody).get("reason", "")
        skipped = session_skip(
            session_id=session.pk, operator=operator_for_user(self.user), reason=reason,
            now=timezone.now(),
        )  # fmt: skip
        return Response(self.shown(skipped))

    @extend_schema(request=TransferBody, responses=SessionSerializer)
    @action(detail=True, methods=["post"])
    def transfer(self, request: Request, pk: str) -> Response:
        """Hand the session to an operator, who has it at once or is asked first, as the open
        channel says; or to another open channel, where it is distributed at once. 409 `full`
        above the operator's limits, unless the key's user may assign sessions."""
        session = self.get_object()
        values = self.body(TransferBody)
        transferred = session_transfer(
            session_id=session.pk,
            to_operator=_operator_or_error(values.get("operator")),
            to_line=self._line_or_error(values.get("open_channel")),
            actor=self.user,
            reason=values.get("reason", ""),
            now=timezone.now(),
        )
        return Response(self.shown(transferred))

    def _line_or_error(self, pk: int | None) -> OpenChannel | None:
        """A line a session may go to: every one is somebody's, also one the user does not see. A
        key of one line reaches no other."""
        if pk is None:
            return None
        lines = OpenChannel.objects.filter(pk=pk)
        if self.key.open_channel_id is not None:
            lines = lines.filter(pk=self.key.open_channel_id)
        line = lines.first()
        if line is None:
            raise ValidationError({"open_channel": [_("There is no such open channel.")]})
        return line

    @extend_schema(request=EmptyBody, responses=SessionSerializer)
    @action(detail=True, methods=["post"])
    def join(self, request: Request, pk: str) -> Response:
        """Help in the session: the key's user may write in it, its operator stays. Joining twice
        is joining once."""
        session = self.get_object()
        self.body(EmptyBody)
        joined = session_join(session_id=session.pk, user=self.user, now=timezone.now())
        return Response(self.shown(joined))

    @extend_schema(request=EmptyBody, responses=SessionSerializer)
    @action(detail=True, methods=["post"])
    def leave(self, request: Request, pk: str) -> Response:
        """Help no longer."""
        session = self.get_object()
        self.body(EmptyBody)
        left = session_leave(session_id=session.pk, user=self.user, now=timezone.now())
        return Response(self.shown(left))

    @extend_schema(request=EmptyBody, responses=SessionSerializer)
    @action(detail=True, methods=["post"])
    def intercept(self, request: Request, pk: str) -> Response:
        """Take the session over from whoever has it. Needs the right to intercept."""
        session = self.get_object()
        self.body(EmptyBody)
        taken = session_intercept(session_id=session.pk, user=self.user, now=timezone.now())
        return Response(self.shown(taken))

    @extend_schema(request=SpamBody, responses=SessionSerializer)
    @action(detail=True, methods=["post"])
    def spam(self, request: Request, pk: str) -> Response:
        """Close the session as spam, without a text. With `block` what its sender writes from now
        on is ignored."""
        session = self.get_object()
        block = self.body(SpamBody).get("block", False)
        closed = session_spam(
            session_id=session.pk, actor=self.user, block=block, now=timezone.now()
        )
        return Response(self.shown(closed))

    @extend_schema(request=EmptyBody, responses=SessionSerializer)
    @action(detail=True, methods=["post"], url_path="force-stop")
    def force_stop(self, request: Request, pk: str) -> Response:
        """Close anybody's session at once, without a text. Needs the right to end any session."""
        session = self.get_object()
        self.body(EmptyBody)
        closed = session_force_stop(session_id=session.pk, actor=self.user, now=timezone.now())
        return Response(self.shown(closed))

    @extend_schema(request=SnoozeBody, responses=SessionSerializer)
    @action(detail=True, methods=["post"])
    def snooze(self, request: Request, pk: str) -> Response:
        """Put one's active session aside until a moment, or until the customer writes."""
        session = self.get_object()
        until = self.body(SnoozeBody)["until"]
        snoozed = session_snooze(
            session_id=session.pk, actor=self.user, until=until, now=timezone.now()
        )
        return Response(self.shown(snoozed))

    @extend_schema(request=EmptyBody, responses=SessionSerializer)
    @action(detail=True, methods=["post"])
    def wake(self, request: Request, pk: str) -> Response:
        """Take one's snoozed session back before its time."""
        session = self.get_object()
        self.body(EmptyBody)
        woken = session_wake(session_id=session.pk, actor=self.user, now=timezone.now())
        return Response(self.shown(woken))

    @extend_schema(request=NoteBody, responses={201: MessageSerializer})
    @action(detail=True, methods=["post"])
    def note(self, request: Request, pk: str) -> Response:
        """Write a private note. It is no answer, and no customer ever sees it."""
        session = self.get_object()
        text = self.body(NoteBody)["text"]

        def work() -> tuple[int, Any]:
            note = session_note(
                session_id=session.pk, user=self.user, text=text, now=timezone.now(),
                client_key=client_key(api_key=self.key, idempotency_key=self.idempotency_key()),
            )  # fmt: skip
            return 201, self.message_shown(note)

        return self.once(work)

    @extend_schema(request=NewSessionBody, responses={201: SessionSerializer})
    @action(detail=True, methods=["post"], url_path="new-session")
    def new_session(self, request: Request, pk: str) -> Response:
        """Take a closed session up again as a new one of the key's user, linked to it by `parent`.
        409 `open_session` while its conversation has an open one."""
        session = self.get_object()
        message = self.body(NewSessionBody).get("message")

        def work() -> tuple[int, Any]:
            begun = dialogue_begin(
                session_id=session.pk, actor=self.user, message_id=message, now=timezone.now()
            )
            return 201, self.shown(begun)

        return self.once(work)


def _operator_or_error(pk: int | None) -> Operator | None:
    if pk is None:
        return None
    operator = Operator.objects.select_related("user").filter(pk=pk).first()
    if operator is None:
        raise ValidationError({"operator": [_("There is no such operator.")]})
    return operator
