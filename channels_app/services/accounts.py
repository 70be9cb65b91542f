"""Which connector each event of a delivery belongs to.

An app at Meta has one address for all its numbers and pages, so a delivery that came in by one
connector may speak of the accounts of others. Each event goes to the connector of its account,
and that one's own secret must have signed the delivery.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from django.utils.translation import gettext_noop as _

from channels_app.drivers.base import Driver, Event, IgnoredEvent
from channels_app.models import Connector, ConnectorStatus
from channels_app.selectors import connectors_by_account
from channels_app.services.connectors import connector_driver

logger = logging.getLogger(__name__)

NOT_CONNECTED = _("Another account of the same app is delivered here, and is not connected.")


def delivery_takers(*, connector: Connector, raw: bytes) -> list[Connector]:
    """The connectors a delivery speaks to; the one it came in by when it names none of ours.

    The delivery is not verified yet: it is only read, and each of the takers must verify it.
    """
    driver = connector_driver(connector)
    if not driver.account_field:
        return [connector]
    try:
        events = driver.parse(raw)
    except Exception:  # noqa: BLE001  the intake meets it again, after the signature
        return [connector]
    takers = dict.fromkeys(taker.pk for taker in _routes(connector, driver, events) if taker)
    if not takers or list(takers) == [connector.pk]:
        return [connector]
    known = {one.pk: one for one in (connector, *_others(driver).values())}
    return [known[pk] for pk in takers]


def events_of(*, connector: Connector, driver: Driver, events: Sequence[Event]) -> Sequence[Event]:
    """Those of a delivery's events that belong to this connector.

    What names an account that nobody has connected becomes an ignored event with a notice.
    """
    if not driver.account_field:
        return events
    found: list[Event] = []
    for event, taker in zip(events, _routes(connector, driver, events), strict=True):
        if taker is None:
            found.append(_unknown(event))
        elif taker.pk == connector.pk:
            found.append(event)
    return found


def _routes(
    connector: Connector, driver: Driver, events: Sequence[Event]
) -> list[Connector | None]:
    """For each event its connector; None when its account is not connected."""
    return [_taker(connector, driver, event) for event in events]


def _taker(connector: Connector, driver: Driver, event: Event) -> Connector | None:
    accounts = [one for one in (event.account_id, event.entry_account_id) if one]
    if not accounts:
        return connector
    own = driver.own_account
    is_off = connector.status == ConnectorStatus.DISABLED
    for account in accounts:
        if account == own and not is_off:
            return connector
        other = _others(driver).get(account)
        if other is not None:
            return other
    # Switched off, and nobody else has the account: it is kept there as ignored. A connector that
    # knows no account of its own yet takes what comes.
    return connector if not own or own in accounts else None


def _others(driver: Driver) -> dict[str, Connector]:
    return connectors_by_account(driver.kind, driver.account_field)


def _unknown(event: Event) -> IgnoredEvent:
    if isinstance(event, IgnoredEvent):
        return replace(event, notice="")
    return IgnoredEvent(
        key=event.key,
        chat_id=event.chat_id,
        at=event.at,
        account_id=event.account_id,
        reason=NOT_CONNECTED,
        notice=NOT_CONNECTED,
    )
