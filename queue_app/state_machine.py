"""The states of a session and what leads from one to another: one table, no database.

A cell that is missing is a refusal: the event makes no sense in that state.
"""

from __future__ import annotations

from typing import Literal

State = Literal["waiting", "offered", "active", "closing", "closed"]
Event = Literal[
    "customer_message",  # the customer wrote
    "offer",  # an operator was chosen, or everybody was
    "wait",  # nobody was found
    "expire",  # the response time passed
    "return",  # the one who holds it is no longer there
    "skip",  # he passes it on
    "accept",
    "reply",
    "answered_outside",  # somebody answered in the platform's own app
    "transfer_offer",  # a colleague is asked to take it
    "transfer",  # it is a colleague's at once
    "transfer_line",  # it goes to another line's queue
    "intercept",
    "join",
    "leave",
    "snooze",
    "wake",
    "end",  # with the line's time to come back
    "close",  # ended for good, or that time is over
    "resume",  # the customer wrote while it was ending, and somebody has it
    "requeue",  # the same, and nobody has it
    "spam",
    "force",
]

TABLE: dict[tuple[State, Event], State] = {
    ("waiting", "customer_message"): "waiting",
    ("offered", "customer_message"): "offered",
    ("active", "customer_message"): "active",
    # --- finding an operator
    ("waiting", "offer"): "offered",
    ("offered", "offer"): "offered",  # to everybody: rung again
    ("waiting", "wait"): "waiting",
    ("offered", "wait"): "waiting",
    ("offered", "expire"): "waiting",
    ("active", "expire"): "waiting",
    ("offered", "return"): "waiting",
    ("active", "return"): "waiting",
    ("offered", "skip"): "waiting",
    ("active", "skip"): "waiting",
    # --- talking
    ("waiting", "accept"): "active",
    ("offered", "accept"): "active",
    ("offered", "reply"): "active",
    ("active", "reply"): "active",
    ("waiting", "answered_outside"): "waiting",
    ("offered", "answered_outside"): "waiting",
    ("active", "answered_outside"): "active",
    ("closing", "answered_outside"): "closing",
    ("active", "snooze"): "active",
    ("active", "wake"): "active",
    # --- changing hands
    ("waiting", "transfer_offer"): "offered",
    ("offered", "transfer_offer"): "offered",
    ("active", "transfer_offer"): "offered",
    ("closing", "transfer_offer"): "offered",
    ("waiting", "transfer"): "active",
    ("offered", "transfer"): "active",
    ("active", "transfer"): "active",
    ("closing", "transfer"): "active",
    ("waiting", "transfer_line"): "waiting",
    ("offered", "transfer_line"): "waiting",
    ("active", "transfer_line"): "waiting",
    ("closing", "transfer_line"): "waiting",
    ("waiting", "intercept"): "active",
    ("offered", "intercept"): "active",
    ("active", "intercept"): "active",
    ("closing", "intercept"): "active",
    ("waiting", "join"): "waiting",
    ("offered", "join"): "offered",
    ("active", "join"): "active",
    ("closing", "join"): "closing",
    ("waiting", "leave"): "waiting",
    ("offered", "leave"): "offered",
    ("active", "leave"): "active",
    ("closing", "leave"): "closing",
    # --- the end
    ("waiting", "end"): "closing",
    ("offered", "end"): "closing",
    ("active", "end"): "closing",
    ("waiting", "close"): "closed",
    ("offered", "close"): "closed",
    ("active", "close"): "closed",
    ("closing", "close"): "closed",
    ("closing", "resume"): "active",
    ("closing", "requeue"): "waiting",
    ("waiting", "spam"): "closed",
    ("offered", "spam"): "closed",
    ("active", "spam"): "closed",
    ("closing", "spam"): "closed",
    ("waiting", "force"): "closed",
    ("offered", "force"): "closed",
    ("active", "force"): "closed",
    ("closing", "force"): "closed",
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


def is_allowed(state: str, event: Event) -> bool:
    """Whether the event makes sense in this state."""
    return (state, event) in TABLE
