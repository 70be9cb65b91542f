"""The order of a thread while one of its events waits to be tried again.

A pending event holds later events of its conversation back for 30 seconds at most; after that
they pass, and a note in the thread marks the gap.
"""

from __future__ import annotations

import datetime as dt

from channels_app.models import Conversation, InboundEvent
from channels_app.services.conversations import conversation_lock, conversation_system_message
from channels_app.services.received import HeldBackError

HOLD_BACK = dt.timedelta(seconds=30)


def hold_back(*, conversation: Conversation, now: dt.datetime) -> None:
    """Called with the conversation locked and flagged: let an event pass those that wait.

    Raises `HeldBackError` while one of them is young.
    """
    waiting = _waiting(conversation.pk, now)
    if waiting:
        _gaps_note(conversation, waiting, now)
        return
    conversation.has_pending = False
    Conversation.objects.filter(pk=conversation.pk).update(has_pending=False)


def older_first(*, inbound_event: InboundEvent, now: dt.datetime) -> None:
    """Let a waiting event pass those of its conversation that came before it.

    Raises `HeldBackError` while one of them is young.
    """
    if inbound_event.conversation_id is None:
        return
    older = _waiting(inbound_event.conversation_id, now, before=inbound_event.pk)
    if older:
        _gaps_note(conversation_lock(inbound_event.conversation_id), older, now)


def _waiting(conversation_id: int, now: dt.datetime, *, before: int | None = None) -> list[int]:
    """The pending events of a conversation. Raises `HeldBackError` while one of them is young."""
    events = InboundEvent.objects.filter(conversation=conversation_id, pending_at__isnull=False)
    if before is not None:
        events = events.filter(pk__lt=before)
    waiting = list(events.order_by("pk").values_list("pk", "received_at"))
    if any(received_at > now - HOLD_BACK for _pk, received_at in waiting):
        raise HeldBackError
    return [pk for pk, _received_at in waiting]


def _gaps_note(conversation: Conversation, waiting: list[int], now: dt.datetime) -> None:
    for event_id in waiting:
        conversation_system_message(
            conversation=conversation, kind="gap", now=now, once_key=f"gap:{event_id}"
        )
