"""Setting and cancelling timers: a deadline is a row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from openlines_project.lib.db import sql_rows
from openlines_project.lib.tasks import enqueue_after_commit
from queue_app import tasks
from queue_app.models import Timer

# What failed is tried again after this, then ever more seldom.
PUT_OFF = dt.timedelta(seconds=30)

_SET = """
INSERT INTO queue_app_timer (session_id, kind, due_at) VALUES {rows}
ON CONFLICT (session_id, kind) DO UPDATE
SET due_at = excluded.due_at, attempts = 0, error = ''
RETURNING id
"""
_CANCEL = "DELETE FROM queue_app_timer WHERE session_id = %s AND kind IN ({kinds}) RETURNING id"


def timer_set(*, session_id: int, kind: str, due_at: dt.datetime) -> None:
    """Set a session's timer of a kind, moving it when it is set already."""
    timers_set(session_id=session_id, timers=[(kind, due_at)])


def timers_set(*, session_id: int, timers: Sequence[tuple[str, dt.datetime]]) -> None:
    """Set several timers of a session, each a `(kind, due_at)`, in one statement."""
    if not timers:
        return
    params: list[object] = []
    for kind, due_at in timers:
        params += [session_id, str(kind), due_at]
    sql_rows(_SET.format(rows=", ".join(["(%s, %s, %s)"] * len(timers))), params)


def timer_cancel(*, session_id: int, kinds: Sequence[str] | None = None) -> None:
    """Delete a session's timers of these kinds, all of them without `kinds`."""
    if kinds is None:
        Timer.objects.filter(session_id=session_id).delete()
    else:
        # On the way of a customer's message: a queryset costs several times as much.
        statement = _CANCEL.format(kinds=", ".join(["%s"] * len(kinds)))
        sql_rows(statement, [session_id, *(str(kind) for kind in kinds)])


def timer_hurry(*, timer: Timer, now: dt.datetime) -> bool:
    """Have a timer that failed, or that is late, tried now. Returns whether it will be.

    A deadline that has not come and did not fail stays where it is: what it ends is not over.
    The sweep does the work, in its own process; it is woken.
    """
    failed = Timer.objects.filter(pk=timer.pk, attempts__gt=0, due_at__gt=now)
    is_due = bool(failed.update(due_at=now))
    if is_due or Timer.objects.filter(pk=timer.pk, due_at__lte=now).exists():
        enqueue_after_commit(tasks.timers_sweep)
        return True
    return False
