"""The history of a session: append-only, numbered, written with the change itself.

| kind | operator | data |
| --- | --- | --- |
| `started` | | `first`: first session of this person on this line |
| `offered` | who got the offer | `choice`, `more`, `turn`, `round` |
| `waiting` | | `reason`, and `choice`, `more` where a choice was tried |
| `expired` | who let it pass | `waited_s` |
| `returned` | whose it was | `why`: off_duty, paused, on_leave, removed, inactive |
| `accepted` | who accepted | `reaction_s` from the start, `by_hand`: it was not offered to him |
| `replied` | who wrote | `first`, `since_start_s`, `seq`, `waited_s` of the burst (null without) |
| `answered_outside` | | `seq` of the message |
| `closed` | who held it | `reason`, `resolution_s` from the start, `answered` |
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from django.contrib.auth.models import AbstractBaseUser

from channels_app.models import Conversation
from queue_app.models import Session, SessionEvent

EventKind = Literal[
    "started", "offered", "waiting", "expired", "returned", "accepted", "replied",
    "answered_outside", "closed",
]  # fmt: skip


def event_build(
    *,
    session: Session,
    conversation: Conversation,
    kind: EventKind,
    now: dt.datetime,
    operator_id: int | None = None,
    actor: AbstractBaseUser | None = None,
    data: dict[str, Any] | None = None,
) -> SessionEvent:
    """Number the next event of a locked session. The caller saves both."""
    session.event_seq += 1
    return SessionEvent(
        session=session,
        seq=session.event_seq,
        kind=kind,
        at=now,
        actor_id=actor.pk if actor else None,
        operator_id=operator_id,
        open_channel_id=session.open_channel_id,
        connector_kind=conversation.connector.kind,
        contact_id=conversation.contact_id,
        data=data or {},
    )


def event_write(
    *,
    session: Session,
    conversation: Conversation,
    kind: EventKind,
    now: dt.datetime,
    operator_id: int | None = None,
    actor: AbstractBaseUser | None = None,
    data: dict[str, Any] | None = None,
) -> SessionEvent:
    """`event_build`, saved at once. The caller saves the session's `event_seq`."""
    event = event_build(
        session=session, conversation=conversation, kind=kind, now=now,
        operator_id=operator_id, actor=actor, data=data,
    )  # fmt: skip
    event.save(force_insert=True)
    return event


def seconds_between(start: dt.datetime | None, end: dt.datetime) -> float | None:
    """Seconds from `start` to `end`, to the millisecond, never negative; None without a start."""
    if start is None:
        return None
    return round(max(0.0, (end - start).total_seconds()), 3)
