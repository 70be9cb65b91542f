"""Private notes: what colleagues tell each other beside a chat."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from channels_app.models import Conversation, Direction, Message
from channels_app.services.conversations import conversation_note
from channels_app.services.errors import InvalidError
from channels_app.services.messages import MAX_TEXT, request_digest
from openlines_project.lib.text import clean_text
from queue_app.models import Session
from queue_app.services.locks import session_lock
from queue_app.services.replies import message_before


def session_note(
    *, session_id: int, user: User, text: str, client_key: str, now: dt.datetime
) -> Message:
    """Write a private note into a chat, open or closed. Nobody outside ever sees it.

    It is no answer: turn, timers and times stay. Whoever sees the chat may write one. The same
    `client_key` gives the first note back. Raises `ConflictError` "key_reused", `InvalidError`.
    """
    text = note_text(text)
    if not text:
        raise InvalidError("empty", _("Write something first."), fields={"text": [_("Empty.")]})
    with transaction.atomic():
        conversation, session = session_lock(session_id)
        digest = request_digest(text, ())
        before = message_before(
            conversation=conversation, client_key=client_key, user=user, digest=digest,
            direction=Direction.NOTE,
        )  # fmt: skip
        if before is not None:
            return before
        return note_write(
            session=session, conversation=conversation, author=user, text=text, now=now,
            client_key=client_key, digest=digest,
        )  # fmt: skip


def note_text(text: str) -> str:
    """A note as it is stored. Raises `InvalidError` when it is too long."""
    text = clean_text(text, max_length=MAX_TEXT + 1).strip()
    if len(text) > MAX_TEXT:
        raise InvalidError(
            "too_long",
            _("The text is too long."),
            fields={"text": [_("At most %d characters.") % MAX_TEXT]},
        )
    return text


def note_write(
    *,
    session: Session,
    conversation: Conversation,
    author: User,
    text: str,
    now: dt.datetime,
    client_key: str | None = None,
    digest: str = "",
) -> Message:
    """Put a note of a locked session into its thread."""
    data = {"session": session.pk} | ({"digest": digest} if digest else {})
    note = conversation_note(
        conversation=conversation, text=text, author=author, now=now, client_key=client_key,
        data=data,
    )  # fmt: skip
    session.version = note.version
    Session.objects.filter(pk=session.pk).update(version=note.version)
    return note
