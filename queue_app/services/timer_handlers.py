"""What is done when a deadline of a silent, ending or long waiting session has come.

Each is called with the session locked and the timer deleted, looks at the state again, and
returns what is to follow in a transaction of its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from channels_app.models import Conversation, TextKind
from channels_app.services.conversations import conversation_system_message
from queue_app.models import (
    CloseReason,
    Session,
    SessionEvent,
    SessionState,
    TimerKind,
    Turn,
)
from queue_app.services.deadlines import timer_set
from queue_app.services.endings import session_close_now, session_finish, session_resume
from queue_app.services.routing import session_distribute
from queue_app.services.silence import answer_is_missing, is_silent, reminder_next
from queue_app.services.texts import service_text_send
from queue_app.services.versions import session_show

Then = Callable[[], object] | None

# A reminder after another, where the line names the same minutes for both.
SHORTEST_STEP = dt.timedelta(minutes=1)


def auto_close_due(session: Session, conversation: Conversation, now: dt.datetime) -> Then:
    """The customer was silent for long enough: the chat ends by itself, silently on a closed line.

    Not while an answer is on its way or failed: then it is looked at again a while later.
    """
    if not is_silent(session):
        return None
    line = session.open_channel
    if answer_is_missing(session):
        if line.auto_close_minutes:
            due_at = now + dt.timedelta(minutes=line.auto_close_minutes)
            timer_set(session_id=session.pk, kind=TimerKind.AUTO_CLOSE, due_at=due_at)
    elif line.is_open_for_work:
        session_finish(
            session=session, conversation=conversation, reason=CloseReason.AUTO,
            text_kind=TextKind.AUTO_CLOSE, now=now,
        )  # fmt: skip
    else:
        session_close_now(
            session=session, conversation=conversation, reason=CloseReason.AUTO, now=now
        )
    return None


def reminder_due(session: Session, conversation: Conversation, now: dt.datetime) -> Then:
    """The customer is reminded once more; the next reminder comes as much later as it is set.

    Counted from this one, so that a sweep that was away for long never sends two at once.
    """
    reminder = reminder_next(session) if is_silent(session) else None
    if reminder is None:
        return None
    if answer_is_missing(session):
        due_at = now + dt.timedelta(minutes=reminder.minutes)
        timer_set(session_id=session.pk, kind=TimerKind.REMINDER, due_at=due_at)
        return None
    service_text_send(
        session=session, conversation=conversation, kind=TextKind.REMINDER, text=reminder.text,
        occurrence=str(reminder.position), now=now,
    )  # fmt: skip
    Session.objects.filter(pk=session.pk).update(event_seq=session.event_seq)
    session_show(session=session, conversation=conversation, now=now)
    following = reminder_next(session)
    if following is not None:
        step = dt.timedelta(minutes=following.minutes - reminder.minutes)
        due_at = now + max(step, SHORTEST_STEP)
        timer_set(session_id=session.pk, kind=TimerKind.REMINDER, due_at=due_at)
    return None


def grace_over(session: Session, conversation: Conversation, now: dt.datetime) -> Then:
    """The customer did not come back: closed for good. Had he written, the chat would go on."""
    if session.state != SessionState.CLOSING:
        return None
    if session.waiting_since is None:
        session_close_now(
            session=session, conversation=conversation, reason=_reason_of(session), now=now
        )
        return None
    # He wrote, and a fault kept the chat from going on then.
    session_resume(session=session, conversation=conversation, now=now)
    if session.state != SessionState.WAITING:
        return None
    timer_set(session_id=session.pk, kind=TimerKind.ROUTE, due_at=now)
    return lambda: session_distribute(session_id=session.pk, now=now)


def _reason_of(session: Session) -> CloseReason:
    """Why an ending session was ended, by its newest end."""
    ended = SessionEvent.objects.filter(session=session, kind="ended").order_by("-seq").first()
    return CloseReason(ended.data["reason"]) if ended is not None else CloseReason.OPERATOR


def ceiling_due(session: Session, conversation: Conversation, now: dt.datetime) -> Then:
    """A customer who has waited for us for the line's longest time: closed, with a note.

    The timer is set with the session, and moves on while nobody has waited that long.
    """
    if session.state == SessionState.CLOSED:
        return None
    days = session.open_channel.ceiling_days
    waits = session.state != SessionState.CLOSING and session.turn == Turn.OPERATOR
    since = (session.waiting_since if waits else None) or now
    due_at = since + dt.timedelta(days=days)
    if due_at > now:
        timer_set(session_id=session.pk, kind=TimerKind.CEILING, due_at=due_at)
        return None
    conversation_system_message(
        conversation=conversation, kind="ceiling", now=now, data={"days": days}
    )
    session_close_now(session=session, conversation=conversation, reason=CloseReason.AUTO, now=now)
    return None
