"""Who may hold a chat no longer: he left, his account is off, or he was taken out of the queue."""

from __future__ import annotations

import datetime as dt

from django.db.models import Exists, F, OuterRef, Q

from channels_app.models import AwayReturns, OpenChannel
from queue_app.distribution import CONNECTED_FOR, is_connected, is_on_leave
from queue_app.models import (
    Assignment,
    DutyState,
    LineOperator,
    Operator,
    Session,
    SessionState,
)


def holder_gone(*, session: Session, now: dt.datetime) -> str | None:
    """Why the operator of a session may hold it no longer (a `why` of "returned"), None if he may.

    An offer ends with a pause and, where the line demands that, with his page; a chat he has
    accepted does not.
    """
    if session.operator is None:
        return None
    is_offer = session.state == SessionState.OFFERED
    return operator_gone(session=session, operator=session.operator, is_offer=is_offer, now=now)


def operator_gone(
    *, session: Session, operator: Operator, is_offer: bool, now: dt.datetime
) -> str | None:
    """`holder_gone` for one of those who have a session's offer, or its chat.

    His account and his place in the queue count on every line, duty and leave where the line
    checks availability. Whom a colleague or the CRM chose may stand in no queue and be off duty:
    only that he left afterwards counts. On a closed line nothing is taken back.
    """
    line = session.open_channel
    if not line.is_open_for_work:
        return None
    if not operator.user.is_active:
        return "inactive"
    if not session.outside_queue and not _is_member(session, operator):
        return "removed"
    if not line.check_availability:
        return None
    if _left_since(session, operator):
        why = away(operator, now)
        if why is not None and (is_offer or why != "paused"):
            return why
    demands_connection = line.check_availability and line.demand_connection
    if session.outside_queue or not (is_offer and demands_connection):
        return None
    return None if is_connected(operator.seen_at, now=now) else "not_connected"


def _left_since(session: Session, operator: Operator) -> bool:
    """Whether his being away is news: he was there when he got it, or was chosen by the queue."""
    if not session.outside_queue or operator.duty_changed_at is None:
        return not session.outside_queue
    return session.offered_at is None or operator.duty_changed_at >= session.offered_at


def _is_member(session: Session, operator: Operator) -> bool:
    return LineOperator.objects.filter(
        open_channel=session.open_channel_id, operator=operator, position__isnull=False
    ).exists()


def returns_now(session: Session) -> bool:
    """Whether a chat whose operator is gone goes back without waiting for the customer.

    Offers and chats he never answered do; those he answered when the line says so, or when it
    is our turn already.
    """
    if session.state != SessionState.ACTIVE or session.answered_at is None:
        return True
    at_once = session.open_channel.away_returns == AwayReturns.AT_ONCE
    return at_once or session.waiting_since is not None


def away(operator: Operator, now: dt.datetime) -> str | None:
    """Why an operator takes no chats just now, None when he does."""
    if operator.duty == DutyState.PAUSE:
        return "paused"
    if operator.duty != DutyState.ON:
        return "off_duty"
    if is_on_leave(operator.leave_from, operator.leave_until, now=now):
        return "on_leave"
    return None


def gone_holders(line: OpenChannel, *, now: dt.datetime, limit: int) -> list[tuple[int, int]]:
    """`(session id, operator id)` of a line's chats whose operator may hold them no longer.

    A coarse net, in two queries: each is looked at again, under its lock, by `operator_gone`.
    """
    in_queue = LineOperator.objects.filter(
        open_channel=line, operator=OuterRef("operator"), position__isnull=False
    )
    off = Q(operator__user__is_active=False)
    if line.check_availability:
        planned = Q(operator__leave_from__isnull=False) | Q(operator__leave_until__isnull=False)
        begun = Q(operator__leave_from__lte=now) | Q(operator__leave_from__isnull=True)
        over = Q(operator__leave_until__lte=now)
        off |= ~Q(operator__duty=DutyState.ON) | (planned & begun & ~over)
    offer_off = off
    if line.check_availability and line.demand_connection:
        silent = Q(operator__seen_at__isnull=True) | Q(operator__seen_at__lt=now - CONNECTED_FOR)
        offer_off = off | silent
    # As in `_left_since`: otherwise the net would fill up with what stays where it is.
    chosen = Q(outside_queue=True)
    stays = chosen & (
        Q(operator__duty_changed_at__isnull=True) | Q(operator__duty_changed_at__lt=F("offered_at"))
    )
    news = Q(operator__user__is_active=False) | ~stays
    held = Session.objects.filter(open_channel=line, closed_at__isnull=True)
    left = ~Exists(in_queue) & Q(outside_queue=False)
    goes = Q(state=SessionState.OFFERED) & (offer_off | left)
    unanswered = Q(answered_at__isnull=True) | Q(waiting_since__isnull=False)
    if line.away_returns == AwayReturns.AT_ONCE:
        unanswered = Q()
    goes |= Q(state=SessionState.ACTIVE) & unanswered & (off | left)
    alone = held.filter(goes, news, operator__isnull=False).values_list("pk", "operator_id")[:limit]
    asked = Assignment.objects.filter(
        session__open_channel=line, session__to_everybody=True, ended_at__isnull=True
    )
    turns = asked.filter(offer_off | ~Exists(in_queue)).values_list("session_id", "operator_id")
    return [*alone, *turns[:limit]]
