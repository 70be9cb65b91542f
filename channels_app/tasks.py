"""Doors for the workers: each fetches what is due and calls one service."""

from __future__ import annotations

from contextlib import suppress

from celery import shared_task
from django.utils import timezone

from openlines_project.lib.clock import database_now


@shared_task
def deliver_conversation(conversation_id: int) -> None:
    """Send what waits in one conversation's outbox."""
    from channels_app.services.delivery import conversation_deliver

    conversation_deliver(conversation_id=conversation_id)


@shared_task
def deliver_sweep() -> None:
    """Find conversations whose outbox is due, and leases that ran out."""
    from channels_app.services.delivery import delivery_sweep

    delivery_sweep(now=database_now())


@shared_task
def deliver_acknowledgement(connector_id: int, callback_id: str) -> None:
    """Tell a platform that a button press arrived."""
    from channels_app.services.gestures import callback_acknowledge

    callback_acknowledge(connector_id=connector_id, callback_id=callback_id)


@shared_task
def deliver_typing(conversation_id: int) -> None:
    """Show the customer that an operator is writing."""
    from channels_app.services.gestures import typing_send

    typing_send(conversation_id=conversation_id)


@shared_task
def deliver_seen(conversation_id: int) -> None:
    """Show the customer that his message was read."""
    from channels_app.services.gestures import seen_send

    seen_send(conversation_id=conversation_id)


@shared_task
def profile_fetch(conversation_id: int) -> None:
    """Ask the platform for a person's name."""
    from channels_app.services.profiles import profile_fetch as fetch

    fetch(conversation_id=conversation_id, now=timezone.now())


@shared_task
def templates_refresh(connector_id: int) -> None:
    """List the message templates of one account anew."""
    from channels_app.models import Connector
    from channels_app.services.errors import PlatformError
    from channels_app.services.templates import templates_refresh as refresh

    connector = Connector.objects.filter(pk=connector_id).first()
    if connector is not None:
        with suppress(PlatformError):  # it is asked again within hours, and on "check now"
            refresh(connector=connector, now=timezone.now())


@shared_task
def templates_sweep() -> None:
    """List the message templates of all accounts anew."""
    from channels_app.services.templates import templates_sweep as sweep

    sweep(now=timezone.now())


@shared_task
def secrets_sweep() -> None:
    """Renew access data that run out by themselves."""
    from channels_app.services.renewals import secrets_sweep as sweep

    sweep(now=timezone.now())


@shared_task
def inbound_sweep() -> None:
    """Try pending events again."""
    from channels_app.services.pending import inbound_sweep as sweep

    sweep(now=database_now())


@shared_task
def inbound_clean() -> None:
    """Forget what need not be kept any longer."""
    from channels_app.services.idempotency import idempotency_clean
    from channels_app.services.pending import inbound_clean as clean

    now = timezone.now()
    clean(now=now)
    idempotency_clean(now=now)


@shared_task
def media_fetch(attachment_id: int) -> None:
    """Fetch one file from its platform."""
    from channels_app.services.media import attachment_fetch

    attachment_fetch(attachment_id=attachment_id, now=timezone.now())


@shared_task
def media_erase(attachment_id: int) -> None:
    """Remove the bytes of an erased file."""
    from channels_app.services.media import attachment_erase

    attachment_erase(attachment_id=attachment_id)


@shared_task
def media_sweep() -> None:
    """Find files that wait to be fetched."""
    from channels_app.services.media import media_sweep as sweep

    sweep(now=database_now())
