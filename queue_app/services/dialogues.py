"""An operator begins: a new chat from an old message, or the first word to somebody."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from channels_app.models import Conversation, Message
from channels_app.services.conversations import conversation_lock
from channels_app.services.errors import InvalidError
from channels_app.services.messages import (
    MAX_TEXT,
    message_queue,
    request_digest,
    sending_refused,
)
from openlines_project.lib.text import clean_text
from queue_app.models import (
    Assignment,
    AssignmentOutcome,
    Operator,
    Session,
    SessionHelper,
    SessionState,
    Turn,
)
from queue_app.services.events import event_write
from queue_app.services.locks import session_lock
from queue_app.services.operators import operator_for_user
from queue_app.services.permits import first_word_check, session_check, session_open_of
from queue_app.services.places import place_claim
from queue_app.services.replies import message_before, reply_count, session_reply
from queue_app.services.texts import operator_customer_name
from queue_app.services.versions import session_show


def dialogue_begin(
    *, session_id: int, actor: User, now: dt.datetime, message_id: int | None = None
) -> Session:
    """Take an ended chat up again as a new one, from one of its conversation's messages.

    It is the actor's at once, it is his turn, and it is on the connector's line; it counts for
    his limit and is not stopped by it. Pressed twice, it is the same one. Raises `ConflictError`
    ("open_session", "blocked", "line_closed"), `ForbiddenError` "permission", `InvalidError`.
    """
    with transaction.atomic():
        conversation, parent = session_lock(session_id)
        begun = session_open_of(conversation)
        if begun is not None and _is_repeat(begun, parent, actor):
            return begun
        session_check("new_dialogue", session=parent, user=actor, now=now)
        in_thread = Message.objects.filter(conversation=conversation)
        if message_id is not None and not in_thread.filter(pk=message_id).exists():
            raise InvalidError(
                "invalid",
                _("This message is not of this conversation."),
                fields={"message": [_("Not of this conversation.")]},
            )
        session = _session_begin(
            conversation, operator_for_user(actor), now, parent=parent, message_id=message_id
        )
        session_show(session=session, conversation=conversation, now=now)
    return session


def _is_repeat(begun: Session, parent: Session, actor: User) -> bool:
    return (
        begun.parent_id == parent.pk
        and begun.state == SessionState.ACTIVE
        and begun.operator is not None
        and begun.operator.user_id == actor.pk
    )


def conversation_write(
    *,
    conversation_id: int,
    user: User,
    text: str,
    client_key: str,
    now: dt.datetime,
    files: Sequence[UploadedFile[Any]] = (),
) -> Message:
    """Write to somebody first: the chat that begins is his who writes, without the queue.

    It counts for his limit and is not stopped by it. In an open chat that is his own, or that he
    has joined, it is an ordinary answer. The same `client_key` gives the first message back.
    Raises `ConflictError` ("key_reused", "open_session", "blocked", and why nothing can be
    sent), `ForbiddenError` "permission", `InvalidError`.
    """
    with transaction.atomic():
        conversation = conversation_lock(conversation_id)
        text = clean_text(text, max_length=MAX_TEXT + 1).strip()
        before = message_before(
            conversation=conversation, client_key=client_key, user=user,
            digest=request_digest(text, files),
        )  # fmt: skip
        if before is not None:
            return before
        found = session_open_of(conversation)
        if found is not None and _is_his(found, user):
            return session_reply(
                session_id=found.pk, user=user, text=text, client_key=client_key, now=now,
                files=files,
            )  # fmt: skip
        first_word_check(conversation=conversation, user=user, open_session=found)
        refused = sending_refused(conversation, now=now)
        if refused is not None:
            raise refused
        operator = operator_for_user(user)
        session = _session_begin(conversation, operator, now)
        rows = message_queue(
            conversation=conversation, now=now, text=text, author=user, files=files,
            client_key=client_key, shown_as=operator_customer_name(session, operator),
        )  # fmt: skip
        reply_count(
            session=session, conversation=conversation, operator=operator, seq=rows[0].seq, now=now
        )
    return rows[0]


def _is_his(session: Session, user: User) -> bool:
    """Whether an answer of his belongs into this open chat."""
    if session.operator is not None and session.operator.user_id == user.pk:
        return True
    helps = SessionHelper.objects.filter(session=session, operator__user=user)
    return session.state == SessionState.ACTIVE and helps.exists()


def _session_begin(
    conversation: Conversation,
    operator: Operator,
    now: dt.datetime,
    *,
    parent: Session | None = None,
    message_id: int | None = None,
) -> Session:
    """A new active session of this operator in a locked conversation that has none open."""
    open_channel = conversation.connector.open_channel
    is_first = not Session.objects.filter(
        conversation=conversation, open_channel=open_channel
    ).exists()
    session = Session(
        conversation=conversation,
        open_channel=open_channel,
        state=SessionState.ACTIVE,
        operator=operator,
        turn=Turn.OPERATOR,
        is_first=is_first,
        parent=parent,
        version=conversation.version,
        started_at=now,
        accepted_at=now,
    )
    session.save(force_insert=True)
    data: dict[str, Any] = {"first": is_first, "by_operator": True}
    if parent is not None:
        data |= {"parent": parent.pk, "message": message_id}
    event_write(
        session=session, conversation=conversation, kind="started", now=now,
        operator_id=operator.pk, actor=operator.user, data=data,
    )  # fmt: skip
    Assignment.objects.create(
        session=session, operator=operator, turn=None, round=session.round,
        offered_at=now, ended_at=now, outcome=AssignmentOutcome.ACCEPTED,
    )  # fmt: skip
    Session.objects.filter(pk=session.pk).update(event_seq=session.event_seq)
    place_claim(session=session, operator=operator, limited=False)
    return session
