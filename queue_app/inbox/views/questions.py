"""What is asked before something is done: in a dialog, without a script on a page of its own."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from queue_app.abilities import Action
from queue_app.explanations import coming_words
from queue_app.inbox.access import visible_session
from queue_app.inbox.http import InboxRequest, inbox_view, is_part
from queue_app.inbox.listing import Filters
from queue_app.inbox.views.pages import shell_context
from queue_app.inbox.words import customer_name
from queue_app.models import Session
from queue_app.services.permits import session_check
from queue_app.services.skips import REASON_LENGTH

ACTS: dict[str, Action] = {
    "skip": "skip",
    "snooze": "snooze",
    "spam": "spam",
    "close": "end",
    "force-stop": "force_stop",
    "block": "block",
}
EVENING, TOO_LATE, MORNING = 18, 17, 9  # hours of the reader's clock


@dataclass(frozen=True, slots=True)
class Question:
    """A title, what follows from it, and the words on the button: the verb and its object."""

    title: str
    text: str
    button: str
    is_danger: bool = False


@dataclass(frozen=True, slots=True)
class SnoozeChoice:
    """A moment to be reminded at; `value` as the form sends it, in the reader's time zone."""

    label: str
    words: str
    value: str


@inbox_view("GET", "HEAD")
def session_ask(request: InboxRequest, session_id: int, act: str) -> HttpResponseBase:
    """Ask before `act` is done. Raises what the service would, when it is not allowed anyway."""
    if act not in ACTS:
        raise Http404
    session = visible_session(request, session_id)
    now = timezone.now()
    session_check(ACTS[act], session=session, user=request.user, now=now)
    context: dict[str, Any] = {
        "act": act,
        "question": _question(act, customer_name(session.conversation)),
        "address": reverse(f"inbox:session-{act}", args=[session.pk]),
        "reason_length": REASON_LENGTH,
    }
    if act == "spam":
        context["undo"] = reverse("inbox:session-spam-undo", args=[session.pk])
        context["is_blocked"] = session.conversation.blocked_at is not None
    if act == "snooze":
        context["choices"] = snooze_choices(now)
        context["earliest"] = _value(now + dt.timedelta(minutes=1))
    return question_shown(request, session, "inbox/_ask.html", context)


def question_shown(
    request: InboxRequest, session: Session, template: str, context: dict[str, Any]
) -> HttpResponse:
    """A question for the dialog of the page, or as a page."""
    context |= {"session": session}
    if is_part(request):
        return render(request, template, context)
    shell = shell_context(request, Filters("mine"))
    return render(
        request, "inbox/ask.html", shell | context | {"template": template, "page_name": "ask"}
    )


def snooze_choices(now: dt.datetime) -> list[SnoozeChoice]:
    """In an hour, this evening, tomorrow, next week: by the reader's clock."""
    local = timezone.localtime(now)
    tomorrow = _at(local, 1, MORNING)
    choices = [(_("In an hour"), local + dt.timedelta(hours=1))]
    if local.hour < TOO_LATE:
        choices.append((_("This evening"), _at(local, 0, EVENING)))
    choices.append((_("Tomorrow"), tomorrow))
    if tomorrow.weekday() != 0:
        choices.append((_("Next week"), _at(local, 7 - local.weekday(), MORNING)))
    return [
        SnoozeChoice(label, coming_words(moment, since=now), _value(moment))
        for label, moment in choices
    ]


def _at(local: dt.datetime, days: int, hour: int) -> dt.datetime:
    """A whole hour of a day to come, on the same clock."""
    day = local.replace(tzinfo=None, minute=0, second=0, microsecond=0) + dt.timedelta(days=days)
    return day.replace(hour=hour, tzinfo=local.tzinfo)


def _value(moment: dt.datetime) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%dT%H:%M}"


def _question(act: str, name: str) -> Question:
    if act == "close":
        return Question(
            _("End this chat?"),
            _("%(name)s gets the line's closing text where there is one.") % {"name": name},
            _("End chat"),
        )
    if act == "skip":
        return Question(
            _("Pass this chat on"),
            _("It goes to the next colleague of the line."),
            _("Pass on"),
        )
    if act == "spam":
        return Question(
            _("Mark this chat as spam?"),
            _("It closes without a word to the sender. You can take that back for 30 days."),
            _("Mark as spam"), is_danger=True,
        )  # fmt: skip
    if act == "block":
        return Question(
            _("Block %(name)s?") % {"name": name},
            _("Nothing more of this sender comes in until somebody unblocks him."),
            _("Block the sender"), is_danger=True,
        )  # fmt: skip
    if act == "force-stop":
        return Question(
            _("Stop this chat?"),
            _("It closes at once, whoever has it, and the customer gets no text."),
            _("Stop the chat"), is_danger=True,
        )  # fmt: skip
    return Question(
        _("Snooze this chat"),
        _("It comes back then, or earlier when the customer writes."),
        _("Snooze"),
    )
