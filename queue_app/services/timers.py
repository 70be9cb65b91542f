"""The sweep: every deadline that has come is handled once, in a transaction of its own."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable

from django.db import DatabaseError, connection, transaction
from django.db.models import F

from channels_app.models import Conversation
from openlines_project.lib.clock import database_now
from queue_app.models import AssignmentOutcome, Session, SessionState, Timer, TimerKind
from queue_app.services.events import seconds_between
from queue_app.services.locks import session_lock
from queue_app.services.routing import session_distribute, session_hand_back

logger = logging.getLogger(__name__)

PUT_OFF = dt.timedelta(seconds=30)
PUT_OFF_MOST = dt.timedelta(hours=1)

# What is done when a timer is due: called with the session locked and the timer deleted. What it
# returns is called after the commit, because it is a transaction of its own.
Handler = Callable[[Session, Conversation, dt.datetime], Callable[[], object] | None]


def timers_sweep(*, now: dt.datetime | None = None, limit: int = 200) -> int:
    """Handle the timers that are due, oldest first. Returns how many were handled.

    `now` is the database's clock, read once. Sweeps may run twice at once, late, or not at all:
    a timer is claimed by deleting it, in the transaction of its effect, and the session's state
    is looked at again. A timer that somebody else works on is skipped until the next tick.
    """
    now = now or database_now()
    due = Timer.objects.filter(due_at__lte=now).order_by("due_at").values_list("pk", flat=True)
    handled = 0
    for timer_id in list(due[:limit]):
        try:
            handled += _timer_handle(timer_id, now)
        except Exception as error:
            logger.exception("A timer's handler failed")
            _put_off(timer_id, error, now)
    return handled


def _timer_handle(timer_id: int, now: dt.datetime) -> bool:
    with transaction.atomic():
        timer = Timer.objects.filter(pk=timer_id).first()
        if timer is None or not _is_free(timer.session_id):
            return False
        conversation, session = session_lock(timer.session_id)
        if not Timer.objects.filter(pk=timer_id, due_at__lte=now).delete()[0]:
            return False
        then = HANDLERS[timer.kind](session, conversation, now)
    if then is not None:
        then()
    return True


def _is_free(session_id: int) -> bool:
    """Whether nobody else works on the session's conversation just now, which stays ours if so."""
    if not connection.features.has_select_for_update_skip_locked:
        return True
    return (
        Conversation.objects.select_for_update(no_key=True, skip_locked=True)
        .filter(sessions__pk=session_id)
        .exists()
    )


def _put_off(timer_id: int, error: Exception, now: dt.datetime) -> None:
    """A failing handler is tried again later, and shown in the admin."""
    try:
        timer = Timer.objects.filter(pk=timer_id).first()
        if timer is None:
            return
        wait = min(PUT_OFF * 2 ** min(timer.attempts, 10), PUT_OFF_MOST)
        Timer.objects.filter(pk=timer_id).update(
            due_at=now + wait,
            attempts=F("attempts") + 1,
            error=f"{type(error).__name__}: {error}"[:2000],
        )
    except DatabaseError:
        logger.exception("A timer could not be put off")


def _response_over(
    session: Session, conversation: Conversation, now: dt.datetime
) -> Callable[[], object] | None:
    """The operator did not accept in time: the next one."""
    if session.state != SessionState.OFFERED:
        return None
    session_hand_back(
        session=session,
        conversation=conversation,
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
) -> Callable[[], object] | None:
    """A session that was not distributed yet: after a fault, or between two operators."""
    if session.state != SessionState.WAITING:
        return None
    # Until it has succeeded the timer must be there: distributing deletes it.
    Timer.objects.bulk_create(
        [Timer(session=session, kind=TimerKind.ROUTE, due_at=now + PUT_OFF)],
        ignore_conflicts=True,
    )
    return lambda: session_distribute(session_id=session.pk, now=now)


HANDLERS: dict[str, Handler] = {
    TimerKind.RESPONSE: _response_over,
    TimerKind.ROUTE: _route,
}
