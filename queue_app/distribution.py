"""Who gets a session: the rules, without a database.

`distribute` looks at the candidates of a line, in the order of the queue, and says who is chosen
and why everybody else is not, as codes that are put into words when shown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Rule = Literal["evenly", "strictly"]
Code = Literal[
    "chosen", "later", "inactive", "tried", "off_duty", "paused", "on_leave", "full", "full_global"
]
MAX_CODES = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """One person of the queue as he stands at the moment of the choice."""

    line_operator_id: int
    operator_id: int
    position: int
    turn: int  # the number of his last offer in this line, 0 = never
    last_offer_at: dt.datetime | None
    line_chats: int
    open_chats: int
    max_open_chats: int
    duty: str
    is_active: bool
    leave_from: dt.datetime | None = None
    leave_until: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """What was decided about one person."""

    operator_id: int
    code: Code
    data: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"operator": self.operator_id, "code": self.code, "data": self.data}


@dataclass(frozen=True, slots=True)
class Decision:
    """The choice. `round_over` tells that all who could have taken it let it pass."""

    chosen: Candidate | None
    reasons: tuple[Reason, ...]
    round_over: bool

    def as_json(self) -> dict[str, Any]:
        """`{"choice": [...at most 20...], "more": how many are left out}`, the chosen one first."""
        ordered = sorted(self.reasons, key=lambda reason: reason.code != "chosen")
        return {
            "choice": [reason.as_json() for reason in ordered[:MAX_CODES]],
            "more": max(0, len(ordered) - MAX_CODES),
        }


def obstacle(
    candidate: Candidate,
    *,
    check_availability: bool,
    max_chats: int,
    now: dt.datetime,
) -> Reason | None:
    """Why this person cannot be offered a chat now, None when he can."""
    who = candidate.operator_id
    if not candidate.is_active:
        return Reason(who, "inactive")
    if check_availability:
        if candidate.duty == "pause":
            return Reason(who, "paused")
        if candidate.duty != "on":
            return Reason(who, "off_duty")
        if is_on_leave(candidate.leave_from, candidate.leave_until, now=now):
            return Reason(who, "on_leave")
    if max_chats and candidate.line_chats >= max_chats:
        return Reason(who, "full", {"chats": candidate.line_chats, "limit": max_chats})
    if candidate.open_chats >= candidate.max_open_chats:
        return Reason(
            who, "full_global", {"chats": candidate.open_chats, "limit": candidate.max_open_chats}
        )
    return None


def is_on_leave(
    leave_from: dt.datetime | None, leave_until: dt.datetime | None, *, now: dt.datetime
) -> bool:
    """Whether a leave has begun and is not over. An end left open goes on."""
    begun = leave_from is None or leave_from <= now
    over = leave_until is not None and leave_until <= now
    planned = leave_from is not None or leave_until is not None
    return planned and begun and not over


def distribute(
    rule: Rule,
    candidates: Sequence[Candidate],
    *,
    tried: Collection[int],
    check_availability: bool,
    max_chats: int,
    now: dt.datetime,
    passed_over: Collection[int] = (),
) -> Decision:
    """Choose among the candidates, given in the order of the queue.

    `tried` are the operators who let this session pass in this round; `passed_over` those who
    filled up between the reading and the offer. **Evenly**: the lowest `turn`, then the first
    place. **Strictly**: the first place. With nobody left, `round_over` says whether somebody of
    the queue had the offer in this round: otherwise nobody was available at all.
    """
    reasons: list[Reason] = []
    free: list[Candidate] = []
    for candidate in candidates:
        if candidate.operator_id in tried:
            reasons.append(Reason(candidate.operator_id, "tried"))
            continue
        if candidate.operator_id in passed_over:
            data = {"chats": candidate.open_chats, "limit": candidate.max_open_chats}
            reasons.append(Reason(candidate.operator_id, "full_global", data))
            continue
        blocked = obstacle(
            candidate, check_availability=check_availability, max_chats=max_chats, now=now
        )
        if blocked is not None:
            reasons.append(blocked)
        else:
            free.append(candidate)
    if not free:
        # One who had it and has left the queue since makes no round.
        round_over = any(reason.code == "tried" for reason in reasons)
        return Decision(None, tuple(reasons), round_over=round_over)
    if rule == "evenly":
        chosen = min(free, key=lambda candidate: (candidate.turn, candidate.position))
    else:
        chosen = min(free, key=lambda candidate: candidate.position)
    for candidate in free:
        why = _why(rule, candidate)
        code: Code = "chosen" if candidate is chosen else "later"
        reasons.append(Reason(candidate.operator_id, code, why))
    return Decision(chosen, tuple(reasons), round_over=False)


def _why(rule: Rule, candidate: Candidate) -> dict[str, Any]:
    if rule == "strictly":
        return {"rule": rule, "position": candidate.position}
    last = candidate.last_offer_at.isoformat() if candidate.last_offer_at else None
    return {"rule": rule, "last_offer_at": last}
