"""The history of a session: append-only, numbered, written with the change itself.

| kind | operator | data |
| --- | --- | --- |
| `started` | who began it | `first` on this line, `out_of_hours`, `by_operator`, `parent` |
| `offered` | who got it, null: everybody | `choice`, `more`, `turn`, `round` |
| `rung` | | `round`, `added`: whom the offer to everybody was made to anew |
| `waiting` | | `reason`, and `choice`, `more` of a choice; `opens_at`; `behind` others |
| `expired` | who let it pass, null for everybody | `waited_s`, `replying`: it was accepted |
| `skipped` | who passed it on | `reason` |
| `returned` | whose it was | `why`: off_duty, paused, on_leave, not_connected, removed, inactive |
| `round_over` | | `round`, `action`: what is done about it |
| `no_answer` | | `action`, `why`: round_over, minutes, no_operator |
| `accepted` | who accepted | `reaction_s` from the start, `by_hand`: it was not offered to him |
| `replied` | who wrote | `first`, `since_start_s`, `seq`, `waited_s` of the burst (null without) |
| `answered_outside` | | `seq` of the message |
| `transferred` | whose it was | `to` operator, `to_line`, `reason`, `mode` |
| `intercepted` | whose it was | `by` operator |
| `joined`, `left` | who | |
| `snoozed` | whose it is | `until` |
| `woken` | whose it is | `why`: due, by_hand, customer |
| `text` | | `kind`, `occurrence`, `skipped`: why it was not sent, empty when it was |
| `consented` | | |
| `form_sent`, `form_submitted` | | `form`; `submission` |
| `ended` | who held it | `reason`; the time to come back begins |
| `resumed` | who has it again | |
| `closed` | who held it | `reason`, `resolution_s` from the start, `answered` |
| `spam_undone` | | |
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from django.contrib.auth.models import AbstractBaseUser

from channels_app.models import Conversation
from queue_app.models import Session, SessionEvent

EventKind = Literal[
    "started", "offered", "rung", "waiting", "expired", "skipped", "returned", "round_over",
    "no_answer", "accepted", "replied", "answered_outside", "transferred", "intercepted",
    "joined", "left", "snoozed", "woken", "text", "consented", "form_sent", "form_submitted",
    "ended", "resumed", "closed", "spam_undone",
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
