"""Automatic texts of a line: each at most once per session and kind, none counts as a reply.

The row of `SessionText` is what makes a text happen once; it is written with the message, in the
caller's transaction, which holds the conversation and the session.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from django.utils import formats, timezone, translation

from channels_app.models import Conversation, OpenChannel, OperatorShown
from channels_app.placeholders import placeholders_fill
from channels_app.services.messages import MAX_TEXT, message_queue, sending_refused
from openlines_project.lib.db import sql_row
from openlines_project.lib.text import clean_text, neutral_name
from queue_app.models import LineOperator, Operator, Session, SessionText
from queue_app.schedule import next_opening
from queue_app.services.events import event_write
from queue_app.services.line_rules import line_rules

_ONCE = """
INSERT INTO queue_app_sessiontext (session_id, kind, occurrence, at) VALUES (%s, %s, %s, %s)
ON CONFLICT (session_id, kind, occurrence) DO NOTHING
RETURNING id
"""
# The author's kind of what nobody typed.
AUTHOR_KIND = "system"


def service_text_send(
    *,
    session: Session,
    conversation: Conversation,
    kind: str,
    text: str,
    now: dt.datetime,
    occurrence: str = "",
    link: Callable[[], str] | None = None,
) -> bool:
    """Queue an automatic text of a locked session. Returns whether this was its first time.

    `kind` is a `TextKind`, `text` the line's words with placeholders, `link` makes the address
    that stands below them; it is asked only when the text is new.
    Where nothing can be sent (reply window over, customer unreachable, channel off, chat with
    another program) the reason is recorded instead. The caller saves the session's `event_seq`.
    The turn stays as it is.
    """
    row = sql_row(_ONCE, [session.pk, str(kind), occurrence, now])
    if row is None:
        return False
    words = placeholders_fill(text, placeholder_values(session, conversation, now=now))
    if link is not None:
        words = f"{words}\n{link()}"
    # A long name put in often enough makes more than a message can hold.
    words = clean_text(words, max_length=MAX_TEXT).strip()
    refused = sending_refused(conversation, now=now, automatic=True)
    skipped = refused.code if refused is not None else "" if words else "empty"
    if skipped:
        SessionText.objects.filter(pk=row[0]).update(skipped=skipped)
    else:
        rows = message_queue(
            conversation=conversation, now=now, text=words, author_kind=AUTHOR_KIND
        )
        SessionText.objects.filter(pk=row[0]).update(message=rows[0])
    event_write(
        session=session, conversation=conversation, kind="text", now=now,
        data={"kind": str(kind), "occurrence": occurrence, "skipped": skipped},
    )  # fmt: skip
    return True


def placeholder_values(
    session: Session, conversation: Conversation, *, now: dt.datetime
) -> Mapping[str, str]:
    """What the placeholders stand for in a text to this customer at this moment."""
    line = session.open_channel
    return {
        "customer": neutral_name(conversation.display_name),
        "operator": operator_customer_name(session, session.operator),
        "line": line.customer_name,
        "opens_at": opening_words(line, now=now),
        "session": str(session.pk),
    }


def operator_customer_name(session: Session, operator: Operator | None) -> str:
    """An operator's name as the line's customers see it, empty when they see none."""
    line = session.open_channel
    if operator is None or line.operator_shown == OperatorShown.NOTHING:
        return ""
    if line.operator_shown == OperatorShown.ALIAS:
        row = LineOperator.objects.filter(open_channel=line, operator=operator).first()
        return row.alias_name if row else ""
    return neutral_name(operator.user.get_full_name())


def opening_words(line: OpenChannel, *, now: dt.datetime) -> str:
    """When the line opens next, "Monday 09:00" in its language and zone; empty without hours."""
    hours = line_rules(line).hours
    if hours is None:
        return ""
    opening = next_opening(hours, now)
    if opening is None:
        return ""
    with translation.override(line.language):
        words = formats.date_format(timezone.localtime(opening, hours.zone), "l H:i")
    # Portuguese writes the names of days small, also where Django's list has a capital.
    return words.lower() if line.language.startswith("pt") else words
