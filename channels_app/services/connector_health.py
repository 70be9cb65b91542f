"""What deliveries and sending tell of a connector: it is heard, works, has trouble, is broken."""

from __future__ import annotations

import datetime as dt

from channels_app.drivers.base import DriverError
from channels_app.models import Connector, ConnectorStatus
from channels_app.signals import connector_changed

HEARD_EVERY = SENT_EVERY = dt.timedelta(minutes=1)


def connector_notice(*, connector: Connector, notice: str) -> None:
    """Show something once on the connector ("added to a group")."""
    Connector.objects.filter(pk=connector.pk).exclude(notice=notice).update(notice=notice[:300])


def connector_heard(*, connector: Connector, now: dt.datetime) -> None:
    """Remember that the platform delivered; written once a minute at most."""
    if connector.last_event_at is not None and now - connector.last_event_at < HEARD_EVERY:
        return
    Connector.objects.filter(pk=connector.pk).update(last_event_at=now)
    connector.last_event_at = now


def connector_sent(*, connector: Connector, now: dt.datetime) -> None:
    """A message went out: note the time, once a minute at most, and that sending works again."""
    recent = connector.last_sent_at is not None and now - connector.last_sent_at < SENT_EVERY
    if recent and connector.status != ConnectorStatus.DEGRADED:
        return
    Connector.objects.filter(pk=connector.pk).update(last_sent_at=now)
    healed = Connector.objects.filter(pk=connector.pk, status=ConnectorStatus.DEGRADED).update(
        status=ConnectorStatus.CONNECTED, last_error="", last_error_at=None
    )
    if healed:
        connector_changed.send(sender=Connector, connector=connector, fields=["status"])


def connector_trouble(*, connector: Connector, error: DriverError, now: dt.datetime) -> None:
    """Sending fails for now: shown on the connector until something goes out again."""
    Connector.objects.filter(
        pk=connector.pk, status__in=[ConnectorStatus.CONNECTED, ConnectorStatus.DEGRADED]
    ).update(status=ConnectorStatus.DEGRADED, last_error=str(error)[:2000], last_error_at=now)


def connector_broken(*, connector: Connector, error: DriverError, now: dt.datetime) -> None:
    """The platform refuses our access data: nothing is sent until somebody connects again."""
    broken = (
        Connector.objects.filter(pk=connector.pk)
        .exclude(status__in=[ConnectorStatus.BROKEN, ConnectorStatus.DISABLED])
        .update(status=ConnectorStatus.BROKEN, last_error=str(error)[:2000], last_error_at=now)
    )
    if broken:
        connector.refresh_from_db()
        connector_changed.send(sender=Connector, connector=connector, fields=["status"])
