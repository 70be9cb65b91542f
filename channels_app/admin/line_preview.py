"""The card "What would happen": a message asked about, and what the desk says of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from channels_app.admin.tiles import connector_name
from channels_app.drivers.registry import kind_label
from channels_app.models import Connector, ConnectorStatus, Conversation, OpenChannel
from queue_app.admin.preview import OpenState, open_state, preview_lines

YEARS = range(2000, 2101)


@dataclass(frozen=True, slots=True)
class Asked:
    """The question as its form shows it: `at` is a time of the line's own zone."""

    connector: int
    at: str
    returning: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What would happen, or why that cannot be said."""

    head: str = ""
    lines: Sequence[Any] = ()
    error: str = ""


def preview_connectors(open_channel: OpenChannel) -> list[Connector]:
    """The channels a message may come by."""
    rows = Connector.objects.filter(open_channel=open_channel).exclude(
        status=ConnectorStatus.DISABLED
    )
    return list(rows.order_by("pk"))


def preview_context(
    open_channel: OpenChannel, now: dt.datetime, query: QueryDict | None = None
) -> dict[str, Any]:
    """What the card's template needs; with a query also the answer to it."""
    zone = ZoneInfo(open_channel.time_zone)
    connectors = preview_connectors(open_channel)
    asked = Asked(
        connector=connectors[0].pk if connectors else 0, at=f"{now.astimezone(zone):%Y-%m-%dT%H:%M}"
    )
    answer = None
    if query is not None:
        asked = Asked(
            connector=_number(query.get("connector", "")),
            at=query.get("at", "") or asked.at,
            returning=query.get("from") == "returning",
        )
        answer = _answer(open_channel, connectors, asked)
    return {
        "preview_connectors": [
            (row.pk, f"{kind_label(row.kind)}, {connector_name(row)}") for row in connectors
        ],
        "asked": asked,
        "preview": answer,
    }


def _answer(open_channel: OpenChannel, connectors: Sequence[Connector], asked: Asked) -> Answer:
    connector = next((row for row in connectors if row.pk == asked.connector), None)
    if connector is None:
        return Answer(error=_("Choose a channel of this line."))
    at = _moment(asked.at, ZoneInfo(open_channel.time_zone))
    if at is None:
        return Answer(error=_("Give a date and a time."))
    conversation = None
    if asked.returning:
        conversation = (
            Conversation.objects.filter(connector=connector, last_message_at__isnull=False)
            .order_by("-last_message_at")
            .first()
        )
        if conversation is None:
            return Answer(error=_("Nobody has written on this channel yet."))
    lines = preview_lines(
        open_channel=open_channel, connector=connector, at=at, conversation=conversation
    )
    return Answer(head=_head(open_state(open_channel, at), at), lines=lines)


def _head(state: OpenState | None, at: dt.datetime) -> str:
    when = {"moment": f"{date_format(at, 'l')}, {date_format(at, 'DATE_FORMAT')}, {at:%H:%M}"}
    if state is None:
        return _("%(moment)s: the line is open. It has no working hours.") % when
    if state.is_open:
        return _("%(moment)s: the line is open until %(until)s.") % {**when, "until": state.until}
    if state.until:
        return _("%(moment)s: the line is closed. It opens %(until)s.") % {
            **when, "until": state.until,
        }  # fmt: skip
    return _("%(moment)s: the line is closed, and has no next opening.") % when


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0


def _moment(text: str, zone: ZoneInfo) -> dt.datetime | None:
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.replace(tzinfo=zone) if at.tzinfo is None and at.year in YEARS else None
