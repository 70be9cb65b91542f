"""Who may do what with a session: the rules, without a database.

The page offers what `session_abilities` names, and the services ask `action_refused` before they
act, so that neither allows what the other refuses. `Facts` are read by services/permits.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Action = Literal[
    "skip", "transfer", "join", "leave", "intercept", "end", "spam", "spam_undo", "block",
    "unblock", "force_stop", "snooze", "wake", "note", "new_dialogue", "write",
]  # fmt: skip
Refusal = Literal[
    "closed", "ending", "not_accepted", "answered", "alone", "line_closed", "yours",
    "owner_stays", "helping", "not_helping", "not_snoozed", "not_spam", "too_late", "blocked",
    "not_blocked", "open_session", "not_yours", "permission",
]  # fmt: skip
ACTIONS: tuple[Action, ...] = get_args(Action)
# Another person might: 403. Everything else is a matter of the moment: 409.
OF_THE_PERSON: frozenset[Refusal] = frozenset({"not_yours", "permission"})
SPAM_UNDO_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A session and one person who sees it.

    `owns`: he has it, or it is offered to him alone. `is_asked`: his turn of an offer is open,
    also of one to everybody. `is_member`: he is in the queue of the session's line, and
    `may_begin`: he may write first in its conversation. `has_others`: somebody else could take
    it. `has_open`: the conversation has an open session. `line_is_open` is of the session's
    line, `channel_is_open` of the one the conversation's next session would begin on.
    """

    state: str
    owns: bool = False
    is_asked: bool = False
    helps: bool = False
    is_member: bool = False
    may_begin: bool = False
    may_intercept: bool = False
    may_end_any: bool = False
    may_assign: bool = False
    to_everybody: bool = False
    is_answered: bool = False
    is_snoozed: bool = False
    is_spam: bool = False
    undo_is_over: bool = False
    is_blocked: bool = False
    has_others: bool = True
    has_open: bool = False
    line_is_open: bool = True
    channel_is_open: bool = True

    @property
    def is_free(self) -> bool:
        """Whether no single person has it."""
        return self.state == "waiting" or (self.state == "offered" and self.to_everybody)


def session_abilities(facts: Facts) -> frozenset[Action]:
    """What this person may do with the session just now."""
    return frozenset(action for action in ACTIONS if action_refused(action, facts) is None)


def action_refused(action: Action, facts: Facts) -> Refusal | None:
    """Why he may not, as a code; None when he may."""
    if action == "note":
        return None  # whoever sees it
    if action in {"new_dialogue", "write"}:
        return first_word_refused(
            has_open=facts.has_open, is_blocked=facts.is_blocked,
            channel_is_open=facts.channel_is_open, may_begin=facts.may_begin,
        )  # fmt: skip
    if action in {"block", "unblock"}:
        return _block_refused(action == "block", facts)
    if action == "spam_undo":
        return _spam_undo_refused(facts)
    if facts.state == "closed":
        return "closed"
    if action in {"join", "leave", "intercept"}:
        return _company_refused(action, facts)
    if action == "skip":
        return _skip_refused(facts)
    if action in {"snooze", "wake"}:
        return _snooze_refused(action == "wake", facts)
    if action == "transfer":
        return _transfer_refused(facts)
    if action == "force_stop":
        return None if facts.may_end_any else "permission"
    if action == "end" and facts.state == "closing":
        return "ending"
    return None if _may_end(facts) else "not_yours"  # end, spam


def first_word_refused(
    *, has_open: bool, is_blocked: bool, channel_is_open: bool, may_begin: bool
) -> Refusal | None:
    """Why nobody, or not this person, may write first in a conversation."""
    if not may_begin:
        return "permission"
    if has_open:
        return "open_session"
    if is_blocked:
        return "blocked"
    return None if channel_is_open else "line_closed"


def _may_end(facts: Facts) -> bool:
    """What somebody has is his to end, what nobody has may be ended by whoever sees it."""
    return facts.owns or facts.may_end_any or facts.is_free


def _skip_refused(facts: Facts) -> Refusal | None:
    if facts.state == "closing":
        return "ending"
    if facts.state == "waiting":
        return "not_accepted"
    if not (facts.owns or facts.is_asked):
        return "not_yours"
    if facts.state == "active" and facts.is_answered:
        return "answered"
    if not facts.line_is_open:
        return "line_closed"
    return None if facts.has_others else "alone"


def _transfer_refused(facts: Facts) -> Refusal | None:
    if facts.owns or facts.may_assign:
        return None
    if facts.is_free:
        return None if facts.is_member or facts.is_asked else "permission"
    return "not_yours"


def _company_refused(action: str, facts: Facts) -> Refusal | None:
    if action == "leave":
        if facts.owns:
            return "owner_stays"
        return None if facts.helps else "not_helping"
    if facts.owns:
        return "yours"
    if action == "intercept":
        return None if facts.may_intercept else "permission"
    if facts.helps:
        return "helping"
    return None if facts.is_member or facts.may_intercept else "permission"


def _snooze_refused(is_wake: bool, facts: Facts) -> Refusal | None:
    if facts.state == "closing":
        return "ending"
    if facts.state != "active":
        return "not_accepted"
    if not facts.owns:
        return "not_yours"
    return "not_snoozed" if is_wake and not facts.is_snoozed else None


def _spam_undo_refused(facts: Facts) -> Refusal | None:
    if not facts.is_spam:
        return "not_spam"
    if facts.undo_is_over:
        return "too_late"
    return _line_refused(facts)


def _block_refused(is_block: bool, facts: Facts) -> Refusal | None:
    if facts.is_blocked == is_block:
        return "blocked" if is_block else "not_blocked"
    return _line_refused(facts)


def _line_refused(facts: Facts) -> Refusal | None:
    return None if facts.owns or facts.is_member or facts.may_end_any else "permission"
