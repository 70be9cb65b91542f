"""The desk: operators, queues, sessions, offers and their deadlines."""

from queue_app.models.operators import DutyState, Operator
from queue_app.models.queues import LineOperator, LineQueue, QueueMember
from queue_app.models.sessions import (
    Assignment,
    AssignmentOutcome,
    CloseReason,
    Session,
    SessionEvent,
    SessionState,
    Turn,
    WaitReason,
)
from queue_app.models.timers import Timer, TimerKind

__all__ = [
    "Assignment",
    "AssignmentOutcome",
    "CloseReason",
    "DutyState",
    "LineOperator",
    "LineQueue",
    "Operator",
    "QueueMember",
    "Session",
    "SessionEvent",
    "SessionState",
    "Timer",
    "TimerKind",
    "Turn",
    "WaitReason",
]
