"""The steps of a session as lines between the messages, in the reader's language."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from queue_app.explanations import return_words, wait_words
from queue_app.inbox.action_words import action_line, names_of, person_bold
from queue_app.models import CloseReason, SessionEvent

# What brings a chat to the next operator; told in one line with the offer that follows.
PASSED = ("expired", "returned", "skipped")
# The automatic texts (`TextKind`) as the start of a sentence.
TEXT_NAMES = {
    "welcome": gettext_lazy("Welcome"),
    "consent": gettext_lazy("Consent"),
    "closed": gettext_lazy("Out-of-hours text"),
    "no_answer": gettext_lazy("No-answer text"),
    "ending": gettext_lazy("Closing text"),
    "auto_close": gettext_lazy("Closing text"),
    "reminder": gettext_lazy("Reminder"),
}
# Why a text was not sent: see services/texts.py.
SKIPPED = {
    "window": gettext_lazy("the time to answer is over"),
    "line_closed": gettext_lazy("the line is closed"),
    "unreachable": gettext_lazy("the customer has blocked us"),
    "connector_off": gettext_lazy("the channel is not connected"),
    "empty": gettext_lazy("it has no words"),
    "standby": gettext_lazy("another program answers this chat"),
}


@dataclass(frozen=True, slots=True)
class EventLine:
    """One line: its moment, icon and words. `key` is unique within a conversation."""

    key: str
    at: dt.datetime
    icon: str
    text: SafeString


def event_lines(events: Sequence[SessionEvent], *, reader: User) -> list[EventLine]:
    """The lines of a conversation's events, which come in their order. Some events have none."""
    lines: list[EventLine] = []
    names = names_of(events)
    following = {(event.session_id, event.seq): event for event in events}
    for event in events:
        after = following.get((event.session_id, event.seq + 1))
        before = following.get((event.session_id, event.seq - 1))
        if event.kind in PASSED and after is not None and after.kind == "offered":
            continue
        passed_by = before if before is not None and before.kind in PASSED else None
        told = action_line(event, names, reader=reader)
        told = told or _tell_text(event) or _tell_end(event, before, reader)
        told = told or _tell(event, passed_by, reader)
        if told is not None:
            icon, text = told
            lines.append(EventLine(f"e{event.session_id}-{event.seq}", event.at, icon, text))
    return lines


def _tell(
    event: SessionEvent, passed_by: SessionEvent | None, reader: User
) -> tuple[str, SafeString] | None:
    who = _name(event, reader)
    if event.kind == "started":
        return "chat", format_html(_("Chat {number} began"), number=event.session_id)
    if event.kind == "offered" and passed_by is not None:
        text = format_html(
            _("Passed from {before} to {name}: {reason}"),
            before=_name(passed_by, reader),
            name=who,
            reason=_why_passed(passed_by),
        )
        return "refresh", text
    if event.kind == "offered":
        return "ring", format_html(_("Offered to {name}"), name=who)
    if event.kind in PASSED:
        return "refresh", format_html("{}: {}", who, _why_passed(event))
    if event.kind == "waiting":
        return "clock", format_html(
            _("The chat waits: {reason}"), reason=wait_words(str(event.data.get("reason", "")))
        )
    if event.kind == "accepted":
        return "check", format_html(_("Accepted by {name}"), name=who)
    return None  # replies and answers from outside stand there as messages


def _tell_end(
    event: SessionEvent, before: SessionEvent | None, reader: User
) -> tuple[str, SafeString] | None:
    if event.kind == "resumed":
        return "reply", format_html("{}", _("The customer wrote in time: the chat goes on"))
    if event.kind not in {"ended", "closed"}:
        return None
    if event.actor is not None:
        actor = person_bold(event.actor, reader)
        return "archive", format_html(_("Chat ended by {name}"), name=actor)
    reason = event.data.get("reason")
    was_ended = before is not None and before.kind == "ended"
    if event.kind == "closed" and (was_ended or reason == CloseReason.OPERATOR):
        return "archive", format_html("{}", _("Chat closed"))
    if reason == CloseReason.AUTO:
        return "archive", format_html("{}", _("Chat ended by itself"))
    return "archive", format_html("{}", _("Chat ended"))


def _tell_text(event: SessionEvent) -> tuple[str, SafeString] | None:
    """An automatic text that was not sent. One that was stands there as a message."""
    skipped = str(event.data.get("skipped", ""))
    if event.kind != "text" or not skipped:
        return None
    kind = TEXT_NAMES.get(str(event.data.get("kind")), _("Automatic text"))
    reason = SKIPPED.get(skipped, skipped)
    return "info", format_html(_("{text} not sent: {reason}"), text=kind, reason=reason)


def _why_passed(event: SessionEvent) -> str:
    if event.kind == "returned":
        return return_words(str(event.data.get("why", "")))
    if event.kind == "skipped":
        reason = str(event.data.get("reason", ""))
        return _("passed it on: %(reason)s") % {"reason": reason} if reason else _("passed it on")
    minutes = max(1, round(float(event.data.get("waited_s") or 0) / 60))
    return _("not accepted within %(minutes)d min") % {"minutes": minutes}


def _name(event: SessionEvent, reader: User) -> SafeString:
    user = event.operator.user if event.operator else event.actor
    return person_bold(user, reader)
