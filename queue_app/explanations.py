"""The desk's decisions in words: codes are stored, sentences are made for the reader."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from channels_app.models import OpenChannel
from openlines_project.lib.people import person_name
from queue_app.models import SessionEvent, WaitReason


@dataclass(frozen=True, slots=True)
class WhyLine:
    """One line of "how this chat came to you". `icon` names a symbol of the sprite."""

    icon: str
    text: str
    chosen: bool = False


def why_lines(
    events: Sequence[SessionEvent], *, names: Mapping[int, str], line: OpenChannel
) -> list[WhyLine]:
    """The newest decision person by person, and beside it what others let pass or handed on.

    `names` are the operators' names by id; `events` in order.
    """
    lines: list[WhyLine] = []
    last_choice = max(
        (number for number, event in enumerate(events) if event.kind in {"offered", "waiting"}),
        default=-1,
    )
    for number, event in enumerate(events):
        if number == last_choice:
            lines += _choice_lines(event, names)
        elif (told := _passed_line(event, line) or _handed_line(event, names)) is not None:
            lines.append(told)
    return lines


def _passed_line(event: SessionEvent, line: OpenChannel) -> WhyLine | None:
    """Somebody, or everybody, let it pass."""
    who = event.operator.name if event.operator else _("Everybody")
    if event.kind == "expired":
        words = passed_words(event.data, minutes=line.response_minutes)
        return WhyLine("clock", f"{who}: {words}")
    if event.kind == "returned":
        return WhyLine("minus", f"{who}: {return_words(str(event.data.get('why', '')))}")
    if event.kind == "skipped":
        reason = str(event.data.get("reason", ""))
        words = _("passed it on: %(reason)s") % {"reason": reason} if reason else _("passed it on")
        return WhyLine("minus", f"{who}: {words}")
    return None


def _handed_line(event: SessionEvent, names: Mapping[int, str]) -> WhyLine | None:
    """Somebody got it by hand."""
    who = event.operator.name if event.operator else ""
    if event.kind == "accepted" and event.data.get("by_hand"):
        return WhyLine("check", _("%s: took it from the waiting chats") % who, chosen=True)
    if event.kind == "started" and event.data.get("by_operator"):
        return WhyLine("check", _("%s: began this chat") % who, chosen=True)
    if event.kind == "intercepted":
        taker = names.get(event.data.get("by", 0), "?")
        return WhyLine("check", _("%s: took it over") % taker, chosen=True)
    if event.kind != "transferred":
        return None
    by = person_name(event.actor)
    if event.data.get("to_line") is not None:
        return WhyLine("transfer", _("Transferred to this line by %s") % by)
    target = names.get(event.data.get("to", 0), "?")
    words = _("%(name)s: transferred by %(by)s") % {"name": target, "by": by}
    return WhyLine("check", words, chosen=True)


def _choice_lines(event: SessionEvent, names: Mapping[int, str]) -> list[WhyLine]:
    lines = []
    for item in event.data.get("choice", []):
        name = names.get(item["operator"], "?")
        chosen = item["code"] == "chosen"
        icon = "check" if chosen else "minus"
        lines.append(WhyLine(icon, f"{name}: {reason_words(item)}", chosen))
    more = event.data.get("more", 0)
    if more:
        lines.append(WhyLine("minus", _("and %d more") % more))
    if event.kind == "waiting" and not lines:
        reason = str(event.data.get("reason", ""))
        words = wait_words(reason, opens_at=event.data.get("opens_at"), since=event.at)
        lines.append(WhyLine("clock", words))
    return lines


def passed_words(data: Mapping[str, Any], *, minutes: int = 1) -> str:
    """How long somebody let a chat pass; `minutes` where it was not measured."""
    waited_s = data.get("waited_s")
    if isinstance(waited_s, int | float):
        minutes = max(1, round(waited_s / 60))
    words = _("not accepted within %(minutes)d min")
    if data.get("replying"):
        words = _("not answered within %(minutes)d min")
    return words % {"minutes": minutes}


def reason_words(item: Mapping[str, Any]) -> str:
    """Why one person was chosen or not, from a stored code."""
    code, data = str(item["code"]), item.get("data", {})
    if code in {"chosen", "later"}:
        return _chosen_words(data, chosen=code == "chosen")
    if code in {"full", "full_global"}:
        return _("%(chats)d of %(limit)d chats") % {
            "chats": data.get("chats", 0),
            "limit": data.get("limit", 0),
        }
    words = {
        "tried": _("had the offer in this round"),
        "off_duty": _("off duty"),
        "paused": _("paused"),
        "on_leave": _("on leave"),
        "not_connected": _("has no inbox open"),
        "inactive": _("account switched off"),
    }
    return words.get(code, code)


def _chosen_words(data: Mapping[str, Any], *, chosen: bool) -> str:
    if data.get("rule") == "strictly":
        position = int(data.get("position", 0))
        if chosen:
            return _("first in the queue who can, place %d") % position
        return _("stands behind, place %d") % position
    if data.get("rule") == "last_operator":
        return _("chosen, answered this customer last")
    if data.get("rule") == "everybody":
        return _("asked with everybody who can")
    last = data.get("last_offer_at")
    if last is None:
        return _("chosen, had no offer yet") if chosen else _("had no offer yet, stands behind")
    moment = moment_words(dt.datetime.fromisoformat(last))
    if chosen:
        return _("chosen, last offer %s, the oldest") % moment
    return _("last offer %s, not the oldest") % moment


def moment_words(moment: dt.datetime) -> str:
    """A clock time today, the date with it otherwise, in the reader's time zone."""
    local = timezone.localtime(moment)
    clock = formats.date_format(local, "H:i")
    if local.date() == timezone.localdate():
        return clock
    return f"{formats.date_format(local, 'SHORT_DATE_FORMAT')} {clock}"


def coming_words(moment: dt.datetime, *, since: dt.datetime | None = None) -> str:
    """A moment to come, in the reader's time zone: "14:10", "Monday 09:00", "7 Dec 09:00".

    As it reads at `since`, now when not said.
    """
    local = timezone.localtime(moment)
    days = (local.date() - timezone.localdate(since)).days
    clock = formats.date_format(local, "H:i")
    if days == 0:
        return clock
    if 0 < days < 7:
        return f"{formats.date_format(local, 'l')} {clock}"
    return f"{formats.date_format(local, pgettext('a date of this year', 'j M'))} {clock}"


def wait_words(
    reason: str,
    *,
    opens_at: dt.datetime | str | None = None,
    since: dt.datetime | None = None,
) -> str:
    """Why a session waits; a code of another release as it is stored.

    `opens_at` is when its line opens, `since` when that is said: now when not given.
    """
    if reason not in WaitReason.values:
        return reason
    words = str(WaitReason(reason).label)
    if reason != WaitReason.HOURS or not opens_at:
        return words
    if isinstance(opens_at, str):
        opens_at = dt.datetime.fromisoformat(opens_at)
    return f"{words}, {coming_words(opens_at, since=since)}"


def return_words(why: str) -> str:
    """Why an offer was taken back."""
    words = {
        "off_duty": _("went off duty"),
        "paused": _("paused"),
        "on_leave": _("went on leave"),
        "not_connected": _("has no inbox open"),
        "rule": _("the line distributes in another way now"),
        "removed": _("is not available for this line any more"),
        "inactive": _("account switched off"),
    }
    return words.get(why, why)
