"""The table of states, cell by cell."""

from __future__ import annotations

from typing import get_args

import pytest

from queue_app.models import SessionState
from queue_app.state_machine import TABLE, Event, IllegalTransitionError, State, state_after

STATES = get_args(State)
EVENTS = get_args(Event)

# Rows are states, columns events, a dash is a refusal.
EXPECTED = """
                 waiting  offered  active   closing  closed
customer_message waiting  offered  active   -        -
offer            offered  offered  -        -        -
wait             waiting  waiting  -        -        -
expire           -        waiting  waiting  -        -
return           -        waiting  waiting  -        -
skip             -        waiting  waiting  -        -
accept           active   active   -        -        -
reply            -        active   active   -        -
answered_outside waiting  waiting  active   closing  -
transfer_offer   offered  offered  offered  offered  -
transfer         active   active   active   active   -
transfer_line    waiting  waiting  waiting  waiting  -
intercept        active   active   active   active   -
join             waiting  offered  active   closing  -
leave            waiting  offered  active   closing  -
snooze           -        -        active   -        -
wake             -        -        active   -        -
end              closing  closing  closing  -        -
close            closed   closed   closed   closed   -
resume           -        -        -        active   -
requeue          -        -        -        waiting  -
spam             closed   closed   closed   closed   -
force            closed   closed   closed   closed   -
"""


def cells() -> list[tuple[str, str, str]]:
    """`(state, event, state after or a dash)` of every cell."""
    head, *rows = EXPECTED.strip().splitlines()
    found = []
    for row in rows:
        event, *after = row.split()
        found += [(state, event, end) for state, end in zip(head.split(), after, strict=True)]
    return found


def test_every_state_and_every_event_has_a_cell() -> None:
    assert {(state, event) for state, event, _ in cells()} == {
        (state, event) for state in STATES for event in EVENTS
    }


def test_the_states_are_those_of_the_model() -> None:
    assert set(STATES) == set(SessionState.values)


@pytest.mark.parametrize(("state", "event", "after"), cells())
def test_a_cell_says_what_an_event_does(state: str, event: Event, after: str) -> None:
    if after == "-":
        with pytest.raises(IllegalTransitionError) as refused:
            state_after(state, event)
        assert (refused.value.state, refused.value.event) == (state, event)
    else:
        assert state_after(state, event) == after


def test_nothing_leads_out_of_closed() -> None:
    assert [cell for cell in TABLE if cell[0] == "closed"] == []


def test_a_state_nobody_knows_is_refused() -> None:
    with pytest.raises(IllegalTransitionError):
        state_after("snoring", "accept")
