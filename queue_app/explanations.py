"""The desk's decisions in words: codes are stored, sentences are made for the reader."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from channels_app.models import OpenChannel
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
    """The newest decision person by person, and before it what others let pass.

    `names` are the operators' names by id; `events` in order.
    """
    lines: list[WhyLine] = []
    last_choice = max(
        (number for number, event in enumerate(events) if event.kind in {"offered", "waiting"}),
        default=-1,
    )
    for number, event in enumerate(events):
        who = event.operator.name if event.operator else ""
        if event.kind == "expired":
            text = _("%(name)s: not accepted within %(minutes)d min") % {
                "name": who,
                "minutes": _minutes(event.data.get("waited_s"), line),
            }
            lines.append(WhyLine("clock", text))
        elif event.kind == "returned":
            lines.append(WhyLine("minus", f"{who}: {return_words(str(event.data.get('why', '')))}"))
        elif event.kind == "accepted" and event.data.get("by_hand"):
            lines.append(
                WhyLine("check", _("%s: took it from the waiting chats") % who, chosen=True)
            )
        elif number == last_choice:
            lines += _choice_lines(event, names)
    return lines


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
        lines.append(WhyLine("clock", wait_words(str(event.data.get("reason", "")))))
    return lines


def _minutes(waited_s: Any, line: OpenChannel) -> int:
    if isinstance(waited_s, int | float):
        return max(1, round(waited_s / 60))
    return line.response_minutes


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
        "inactive": _("account switched off"),
    }
    return words.get(code, code)


def _chosen_words(data: Mapping[str, Any], *, chosen: bool) -> str:
    if data.get("rule") == "strictly":
        position = int(data.get("position", 0))
        if chosen:
            return _("first in the queue who can, place %d") % position
        return _("stands behind, place %d") % position
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


def wait_words(reason: str) -> str:
    """Why a session waits; a code of another release as it is stored."""
    return str(WaitReason(reason).label) if reason in WaitReason.values else reason


def return_words(why: str) -> str:
    """Why an offer was taken back."""
    words = {
        "off_duty": _("went off duty"),
        "paused": _("paused"),
        "on_leave": _("went on leave"),
        "removed": _("is not available for this line any more"),
        "inactive": _("account switched off"),
    }
    return words.get(why, why)
