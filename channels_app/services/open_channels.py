"""Open channels: making them, changing their settings, archiving."""

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
from channels_app.signals import open_channel_changed

SETTINGS = (
    "name", "public_name", "is_active", "language", "time_zone", "default_country",
    "distribution", "response_minutes", "check_availability", "max_chats",
)  # fmt: skip


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
    _settings_apply(open_channel, settings)
    with transaction.atomic():
        open_channel.save()
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
    """Change settings of a line. Values that are as before change nothing.

    With `expected_version` a change by somebody else in between raises `ConflictError`
    "version_stale". Raises `InvalidError` with the fields named.
    """
    with transaction.atomic():
        line = OpenChannel.objects.select_for_update(no_key=True).get(pk=open_channel.pk)
        changed = [name for name, value in changes.items() if getattr(line, name, None) != value]
        if expected_version is not None and line.version != expected_version:
            raise ConflictError(
                "version_stale",
                _("Somebody else changed this open channel meanwhile. Load it again."),
            )
        _settings_apply(line, changes)
        if changed:
            line.version += 1
            line.save(update_fields=[*changed, "version"])
            open_channel_changed.send(
                sender=OpenChannel, open_channel=line, fields=changed, now=now
            )
    return line


def _settings_apply(open_channel: OpenChannel, values: Mapping[str, Any]) -> None:
    fields: dict[str, list[str]] = {}
    for name, value in values.items():
        if name not in SETTINGS:
            fields[name] = [_("There is no such setting.")]
        else:
            setattr(open_channel, name, value)
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
    if fields:
        raise InvalidError("invalid", _("Some settings are wrong."), fields=fields)


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
