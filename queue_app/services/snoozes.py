"""A chat is put aside until a moment: nothing is sent or ended meanwhile, and it comes back."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from channels_app.models import Conversation
from channels_app.services.errors import InvalidError
from openlines_project.lib.tasks import enqueue_after_commit
from queue_app import tasks
from queue_app.models import Session, SessionState, TimerKind
from queue_app.services.deadlines import timer_cancel, timer_set
from queue_app.services.events import event_write
from queue_app.services.handover import turn_ours
from queue_app.services.locks import session_lock
from queue_app.services.permits import session_check
from queue_app.services.places import place_free_by_reply, place_take_awake
from queue_app.services.silence import SILENCE_TIMERS, silence_begin
from queue_app.services.versions import session_show

SNOOZE_DAYS = 90

Why = Literal["due", "by_hand", "customer"]


@transaction.atomic
def session_snooze(
    *, session_id: int, actor: User, until: dt.datetime, now: dt.datetime
) -> Session:
    """Put one's active chat aside until a moment; again, it moves. Within 90 days.

    The customer's silence is not counted meanwhile. With "when the chat ends" it goes on
    counting for the limit, with the other rules its place is free. Raises `ConflictError`
    ("closed", "ending", "not_accepted"), `ForbiddenError` "not_yours", `InvalidError`.
    """
    conversation, session = session_lock(session_id)
    session_check("snooze", session=session, user=actor, now=now)
    if not now < until <= now + dt.timedelta(days=SNOOZE_DAYS):
        raise InvalidError(
            "invalid",
            _("Choose a time within the next %d days.") % SNOOZE_DAYS,
            fields={"until": [_("Not within the next %d days.") % SNOOZE_DAYS]},
        )
    session.snoozed_until = until
    event_write(
        session=session, conversation=conversation, kind="snoozed", now=now,
        operator_id=session.operator_id, actor=actor, data={"until": until.isoformat()},
    )  # fmt: skip
    Session.objects.filter(pk=session.pk).update(snoozed_until=until, event_seq=session.event_seq)
    timer_cancel(session_id=session.pk, kinds=SILENCE_TIMERS)
    if place_free_by_reply(session=session):
        enqueue_after_commit(tasks.place_freed, session.pk)
    timer_set(session_id=session.pk, kind=TimerKind.SNOOZE, due_at=until)
    session_show(session=session, conversation=conversation, now=now)
    return session


@transaction.atomic
def session_wake(*, session_id: int, actor: User, now: dt.datetime) -> Session:
    """Take one's snoozed chat back before its time: the turn is whose it was.

    Raises `ConflictError` ("closed", "ending", "not_accepted", "not_snoozed") and
    `ForbiddenError` "not_yours".
    """
    conversation, session = session_lock(session_id)
    session_check("wake", session=session, user=actor, now=now)
    snooze_lift(session=session, conversation=conversation, now=now, why="by_hand", actor=actor)
    silence_begin(session=session, now=now)
    session_show(session=session, conversation=conversation, now=now)
    return session


def snooze_due(session: Session, conversation: Conversation, now: dt.datetime) -> None:
    """The moment of a snoozed chat has come: it is its operator's turn.

    The customer's silence is counted again from the next answer.
    """
    if session.state != SessionState.ACTIVE or session.snoozed_until is None:
        return
    snooze_lift(session=session, conversation=conversation, now=now, why="due")
    turn_ours(session=session)
    session_show(session=session, conversation=conversation, now=now)


def snooze_lift(
    *,
    session: Session,
    conversation: Conversation,
    now: dt.datetime,
    why: Why,
    actor: User | None = None,
) -> None:
    """Wake a locked session; one that is not snoozed is left alone.

    It is saved with its event, and counts for its operator as if it had never been snoozed. The
    caller raises the version, and sees to the turn.
    """
    if session.snoozed_until is None:
        return
    session.snoozed_until = None
    event_write(
        session=session, conversation=conversation, kind="woken", now=now,
        operator_id=session.operator_id, actor=actor, data={"why": why},
    )  # fmt: skip
    Session.objects.filter(pk=session.pk).update(snoozed_until=None, event_seq=session.event_seq)
    place_take_awake(session=session)
    timer_cancel(session_id=session.pk, kinds=[TimerKind.SNOOZE])
