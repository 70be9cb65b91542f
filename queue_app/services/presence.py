"""Whether somebody sits before the inbox: a page of it was heard from a moment ago.

It is a fact of its own beside duty. Closing the page ends nobody's duty; only a line that demands
an open inbox passes him over, and offers him chats again when he is back.
"""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import User

from openlines_project.lib.tasks import enqueue_after_commit
from queue_app import distribution, tasks
from queue_app.models import LineOperator, Operator

WRITTEN_EVERY = dt.timedelta(seconds=30)


def is_connected(operator: Operator, now: dt.datetime) -> bool:
    """Whether a page of his inbox was heard from in the last 90 seconds."""
    return distribution.is_connected(operator.seen_at, now=now)


def operator_seen(*, user: User, now: dt.datetime) -> bool:
    """A page of this user's inbox was heard from. Returns whether that was written down.

    At most one write in 30 seconds, by a condition on what was read, so that of two pages one
    tells. Who was away and is back on a line that demands an open inbox is offered what waits
    there. A user who is no operator has nothing to write it on.
    """
    operator = Operator.objects.filter(user=user).only("pk", "seen_at").first()
    if operator is None:
        return False
    before = operator.seen_at
    if before is not None and now - before < WRITTEN_EVERY:
        return False
    row = Operator.objects.filter(pk=operator.pk)
    row = row.filter(seen_at__isnull=True) if before is None else row.filter(seen_at=before)
    if not row.update(seen_at=now):
        return False
    if not is_connected(operator, now) and _is_awaited(operator):
        enqueue_after_commit(tasks.operator_duty_changed, operator.pk)
    return True


def _is_awaited(operator: Operator) -> bool:
    """Whether being there matters for what he is offered."""
    lines = LineOperator.objects.filter(operator=operator, position__isnull=False)
    return lines.filter(open_channel__demand_connection=True).exists()
