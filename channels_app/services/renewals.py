"""Access data that run out by themselves, made new while they still work."""

from __future__ import annotations

import datetime as dt
import logging

from django.db import transaction

from channels_app.drivers.base import DriverError
from channels_app.drivers.registry import UnknownKind
from channels_app.models import Connector, ConnectorStatus
from channels_app.services.connectors import connector_driver
from channels_app.signals import connector_changed

logger = logging.getLogger(__name__)


def secrets_renew(*, connector: Connector, now: dt.datetime) -> bool:  # noqa: ARG001  every service is told the time
    """Ask the platform for new secrets and keep them. Returns whether it gave any.

    Secrets that somebody typed meanwhile are not written over. A refusal is only logged: sending
    tells when the old ones are dead.
    """
    try:
        fresh = dict(connector_driver(connector).renew())
    except (DriverError, UnknownKind) as error:
        logger.warning("Secrets were not renewed: %s", getattr(error, "error_class", "no driver"))
        return False
    if not fresh:
        return False
    with transaction.atomic():
        stored = Connector.objects.select_for_update(no_key=True).get(pk=connector.pk)
        if any(stored.secrets.get(name) != connector.secrets.get(name) for name in fresh):
            return False
        stored.secrets = {**stored.secrets, **fresh}
        stored.save(update_fields=["secrets"])
        connector_changed.send(sender=Connector, connector=stored, fields=["secrets"])
    return True


def secrets_sweep(*, now: dt.datetime) -> int:
    """Renew what runs out, of every connected account. Returns for how many it was done."""
    connected = Connector.objects.filter(
        disabled_at__isnull=True,
        status__in=[ConnectorStatus.CONNECTED, ConnectorStatus.DEGRADED],
    )
    done = 0
    for connector in connected:
        try:
            done += secrets_renew(connector=connector, now=now)
        except Exception:
            logger.exception("A connector's secrets could not be renewed; the others go on")
    return done
