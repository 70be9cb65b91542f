"""The intake's hot statements, written out: building a queryset costs three to six times as much.

They use nothing that PostgreSQL and SQLite do not both have. Columns left out have database
defaults; a test compares the statements with the models.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from channels_app.models import Connector, Conversation
from channels_app.services.received import SenderBlockedError
from openlines_project.lib.db import from_sql_json, sql_row

LAST_TEXT_LENGTH = 160

_KEY_INSERT = """
INSERT INTO channels_app_inboundevent (connector_id, key, received_at)
VALUES (%s, %s, %s)
ON CONFLICT (connector_id, key) DO NOTHING
RETURNING id
"""

_RETURNED = """
RETURNING id, last_seq, version, has_pending, display_name, external_user_id, profile,
          reply_context, contact_id, created_at, consent_asked_at, consented_at
"""

# A customer who writes can be reached again and has stopped typing; an answer of ours, given in
# the platform's own app, tells nothing of him. Of a blocked sender no row comes back.
_ADVANCE = """
UPDATE channels_app_conversation
SET last_seq = last_seq + 1, version = version + 1, changed_at = %s,
    last_text = %s, last_kind = %s, last_direction = %s, last_message_at = %s,
    unreachable_at = CASE WHEN %s = 'out' THEN unreachable_at END, typing_at = NULL
WHERE connector_id = %s AND external_chat_id = %s AND external_thread = %s
      AND (blocked_at IS NULL OR %s = 'out')
"""

_UPSERT = """
INSERT INTO channels_app_conversation (
    connector_id, external_chat_id, external_thread, external_user_id, display_name, profile,
    reply_context, last_seq, version, changed_at, last_text, last_kind, last_direction,
    last_message_at, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, 1, 1, %s, %s, %s, %s, %s, %s)
ON CONFLICT (connector_id, external_chat_id, external_thread) DO UPDATE
SET last_seq = channels_app_conversation.last_seq + 1,
    version = channels_app_conversation.version + 1,
    changed_at = excluded.changed_at, last_text = excluded.last_text,
    last_kind = excluded.last_kind, last_direction = excluded.last_direction,
    last_message_at = excluded.last_message_at, typing_at = NULL,
    unreachable_at = CASE WHEN excluded.last_direction = 'out'
                          THEN channels_app_conversation.unreachable_at END
WHERE channels_app_conversation.blocked_at IS NULL OR excluded.last_direction = 'out'
"""


def event_key_insert(*, connector_id: int, key: str, now: dt.datetime) -> int | None:
    """Take the event's key. Returns the new row's id, None when the event was delivered before.

    Two deliveries at once: the second waits here until the first has committed.
    """
    row = sql_row(_KEY_INSERT, [connector_id, key, now])
    return None if row is None else row[0]


def conversation_advance(
    *,
    connector: Connector,
    chat_id: str,
    thread: str,
    user_id: str,
    display_name: str,
    profile: dict[str, Any],
    reply_context: dict[str, Any],
    direction: str,
    kind: str,
    text: str,
    now: dt.datetime,
) -> Conversation:
    """Lock the conversation, number its next message and remember it as the newest.

    Makes the conversation when this is its first message; several at once make one. Returns it
    with the new `last_seq` and `version`. `user_id`, `display_name`, `profile` and
    `reply_context` are written only when it is made: `conversation_person_update` does the rest.
    Raises `SenderBlockedError` for what a blocked sender writes.
    """
    last_text = " ".join(text.split())[:LAST_TEXT_LENGTH]
    row = sql_row(
        _ADVANCE + _RETURNED,
        [now, last_text, kind, direction, now, direction, connector.pk, chat_id, thread, direction],
    )
    is_new = row is None
    if row is None:
        row = sql_row(
            _UPSERT + _RETURNED,
            [
                connector.pk, chat_id, thread, user_id, display_name, profile, reply_context,
                now, last_text, kind, direction, now, now,
            ],
        )  # fmt: skip
        if row is None:
            raise SenderBlockedError
    conversation = Conversation(
        pk=row[0],
        connector=connector,
        external_chat_id=chat_id,
        external_thread=thread,
        last_seq=row[1],
        version=row[2],
        has_pending=bool(row[3]),
        display_name=row[4],
        external_user_id=row[5],
        profile=from_sql_json(row[6]),
        reply_context=from_sql_json(row[7]),
        contact_id=row[8],
        last_text=last_text,
        last_kind=kind,
        last_direction=direction,
        last_message_at=now,
        changed_at=now,
        created_at=row[9],
        consent_asked_at=row[10],
        consented_at=row[11],
    )
    # Somebody else may have made it between the two statements: then it has messages.
    conversation.is_new = is_new and conversation.last_seq == 1
    conversation._state.adding = False
    conversation._state.db = "default"
    return conversation
