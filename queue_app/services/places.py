"""Places of operators: how many chats each holds, on a line and over all.

Both counters change in the transaction that gives or takes a chat, by conditional updates, so
limits hold whoever comes at once.
"""

from __future__ import annotations

from django.db.models import F

from queue_app.models import LineOperator, Operator, Session


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


def place_free(*, session: Session) -> None:
    """Take the session's chat off the operator who holds it."""
    if session.operator_id is None:
        return
    Operator.objects.filter(pk=session.operator_id).update(open_chats=F("open_chats") - 1)
    LineOperator.objects.filter(
        open_channel_id=session.open_channel_id, operator_id=session.operator_id
    ).update(open_chats=F("open_chats") - 1)
