"""What the desk does when something happened below, one line each."""

from typing import Any

from django.dispatch import receiver

from channels_app.signals import (
    message_echoed,
    message_received,
    open_channel_changed,
    open_channel_cloned,
)
from queue_app.services.queues import queue_changed, queue_members_copy
from queue_app.services.routing import echo_route, message_route


@receiver(message_received, dispatch_uid="desk.message")
def on_message(conversation: Any, mode: Any, now: Any, **_kwargs: Any) -> None:
    message_route(conversation=conversation, mode=mode, now=now)


@receiver(message_echoed, dispatch_uid="desk.echo")
def on_echo(conversation: Any, message: Any, now: Any, **_kwargs: Any) -> None:
    echo_route(conversation=conversation, message=message, now=now)


# Settings of a line that may change who gets a chat; its names and languages do not.
DISTRIBUTION_FIELDS = {
    "created", "is_active", "archived_at", "distribution", "check_availability", "max_chats",
}  # fmt: skip


@receiver(open_channel_changed, dispatch_uid="desk.line")
def on_line(open_channel: Any, fields: Any, **_kwargs: Any) -> None:
    if DISTRIBUTION_FIELDS.intersection(fields):
        queue_changed(open_channel=open_channel)


@receiver(open_channel_cloned, dispatch_uid="desk.line_cloned")
def on_clone(open_channel: Any, source: Any, now: Any, **_kwargs: Any) -> None:
    queue_members_copy(source=source, target=open_channel, now=now)
