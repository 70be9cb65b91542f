"""The steps of a session as sentences, in the reader's language.

One place for the thread of the inbox and the session's page in the admin. Every kind listed in
services/events.py has its sentence; one of another release is told by its name.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from channels_app.models import NoAnswerAction
from queue_app.act_words import Names, Telling, Told, act_words, with_reason
from queue_app.explanations import passed_words, return_words, wait_words
from queue_app.models import CloseReason, SessionEvent, WaitReason

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
    "spam": gettext_lazy("the chat was closed as spam"),
    "forced": gettext_lazy("the chat was stopped"),
}
ROUND_OVER = {
    NoAnswerAction.REQUEUE.value: gettext_lazy("the chat goes through the queue again"),
    NoAnswerAction.TEXT.value: gettext_lazy("the customer gets a text"),
    NoAnswerAction.FORM.value: gettext_lazy("the customer gets the form for his details"),
    NoAnswerAction.NOTHING.value: gettext_lazy("everybody may take it"),
}


@dataclass(frozen=True, slots=True)
class EventLine:
    """One line: its moment, icon and words, and what a customer filled in (labels and values).

    `key` is unique within a conversation, and stays when the line is told in other words.
    """

    key: str
    at: dt.datetime
    icon: str
    text: SafeString
    fields: Sequence[tuple[str, str]] = ()


def event_lines(
    events: Sequence[SessionEvent],
    names: Names,
    *,
    reader: User | None = None,
    whole: bool = False,
) -> list[EventLine]:
    """The lines of events, which come in their order; `names` are what they name by number.

    `reader` is called "you". With `whole` every event has a line; without it those that stand in
    the thread as messages have none.
    """
    telling = Telling(names, reader, whole)
    lines: list[EventLine] = []
    beside = {(event.session_id, event.seq): event for event in events}
    for event in events:
        after = beside.get((event.session_id, event.seq + 1))
        before = beside.get((event.session_id, event.seq - 1))
        if event.kind in PASSED and after is not None and after.kind == "offered":
            continue
        passed_by = before if before is not None and before.kind in PASSED else None
        if not whole and _is_said_before(event, before):
            continue
        told = _told(event, before, passed_by, telling)
        if told is None:
            continue
        icon, text = told
        # Told alone before the offer came, it is the same line.
        first = passed_by if passed_by is not None and event.kind == "offered" else event
        key = f"e{first.session_id}-{first.seq}"
        lines.append(EventLine(key, event.at, icon, text))
    return lines


def _is_said_before(event: SessionEvent, before: SessionEvent | None) -> bool:
    """Whether the line above it says that the chat waits, and why."""
    is_wait = event.kind == "waiting" and event.data.get("reason") == WaitReason.ROUND_OVER
    return is_wait and before is not None and before.kind == "round_over"


def _told(
    event: SessionEvent,
    before: SessionEvent | None,
    passed_by: SessionEvent | None,
    telling: Telling,
) -> Told | None:
    return (
        act_words(event, telling)
        or _search(event, passed_by, telling)
        or _customer(event)
        or _end(event, before, telling)
        or _text(event, telling)
        or _rest(event, telling)
    )


def _sentence(words: str) -> SafeString:
    return format_html("{}", words)


# --- who gets it --------------------------------------------------------------------------


def _search(event: SessionEvent, passed_by: SessionEvent | None, telling: Telling) -> Told | None:
    """Looking for somebody who takes the chat."""
    if event.kind == "started":
        return "chat", _started(event, telling)
    if event.kind == "offered":
        return _offered(event, passed_by, telling)
    if event.kind == "rung":
        return "ring", _rung(event)
    if event.kind in PASSED:
        return "refresh", _passed(event, telling)
    if event.kind == "waiting":
        return "clock", _waiting(event)
    if event.kind == "round_over":
        action = str(event.data.get("action", ""))
        what = ROUND_OVER.get(action, action)
        return "refresh", format_html(_("Everybody let the chat pass: {what}"), what=what)
    if event.kind == "accepted":
        words = _("Taken from the waiting chats by {name}")
        if not event.data.get("by_hand"):
            words = _("Accepted by {name}")
        return "check", format_html(words, name=telling.holder(event))
    return None


def _started(event: SessionEvent, telling: Telling) -> SafeString:
    number = event.session_id
    if event.data.get("by_operator"):
        words = _("{name} began chat {number}")
        if event.data.get("parent"):
            words = _("{name} took the customer's words up again: chat {number}")
        return format_html(words, name=telling.holder(event), number=number)
    if event.data.get("out_of_hours"):
        return format_html(_("Chat {number} began out of hours"), number=number)
    return format_html(_("Chat {number} began"), number=number)


def _offered(event: SessionEvent, passed_by: SessionEvent | None, telling: Telling) -> Told:
    name = _asked(event, telling)
    if passed_by is not None and passed_by.operator is not None:
        text = format_html(
            _("Passed from {before} to {name}: {reason}"),
            before=telling.holder(passed_by), name=name, reason=_why_passed(passed_by),
        )  # fmt: skip
        return "refresh", text
    if passed_by is not None:
        words = _("{reason}. Offered to {name}")
        return "refresh", format_html(words, reason=_passed(passed_by, telling), name=name)
    if any(item.get("data", {}).get("rule") == "last_operator" for item in _chosen(event)):
        return "ring", format_html(
            _("Offered to {name}, who answered this customer last"), name=name
        )
    return "ring", format_html(_("Offered to {name}"), name=name)


def _chosen(event: SessionEvent) -> list[dict[str, Any]]:
    return [item for item in event.data.get("choice", []) if item.get("code") == "chosen"]


def _asked(event: SessionEvent, telling: Telling) -> SafeString:
    """Whom an offer is made to: a person, or so many at once."""
    if event.operator is not None:
        return telling.holder(event)
    number = len(_chosen(event))
    if event.data.get("more"):
        # Codes are kept for the first of them only.
        return _sentence(_("everybody at once"))
    words = ngettext("%(number)d person", "%(number)d people at once", number)
    return _sentence(words % {"number": number})


def _rung(event: SessionEvent) -> SafeString:
    added = len(event.data.get("added", []))
    if not added:
        return _sentence(_("Rung again for everybody"))
    words = ngettext(
        "Rung again for everybody, and for %(number)d person more",
        "Rung again for everybody, and for %(number)d people more",
        added,
    )
    return _sentence(words % {"number": added})


def _passed(event: SessionEvent, telling: Telling) -> SafeString:
    if event.operator is not None:
        return format_html("{}: {}", telling.holder(event), _why_passed(event))
    if event.kind == "returned":
        return format_html(_("The offer was taken back: {reason}"), reason=_why_passed(event))
    return format_html(_("Offered to everybody: {reason}"), reason=_why_passed(event))


def _why_passed(event: SessionEvent) -> SafeString:
    if event.kind == "returned":
        return _sentence(return_words(str(event.data.get("why", ""))))
    if event.kind == "skipped":
        return with_reason(_sentence(_("passed it on")), event)
    return _sentence(passed_words(event.data))


def _waiting(event: SessionEvent) -> SafeString:
    reason = str(event.data.get("reason", ""))
    words = wait_words(reason, opens_at=event.data.get("opens_at"), since=event.at)
    if reason in {WaitReason.HOURS, WaitReason.RESPONSIBLE}:
        return format_html(_("The chat {waits}"), waits=words)
    return format_html(_("The chat waits: {reason}"), reason=words)


# --- the customer, the end, texts ---------------------------------------------------------


def _customer(event: SessionEvent) -> Told | None:
    """What the customer was told, and what he did beside writing."""
    if event.kind == "no_answer":
        words = _("The customer was told that nobody can answer just now")
        if event.data.get("action") == NoAnswerAction.FORM:
            words = _("Nobody can answer just now: the customer was asked for his details")
        return "info", _sentence(words)
    if event.kind == "consented":
        return "check", _sentence(_("The customer gave his consent by writing on"))
    if event.kind == "form_sent":
        return "form", _sentence(_("The customer got the form for his details"))
    return None


def _end(event: SessionEvent, before: SessionEvent | None, telling: Telling) -> Told | None:
    if event.kind == "resumed":
        return "reply", _sentence(_("The customer wrote in time: the chat goes on"))
    if event.kind not in {"ended", "closed"}:
        return None
    if event.actor is not None:
        actor = telling.person(event.actor)
        return "archive", format_html(_("Chat ended by {name}"), name=actor)
    reason = event.data.get("reason")
    was_ended = before is not None and before.kind == "ended"
    if event.kind == "closed" and (was_ended or reason == CloseReason.OPERATOR):
        return "archive", _sentence(_("Chat closed"))
    if reason == CloseReason.AUTO:
        return "archive", _sentence(_("Chat ended by itself"))
    return "archive", _sentence(_("Chat ended"))


def _text(event: SessionEvent, telling: Telling) -> Told | None:
    """An automatic text. In the thread one that was sent stands there as a message."""
    if event.kind != "text":
        return None
    kind = TEXT_NAMES.get(str(event.data.get("kind")), _("Automatic text"))
    skipped = str(event.data.get("skipped", ""))
    if skipped:
        reason = SKIPPED.get(skipped, skipped)
        return "info", format_html(_("{text} not sent: {reason}"), text=kind, reason=reason)
    return ("bolt", format_html(_("{text} sent"), text=kind)) if telling.whole else None


def _rest(event: SessionEvent, telling: Telling) -> Told | None:
    """Answers, which stand in the thread as messages, and kinds of another release."""
    if not telling.whole:
        return None
    if event.kind == "replied":
        return "reply", format_html(_("Answered by {name}"), name=telling.holder(event))
    if event.kind == "answered_outside":
        return "reply", _sentence(_("Answered in the platform's own app"))
    if event.kind == "form_submitted":
        return "form", _sentence(_("The customer filled in the form"))
    return "info", _sentence(event.kind)
