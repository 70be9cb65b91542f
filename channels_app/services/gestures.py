"""What we tell a platform besides messages: best effort, never repeated."""

from __future__ import annotations

import logging

from channels_app.drivers.base import DriverError, PostbackEvent
from channels_app.models import Connector, Conversation
from channels_app.services.connectors import connector_driver

logger = logging.getLogger(__name__)


def callback_acknowledge(*, connector_id: int, callback_id: str) -> None:
    """Tell a platform that a button press arrived. Best effort."""
    connector = Connector.objects.filter(pk=connector_id).first()
    if connector is None:
        return
    try:
        connector_driver(connector).acknowledge(PostbackEvent(callback_id=callback_id))
    except DriverError as error:
        logger.info("A button press was not acknowledged: %s", error.error_class)


def typing_send(*, conversation_id: int) -> None:
    """Show the customer that an operator is writing. Best effort."""
    conversation = (
        Conversation.objects.select_related("connector").filter(pk=conversation_id).first()
    )
    if conversation is None:
        return
    try:
        connector_driver(conversation.connector).typing(
            chat_id=conversation.external_chat_id, reply_context=conversation.reply_context
        )
    except DriverError as error:
        logger.info("Typing was not shown: %s", error.error_class)
