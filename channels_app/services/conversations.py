"""Changes of a conversation outside the intake's hot path."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F, QuerySet

from channels_app.drivers.base import Event, Person
from channels_app.models import Connector, Conversation, Direction, Message, MessageState
from channels_app.signals import reachability_changed
from openlines_project.lib.live import ring_after_commit
from openlines_project.lib.text import clean_json, clean_text

PROFILE_FIELDS = ("username", "phone", "email", "language", "other_id")


def conversation_lock(conversation_id: int) -> Conversation:
    """Lock a conversation for this transaction: the first lock of every service that needs one."""
    return _locked().get(pk=conversation_id)


def conversation_lock_of(*, connector: Connector, event: Event) -> Conversation | None:
    """Lock the conversation an event belongs to; None when the person never wrote."""
    return (
        _locked()
        .filter(connector=connector, external_chat_id=event.chat_id, external_thread=event.thread)
        .first()
    )


def _locked() -> QuerySet[Conversation]:
    return Conversation.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "connector__open_channel"
    )


def conversation_touch(*, conversation: Conversation, now: dt.datetime) -> int:
    """Raise the version of a locked conversation for a visible change. Returns the new version."""
    conversation.version += 1
    conversation.changed_at = now
    Conversation.objects.filter(pk=conversation.pk).update(version=F("version") + 1, changed_at=now)
    ring_after_commit(conversation.pk, conversation.version)
    return conversation.version


def person_columns(user: Person | None) -> tuple[str, str, dict[str, Any]]:
    """`(external_user_id, display_name, profile)` of a platform's person, cleaned."""
    if user is None:
        return "", "", {}
    profile = {
        name: clean_text(getattr(user, name), max_length=200)
        for name in PROFILE_FIELDS
        if getattr(user, name)
    }
    return (
        clean_text(user.external_id, max_length=200),
        clean_text(user.name, max_length=200),
        profile,
    )


def conversation_person_update(
    *,
    conversation: Conversation,
    user: Person | None,
    reply_context: dict[str, Any],
) -> None:
    """Write down what the platform tells anew of a person; known values stay when it is silent."""
    user_id, name, profile = person_columns(user)
    changed: list[str] = []
    merged = {**conversation.profile, **profile}
    for field, value in (
        ("external_user_id", user_id or conversation.external_user_id),
        ("display_name", name or conversation.display_name),
        ("profile", merged),
        ("reply_context", clean_json(reply_context) or conversation.reply_context),
    ):
        if getattr(conversation, field) != value:
            setattr(conversation, field, value)
            changed.append(field)
    if changed:
        conversation.save(update_fields=changed)


def conversation_system_message(
    *,
    conversation: Conversation,
    kind: str,
    now: dt.datetime,
    once_key: str | None = None,
    data: dict[str, Any] | None = None,
    author: AbstractBaseUser | None = None,
) -> Message | None:
    """Put an event into the thread of a locked conversation; shown in the reader's language.

    `kind` is "gap"; "form" for data a customer left; "ceiling" (`data` has the days); "blocked" or
    "unblocked" by the customer, "new_address" of his; "shut" or "let_in" by `author`. With
    `once_key` it appears at most once. It does not become the newest message of the lists.
    """
    if once_key and Message.objects.filter(conversation=conversation, client_key=once_key).exists():
        return None
    conversation.last_seq += 1
    Conversation.objects.filter(pk=conversation.pk).update(last_seq=F("last_seq") + 1)
    version = conversation_touch(conversation=conversation, now=now)
    message = Message(
        conversation=conversation,
        seq=conversation.last_seq,
        version=version,
        direction=Direction.SYSTEM,
        kind=kind,
        state=MessageState.RECEIVED,
        author_id=author.pk if author else None,
        client_key=once_key,
        data=data or {},
        created_at=now,
    )
    message.save(force_insert=True)
    return message


def conversation_note(
    *,
    conversation: Conversation,
    text: str,
    author: AbstractBaseUser,
    now: dt.datetime,
    client_key: str | None = None,
    data: dict[str, Any] | None = None,
) -> Message:
    """Put a private note into the thread of a locked conversation. No channel ever gets it.

    It does not become the newest message of the lists: those show what was said.
    """
    conversation.last_seq += 1
    Conversation.objects.filter(pk=conversation.pk).update(last_seq=F("last_seq") + 1)
    version = conversation_touch(conversation=conversation, now=now)
    note = Message(
        conversation=conversation,
        seq=conversation.last_seq,
        version=version,
        direction=Direction.NOTE,
        text=text,
        state=MessageState.RECEIVED,
        author_id=author.pk,
        client_key=client_key,
        data=data or {},
        created_at=now,
    )
    note.save(force_insert=True)
    return note


def conversation_block_set(
    *, conversation: Conversation, is_blocked: bool, author: AbstractBaseUser, now: dt.datetime
) -> bool:
    """Hear nothing more of the sender of a locked conversation, or hear him again.

    What a blocked sender writes is kept as ignored and counted: see services/intake.py. Returns
    whether anything changed.
    """
    if (conversation.blocked_at is not None) == is_blocked:
        return False
    conversation.blocked_at = now if is_blocked else None
    Conversation.objects.filter(pk=conversation.pk).update(blocked_at=conversation.blocked_at)
    conversation_system_message(
        conversation=conversation, kind="shut" if is_blocked else "let_in", now=now, author=author
    )
    return True


def conversation_typing(
    *, connector: Connector, chat_id: str, thread: str, now: dt.datetime
) -> None:
    """The customer is writing: one conditional update, no lock held, no version raised."""
    Conversation.objects.filter(
        connector=connector, external_chat_id=chat_id, external_thread=thread
    ).update(typing_at=now, changed_at=now)


@transaction.atomic
def conversation_reachability(
    *, conversation: Conversation, reachable: bool, now: dt.datetime
) -> None:
    """Remember that the person blocked us or let us in again, with a note in the thread."""
    if (conversation.unreachable_at is None) == reachable:
        return
    conversation.unreachable_at = None if reachable else now
    conversation.save(update_fields=["unreachable_at"])
    conversation_system_message(
        conversation=conversation, kind="unblocked" if reachable else "blocked", now=now
    )
    reachability_changed.send(
        sender=Conversation, conversation=conversation, reachable=reachable, now=now
    )
