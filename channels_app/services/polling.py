"""Asking platforms for messages where they cannot deliver: the same intake, another door."""

from __future__ import annotations

import datetime as dt
import logging

from django.db.models import Q

from channels_app.drivers.base import DriverError, FieldErrors
from channels_app.models import Connector, ConnectorStatus
from channels_app.services.connector_health import connector_heard
from channels_app.services.connectors import connector_driver
from channels_app.services.intake import delivery_receive
from channels_app.signals import connector_changed

logger = logging.getLogger(__name__)

LEASE = dt.timedelta(seconds=60)
PAUSE_AFTER_ERROR = dt.timedelta(seconds=30)


def connectors_poll(*, now: dt.datetime) -> int:
    """Ask every connector that polls, each by one worker at a time. Returns how many had news.

    A fault with one of them does not keep the others waiting.
    """
    free = Q(poll_lease_until__isnull=True) | Q(poll_lease_until__lte=now)
    due = Connector.objects.filter(free, is_polling=True, disabled_at__isnull=True).exclude(
        status=ConnectorStatus.BROKEN
    )
    had_news = 0
    for connector_id in list(due.values_list("pk", flat=True)):
        claimed = Connector.objects.filter(free, pk=connector_id)
        if not claimed.update(poll_lease_until=now + LEASE):
            continue
        try:
            had_news += _connector_poll(connector_id, now)
        except Exception:
            # It is asked again when its lease is over.
            logger.exception("A connector could not be asked for messages")
    return had_news


def _connector_poll(connector_id: int, now: dt.datetime) -> bool:
    """One question. The offset moves on only when everything it brought is stored."""
    connector = Connector.objects.select_related("open_channel").get(pk=connector_id)
    values: dict[str, object] = {"poll_lease_until": None}
    news = False
    try:
        raw, offset = connector_driver(connector).poll(connector.poll_offset)
        if raw:
            received = delivery_receive(connector=connector, raw=raw, now=now)
            news = True
            if any(item.outcome == "unsaved" for item in received):
                return False  # asked again with the same offset when the lease is over
            connector_heard(connector=connector, now=now)
        values["poll_offset"] = offset
        if connector.status == ConnectorStatus.DEGRADED:
            values |= {"status": ConnectorStatus.CONNECTED, "last_error": ""}
    except DriverError as error:
        values |= {
            "last_error": str(error)[:2000],
            "last_error_at": now,
            "poll_lease_until": now + PAUSE_AFTER_ERROR,
            "status": ConnectorStatus.BROKEN
            if error.error_class == "auth"
            else ConnectorStatus.DEGRADED,
        }
    except FieldErrors:
        logger.exception("A polled delivery was refused")
    Connector.objects.filter(pk=connector.pk, is_polling=True).update(**values)
    if "status" in values and values["status"] != connector.status:
        connector.refresh_from_db()
        connector_changed.send(sender=Connector, connector=connector, fields=["status"])
    return news
