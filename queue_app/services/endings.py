"""A session ends, closes for good, or goes on because the customer wrote in time.

Ending is what a person, or the customer's silence, does; closing is what comes of it: at once, or
when the line's time to come back is over. `session_close_now` is the one place that closes.
"""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from channels_app.models import Conversation, PlaceFreed, ResponseMeans, TextKind
from channels_app.services.conversations import conversation_touch
from channels_app.services.errors import ForbiddenError
from openlines_project.lib.tasks import enqueue_after_commit
from queue_app import tasks
from queue_app.models import (
    Assignment,
    AssignmentOutcome,
    CloseReason,
    Session,
    SessionState,
    SessionText,
    TimerKind,
    WaitReason,
)
from queue_app.services.deadlines import timer_cancel, timer_set
from queue_app.services.events import event_write, seconds_between
from queue_app.services.handover import session_unhold
from queue_app.services.line_rules import line_rules
from queue_app.services.locks import session_lock
from queue_app.services.places import place_claim, place_free
from queue_app.services.texts import service_text_send
from queue_app.signals import session_closed
from queue_app.state_machine import Event, state_after

END_ANY = "queue_app.end_any_session"
# A session gets one of them at most, however often it is ended.
CLOSING_TEXTS = (TextKind.ENDING, TextKind.AUTO_CLOSE)
# The longest wait is looked after until the session is closed; it may yet go on.
_ENDED_TIMERS = [kind for kind in TimerKind.values if kind != TimerKind.CEILING]
_STEPS: dict[str, Event] = {CloseReason.SPAM: "spam", CloseReason.FORCED: "force"}


def session_end(*, session_id: int, actor: User, now: dt.datetime) -> Session:
    """End a session. Ending one that is ending or closed changes nothing.

    Whoever holds it may, everybody who sees it when nobody does (the caller looks it up among
    what he may see), and who may end any. Raises `ForbiddenError` "not_yours".
    """
    with transaction.atomic():
        conversation, session = session_lock(session_id)
        if session.state in {SessionState.CLOSING, SessionState.CLOSED}:
            return session
        holder = session.operator
        if holder is not None and holder.user_id != actor.pk and not actor.has_perm(END_ANY):
            raise ForbiddenError(
                "not_yours", _("This chat belongs to %(name)s.") % {"name": holder.name}
            )
        session_finish(
            session=session, conversation=conversation, reason=CloseReason.OPERATOR,
            text_kind=TextKind.ENDING, now=now, actor=actor,
        )  # fmt: skip
        session.refresh_from_db()
    return session


def session_finish(
    *,
    session: Session,
    conversation: Conversation,
    reason: CloseReason,
    text_kind: TextKind,
    now: dt.datetime,
    actor: User | None = None,
) -> None:
    """End a locked session with the line's text of this kind.

    When the text goes out, the customer has the line's minutes to come back; without one there
    is nothing he could answer to, and the session is closed at once.
    """
    grace = session.open_channel.grace_minutes
    if not _closing_text_goes(session, conversation, text_kind, now) or not grace:
        session_close_now(
            session=session, conversation=conversation, reason=reason, now=now, actor=actor
        )
        return
    state = state_after(session.state, "end")
    _let_go(session, now)
    timer_cancel(session_id=session.pk, kinds=_ENDED_TIMERS)
    due_at = now + dt.timedelta(minutes=grace)
    timer_set(session_id=session.pk, kind=TimerKind.GRACE, due_at=due_at)
    event_write(
        session=session, conversation=conversation, kind="ended", now=now,
        operator_id=session.operator_id, actor=actor, data={"reason": reason},
    )  # fmt: skip
    session.state, session.ended_at = state, now
    session.waiting_since = session.no_operator_since = session.snoozed_until = None
    Session.objects.filter(pk=session.pk).update(
        state=state, ended_at=now, wait_reason=WaitReason.NONE, no_operator_since=None,
        to_everybody=False, snoozed_until=None, unread=0, waiting_since=None,
        event_seq=session.event_seq,
        version=conversation_touch(conversation=conversation, now=now),
    )  # fmt: skip


