"""One person, two ids: which conversation an event belongs to when a platform has both.

WhatsApp knows a person by his phone and by a business-scoped id, and may leave the phone away.
The id of the business goes first, then the phone. A conversation keeps both: one in
`external_chat_id`, which is where answers go, the other in `profile["other_id"]`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from django.db import transaction

from channels_app.drivers.base import Event, IdentityEvent, Person
from channels_app.models import Connector, Conversation
from channels_app.services.conversations import (
    conversation_lock,
    conversation_person_update,
    conversation_system_message,
)


def chat_resolve(*, connector: Connector, event: Event) -> Event:
    """The event with the chat id of the conversation its person has; as it is when he has none.

    Costs nothing on platforms with one id. A conversation known by the phone only gets the other
    id as its address with the first event that brings no phone.
    """
    other_id = event.user.other_id if event.user else ""
    if event.user is None or not other_id or isinstance(event, IdentityEvent):
        return event
    conversations = Conversation.objects.filter(
        connector=connector, external_thread=event.thread
    ).only("pk", "external_chat_id", "profile")
    known = {
        one.external_chat_id: one
        for one in conversations.filter(external_chat_id__in={event.chat_id, other_id})
    }
    if other_id in known:
        return _moved(event, other_id)
    by_phone = known.get(event.chat_id)
    if by_phone is not None:
        theirs = by_phone.profile.get("other_id", "")
        # A number that changed hands: the thread of whoever had it before is not his.
        return event if theirs in ("", other_id) else _moved(event, other_id)
    if event.chat_id == other_id:
        # No phone, and nobody is known by this id: it may stand beside a phone. Looked through
        # once a person, as the conversation is found by the id from then on.
        hidden = conversations.filter(profile__other_id=other_id).order_by("-pk").first()
        if hidden is not None:
            _address_change(hidden.pk, other_id)
    return event


def _moved(event: Event, chat_id: str) -> Event:
    assert event.user is not None  # noqa: S101  asked before
    return replace(event, chat_id=chat_id, user=replace(event.user, external_id=chat_id))


@transaction.atomic
def _address_change(conversation_id: int, chat_id: str) -> None:
    conversation = conversation_lock(conversation_id)
    taken = Conversation.objects.filter(
        connector=conversation.connector,
        external_chat_id=chat_id,
        external_thread=conversation.external_thread,
    )
    if not taken.exists():
        conversation.external_chat_id = conversation.external_user_id = chat_id
        conversation.save(update_fields=["external_chat_id", "external_user_id"])


def identity_apply(
    *, connector: Connector, event: IdentityEvent, now: dt.datetime
) -> tuple[int | None, int | None]:
    """The person has a new number or id: his conversation goes on under it.

    A new number is noted in the thread. Inside the caller's transaction. Somebody who never wrote
    leaves no trace. When the new address has a conversation already, both stay: two threads.
    """
    person = event.user
    if person is None:
        return None, None
    conversation = _known(connector, event)
    if conversation is None:
        return None, None
    other_id = conversation.profile.get("other_id", "")
    kept_by_id = bool(other_id) and conversation.external_chat_id == other_id
    # A thread known by the business's id stays under that kind of id when the number changes.
    address = (kept_by_id and person.other_id) or person.external_id
    address = address or conversation.external_chat_id
    has_new_number = bool(person.phone) and person.phone != conversation.profile.get("phone", "")
    if address != conversation.external_chat_id:
        taken = Conversation.objects.filter(
            connector=connector, external_chat_id=address, external_thread=event.thread
        )
        if taken.exists():
            return conversation.pk, None
        conversation.external_chat_id = address
        conversation.save(update_fields=["external_chat_id"])
    if not person.other_id and has_new_number:
        # With a new number comes a new id, which we are not told yet: the old one would make the
        # next message look like one of somebody who got the number after him.
        conversation.profile = {**conversation.profile, "other_id": ""}
        conversation.save(update_fields=["profile"])
    conversation_person_update(
        conversation=conversation,
        user=Person(external_id=address, other_id=person.other_id, phone=person.phone),
        reply_context={},
    )
    if has_new_number:
        conversation_system_message(conversation=conversation, kind="new_address", now=now)
    return conversation.pk, None


def _known(connector: Connector, event: IdentityEvent) -> Conversation | None:
    """The conversation of the person as he was known: by his old id, then by his old number."""
    mine = Conversation.objects.filter(connector=connector, external_thread=event.thread)
    for chat_id in filter(None, (event.old_other_id, event.chat_id)):
        found = mine.filter(external_chat_id=chat_id).only("pk").first()
        if found is not None:
            return conversation_lock(found.pk)
    if event.old_other_id:
        found = mine.filter(profile__other_id=event.old_other_id).only("pk").first()
        if found is not None:
            return conversation_lock(found.pk)
    return None
