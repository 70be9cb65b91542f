"""Who is it? Asked of the platforms whose messages bring no name."""

from __future__ import annotations

import datetime as dt
import logging

from django.db import transaction

from channels_app.drivers.base import DriverError
from channels_app.drivers.registry import UnknownKind
from channels_app.models import Conversation
from channels_app.services.connectors import connector_driver
from channels_app.services.conversations import (
    conversation_lock,
    conversation_person_update,
    conversation_touch,
)

logger = logging.getLogger(__name__)


def profile_fetch(*, conversation_id: int, now: dt.datetime) -> bool:
    """Ask the platform for the person's name and write it down. Returns whether it told one.

    Best effort: it is asked again with his next message, until there is a name.
    """
    conversation = (
        Conversation.objects.select_related("connector").filter(pk=conversation_id).first()
    )
    if conversation is None or conversation.display_name or not conversation.external_user_id:
        return False
    try:
        person = connector_driver(conversation.connector).fetch_profile(
            conversation.external_user_id
        )
    except (DriverError, UnknownKind) as error:
        logger.info("A profile was not told: %s", getattr(error, "error_class", "no driver"))
        return False
    if person is None or not (person.name or person.username):
        return False
    with transaction.atomic():
        conversation = conversation_lock(conversation_id)
        conversation_person_update(conversation=conversation, user=person, reply_context={})
        conversation_touch(conversation=conversation, now=now)
    return True