def session_close_now(
    *,
    session: Session,
    conversation: Conversation,
    reason: CloseReason,
    now: dt.datetime,
    actor: User | None = None,
) -> None:
    """Close a locked session for good, whatever its state. No text goes out.

    Open turns end as withdrawn, the place is free, all timers go. `session_closed` is sent in
    the caller's transaction. Raises `IllegalTransitionError` when it is closed already.
    """
    state = state_after(session.state, _STEPS.get(reason, "close"))
    _let_go(session, now)
    timer_cancel(session_id=session.pk)
    event_write(
        session=session, conversation=conversation, kind="closed", now=now,
        operator_id=session.operator_id, actor=actor,
        data={
            "reason": reason,
            "resolution_s": seconds_between(session.started_at, now),
            "answered": session.first_reply_at is not None,
        },
    )  # fmt: skip
    session.state, session.closed_at, session.close_reason = state, now, reason
    session.ended_at = session.ended_at or now
    session.version = conversation_touch(conversation=conversation, now=now)
    Session.objects.filter(pk=session.pk).update(
        state=state, closed_at=now, close_reason=reason, ended_at=session.ended_at,
        wait_reason=WaitReason.NONE, no_operator_since=None, to_everybody=False,
        snoozed_until=None, unread=0, waiting_since=None, event_seq=session.event_seq,
        version=session.version,
    )  # fmt: skip
    session_closed.send(sender=Session, session=session, now=now)


def session_resume(*, session: Session, conversation: Conversation, now: dt.datetime) -> None:
    """The customer wrote while a locked session was ending: it goes on.

    With its operator it is active again, whatever his limits. Where nobody had accepted it, it
    waits, not distributed yet, from the top of the queue: the caller does that. Whether its
    operator is there at all is the caller's question too.
    """
    operator = session.operator
    if operator is None or _was_only_offered(session):
        session.operator = None
        session.round += 1
        session_unhold(
            session=session, conversation=conversation, step="requeue",
            outcome=AssignmentOutcome.WITHDRAWN, event="resumed", now=now, data={},
        )  # fmt: skip
        session.version = conversation_touch(conversation=conversation, now=now)
        Session.objects.filter(pk=session.pk).update(version=session.version)
        return
    session.state = state_after(session.state, "resume")
    line = session.open_channel
    if line.place_freed != PlaceFreed.FIRST_REPLY or session.answered_at is None:
        place_claim(session=session, operator=operator, limited=False)
    timer_cancel(session_id=session.pk, kinds=[TimerKind.GRACE])
    if line.response_means == ResponseMeans.REPLYING and session.answered_at is None:
        # The end came before his first reply: his time to write it begins anew.
        due_at = now + dt.timedelta(minutes=line.response_minutes)
        timer_set(session_id=session.pk, kind=TimerKind.RESPONSE, due_at=due_at)
    event_write(
        session=session, conversation=conversation, kind="resumed", now=now,
        operator_id=operator.pk,
    )  # fmt: skip
    session.ended_at = None
    session.version = conversation_touch(conversation=conversation, now=now)
    Session.objects.filter(pk=session.pk).update(
        state=session.state, ended_at=None, event_seq=session.event_seq, version=session.version
    )


def _was_only_offered(session: Session) -> bool:
    """Whether the end took an offer back: then the one written on it never accepted."""
    return Assignment.objects.filter(
        session=session, ended_at=session.ended_at, outcome=AssignmentOutcome.WITHDRAWN
    ).exists()


def _closing_text_goes(
    session: Session, conversation: Conversation, kind: TextKind, now: dt.datetime
) -> bool:
    """Queue the text that ends a session. Returns whether one goes out.

    None does when nobody had replied, or one has before: a resumed session gets no second.
    """
    text = line_rules(session.open_channel).texts.get(kind)
    if not text or session.first_reply_at is None:
        return False
    texts = SessionText.objects.filter(session=session)
    if texts.filter(kind__in=CLOSING_TEXTS).exists():
        return False
    service_text_send(session=session, conversation=conversation, kind=kind, text=text, now=now)
    return texts.filter(kind=kind, skipped="").exists()


def _let_go(session: Session, now: dt.datetime) -> None:
    """Nobody has anything to do with it any more; its operator stays written on it."""
    Assignment.objects.filter(session=session, ended_at__isnull=True).update(
        ended_at=now, outcome=AssignmentOutcome.WITHDRAWN
    )
    if place_free(session=session):
        enqueue_after_commit(tasks.place_freed, session.pk)
