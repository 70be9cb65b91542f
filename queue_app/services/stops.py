"""A chat is stopped without a word: spam, force, and senders we hear nothing more of."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import User
from django.db import transaction

from channels_app.models import Conversation
from channels_app.services.conversations import conversation_block_set
from channels_app.services.outbox import messages_withdraw
from queue_app.abilities import Action
from queue_app.models import CloseReason, Session, SessionText
from queue_app.services.endings import session_close_now
from queue_app.services.events import event_write
from queue_app.services.locks import session_lock
from queue_app.services.permits import session_check
from queue_app.services.texts import AUTHOR_KIND
from queue_app.services.versions import session_show


@transaction.atomic
def session_spam(*, session_id: int, actor: User, now: dt.datetime, block: bool = False) -> Session:
    """Close a session as spam: no text, no rating, and with `block` nothing more is heard of him.

    Texts of the line that still wait to be sent are withdrawn; what a person wrote goes out.
    Raises `ConflictError` "closed" and `ForbiddenError` "not_yours".
    """
    conversation, session = session_lock(session_id)
    session_check("spam", session=session, user=actor, now=now)
    _stop(session, conversation, CloseReason.SPAM, actor, now)
    if block:
        conversation_block_set(conversation=conversation, is_blocked=True, author=actor, now=now)
    session.refresh_from_db()
    return session


@transaction.atomic
def session_spam_undo(*, session_id: int, actor: User, now: dt.datetime) -> Session:
    """It was no spam: for 30 days the session can be shown again as ended by an operator.

    Its sender is heard again. It stays closed: what he writes next begins a new one. Raises
    `ConflictError` ("not_spam", "too_late") and `ForbiddenError` "permission".
    """
    conversation, session = session_lock(session_id)
    session_check("spam_undo", session=session, user=actor, now=now)
    session.close_reason = CloseReason.OPERATOR
    event_write(
        session=session, conversation=conversation, kind="spam_undone", now=now,
        operator_id=session.operator_id, actor=actor,
    )  # fmt: skip
    Session.objects.filter(pk=session.pk).update(
        close_reason=session.close_reason, event_seq=session.event_seq
    )
    conversation_block_set(conversation=conversation, is_blocked=False, author=actor, now=now)
    session_show(session=session, conversation=conversation, now=now)
    return session


@transaction.atomic
def session_force_stop(*, session_id: int, actor: User, now: dt.datetime) -> Session:
    """Close anybody's session at once, without a text.

    Raises `ConflictError` "closed" and `ForbiddenError` "permission".
    """
    conversation, session = session_lock(session_id)
    session_check("force_stop", session=session, user=actor, now=now)
    _stop(session, conversation, CloseReason.FORCED, actor, now)
    session.refresh_from_db()
    return session


def conversation_block(*, session_id: int, actor: User, now: dt.datetime) -> Conversation:
    """Hear nothing more of the sender of a session's conversation. The session stays as it is.

    The people of its line may, and who may end any. Raises `ConflictError` "blocked" and
    `ForbiddenError` "permission".
    """
    return _block_set(session_id, actor, now, is_blocked=True)


def conversation_unblock(*, session_id: int, actor: User, now: dt.datetime) -> Conversation:
    """Hear the sender again; what he wrote meanwhile is not brought back.

    Raises `ConflictError` "not_blocked" and `ForbiddenError` "permission".
    """
    return _block_set(session_id, actor, now, is_blocked=False)


@transaction.atomic
def _block_set(session_id: int, actor: User, now: dt.datetime, *, is_blocked: bool) -> Conversation:
    conversation, session = session_lock(session_id)
    action: Action = "block" if is_blocked else "unblock"
    session_check(action, session=session, user=actor, now=now)
    conversation_block_set(conversation=conversation, is_blocked=is_blocked, author=actor, now=now)
    Session.objects.filter(pk=session.pk).update(version=conversation.version)
    return conversation


def _stop(
    session: Session,
    conversation: Conversation,
    reason: CloseReason,
    actor: User,
    now: dt.datetime,
) -> None:
    session_close_now(
        session=session, conversation=conversation, reason=reason, now=now, actor=actor
    )
    withdrawn = messages_withdraw(conversation=conversation, author_kind=AUTHOR_KIND, now=now)
    SessionText.objects.filter(message__in=withdrawn).update(skipped=reason)
