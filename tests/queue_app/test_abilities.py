"""Who may do what: the rules, without a database."""

from __future__ import annotations

from typing import Any

import pytest

from queue_app.abilities import ACTIONS, Action, Facts, action_refused, session_abilities

OWNER = {"owns": True, "is_member": True, "may_begin": True}
MEMBER = {"is_member": True, "may_begin": True}
VIEWER: dict[str, Any] = {}
ALL_RIGHTS = {"may_intercept": True, "may_end_any": True, "may_assign": True}
SUPERVISOR = ALL_RIGHTS | {"may_begin": True}


def abilities(state: str, person: dict[str, Any], **more: Any) -> set[str]:
    return set(session_abilities(Facts(state=state, has_open=state != "closed", **person, **more)))


@pytest.mark.parametrize(
    ("state", "person", "expected"),
    [
        ("waiting", MEMBER, {"transfer", "join", "end", "spam", "block", "note"}),
        ("waiting", VIEWER, {"end", "spam", "note"}),
        (
            "waiting", SUPERVISOR,
            {"transfer", "join", "intercept", "end", "spam", "block", "force_stop", "note"},
        ),
        ("offered", OWNER, {"skip", "transfer", "end", "spam", "block", "note"}),
        ("offered", MEMBER, {"join", "block", "note"}),
        ("active", OWNER, {"skip", "transfer", "end", "spam", "block", "snooze", "note"}),
        ("active", MEMBER, {"join", "block", "note"}),
        ("active", VIEWER, {"note"}),
        (
            "active", SUPERVISOR,
            {"transfer", "join", "intercept", "end", "spam", "block", "force_stop", "note"},
        ),
        ("closing", OWNER, {"transfer", "spam", "block", "note"}),
        (
            "closing", SUPERVISOR,
            {"transfer", "join", "intercept", "spam", "block", "force_stop", "note"},
        ),
        ("closed", MEMBER, {"block", "note", "new_dialogue", "write"}),
        ("closed", VIEWER, {"note"}),
        ("closed", SUPERVISOR, {"block", "note", "new_dialogue", "write"}),
    ],
)  # fmt: skip
def test_a_person_may_do_this_in_that_state(
    state: str, person: dict[str, Any], expected: set[str]
) -> None:
    assert abilities(state, person) == expected


@pytest.mark.parametrize(
    ("action", "facts", "code"),
    [
        ("skip", {"state": "active", **OWNER, "is_answered": True}, "answered"),
        ("skip", {"state": "active", **OWNER, "has_others": False}, "alone"),
        ("skip", {"state": "offered", "is_asked": True, "line_is_open": False}, "line_closed"),
        ("skip", {"state": "offered", **MEMBER}, "not_yours"),
        ("skip", {"state": "waiting", **MEMBER}, "not_accepted"),
        ("skip", {"state": "closing", **OWNER}, "ending"),
        ("skip", {"state": "closed", **OWNER}, "closed"),
        ("transfer", {"state": "active", **MEMBER, "helps": True}, "not_yours"),
        ("transfer", {"state": "waiting"}, "permission"),
        ("join", {"state": "active", **OWNER}, "yours"),
        ("join", {"state": "active", **MEMBER, "helps": True}, "helping"),
        ("join", {"state": "active"}, "permission"),
        ("leave", {"state": "active", **OWNER}, "owner_stays"),
        ("leave", {"state": "active", **MEMBER}, "not_helping"),
        ("intercept", {"state": "active", **MEMBER}, "permission"),
        ("intercept", {"state": "active", **OWNER, **ALL_RIGHTS}, "yours"),
        ("end", {"state": "active", **MEMBER}, "not_yours"),
        ("end", {"state": "closing", **OWNER}, "ending"),
        ("spam", {"state": "active", **MEMBER}, "not_yours"),
        ("spam", {"state": "closed", **OWNER}, "closed"),
        ("spam_undo", {"state": "closed", **OWNER}, "not_spam"),
        ("spam_undo", {"state": "closed", "is_spam": True}, "permission"),
        ("spam_undo", {"state": "closed", "is_spam": True, "undo_is_over": True}, "too_late"),
        ("block", {"state": "active", **OWNER, "is_blocked": True}, "blocked"),
        ("block", {"state": "active"}, "permission"),
        ("unblock", {"state": "active", **OWNER}, "not_blocked"),
        ("force_stop", {"state": "active", **OWNER}, "permission"),
        ("snooze", {"state": "offered", **OWNER}, "not_accepted"),
        ("snooze", {"state": "active", **SUPERVISOR}, "not_yours"),
        ("snooze", {"state": "closing", **OWNER}, "ending"),
        ("wake", {"state": "active", **OWNER}, "not_snoozed"),
        ("new_dialogue", {"state": "closed", **MEMBER, "has_open": True}, "open_session"),
        ("new_dialogue", {"state": "closed", **MEMBER, "is_blocked": True}, "blocked"),
        ("write", {"state": "closed", **MEMBER, "channel_is_open": False}, "line_closed"),
        ("write", {"state": "closed", "has_open": True}, "permission"),
    ],
)
def test_a_refusal_says_why(action: Action, facts: dict[str, Any], code: str) -> None:
    assert action_refused(action, Facts(**facts)) == code


@pytest.mark.parametrize(
    ("action", "facts"),
    [
        ("skip", {"state": "offered", "to_everybody": True, "is_asked": True}),
        ("transfer", {"state": "offered", "to_everybody": True, "is_asked": True}),
        ("transfer", {"state": "offered", "to_everybody": True, **MEMBER}),
        ("leave", {"state": "active", "helps": True}),
        ("wake", {"state": "active", **OWNER, "is_snoozed": True}),
        ("spam_undo", {"state": "closed", **MEMBER, "is_spam": True}),
        ("unblock", {"state": "closed", **MEMBER, "is_blocked": True}),
        ("unblock", {"state": "active", "may_end_any": True, "is_blocked": True}),
    ],
)
def test_what_the_table_of_states_does_not_show(action: Action, facts: dict[str, Any]) -> None:
    assert action_refused(action, Facts(**facts)) is None


@pytest.mark.parametrize("state", ["waiting", "offered", "active", "closing"])
@pytest.mark.parametrize("action", sorted(set(ACTIONS) - {"note", "block", "unblock"}))
def test_who_only_sees_a_chat_that_somebody_has_may_do_nothing_but_tell(
    state: str, action: Action
) -> None:
    free = state == "waiting" and action in {"end", "spam"}
    assert (action_refused(action, Facts(state=state, has_open=True)) is None) == free
