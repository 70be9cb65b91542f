"""What we tell a platform besides messages: best effort, never repeated."""

from __future__ import annotations

import logging

from channels_app.drivers.base import DriverError, PostbackEvent
from channels_app.models import Connector, Conversation, Direction, Message
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
    last_id = _last_message_id(conversation)
    context = conversation.reply_context | ({"last_message_id": last_id} if last_id else {})
    try:
        connector_driver(conversation.connector).typing(
            chat_id=conversation.external_chat_id, reply_context=context
        )
    except DriverError as error:
        logger.info("Typing was not shown: %s", error.error_class)


def seen_send(*, conversation_id: int) -> None:
    """Show the customer that his last message was read. Best effort."""
    conversation = (
        Conversation.objects.select_related("connector").filter(pk=conversation_id).first()
    )
    if conversation is None:
        return
    try:
        driver = connector_driver(conversation.connector)
        if driver.capabilities.seen:
            driver.seen(
                chat_id=conversation.external_chat_id,
                message_id=_last_message_id(conversation),
                reply_context=conversation.reply_context,
            )
    except DriverError as error:
        logger.info("That we read was not shown: %s", error.error_class)


def _last_message_id(conversation: Conversation) -> str:
    """The platform's id of the customer's last message, empty when it has none."""
    last = Message.objects.filter(
        conversation=conversation, direction=Direction.IN, external_id__isnull=False
    )
    return last.order_by("-seq").values_list("external_id", flat=True).first() or ""
