"""Places of operators: how many chats each holds, on a line and over all.

Both counters change in the transaction that gives or takes a chat, by conditional updates, so
limits hold whoever comes at once. Whether a session counts is written on it (`holds_place`):
with "at the first reply" an answered chat counts no longer although it is still his.
"""

from __future__ import annotations

from django.db.models import F
from django.utils.translation import gettext as _

from channels_app.models import PlaceFreed
from channels_app.services.errors import ConflictError
from queue_app.models import LineOperator, Operator, Session
from queue_app.services.locks import line_lock


def place_take(*, operator_id: int, open_channel_id: int, limited: bool = True) -> bool:
    """Give an operator one more chat. False when he is full over all lines.

    `limited=False` counts without asking: a hand-over that no limit stops.
    """
    operators = Operator.objects.filter(pk=operator_id)
    if limited:
        operators = operators.filter(open_chats__lt=F("max_chats"))
    if not operators.update(open_chats=F("open_chats") + 1):
        return False
    on_line = LineOperator.objects.filter(open_channel_id=open_channel_id, operator_id=operator_id)
    if not on_line.update(open_chats=F("open_chats") + 1):
        LineOperator.objects.bulk_create(
            [LineOperator(open_channel_id=open_channel_id, operator_id=operator_id)],
            ignore_conflicts=True,
        )
        on_line.update(open_chats=F("open_chats") + 1)
    return True


def place_claim(
    *, session: Session, operator: Operator, limited: bool = True, by_himself: bool = False
) -> None:
    """Make a locked session count for this operator, who counts it not yet.

    With `limited` the line's limit and his own over all lines hold: raises `ConflictError`
    "full", with the numbers, in words to him when he takes it `by_himself`. The line's lock is
    taken, so that no offer on this line fills him up meanwhile.
    """
    if limited:
        line_lock(session.open_channel_id)
        limit = session.open_channel.max_chats
        row = LineOperator.objects.filter(
            open_channel_id=session.open_channel_id, operator=operator
        ).first()
        held = row.open_chats if row else 0
        if limit and held >= limit:
            raise _full(operator, held, limit, by_himself)
    taken = place_take(
        operator_id=operator.pk, open_channel_id=session.open_channel_id, limited=limited
    )
    if not taken:
        operator.refresh_from_db(fields=["open_chats", "max_chats"])
        raise _full(operator, operator.open_chats, operator.max_chats, by_himself)
    session.holds_place = True
    Session.objects.filter(pk=session.pk).update(holds_place=True)


def place_move(
    *, session: Session, operator: Operator, limited: bool = True, by_himself: bool = False
) -> None:
    """The place of a locked session goes from whoever has it to this operator.

    Raises as `place_claim` does; the caller's transaction is then to be rolled back. Two chats
    that cross take the rows of both people in one order, behind the line as everywhere.
    """
    if session.holds_place and session.operator_id is not None:
        if limited:
            line_lock(session.open_channel_id)
        both = Operator.objects.select_for_update(no_key=True).order_by("pk")
        list(both.filter(pk__in=[session.operator_id, operator.pk]).values_list("pk"))
        place_free(session=session)
    place_claim(session=session, operator=operator, limited=limited, by_himself=by_himself)


def _full(operator: Operator, held: int, limit: int, by_himself: bool) -> ConflictError:
    words = (
        _("You have %(held)d of %(limit)d chats. End one first.")
        if by_himself
        else _("%(name)s has %(held)d of %(limit)d chats.")
    )
    return ConflictError("full", words % {"name": operator.name, "held": held, "limit": limit})


def place_free(*, session: Session) -> bool:
    """A locked session counts no longer for the operator who has it. Returns whether it did."""
    if not session.holds_place or session.operator_id is None:
        return False
    session.holds_place = False
    Session.objects.filter(pk=session.pk).update(holds_place=False)
    Operator.objects.filter(pk=session.operator_id).update(open_chats=F("open_chats") - 1)
    LineOperator.objects.filter(
        open_channel_id=session.open_channel_id, operator_id=session.operator_id
    ).update(open_chats=F("open_chats") - 1)
    return True


def place_free_by_reply(*, session: Session) -> bool:
    """He answered or snoozed it: with two of the three rules it counts no longer.

    Returns whether it did.
    """
    if session.open_channel.place_freed == PlaceFreed.ENDING:
        return False
    return place_free(session=session)


def place_take_again(*, session: Session) -> None:
    """The customer wrote again: with "at every reply" the chat counts anew, above limits too."""
    if session.open_channel.place_freed == PlaceFreed.EVERY_REPLY:
        _take_again(session)


def place_take_awake(*, session: Session) -> None:
    """It is snoozed no longer: it counts again where it would count had it never been, above
    limits too."""
    counts = {
        PlaceFreed.ENDING: True,
        PlaceFreed.FIRST_REPLY: session.answered_at is None,
        PlaceFreed.EVERY_REPLY: session.waiting_since is not None,
    }
    if counts[PlaceFreed(session.open_channel.place_freed)]:
        _take_again(session)


def _take_again(session: Session) -> None:
    if session.holds_place or session.operator_id is None:
        return
    place_take(
        operator_id=session.operator_id, open_channel_id=session.open_channel_id, limited=False
    )
    session.holds_place = True
    Session.objects.filter(pk=session.pk).update(holds_place=True)
