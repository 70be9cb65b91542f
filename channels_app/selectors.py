"""Reading side of the post office."""

from __future__ import annotations

import time

from channels_app.models import Connector, Conversation, Message

CONNECTOR_CACHE_SECONDS = 5.0
_connectors: dict[str, tuple[float, Connector]] = {}


def connector_by_public_id(public_id: str) -> Connector | None:
    """The connector of an address, with its line; kept for 5 seconds in each process."""
    clock = time.monotonic()
    cached = _connectors.get(public_id)
    if cached is not None and clock - cached[0] < CONNECTOR_CACHE_SECONDS:
        return cached[1]
    connector = Connector.objects.select_related("open_channel").filter(public_id=public_id).first()
    if connector is None:
        _connectors.pop(public_id, None)
        return None
    if len(_connectors) > 1000:
        _connectors.clear()
    _connectors[public_id] = (clock, connector)
    return connector


def connector_cache_clear() -> None:
    """Forget the cached connectors of this process: something of them or their line changed."""
    _connectors.clear()


def thread_messages(
    *, conversation: Conversation, before_seq: int | None = None, limit: int = 50
) -> list[Message]:
    """The newest messages before `before_seq`, oldest first, with files and authors."""
    messages = Message.objects.filter(conversation=conversation)
    if before_seq is not None:
        messages = messages.filter(seq__lt=before_seq)
    newest = messages.select_related("author").prefetch_related("attachments").order_by("-seq")
    return list(reversed(newest[:limit]))


def messages_changed_since(
    *, conversation: Conversation, version: int, limit: int = 500
) -> list[Message]:
    """Messages that came or changed after `version`, in the order of the thread."""
    return list(
        Message.objects.filter(conversation=conversation, version__gt=version)
        .select_related("author")
        .prefetch_related("attachments")
        .order_by("seq")[:limit]
    )
