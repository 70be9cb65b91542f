"""What the desk does when something happened below, one line each."""

from typing import Any

from django.dispatch import receiver

from channels_app.signals import (
    delivery_changed,
    message_echoed,
    message_received,
    open_channel_changed,
    open_channel_cloned,
)
from crm_app.signals import form_submitted
from queue_app.services.echoes import echo_route
from queue_app.services.form_answers import form_attach
from queue_app.services.queues import queue_changed, queue_members_copy
from queue_app.services.rights import ready_groups_make
from queue_app.services.routing import message_route
from queue_app.services.silence import answer_arrived


@receiver(message_received, dispatch_uid="desk.message")
def on_message(conversation: Any, mode: Any, now: Any, **_kwargs: Any) -> None:
    message_route(conversation=conversation, mode=mode, now=now)


@receiver(message_echoed, dispatch_uid="desk.echo")
def on_echo(conversation: Any, message: Any, now: Any, **_kwargs: Any) -> None:
    echo_route(conversation=conversation, message=message, now=now)
    # It has been with the customer since before we heard of it.
    answer_arrived(conversation=conversation, message=message, now=now)


@receiver(delivery_changed, dispatch_uid="desk.delivery")
def on_delivery(conversation: Any, message: Any, arrived: Any, now: Any, **_kwargs: Any) -> None:
    if arrived:
        answer_arrived(conversation=conversation, message=message, now=now)


@receiver(form_submitted, dispatch_uid="desk.form")
def on_form(submission: Any, context: Any, now: Any, **_kwargs: Any) -> None:
    form_attach(submission=submission, context=context, now=now)


# Settings of a line that may change who gets a chat; its names and languages do not.
DISTRIBUTION_FIELDS = {
    "created", "is_active", "archived_at", "distribution", "check_availability",
    "demand_connection", "away_returns", "max_chats", "no_answer_action", "no_answer_minutes",
    "no_answer_in_hours", "time_zone", "has_hours", "distribute_closed", "holiday_country",
    "holiday_subdivision", "work_intervals", "holidays", "hours_exceptions",
}  # fmt: skip


@receiver(open_channel_changed, dispatch_uid="desk.line")
def on_line(open_channel: Any, fields: Any, **_kwargs: Any) -> None:
    if DISTRIBUTION_FIELDS.intersection(fields):
        queue_changed(open_channel=open_channel)


def on_migrated(**_kwargs: Any) -> None:
    """Connected in apps.py, because its sender is the app itself."""
    ready_groups_make()


@receiver(open_channel_cloned, dispatch_uid="desk.line_cloned")
def on_clone(open_channel: Any, source: Any, now: Any, **_kwargs: Any) -> None:
    queue_members_copy(source=source, target=open_channel, now=now)
