"""The customer is silent after our answer: reminders, and the end by itself.

A silence begins when our answer is known to have reached the platform, not when it was written:
an answer that failed, or of which nobody knows, is followed by nothing. Automatic texts begin no
silence and end none.
"""

from __future__ import annotations

import datetime as dt

from channels_app.models import Conversation, Direction, Message, MessageState, TextKind
from queue_app.models import Session, SessionState, SessionText, TimerKind, Turn
from queue_app.services.deadlines import timer_cancel, timers_set
from queue_app.services.line_rules import Reminder, line_rules
from queue_app.services.texts import AUTHOR_KIND

# Cancelled by whatever the customer writes, and while the chat is snoozed.
SILENCE_TIMERS = (TimerKind.AUTO_CLOSE, TimerKind.REMINDER)
_NOT_ARRIVED = (
    MessageState.QUEUED, MessageState.SENDING, MessageState.FAILED, MessageState.UNKNOWN,
)  # fmt: skip


def silence_begin(*, session: Session, now: dt.datetime) -> None:
    """Count the silence of a locked session's customer from `now`, where we wait for him.

    The line's minutes as they are now hold for this silence: what is set stays when they change.
    """
    if not is_silent(session):
        return
    timers: list[tuple[str, dt.datetime]] = []
    minutes = session.open_channel.auto_close_minutes
    if minutes:
        timers.append((TimerKind.AUTO_CLOSE, now + dt.timedelta(minutes=minutes)))
    reminder = reminder_next(session)
    if reminder is not None:
        timers.append((TimerKind.REMINDER, now + dt.timedelta(minutes=reminder.minutes)))
    kept = {kind for kind, _due_at in timers}
    timers_set(session_id=session.pk, timers=timers)
    # Of the silence before this one, with other settings.
    others = [kind for kind in SILENCE_TIMERS if kind not in kept]
    if others:
        timer_cancel(session_id=session.pk, kinds=others)


def is_silent(session: Session) -> bool:
    """Whether somebody has the chat, and we wait for the customer."""
    return (
        session.state == SessionState.ACTIVE
        and session.turn == Turn.CUSTOMER
        and session.snoozed_until is None
    )


def reminder_next(session: Session) -> Reminder | None:
    """The line's first reminder that this session has not had yet.

    Each comes once per session, not per silence: a customer who was reminded and answered is
    not told the same again, the next silence goes on with the next reminder.
    """
    reminders = line_rules(session.open_channel).reminders
    if not reminders:
        return None
    had = set(
        SessionText.objects.filter(session=session, kind=TextKind.REMINDER).values_list(
            "occurrence", flat=True
        )
    )
    left = [reminder for reminder in reminders if str(reminder.position) not in had]
    return min(left, key=lambda reminder: (reminder.minutes, reminder.position), default=None)


def answer_arrived(*, conversation: Conversation, message: Message, now: dt.datetime) -> None:
    """A message of ours has reached the platform just now: the silence begins with an answer.

    The conversation is locked by the caller. An answer to words the customer has added to since
    is none any more; one that arrived in parts counts with its last.
    """
    if message.direction != Direction.OUT or message.author_kind == AUTHOR_KIND:
        return
    session = (
        Session.objects.select_for_update(no_key=True, of=("self",))
        .select_related("open_channel")
        .filter(
            conversation=conversation,
            closed_at__isnull=True,
            state=SessionState.ACTIVE,
            turn=Turn.CUSTOMER,
            snoozed_until__isnull=True,
            started_at__lte=message.created_at,
        )
        .first()
    )
    if session is not None and message.seq > _last_customer_seq(conversation.pk):
        silence_begin(session=session, now=now)


def answer_is_missing(session: Session) -> bool:
    """Whether an answer since the customer's last words has not arrived: he may not have it.

    While that is so his silence means nothing. Somebody resends it, gives it up, or it arrives.
    """
    return (
        Message.objects.filter(
            conversation=session.conversation_id,
            seq__gt=_last_customer_seq(session.conversation_id),
            direction=Direction.OUT,
            state__in=_NOT_ARRIVED,
            deleted_at__isnull=True,
            created_at__gte=session.started_at,
        )
        .exclude(author_kind=AUTHOR_KIND)
        .exists()
    )


def _last_customer_seq(conversation_id: int) -> int:
    newest = Message.objects.filter(conversation=conversation_id, direction=Direction.IN)
    return newest.order_by("-seq").values_list("seq", flat=True).first() or 0
