"""The desk: operators, queues, sessions, offers and their deadlines."""

from queue_app.models.operators import DutyState, Operator, OperatorShift
from queue_app.models.queues import (
    LineNotice,
    LineOperator,
    LineQueue,
    NoticeKind,
    QueueMember,
)
from queue_app.models.sessions import (
    Assignment,
    AssignmentOutcome,
    CloseReason,
    Session,
    SessionEvent,
    SessionHelper,
    SessionState,
    SessionText,
    Turn,
    WaitReason,
)
from queue_app.models.timers import Timer, TimerKind

__all__ = [
    "Assignment",
    "AssignmentOutcome",
    "CloseReason",
    "DutyState",
    "LineNotice",
    "LineOperator",
    "LineQueue",
    "NoticeKind",
    "Operator",
    "OperatorShift",
    "QueueMember",
    "Session",
    "SessionEvent",
    "SessionHelper",
    "SessionState",
    "SessionText",
    "Timer",
    "TimerKind",
    "Turn",
    "WaitReason",
]
