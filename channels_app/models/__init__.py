"""The post office: open channels, their connectors, conversations and messages."""

from channels_app.models.api import ApiKey, IdempotencyRecord
from channels_app.models.connectors import Connector, ConnectorStatus
from channels_app.models.conversations import Conversation
from channels_app.models.events import EventState, InboundEvent
from channels_app.models.line_rows import (
    Holiday,
    HoursException,
    ServiceText,
    TextKind,
    Weekday,
    WorkInterval,
)
from channels_app.models.messages import (
    Attachment,
    AttachmentState,
    Direction,
    Message,
    MessageRevision,
    MessageState,
)
from channels_app.models.open_channels import (
    AwayReturns,
    ClosedAction,
    Distribution,
    NoAnswerAction,
    OpenChannel,
    OperatorShown,
    PlaceFreed,
    ResponseMeans,
    TransferMode,
    WelcomeWhen,
)
from channels_app.models.templates import MessageTemplate

__all__ = [
    "ApiKey",
    "Attachment",
    "AttachmentState",
    "AwayReturns",
    "ClosedAction",
    "Connector",
    "ConnectorStatus",
    "Conversation",
    "Direction",
    "Distribution",
    "EventState",
    "Holiday",
    "HoursException",
    "IdempotencyRecord",
    "InboundEvent",
    "Message",
    "MessageRevision",
    "MessageState",
    "MessageTemplate",
    "NoAnswerAction",
    "OpenChannel",
    "OperatorShown",
    "PlaceFreed",
    "ResponseMeans",
    "ServiceText",
    "TextKind",
    "TransferMode",
    "Weekday",
    "WelcomeWhen",
    "WorkInterval",
]
