"""An answer given in the platform's own app, past us."""

from __future__ import annotations

import datetime as dt

from channels_app.models import Conversation, Message
from openlines_project.lib.tasks import enqueue_after_commit
from queue_app import tasks
from queue_app.models import (
    Assignment,
    AssignmentOutcome,
    Session,
    SessionState,
    TimerKind,
    Turn,
    WaitReason,
)
from queue_app.services.deadlines import timer_cancel
from queue_app.services.events import event_write
from queue_app.services.handover import UNHELD_TIMERS
from queue_app.services.locks import session_lock
from queue_app.services.places import place_free, place_free_by_reply
from queue_app.services.session_sql import session_save
from queue_app.state_machine import state_after


def echo_route(*, conversation: Conversation, message: Message, now: dt.datetime) -> None:
    """Somebody answered in the platform's own app.

    In `active` it counts as the operator's reply; an offer ends, and the session waits for the
    customer's next message.
    """
    session_id = (
        Session.objects.filter(conversation=conversation, closed_at__isnull=True)
        .values_list("pk", flat=True)
        .first()
    )
    if session_id is None:
        return
    conversation, session = session_lock(session_id)
    state = state_after(session.state, "answered_outside")
    operator_id, is_freed = session.operator_id, False
    if session.state in {SessionState.WAITING, SessionState.OFFERED}:
        Assignment.objects.filter(session=session, ended_at__isnull=True).update(
            ended_at=now, outcome=AssignmentOutcome.WITHDRAWN
        )
        is_freed = place_free(session=session)
        session.wait_reason = WaitReason.ANSWERED_OUTSIDE
        session.no_operator_since = session.operator = session.offered_at = None
        session.to_everybody = session.from_crm = session.outside_queue = False
        timer_cancel(session_id=session.pk, kinds=UNHELD_TIMERS)
    elif session.state == SessionState.ACTIVE:
        is_freed = place_free_by_reply(session=session)
        timer_cancel(session_id=session.pk, kinds=[TimerKind.RESPONSE])
    session.state = state
    session.told_at = None
    event_write(
        session=session, conversation=conversation, kind="answered_outside", now=now,
        data={"seq": message.seq},
    )  # fmt: skip
    session_save(session)
    Session.objects.filter(pk=session.pk).update(
        turn=Turn.CUSTOMER,
        waiting_since=None,
        answered_at=session.answered_at or now,
        first_reply_at=session.first_reply_at or now,
        replied_at=now,
        unread=0,
        version=conversation.version,
    )
    if is_freed and operator_id is not None:
        enqueue_after_commit(tasks.operator_freed, operator_id)
