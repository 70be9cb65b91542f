"""The steps of a session as sentences."""

from __future__ import annotations

from django.utils.translation import gettext as _

from queue_app.explanations import return_words, wait_words
from queue_app.models import CloseReason, SessionEvent


def event_words(event: SessionEvent) -> str:
    """What one step was, in the reader's language; an unknown kind as it is stored."""
    who = {"name": event.operator.name if event.operator else _("nobody")}
    data = event.data
    if event.kind == "started":
        return (
            _("The customer wrote; his first chat here.")
            if data.get("first")
            else _("The customer wrote.")
        )
    if event.kind == "offered":
        return _("Offered to %(name)s.") % who
    if event.kind == "waiting":
        return _("Waits: %(reason)s.") % {"reason": wait_words(str(data.get("reason", "")))}
    if event.kind == "expired":
        return _("%(name)s did not accept in time.") % who
    if event.kind == "returned":
        return _("Taken back from %(name)s: %(why)s.") % {
            **who,
            "why": return_words(str(data.get("why", ""))),
        }
    if event.kind == "accepted":
        if data.get("by_hand"):
            return _("%(name)s took it from the waiting chats.") % who
        return _("%(name)s accepted.") % who
    if event.kind == "replied":
        return _("%(name)s replied.") % who
    if event.kind == "answered_outside":
        return _("Somebody answered in the platform's own app.")
    if event.kind == "closed":
        reason = str(data.get("reason", ""))
        words = CloseReason(reason).label if reason in CloseReason.values else reason
        return _("Closed: %(reason)s.") % {"reason": words}
    return event.kind
