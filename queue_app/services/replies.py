"""An operator's answer: queued with the change of the session, in one transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from channels_app.models import Conversation, Direction, Message
from channels_app.services.errors import ConflictError, ForbiddenError
from channels_app.services.messages import (
    MAX_TEXT,
    capabilities_of,
    message_queue,
    request_digest,
    sending_refused,
)
from channels_app.tasks import deliver_typing
from openlines_project.lib.tasks import enqueue, enqueue_after_commit
from openlines_project.lib.text import clean_text
from queue_app import tasks
from queue_app.models import Operator, Session, SessionHelper, SessionState, TimerKind, Turn
from queue_app.services.deadlines import timer_cancel
from queue_app.services.events import event_write, seconds_between
from queue_app.services.handover import is_holder
from queue_app.services.locks import session_lock
from queue_app.services.operators import operator_for_user
from queue_app.services.places import place_free_by_reply
from queue_app.services.sessions import session_accept
from queue_app.services.texts import operator_customer_name
from queue_app.state_machine import state_after

# A sign that comes later than this shows nothing true.
TYPING_EXPIRES_SECONDS = 5.0


def session_reply(
    *,
    session_id: int,
    user: User,
    text: str,
    client_key: str,
    now: dt.datetime,
    files: Sequence[UploadedFile[Any]] = (),
) -> Message:
    """Answer the customer. A chat offered to him is accepted with it.

    `client_key` is made by the sender's page: the same key again gives the first message back.
    Whoever has the chat may, and whoever joined it. Returns the first message of the answer.
    Raises `ConflictError` ("key_reused", "closed", "ending", "not_accepted", "full",
    "line_closed", "unreachable", "connector_off", "window"), `ForbiddenError` "not_yours",
    `InvalidError`.
    """
    with transaction.atomic():
        conversation, session = session_lock(session_id)
        text = clean_text(text, max_length=MAX_TEXT + 1).strip()
        before = message_before(
            conversation=conversation, client_key=client_key, user=user,
            digest=request_digest(text, files),
        )  # fmt: skip
        if before is not None:
            return before
        operator = operator_for_user(user)
        _may_reply(session, operator)
        refused = sending_refused(conversation, now=now)
        if refused is not None:
            raise refused
        if session.state == SessionState.OFFERED:
            session = session_accept(session_id=session.pk, operator=operator, now=now)
            # Accepting raised the conversation's version: number the answer after it.
            conversation, session = session_lock(session_id)
        rows = message_queue(
            conversation=conversation, now=now, text=text, author=user, files=files,
            client_key=client_key, shown_as=operator_customer_name(session, operator),
        )  # fmt: skip
        reply_count(
            session=session, conversation=conversation, operator=operator, seq=rows[0].seq, now=now
        )
    return rows[0]


def _may_reply(session: Session, operator: Operator) -> None:
    if session.state == SessionState.CLOSED:
        raise ConflictError("closed", _("This chat is closed."))
    if session.state == SessionState.CLOSING:
        raise ConflictError("ending", _("This chat has been ended."))
    if session.state == SessionState.WAITING:
        raise ConflictError("not_accepted", _("Accept the chat before you answer."))
    if is_holder(session, operator):
        return
    helps = SessionHelper.objects.filter(session=session, operator=operator).exists()
    if session.state == SessionState.ACTIVE and helps:
        return
    name = session.operator.name if session.operator else ""
    raise ForbiddenError("not_yours", _("This chat belongs to %(name)s.") % {"name": name})


def reply_count(
    *,
    session: Session,
    conversation: Conversation,
    operator: Operator,
    seq: int,
    now: dt.datetime,
) -> None:
    """What an operator's message changes of a locked, active session: now we wait for the
    customer. `seq` is the message's, already queued in the same transaction."""
    session.state = state_after(session.state, "reply")
    event_write(
        session=session, conversation=conversation, kind="replied", now=now,
        operator_id=operator.pk, actor=operator.user,
        data={
            "first": session.first_reply_at is None,
            "waited_s": seconds_between(session.waiting_since, now),
            "since_start_s": seconds_between(session.started_at, now),
            "seq": seq,
        },
    )  # fmt: skip
    Session.objects.filter(pk=session.pk).update(
        turn=Turn.CUSTOMER, waiting_since=None, unread=0, told_at=None,
        answered_at=session.answered_at or now, first_reply_at=session.first_reply_at or now,
        replied_at=now, event_seq=session.event_seq, version=conversation.version,
    )  # fmt: skip
    timer_cancel(session_id=session.pk, kinds=[TimerKind.RESPONSE])
    if place_free_by_reply(session=session):
        enqueue_after_commit(tasks.place_freed, session.pk)


def session_typing(*, session: Session, user: User) -> bool:
    """Let the customer see that his operator is writing. Returns whether a worker was asked.

    Best effort: nothing is stored, and only for whoever has the chat, on channels that show it.
    """
    holds_it = session.operator is not None and session.operator.user_id == user.pk
    if session.state != SessionState.ACTIVE or not holds_it:
        return False
    if not shows_typing(session.conversation) or sending_refused(session.conversation):
        return False
    return enqueue(deliver_typing, session.conversation_id, expires=TYPING_EXPIRES_SECONDS)


def shows_typing(conversation: Conversation) -> bool:
    """Whether the conversation's platform is told when somebody writes."""
    capabilities = capabilities_of(conversation)
    return capabilities.typing and not capabilities.outgoing_by_reading


def message_before(
    *,
    conversation: Conversation,
    client_key: str,
    user: User,
    digest: str,
    direction: Direction = Direction.OUT,
) -> Message | None:
    """The message that this key has made already: a repeat gives the first answer.

    Raises `ConflictError` "key_reused" when the key stands for something else. A note is never
    taken for an answer, whatever its words.
    """
    before = Message.objects.filter(conversation=conversation, client_key=client_key).first()
    if before is None:
        return None
    made_by = (before.direction, before.author_id, before.data.get("digest"))
    if made_by != (direction, user.pk, digest):
        raise ConflictError("key_reused", _("This message was sent already, with another text."))
    return before
