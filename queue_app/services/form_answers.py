"""A customer filled in the form we sent him: it belongs to his chat, and the operator sees it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db.models import F

from channels_app.services.conversations import conversation_system_message
from crm_app.models import FormSubmission
from queue_app.models import Session
from queue_app.services.events import event_write
from queue_app.services.locks import SessionGoneError, session_lock
from queue_app.services.versions import session_show


def form_attach(
    *, submission: FormSubmission, context: Mapping[str, Any], now: dt.datetime
) -> bool:
    """Attach a submission to the session its link was made for. Returns whether it was new.

    Called in the transaction of the submission, and perhaps again later: the second time changes
    nothing. A chat that has ended keeps it as well, and stays ended.
    """
    session_id = context.get("session")
    if not isinstance(session_id, int):
        return False  # a form that was not sent by a chat
    try:
        conversation, session = session_lock(session_id)
    except SessionGoneError:
        return False
    fields = [
        {"label": submission.labels.get(key, key), "value": value}
        for key, value in submission.data.items()
        if value
    ]
    message = conversation_system_message(
        conversation=conversation, kind="form", now=now, once_key=f"form:{submission.pk}",
        data={"fields": fields, "consent": submission.consent_version},
    )  # fmt: skip
    if message is None:
        return False
    event_write(
        session=session, conversation=conversation, kind="form_submitted", now=now,
        data={"form": submission.form_id, "submission": submission.pk, "seq": message.seq},
    )  # fmt: skip
    Session.objects.filter(pk=session.pk).update(event_seq=session.event_seq)
    if session.closed_at is None:
        # New for whoever has the chat, as a message is.
        Session.objects.filter(pk=session.pk).update(unread=F("unread") + 1)
    session_show(session=session, conversation=conversation, now=now)
    return True
