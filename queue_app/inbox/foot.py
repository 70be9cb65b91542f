"""What stands below the thread: a field to write in, or why there is none."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from channels_app.services.messages import capabilities_of, sending_refused
from openlines_project.lib.people import person_name
from queue_app.abilities import Facts, action_refused
from queue_app.explanations import coming_words
from queue_app.inbox.items import dues_of, waiting_words
from queue_app.inbox.offers import people_asked
from queue_app.models import CloseReason, Session, SessionState, TimerKind, WaitReason
from queue_app.services.replies import shows_typing

# `take`: it may be accepted. `first`: a chat that is over, and whoever reads may write again.
FootKind = Literal["composer", "take", "other", "ending", "closed", "first", "refused"]


@dataclass(frozen=True, slots=True)
class Foot:
    """What may be written here, or why nothing just now."""

    kind: FootKind
    text: str = ""
    files: bool = False
    typing: bool = False  # whether the customer is shown that somebody writes
    due_at: dt.datetime | None = None


def session_foot(*, session: Session, facts: Facts) -> Foot:
    """Where the reader may write, or why not just now. `facts` are his and the session's."""
    if session.state == SessionState.CLOSED:
        return _closed_foot(session, facts)
    if session.state == SessionState.CLOSING:
        return Foot("ending", ending_words(session))
    if session.state == SessionState.WAITING:
        return Foot("take" if _may_take(facts) else "other", _waiting_sentence(session))
    if session.state == SessionState.OFFERED:
        return _offered_foot(session, facts)
    if facts.owns or facts.helps:
        return _composer(session, "composer")
    name = person_name(session.operator.user if session.operator else None)
    return Foot("other", _("%(name)s is answering this chat.") % {"name": name})


def _may_take(facts: Facts) -> bool:
    """Whether he may accept what no single person has: see services/sessions.py."""
    return facts.is_asked or facts.is_member or facts.may_intercept


def _composer(session: Session, kind: FootKind) -> Foot:
    conversation = session.conversation
    refused = sending_refused(conversation)
    if refused is not None:
        return Foot("refused", str(refused.detail))
    return Foot(kind, files=capabilities_of(conversation).files, typing=shows_typing(conversation))


def _offered_foot(session: Session, facts: Facts) -> Foot:
    due_at = response_due(session)
    if session.operator is not None:
        if facts.owns:
            return Foot("take", _("This chat is offered to you."), due_at=due_at)
        name = person_name(session.operator.user)
        words = _("This chat is offered to %(name)s.") % {"name": name}
        return Foot("other", words, due_at=due_at)
    number = people_asked([session]).get(session.pk, 0)
    words = ngettext(
        "This chat is offered to %(number)d person.",
        "This chat is offered to %(number)d people.",
        number,
    )
    kind: FootKind = "take" if _may_take(facts) else "other"
    return Foot(kind, words % {"number": number}, due_at=due_at)


def _waiting_sentence(session: Session) -> str:
    reason = session.wait_reason
    if reason == WaitReason.ANSWERED_OUTSIDE:
        return _(
            "Somebody answered in the platform's own app. The chat is offered again when the"
            " customer writes."
        )
    if reason in {WaitReason.NONE, WaitReason.UNROUTED}:
        return _("Nobody has this chat yet.")
    opens_at = None
    if reason == WaitReason.HOURS:
        due = dues_of([session], [TimerKind.OPENING])
        opens_at = due.get((session.pk, TimerKind.OPENING))
    words = waiting_words(session, opens_at=opens_at, before=_before(session))
    if reason in {WaitReason.HOURS, WaitReason.RESPONSIBLE}:
        return _("This chat %(waits)s.") % {"waits": words}
    return _("Nobody has this chat yet: %(reason)s.") % {"reason": words}


def _before(session: Session) -> int:
    """How many wait longer for somebody of the line."""
    since = session.no_operator_since
    if since is None:
        return 0
    waiting = Session.objects.filter(
        open_channel=session.open_channel_id, no_operator_since__isnull=False
    )
    longer = waiting.filter(no_operator_since__lt=since).count()
    return longer + waiting.filter(no_operator_since=since, pk__lt=session.pk).count()


def _closed_foot(session: Session, facts: Facts) -> Foot:
    words = {
        CloseReason.SPAM.value: _("This chat was closed as spam."),
        CloseReason.FORCED.value: _("This chat was stopped."),
    }.get(session.close_reason, _("This chat has ended."))
    if action_refused("write", facts) is not None:
        return Foot("closed", words)
    foot = _composer(session, "first")
    if foot.kind == "refused":
        return Foot("closed", f"{words} {foot.text}")
    return Foot("first", words, files=foot.files)


def ending_words(session: Session) -> str:
    """Until when the customer may come back."""
    due = dues_of([session], [TimerKind.GRACE])
    closes_at = due.get((session.pk, TimerKind.GRACE))
    if closes_at is None:
        return _("This chat is ending.")
    return _("This chat is ending, it closes at %(time)s. If the customer writes, it goes on.") % {
        "time": coming_words(closes_at)
    }


def response_due(session: Session) -> dt.datetime | None:
    """Until when the offer stands."""
    return dues_of([session], [TimerKind.RESPONSE]).get((session.pk, TimerKind.RESPONSE))
