"""Doors for the workers: each fetches what is due and calls one service."""

from __future__ import annotations

from celery import shared_task

from openlines_project.lib.clock import database_now


@shared_task
def timers_sweep() -> None:
    """Handle the deadlines that have come."""
    from queue_app.services.timers import timers_sweep as sweep

    sweep()


@shared_task
def desk_sweep() -> None:
    """Try again what waits, and notice what changed outside our pages."""
    from queue_app.services.desk import desk_sweep as sweep

    sweep(now=database_now())


@shared_task
def line_distribute(open_channel_id: int) -> None:
    """Distribute the sessions of a line that wait for an operator."""
    from queue_app.services.desk import line_distribute as distribute

    distribute(open_channel_id=open_channel_id, now=database_now())


@shared_task
def line_redistribute(open_channel_id: int) -> None:
    """The queue or the settings of a line changed."""
    from queue_app.services.desk import line_resettle

    line_resettle(open_channel_id=open_channel_id, now=database_now())


@shared_task
def operator_duty_changed(operator_id: int) -> None:
    """An operator came or went: offer him what waits, or return what he did not accept."""
    from queue_app.services.desk import operator_duty_settle

    operator_duty_settle(operator_id=operator_id, now=database_now())


@shared_task
def place_freed(session_id: int, operator_id: int | None = None) -> None:
    """A chat ended, or went to somebody else: its operator has a place for who waits."""
    from queue_app.services.desk import place_freed as freed

    freed(session_id=session_id, operator_id=operator_id, now=database_now())


@shared_task
def schedules_sweep() -> None:
    """Put on duty and off whose weekly schedule has changed."""
    from queue_app.services.schedules import schedules_sweep as sweep

    sweep(now=database_now())


@shared_task
def line_notices_sweep() -> None:
    """Look what is wrong with the lines, and tell their administrators once."""
    from queue_app.services.notices import line_notices_sweep as sweep

    sweep(now=database_now())


@shared_task
def operator_freed(operator_id: int) -> None:
    """An operator holds one chat less: he has a place for somebody who waits."""
    from queue_app.services.desk import operator_freed as freed

    freed(operator_id=operator_id, now=database_now())


@shared_task
def session_distribute(session_id: int) -> None:
    """A session came back to its queue: the next operator."""
    from queue_app.services.routing import session_distribute as distribute

    distribute(session_id=session_id, now=database_now())
