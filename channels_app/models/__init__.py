"""The post office: open channels, their connectors, conversations and messages."""

from channels_app.models.api import ApiKey, IdempotencyRecord
from channels_app.models.connectors import Connector, ConnectorStatus
from channels_app.models.conversations import Conversation
from channels_app.models.events import EventState, InboundEvent
from channels_app.models.messages import (
    Attachment,
    AttachmentState,
    Direction,
    Message,
    MessageRevision,
    MessageState,
)
from channels_app.models.open_channels import Distribution, OpenChannel
from channels_app.models.templates import MessageTemplate

__all__ = [
    "ApiKey",
    "Attachment",
    "AttachmentState",
    "Connector",
    "ConnectorStatus",
    "Conversation",
    "Direction",
    "Distribution",
    "EventState",
    "IdempotencyRecord",
    "InboundEvent",
    "Message",
    "MessageRevision",
    "MessageState",
    "MessageTemplate",
    "OpenChannel",
]
