"""The states of a session and what leads from one to another: one table, no database.

A cell that is missing is a refusal: the event makes no sense in that state.
"""

from __future__ import annotations

from typing import Literal

State = Literal["waiting", "offered", "active", "closed"]
Event = Literal[
    "customer_message",  # the customer wrote
    "offer",  # an operator was chosen
    "wait",  # nobody was found
    "expire",  # the response time passed
    "return",  # the one who holds it is no longer there
    "accept",
    "reply",
    "close",
    "answered_outside",  # somebody answered in the platform's own app
]

TABLE: dict[tuple[State, Event], State] = {
    ("waiting", "customer_message"): "waiting",
    ("offered", "customer_message"): "offered",
    ("active", "customer_message"): "active",
    ("waiting", "offer"): "offered",
    ("waiting", "wait"): "waiting",
    ("offered", "expire"): "waiting",
    ("offered", "return"): "waiting",
    ("active", "return"): "waiting",
    ("waiting", "accept"): "active",
    ("offered", "accept"): "active",
    ("offered", "reply"): "active",
    ("active", "reply"): "active",
    ("waiting", "close"): "closed",
    ("offered", "close"): "closed",
    ("active", "close"): "closed",
    ("waiting", "answered_outside"): "waiting",
    ("offered", "answered_outside"): "waiting",
    ("active", "answered_outside"): "active",
}


class IllegalTransitionError(Exception):
    """The event makes no sense in this state."""

    def __init__(self, state: str, event: str) -> None:
        super().__init__(f"{event} in state {state}")
        self.state = state
        self.event = event


def state_after(state: str, event: Event) -> State:
    """The state an event leads to. Raises `IllegalTransitionError`."""
    try:
        return TABLE[(state, event)]  # type: ignore[index]
    except KeyError:
        raise IllegalTransitionError(state, event) from None
