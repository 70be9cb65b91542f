"""The sweep: every deadline that has come is handled once, in a transaction of its own."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable

from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet

from channels_app.models import Conversation
from openlines_project.lib.clock import database_now
from openlines_project.lib.text import clean_text, error_words
from queue_app.models import AssignmentOutcome, Session, SessionState, Timer, TimerKind
from queue_app.services.deadlines import timer_set
from queue_app.services.events import seconds_between
from queue_app.services.locks import session_lock
from queue_app.services.routing import session_distribute, session_hand_back
from queue_app.services.snoozes import snooze_due
from queue_app.services.timer_handlers import (
    Then,
    auto_close_due,
    ceiling_due,
    grace_over,
    reminder_due,
)

logger = logging.getLogger(__name__)

PUT_OFF = dt.timedelta(seconds=30)
PUT_OFF_MOST = dt.timedelta(hours=1)

# What is done when a timer is due: called with the session locked and the timer deleted. What it
# returns is called after the commit, because it is a transaction of its own.
Handler = Callable[[Session, Conversation, dt.datetime], Then]


def timers_sweep(*, now: dt.datetime | None = None, limit: int = 200) -> int:
    """Handle the timers that are due, oldest first. Returns how many were handled.

    `now` is the database's clock, read once; `limit` is how many are fetched at a time. Sweeps
    may run twice at once, late, or not at all: a timer is claimed by deleting it, in the
    transaction of its effect, and the session's state is looked at again. A timer that somebody
    else works on is skipped until the next tick.
    """
    now = now or database_now()
    due = Timer.objects.filter(due_at__lte=now).order_by("due_at").values_list("pk", flat=True)
    handled = 0
    while True:
        batch = list(due[:limit])
        done = sum(_timer_try(timer_id, now) for timer_id in batch)
        handled += done
        # A whole batch that others work on would come back at once: it waits for the next tick.
        if len(batch) < limit or not done:
            return handled


def _timer_try(timer_id: int, now: dt.datetime) -> bool:
    """Handle one timer. A failure is logged, shown and put off, and stops nobody else's."""
    try:
        claimed = _timer_handle(timer_id, now)
    except Exception as error:
        logger.exception("A timer's handler failed")
        _put_off(Timer.objects.filter(pk=timer_id), error, now)
        return False
    if claimed is None:
        return False
    timer, then = claimed
    if then is None:
        return True
    try:
        then()
    except Exception as error:
        logger.exception("What follows a timer failed")
        # The timer itself is gone: the one that stands in for the distribution tells of it.
        stand_in = Timer.objects.filter(session_id=timer.session_id, kind=TimerKind.ROUTE)
        _put_off(stand_in, error, now, attempts=timer.attempts)
        return False
    return True


def _timer_handle(timer_id: int, now: dt.datetime) -> tuple[Timer, Then] | None:
    """Claim a timer and have its effect. None when it is not due any more or not free."""
    with transaction.atomic():
        timer = Timer.objects.filter(pk=timer_id).first()
        if timer is None or not _is_free(timer.session_id):
            return None
        conversation, session = session_lock(timer.session_id)
        if not Timer.objects.filter(pk=timer_id, due_at__lte=now).delete()[0]:
            return None
        return timer, HANDLERS[timer.kind](session, conversation, now)


def _is_free(session_id: int) -> bool:
    """Whether nobody else works on the session's conversation just now, which stays ours if so."""
    if not connection.features.has_select_for_update_skip_locked:
        return True
    return (
        Conversation.objects.select_for_update(no_key=True, skip_locked=True)
        .filter(sessions__pk=session_id)
        .exists()
    )


def _put_off(
    timers: QuerySet[Timer], error: Exception, now: dt.datetime, *, attempts: int | None = None
) -> None:
    """A failing handler is tried again later, and shown in the admin.

    `attempts` is how often it failed before, where the row at hand does not know.
    """
    try:
        timer = timers.first()
        if timer is None:
            return
        failed = timer.attempts if attempts is None else attempts
        timers.update(
            due_at=now + min(PUT_OFF * 2 ** min(failed, 10), PUT_OFF_MOST),
            attempts=failed + 1,
            error=clean_text(error_words(error), max_length=2000),
        )
    except DatabaseError:
        logger.exception("A timer could not be put off")


def _response_over(session: Session, conversation: Conversation, now: dt.datetime) -> Then:
    """The operator did not accept in time: the next one."""
    if session.state != SessionState.OFFERED:
        return None
    line = session.open_channel
    if not line.is_open_for_work:
        # Nothing is redirected on a closed line: his time begins anew, until it is open again.
        due_at = now + dt.timedelta(minutes=line.response_minutes)
        timer_set(session_id=session.pk, kind=TimerKind.RESPONSE, due_at=due_at)
        return None
    session_hand_back(
        session=session,
        conversation=conversation,
        step="expire",
        outcome=AssignmentOutcome.EXPIRED,
        event="expired",
        now=now,
        data={"waited_s": seconds_between(session.offered_at, now)},
    )
    return lambda: session_distribute(session_id=session.pk, now=now)


def _route(
    session: Session,
    conversation: Conversation,  # noqa: ARG001  one signature for all handlers
    now: dt.datetime,
) -> Then:
    """A session that was not distributed yet: after a fault, or between two operators."""
    if session.state != SessionState.WAITING:
        return None
    # Until it has succeeded the timer must be there: distributing deletes it.
    Timer.objects.bulk_create(
        [Timer(session=session, kind=TimerKind.ROUTE, due_at=now + PUT_OFF)],
        ignore_conflicts=True,
    )
    return lambda: session_distribute(session_id=session.pk, now=now)


def _snooze_over(session: Session, conversation: Conversation, now: dt.datetime) -> Then:
    snooze_due(session=session, conversation=conversation, now=now)
    return None


HANDLERS: dict[str, Handler] = {
    TimerKind.RESPONSE: _response_over,
    TimerKind.ROUTE: _route,
    TimerKind.AUTO_CLOSE: auto_close_due,
    TimerKind.REMINDER: reminder_due,
    TimerKind.GRACE: grace_over,
    TimerKind.CEILING: ceiling_due,
    TimerKind.SNOOZE: _snooze_over,
}
