"""What people did with a chat, as lines between the messages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from channels_app.models import OpenChannel, TransferMode
from openlines_project.lib.people import person_name
from queue_app.inbox.words import moment
from queue_app.models import CloseReason, Operator, SessionEvent

Line = tuple[str, SafeString]


@dataclass(frozen=True, slots=True)
class Names:
    """Whom and what the events name by number: people by operator, lines by their own."""

    people: Mapping[int, User]
    lines: Mapping[int, str]


def names_of(events: Sequence[SessionEvent]) -> Names:
    """The names these events need: at most two queries, none for most threads."""
    told = [event.data for event in events if event.kind in {"transferred", "intercepted"}]
    operators = {data.get("to") or data.get("by") for data in told} - {None}
    lines = {data.get("to_line") for data in told} - {None}
    found = Operator.objects.filter(pk__in=operators).select_related("user") if operators else ()
    named = OpenChannel.objects.filter(pk__in=lines).values_list("pk", "name") if lines else ()
    return Names({row.pk: row.user for row in found}, dict(named))


def action_line(event: SessionEvent, names: Names, *, reader: User) -> Line | None:
    """Icon and words of one act; None for events that are told elsewhere."""
    who = person_bold(event.operator.user if event.operator else event.actor, reader)
    by = person_bold(event.actor, reader)
    if event.kind == "transferred":
        return "transfer", _transferred(event, names, reader)
    if event.kind == "intercepted":
        taker = person_bold(names.people.get(event.data.get("by", 0)), reader)
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
        until = dt.datetime.fromisoformat(event.data["until"])
        return "moon", format_html(_("Snoozed by {name} until {time}"), name=by, time=moment(until))
    if event.kind == "woken":
        return "clock", _woken(event, by)
    if event.kind == "spam_undone":
        return "check", format_html(_("{name} says this is no spam"), name=by)
    if event.kind == "closed" and event.data.get("reason") == CloseReason.SPAM:
        return "archive", format_html(_("Closed as spam by {name}"), name=by)
    if event.kind == "closed" and event.data.get("reason") == CloseReason.FORCED:
        return "archive", format_html(_("Chat stopped by {name}"), name=by)
    return None


def _transferred(event: SessionEvent, names: Names, reader: User) -> SafeString:
    by = person_bold(event.actor, reader)
    if event.data.get("to_line") is not None:
        line = names.lines.get(event.data["to_line"], "")
        return format_html(
            _("{name} transferred the chat to the line {line}"),
            name=by, line=format_html("<b>{}</b>", line),
        )  # fmt: skip
    target = person_bold(names.people.get(event.data.get("to", 0)), reader)
    if event.data.get("mode") == TransferMode.MUST_ACCEPT:
        return format_html(_("{name} asked {target} to take the chat"), name=by, target=target)
    return format_html(_("{name} transferred the chat to {target}"), name=by, target=target)


def _woken(event: SessionEvent, by: SafeString) -> SafeString:
    why = event.data.get("why")
    if why == "by_hand":
        return format_html(_("Taken back from snooze by {name}"), name=by)
    if why == "customer":
        return format_html("{}", _("The customer wrote: the chat is snoozed no longer"))
    return format_html("{}", _("The snoozed chat is back"))


def person_bold(user: User | None, reader: User) -> SafeString:
    """A person's name as these lines show it."""
    if user is not None and user.pk == reader.pk:
        return format_html("<b>{}</b>", pgettext("offered to, accepted by", "you"))
    return format_html("<b>{}</b>", person_name(user) or _("nobody"))
