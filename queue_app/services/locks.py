"""The desk's locks, in the one order: conversation, session, line, operator, timer."""

from __future__ import annotations

from django.utils.translation import gettext as _

from channels_app.models import Conversation
from channels_app.services.conversations import conversation_lock
from channels_app.services.errors import ServiceError
from openlines_project.lib.db import sql_row
from queue_app.models import LineQueue, Session


class SessionGoneError(ServiceError):
    """There is no such session."""

    status = 404


def session_lock(session_id: int) -> tuple[Conversation, Session]:
    """Lock a session and, before it, its conversation. Raises `SessionGoneError`.

    The conversation of a session never changes, so it may be looked up without a lock.
    """
    conversation_id = (
        Session.objects.filter(pk=session_id).values_list("conversation_id", flat=True).first()
    )
    if conversation_id is None:
        raise SessionGoneError("not_found", _("There is no such chat."))
    conversation = conversation_lock(conversation_id)
    session = (
        Session.objects.select_for_update(no_key=True, of=("self",))
        .select_related("operator__user", "open_channel")
        .get(pk=session_id)
    )
    session.conversation = conversation
    return conversation, session


def line_lock(open_channel_id: int) -> int:
    """Take the line's lock and the next number of its counter.

    Taken last in a transaction, only to choose, stamp and offer. A number that is not used
    leaves a gap, which means nothing. The statement is one of its own, before the choice: only
    then does the choice see what the one before committed.
    """
    statement = (
        "UPDATE queue_app_linequeue SET turn = turn + 1 WHERE open_channel_id = %s RETURNING turn"
    )
    row = sql_row(statement, [open_channel_id])
    if row is None:
        LineQueue.objects.bulk_create(
            [LineQueue(open_channel_id=open_channel_id)], ignore_conflicts=True
        )
        row = sql_row(statement, [open_channel_id])
        assert row is not None  # noqa: S101  it is there now
    turn: int = row[0]
    return turn
