"""Reading side of the post office."""

from __future__ import annotations

import time

from channels_app.models import Connector, Conversation, Message

CONNECTOR_CACHE_SECONDS = 5.0
_connectors: dict[str, tuple[float, Connector]] = {}
_accounts: dict[str, tuple[float, dict[str, Connector]]] = {}


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


def connectors_by_account(kind: str, field: str) -> dict[str, Connector]:
    """The connectors of a kind that are not switched off, with their lines, by platform account.

    The account is the one named by the setting `field`, else the one read from the platform. Kept
    for 5 seconds in each process.
    """
    clock = time.monotonic()
    cached = _accounts.get(kind)
    if cached is not None and clock - cached[0] < CONNECTOR_CACHE_SECONDS:
        return cached[1]
    found: dict[str, Connector] = {}
    # Of two that name one account the one that was connected with it counts.
    rows = Connector.objects.filter(kind=kind, disabled_at__isnull=True)
    for connector in rows.select_related("open_channel").order_by("-pk"):
        account = str(connector.config.get(field) or connector.account_id or "")
        before = found.get(account)
        if account and not (before and before.account_id and not connector.account_id):
            found[account] = connector
    _accounts[kind] = (clock, found)
    return found


def connector_cache_clear() -> None:
    """Forget the cached connectors of this process: something of them or their line changed."""
    _connectors.clear()
    _accounts.clear()


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
