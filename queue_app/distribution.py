"""Who gets a session: the rules, without a database.

`distribute` looks at the candidates of a line, in the order of the queue, and says who is chosen
and why everybody else is not, as codes that are put into words when shown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Rule = Literal["evenly", "strictly", "everybody"]
Code = Literal[
    "chosen", "later", "inactive", "tried", "off_duty", "paused", "on_leave", "not_connected",
    "full", "full_global",
]  # fmt: skip
MAX_CODES = 20
# A page of the inbox that was heard from within this time is open: three times as long as it may
# be silent, so that one lost request takes nobody's offers.
CONNECTED_FOR = dt.timedelta(seconds=90)


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
    seen_at: dt.datetime | None = None  # when a page of his inbox was last heard from


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a line asks of those who get its chats. `max_chats` 0 means no limit.

    An open inbox is demanded only where availability is checked.
    """

    check_availability: bool = False
    demand_connection: bool = False
    max_chats: int = 0


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
    """Who gets the offer: nobody, one, or everybody who can have it.

    `round_over` tells that all who could have taken it let it pass.
    """

    chosen: tuple[Candidate, ...]
    reasons: tuple[Reason, ...]
    round_over: bool

    def as_json(self) -> dict[str, Any]:
        """`{"choice": [...at most 20...], "more": how many are left out}`, the chosen first."""
        ordered = sorted(self.reasons, key=lambda reason: reason.code != "chosen")
        return {
            "choice": [reason.as_json() for reason in ordered[:MAX_CODES]],
            "more": max(0, len(ordered) - MAX_CODES),
        }


def obstacle(candidate: Candidate, conditions: Conditions, *, now: dt.datetime) -> Reason | None:
    """Why this person cannot be offered a chat now, None when he can."""
    who = candidate.operator_id
    if not candidate.is_active:
        return Reason(who, "inactive")
    if conditions.check_availability:
        if candidate.duty == "pause":
            return Reason(who, "paused")
        if candidate.duty != "on":
            return Reason(who, "off_duty")
        if is_on_leave(candidate.leave_from, candidate.leave_until, now=now):
            return Reason(who, "on_leave")
        if conditions.demand_connection and not is_connected(candidate.seen_at, now=now):
            return Reason(who, "not_connected")
    limit = conditions.max_chats
    if limit and candidate.line_chats >= limit:
        return Reason(who, "full", {"chats": candidate.line_chats, "limit": limit})
    if candidate.open_chats >= candidate.max_open_chats:
        return _full_over_all(candidate)
    return None


def _full_over_all(candidate: Candidate) -> Reason:
    numbers = {"chats": candidate.open_chats, "limit": candidate.max_open_chats}
    return Reason(candidate.operator_id, "full_global", numbers)


def is_on_leave(
    leave_from: dt.datetime | None, leave_until: dt.datetime | None, *, now: dt.datetime
) -> bool:
    """Whether a leave has begun and is not over. An end left open goes on."""
    begun = leave_from is None or leave_from <= now
    over = leave_until is not None and leave_until <= now
    planned = leave_from is not None or leave_until is not None
    return planned and begun and not over


def is_connected(seen_at: dt.datetime | None, *, now: dt.datetime) -> bool:
    """Whether somebody has the inbox open: a page of his was heard from just now."""
    return seen_at is not None and now - seen_at <= CONNECTED_FOR


def distribute(
    rule: Rule,
    candidates: Sequence[Candidate],
    conditions: Conditions,
    *,
    tried: Collection[int],
    now: dt.datetime,
    passed_over: Collection[int] = (),
    preferred: int | None = None,
) -> Decision:
    """Choose among the candidates, given in the order of the queue.

    `tried` are the operators who let this session pass in this round; `passed_over` those who
    filled up between the reading and the offer; `preferred` is asked before anybody else when he
    can. **Evenly**: the lowest `turn`, then the first place. **Strictly**: the first place.
    **Everybody**: all who can, whatever the limits: an offer to everybody takes no place. With
    nobody left, `round_over` says whether somebody of the queue had the offer in this round:
    otherwise nobody was available at all.
    """
    # An offer to one person takes a place, whatever the rule.
    if not _is_free(candidates, preferred, conditions, now):
        preferred = None
    if rule == "everybody":
        conditions = replace(conditions, max_chats=0)
    reasons: list[Reason] = []
    free: list[Candidate] = []
    for candidate in candidates:
        if candidate.operator_id in tried:
            reasons.append(Reason(candidate.operator_id, "tried"))
            continue
        if candidate.operator_id in passed_over:
            reasons.append(_full_over_all(candidate))
            continue
        blocked = obstacle(candidate, conditions, now=now)
        if blocked is not None and not (rule == "everybody" and blocked.code == "full_global"):
            reasons.append(blocked)
        else:
            free.append(candidate)
    if not free:
        # One who had it and has left the queue since makes no round.
        round_over = any(reason.code == "tried" for reason in reasons)
        return Decision((), tuple(reasons), round_over=round_over)
    chosen = _choose(rule, free, preferred)
    for candidate in free:
        code: Code = "chosen" if candidate in chosen else "later"
        reasons.append(Reason(candidate.operator_id, code, _why(rule, candidate, preferred)))
    return Decision(chosen, tuple(reasons), round_over=False)


def _is_free(
    candidates: Sequence[Candidate], who: int | None, conditions: Conditions, now: dt.datetime
) -> bool:
    return any(
        candidate.operator_id == who and obstacle(candidate, conditions, now=now) is None
        for candidate in candidates
    )


def _choose(rule: Rule, free: Sequence[Candidate], preferred: int | None) -> tuple[Candidate, ...]:
    last = [candidate for candidate in free if candidate.operator_id == preferred]
    if last:
        return tuple(last)
    if rule == "everybody":
        return tuple(free)
    if rule == "evenly":
        return (min(free, key=lambda candidate: (candidate.turn, candidate.position)),)
    return (min(free, key=lambda candidate: candidate.position),)


def _why(rule: Rule, candidate: Candidate, preferred: int | None) -> dict[str, Any]:
    if candidate.operator_id == preferred:
        return {"rule": "last_operator"}
    if rule == "everybody":
        return {"rule": rule}
    if rule == "strictly":
        return {"rule": rule, "position": candidate.position}
    last = candidate.last_offer_at.isoformat() if candidate.last_offer_at else None
    return {"rule": rule, "last_offer_at": last}
