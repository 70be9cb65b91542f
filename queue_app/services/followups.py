"""What follows a hand-over once it is committed: the next operator, and the place that is free."""

from __future__ import annotations

import datetime as dt
import logging

from openlines_project.lib.tasks import enqueue_after_commit
from queue_app import tasks
from queue_app.models import Session
from queue_app.services.routing import session_distribute

logger = logging.getLogger(__name__)


def next_find(*, session_id: int, now: dt.datetime) -> None:
    """Find the next operator of a session that was given back, in a transaction of its own.

    What the person did is committed: a fault here is not his. The session's `route` timer, due
    since then, tries again.
    """
    try:
        session_distribute(session_id=session_id, now=now)
    except Exception:
        logger.exception("What follows a hand-over failed")


def place_offer(*, session: Session, operator_id: int | None, held_place: bool) -> None:
    """After the commit, whoever waits is offered the place this operator has now."""
    if held_place and operator_id is not None:
        enqueue_after_commit(tasks.place_freed, session.pk, operator_id)
