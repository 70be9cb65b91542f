"""A chat is transferred by hand: to a colleague, or to another line."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from channels_app.models import Conversation, OpenChannel, TransferMode
from channels_app.services.errors import ConflictError, InvalidError
from queue_app.models import (
    Assignment,
    AssignmentOutcome,
    Operator,
    Session,
    SessionState,
    TimerKind,
)
from queue_app.services.deadlines import timer_cancel, timer_set
from queue_app.services.followups import next_find, place_offer
from queue_app.services.handover import session_ask, session_give, session_unhold, turn_ours
from queue_app.services.helpers import helpers_dismiss
from queue_app.services.locks import session_lock
from queue_app.services.notes import note_text, note_write
from queue_app.services.permits import session_check
from queue_app.services.versions import session_show


def session_transfer(
    *,
    session_id: int,
    actor: User,
    now: dt.datetime,
    to_operator: Operator | None = None,
    to_line: OpenChannel | None = None,
    reason: str = "",
) -> Session:
    """Hand an open session to a colleague or to another line: exactly one of the two.

    1. A colleague has it at once, or is asked first, as the line says. He need not be in the
       queue. His limits hold unless `actor` may assign chats.
    2. On another line it waits as if it had just come: nobody there has let it pass. It is
       distributed after the commit, by that line's rules.
    3. It is our turn, whoever was awaited: nobody overlooks what he was given. The reason stands
       in the thread as a private note of `actor`.

    Whoever has the chat may, who may assign chats, and for one that nobody has the people of its
    line. Raises `ConflictError` ("closed", "yourself", "same_operator", "same_line",
    "inactive", "line_closed", "full"), `ForbiddenError` ("not_yours", "permission"),
    `InvalidError`.
    """
    if (to_operator is None) == (to_line is None):
        only_one = [_("Exactly one of the two.")]
        raise InvalidError(
            "one_target",
            _("Choose a colleague or a line."),
            fields={"operator": only_one, "open_channel": only_one},
        )
    reason = note_text(reason)
    with transaction.atomic():
        conversation, session = session_lock(session_id)
        facts = session_check("transfer", session=session, user=actor, now=now)
        before_id, held_place = session.operator_id, session.holds_place
        if to_operator is not None:
            _to_operator(
                session, conversation, to_operator, actor, reason, now, limited=not facts.may_assign
            )
        else:
            assert to_line is not None  # noqa: S101  one of the two is given
            _to_line(session, conversation, to_line, actor, reason, now)
        turn_ours(session=session)
        if reason:
            note_write(
                session=session, conversation=conversation, author=actor, text=reason, now=now
            )
        else:
            session_show(session=session, conversation=conversation, now=now)
        place_offer(session=session, operator_id=before_id, held_place=held_place)
    if to_line is not None:
        next_find(session_id=session_id, now=now)
    return Session.objects.get(pk=session_id)


def _to_operator(
    session: Session,
    conversation: Conversation,
    target: Operator,
    actor: User,
    reason: str,
    now: dt.datetime,
    *,
    limited: bool,
) -> None:
    if target.user_id == actor.pk:
        raise ConflictError("yourself", _("Choose somebody else than yourself."))
    if target.pk == session.operator_id:
        has_it = session.state != SessionState.OFFERED
        words = _("%(name)s has this chat.") if has_it else _("This chat is offered to %(name)s.")
        raise ConflictError("same_operator", words % {"name": target.name})
    if not target.user.is_active:
        raise ConflictError(
            "inactive", _("The account of %(name)s is switched off.") % {"name": target.name}
        )
    mode = session.open_channel.transfer_mode
    data = {"to": target.pk, "to_line": None, "reason": reason, "mode": mode}
    if mode == TransferMode.MUST_ACCEPT:
        session_ask(
            session=session, conversation=conversation, operator=target, now=now, actor=actor,
            data=data, limited=limited,
        )  # fmt: skip
    else:
        session_give(
            session=session, conversation=conversation, operator=target, step="transfer",
            event="transferred", now=now, actor=actor, others=AssignmentOutcome.TRANSFERRED,
            data=data, limited=limited,
        )  # fmt: skip


def _to_line(
    session: Session,
    conversation: Conversation,
    target: OpenChannel,
    actor: User,
    reason: str,
    now: dt.datetime,
) -> None:
    if target.pk == session.open_channel_id:
        raise ConflictError("same_line", _("This chat is on this line already."))
    if not target.is_open_for_work:
        raise ConflictError(
            "line_closed", _("The line %(name)s is closed.") % {"name": target.name}
        )
    helpers_dismiss(session=session, now=now)
    session.round = 1
    session_unhold(
        session=session, conversation=conversation, step="transfer_line",
        outcome=AssignmentOutcome.TRANSFERRED, event="transferred", now=now, actor=actor,
        data={"to": None, "to_line": target.pk, "reason": reason, "mode": "line"},
    )  # fmt: skip
    # Turns of the line before count for nothing here: they are of no round.
    Assignment.objects.filter(session=session).update(round=0)
    session.open_channel = target
    session.round_began_at = None
    Session.objects.filter(pk=session.pk).update(
        open_channel=target, round_began_at=None, from_crm=False
    )
    timer_cancel(session_id=session.pk, kinds=[TimerKind.NO_ANSWER, TimerKind.OPENING])
    timer_set(session_id=session.pk, kind=TimerKind.ROUTE, due_at=now)
