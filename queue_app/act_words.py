"""What people did with a chat, as sentences: see event_words.py for the rest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from channels_app.models import TransferMode
from openlines_project.lib.people import person_name
from queue_app.explanations import coming_words
from queue_app.models import CloseReason, SessionEvent

Told = tuple[str, SafeString]


@dataclass(frozen=True, slots=True)
class Names:
    """What the events name by number: people by operator, lines by their own."""

    people: Mapping[int, User] = field(default_factory=dict)
    lines: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Telling:
    """For whom events are told, and how much of them.

    `whole` tells also what stands in the thread as a message: answers, texts, the customer's
    form, the reason of a transfer.
    """

    names: Names
    reader: User | None
    whole: bool

    def person(self, user: User | None) -> SafeString:
        """A person's name; the reader is "you"."""
        if user is not None and self.reader is not None and user.pk == self.reader.pk:
            return format_html("<b>{}</b>", pgettext("offered to, accepted by", "you"))
        return format_html("<b>{}</b>", person_name(user) or _("nobody"))

    def holder(self, event: SessionEvent) -> SafeString:
        """Whom the event is about: its operator, else who acted."""
        return self.person(event.operator.user if event.operator else event.actor)

    def named(self, operator_id: int | None) -> SafeString:
        """The person an event names by number."""
        return self.person(self.names.people.get(operator_id or 0))


def act_words(event: SessionEvent, telling: Telling) -> Told | None:
    """Icon and words of what somebody did; None for an event that is no such act."""
    who, by = telling.holder(event), telling.person(event.actor)
    if event.kind == "transferred":
        return "transfer", _transferred(event, telling)
    if event.kind == "intercepted":
        taker = telling.named(event.data.get("by"))
        if event.operator is None:
            return "transfer", format_html(_("Taken by {name}"), name=taker)
        return "transfer", format_html(
            _("Taken over from {before} by {name}"), before=who, name=taker
        )
    if event.kind == "joined":
        return "plus", format_html(_("{name} joined"), name=who)
    if event.kind == "left":
        return "minus", format_html(_("{name} left"), name=who)
    if event.kind == "snoozed":
        until = coming_words(dt.datetime.fromisoformat(event.data["until"]), since=event.at)
        return "moon", format_html(_("Snoozed by {name} until {time}"), name=by, time=until)
    if event.kind == "woken":
        return "clock", _woken(event, by)
    if event.kind == "spam_undone":
        return "check", format_html(_("{name} says this is no spam"), name=by)
    if event.kind == "closed" and event.data.get("reason") == CloseReason.SPAM:
        return "archive", format_html(_("Closed as spam by {name}"), name=by)
    if event.kind == "closed" and event.data.get("reason") == CloseReason.FORCED:
        return "archive", format_html(_("Chat stopped by {name}"), name=by)
    return None


def _transferred(event: SessionEvent, telling: Telling) -> SafeString:
    by = telling.person(event.actor)
    if event.data.get("to_line") is not None:
        line = format_html("<b>{}</b>", telling.names.lines.get(event.data["to_line"], ""))
        told = format_html(_("{name} transferred the chat to the line {line}"), name=by, line=line)
    else:
        target = telling.named(event.data.get("to"))
        words = _("{name} transferred the chat to {target}")
        if event.data.get("mode") == TransferMode.MUST_ACCEPT:
            words = _("{name} asked {target} to take the chat")
        told = format_html(words, name=by, target=target)
    # In the thread the reason stands below it, as a private note.
    return with_reason(told, event) if telling.whole else told


def with_reason(told: SafeString, event: SessionEvent) -> SafeString:
    """A sentence, and the reason somebody gave."""
    reason = str(event.data.get("reason", ""))
    return format_html("{}: {}", told, reason) if reason else told


def _woken(event: SessionEvent, by: SafeString) -> SafeString:
    why = event.data.get("why")
    if why == "by_hand":
        return format_html(_("Taken back from snooze by {name}"), name=by)
    if why == "customer":
        return format_html("{}", _("The customer wrote: the chat is snoozed no longer"))
    return format_html("{}", _("The snoozed chat is back"))
