"""Open channels: making them, changing their settings, cloning, archiving."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from typing import Any

import phonenumbers
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from channels_app.models import Connector, ConnectorStatus, OpenChannel
from channels_app.services.connectors import connector_disconnect
from channels_app.services.errors import ConflictError, InvalidError
from channels_app.services.line_checks import line_problems
from channels_app.services.line_rows import (
    LISTS,
    Row,
    rows_clean,
    rows_ordered,
    rows_replace,
    rows_stored,
)
from channels_app.signals import open_channel_changed, open_channel_cloned

MAX_NAME = 120
# Every column that people set. The lists of a line are in `line_rows.LISTS`.
SETTINGS = tuple(
    field.name
    for field in OpenChannel._meta.concrete_fields
    if field.editable and not field.primary_key
)


def open_channel_name_propose() -> str:
    """A name nobody uses yet: "Open channel 3"."""
    number = OpenChannel.objects.count() + 1
    while OpenChannel.objects.filter(name=_("Open channel %d") % number).exists():
        number += 1
    return _("Open channel %d") % number


def open_channel_create(*, now: dt.datetime, **settings: Any) -> OpenChannel:
    """Make a line. Without a name it gets a proposed one. Raises `InvalidError`."""
    settings = {**settings, "name": settings.get("name") or open_channel_name_propose()}
    open_channel = OpenChannel()
    _columns, lists = _settings_apply(open_channel, settings)
    with transaction.atomic():
        open_channel.save()
        for name, rows in lists.items():
            rows_replace(open_channel, name, rows)
        open_channel_changed.send(
            sender=OpenChannel, open_channel=open_channel, fields=["created"], now=now
        )
    return open_channel


def open_channel_update(
    *,
    open_channel: OpenChannel,
    changes: Mapping[str, Any],
    now: dt.datetime,
    expected_version: int | None = None,
) -> OpenChannel:
    """Change settings of a line: columns, and lists, each replaced whole (`line_rows.LISTS`).

    Values that are as before change nothing. With `expected_version` a change by somebody else in
    between raises `ConflictError` "version_stale". Raises `InvalidError` with the fields named
    when a value is wrong or the settings cannot be together (`line_checks`).
    """
    with transaction.atomic():
        line = OpenChannel.objects.select_for_update(no_key=True).get(pk=open_channel.pk)
        if expected_version is not None and line.version != expected_version:
            raise ConflictError(
                "version_stale",
                _("Somebody else changed this open channel meanwhile. Load it again."),
            )
        columns, lists = _settings_apply(line, changes)
        for name, rows in lists.items():
            rows_replace(line, name, rows)
        changed = [*columns, *lists]
        if changed:
            line.version += 1
            line.save(update_fields=[*columns, "version"])
            open_channel_changed.send(
                sender=OpenChannel, open_channel=line, fields=changed, now=now
            )
    return line


def open_channel_clone(
    *, open_channel: OpenChannel, now: dt.datetime, name: str = ""
) -> OpenChannel:
    """Make a line with the settings of another, its lists and, by the desk, its queue.

    Without a name it gets one. Connectors stay where they are; an archived line's copy is in use.
    Raises `InvalidError` for a name that is too long.
    """
    with transaction.atomic():
        source = OpenChannel.objects.select_for_update(no_key=True).get(pk=open_channel.pk)
        copy = OpenChannel(**{setting: getattr(source, setting) for setting in SETTINGS})
        copy.name = name or _copy_name(source.name)
        try:
            copy.clean_fields()
        except ValidationError as error:
            raise InvalidError(
                "invalid", _("Some settings are wrong."), fields=error.message_dict
            ) from error
        copy.save(force_insert=True)
        for setting, rows in rows_stored(source).items():
            rows_replace(copy, setting, rows)
        open_channel_changed.send(
            sender=OpenChannel, open_channel=copy, fields=["created"], now=now
        )
        open_channel_cloned.send(sender=OpenChannel, open_channel=copy, source=source, now=now)
    return copy


def _copy_name(name: str) -> str:
    """ "Sales" -> "Sales (copy)", "Sales (copy 2)"; a long name is cut."""
    number = 1
    while True:
        ending = _(" (copy)") if number == 1 else _(" (copy %(n)d)") % {"n": number}
        found = name[: MAX_NAME - len(ending)] + ending
        if not OpenChannel.objects.filter(name=found).exists():
            return found
        number += 1


def _settings_apply(
    open_channel: OpenChannel, values: Mapping[str, Any]
) -> tuple[list[str], dict[str, list[Row]]]:
    """Put values on a line that is not saved yet; what changes: columns, and lists to store."""
    fields: dict[str, list[str]] = {}
    before = {name: getattr(open_channel, name) for name in SETTINGS}
    stored = rows_stored(open_channel)
    lists: dict[str, list[Row]] = {}
    for name, value in values.items():
        if name in LISTS:
            lists[name], problems = rows_clean(name, value)
            fields |= problems
        elif name in SETTINGS:
            setattr(open_channel, name, value)
        else:
            fields[name] = [_("There is no such setting.")]
    try:
        open_channel.clean_fields()
    except ValidationError as error:
        fields.update(error.message_dict)
    if "time_zone" not in fields and not _is_zone(open_channel.time_zone):
        fields["time_zone"] = [_("There is no such time zone.")]
    country = open_channel.default_country
    known = not country or country in phonenumbers.SUPPORTED_REGIONS
    if "default_country" not in fields and not known:
        fields["default_country"] = [_("Two capital letters, such as BR.")]
    after = {name: getattr(open_channel, name) for name in SETTINGS}
    # Only of values that are right each by itself can be said whether they go together.
    fields = fields or line_problems({**after, **stored, **lists})
    if fields:
        raise InvalidError("invalid", _("Some settings are wrong."), fields=fields)
    columns = [name for name in SETTINGS if after[name] != before[name]]
    ordered = {name: rows_ordered(name, rows) for name, rows in lists.items()}
    return columns, {name: rows for name, rows in ordered.items() if rows != stored[name]}


def _is_zone(name: str) -> bool:
    return name in zoneinfo.available_timezones()


def open_channel_archive(*, open_channel: OpenChannel, now: dt.datetime) -> OpenChannel:
    """Put a line away: its connectors are disconnected, its history stays."""
    for connector in Connector.objects.filter(open_channel=open_channel).exclude(
        status=ConnectorStatus.DISABLED
    ):
        connector_disconnect(connector=connector, now=now)
    with transaction.atomic():
        line = OpenChannel.objects.select_for_update(no_key=True).get(pk=open_channel.pk)
        if line.archived_at is None:
            line.archived_at = now
            line.version += 1
            line.save(update_fields=["archived_at", "version"])
            open_channel_changed.send(
                sender=OpenChannel, open_channel=line, fields=["archived_at"], now=now
            )
    return line
