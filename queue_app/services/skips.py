"""An operator passes a chat on: the next one is asked."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from openlines_project.lib.text import clean_text
from queue_app.models import Assignment, AssignmentOutcome, Operator, Session, SessionState
from queue_app.services.events import event_write
from queue_app.services.followups import next_find, place_offer
from queue_app.services.locks import session_lock
from queue_app.services.permits import session_check
from queue_app.services.routing import session_hand_back
from queue_app.services.versions import session_show

REASON_LENGTH = 500


def session_skip(
    *, session_id: int, operator: Operator, now: dt.datetime, reason: str = ""
) -> Session:
    """Pass on a chat that is offered to him, or that is his and not answered since.

    Of an offer to everybody only his own turn ends; with the last one the round is over. The
    next operator is found after the commit. Raises `ConflictError` ("closed", "ending",
    "not_accepted", "answered", "line_closed", "alone": nobody else could ever take it) and
    `ForbiddenError` "not_yours".
    """
    data: dict[str, object] = {"reason": clean_text(reason, max_length=REASON_LENGTH).strip()}
    with transaction.atomic():
        conversation, session = session_lock(session_id)
        session_check("skip", session=session, user=operator.user, now=now)
        was_active = session.state == SessionState.ACTIVE
        held_place = session.holds_place
        if session.to_everybody and _others_are_asked(session, operator):
            Assignment.objects.filter(
                session=session, operator=operator, ended_at__isnull=True
            ).update(ended_at=now, outcome=AssignmentOutcome.SKIPPED)
            event_write(
                session=session, conversation=conversation, kind="skipped", now=now,
                operator_id=operator.pk, actor=operator.user, data=data,
            )  # fmt: skip
            Session.objects.filter(pk=session.pk).update(event_seq=session.event_seq)
            session_show(session=session, conversation=conversation, now=now)
            return session
        session_hand_back(
            session=session, conversation=conversation, step="skip",
            outcome=AssignmentOutcome.SKIPPED, event="skipped", now=now, data=data,
            actor=operator.user, event_operator_id=operator.pk,
        )  # fmt: skip
        if was_active:
            # His turn ended when he accepted: that he let it pass in this round is a row anew.
            Assignment.objects.create(
                session=session, operator=operator, turn=None, round=session.round,
                offered_at=now, ended_at=now, outcome=AssignmentOutcome.SKIPPED,
            )  # fmt: skip
        # The one who answers for the customer has passed it on: it is the queue's from here.
        Session.objects.filter(pk=session.pk).update(from_crm=False)
        place_offer(session=session, operator_id=operator.pk, held_place=held_place)
    next_find(session_id=session_id, now=now)
    return Session.objects.get(pk=session_id)


def _others_are_asked(session: Session, operator: Operator) -> bool:
    open_turns = Assignment.objects.filter(session=session, ended_at__isnull=True)
    return open_turns.exclude(operator=operator).exists()
