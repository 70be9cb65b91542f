"""What people see: every change of a session raises the version of its conversation."""

from __future__ import annotations

import datetime as dt

from channels_app.models import Conversation
from channels_app.services.conversations import conversation_touch
from queue_app.models import Session


def session_show(*, session: Session, conversation: Conversation, now: dt.datetime) -> None:
    """Make a change of a locked session visible: the conversation's version rises."""
    session.version = conversation_touch(conversation=conversation, now=now)
    Session.objects.filter(pk=session.pk).update(version=session.version)
