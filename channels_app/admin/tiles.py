"""Connectors as the tiles of the Channels tab."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from channels_app.drivers.registry import drivers, kind_label
from channels_app.models import Connector, ConnectorStatus, OpenChannel
from channels_app.services.connectors import connector_driver, is_reachable
from openlines_project.lib.kept import kept_sentence

NEEDS_ATTENTION: Final = frozenset(
    {ConnectorStatus.BROKEN, ConnectorStatus.DEGRADED, ConnectorStatus.NOT_CONFIGURED}
)
BADGES: Final = {
    ConnectorStatus.CONNECTED: "badge-ok",
    ConnectorStatus.CONNECTING: "badge-accent",
    ConnectorStatus.DEGRADED: "badge-warn",
    ConnectorStatus.NOT_CONFIGURED: "badge-warn",
    ConnectorStatus.BROKEN: "badge-danger",
}
# A sentence for each kind we know; a driver of another package has none.
KIND_SENTENCES: Final = {
    "livechat": _("A chat on your own site"),
    "telegram": _("A bot"),
    "whatsapp": _("A number of your business"),
    "messenger": _("A Facebook page"),
    "instagram": _("A professional account"),
    "viber": _("A bot"),
    "vk": _("A community's messages"),
    "line": _("An official account"),
    "twilio": _("A phone number"),
    "custom": _("Your own system"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorTile:
    """What one tile shows. `polls` offers to ask the platform, where it cannot reach us."""

    pk: int
    kind: str
    title: str
    subtitle: str
    status: str
    state: str
    badge: str
    error: str
    notice: str
    last_event_at: dt.datetime | None
    last_sent_at: dt.datetime | None
    is_polling: bool
    is_known: bool
    polls: bool

    @property
    def is_on(self) -> bool:
        return self.status in {ConnectorStatus.CONNECTED, ConnectorStatus.DEGRADED}

    @property
    def may_disconnect(self) -> bool:
        return self.status not in {ConnectorStatus.DISABLED, ConnectorStatus.NOT_CONFIGURED}


@dataclass(frozen=True, slots=True, kw_only=True)
class KindTile:
    """A kind of channel that can be added."""

    kind: str
    title: str
    sentence: Any


def connector_tiles(open_channel: OpenChannel) -> list[ConnectorTile]:
    """The connectors of a line, oldest first; switched-off ones last."""
    rows = sorted(
        Connector.objects.filter(open_channel=open_channel).order_by("pk"),
        key=lambda connector: connector.status == ConnectorStatus.DISABLED,
    )
    return [connector_tile(connector) for connector in rows]


def connector_tile(connector: Connector) -> ConnectorTile:
    """One connector in the words of its tile."""
    driver = drivers().get(connector.kind)
    return ConnectorTile(
        pk=connector.pk,
        kind=connector.kind,
        title=kind_label(connector.kind),
        subtitle=" · ".join(filter(None, [connector.name, connector.account_name])),
        status=connector.status,
        state=str(ConnectorStatus(connector.status).label),
        badge=BADGES.get(ConnectorStatus(connector.status), ""),
        error=kept_sentence(connector.last_error),
        notice=kept_sentence(connector.notice),
        last_event_at=connector.last_event_at,
        last_sent_at=connector.last_sent_at,
        is_polling=connector.is_polling,
        is_known=driver is not None,
        polls=driver is not None and must_poll(connector),
    )


def connector_name(connector: Connector) -> str:
    """What people call a connector: its name, its account's, or its kind."""
    kind = kind_label(connector.kind)
    return connector.name or connector.account_name or f"{kind} #{connector.pk}"


def must_poll(connector: Connector) -> bool:
    """Whether the platform cannot reach this installation, and can be asked instead."""
    driver = connector_driver(connector)
    return driver.capabilities.polling and not is_reachable(driver)


def kind_tiles() -> list[KindTile]:
    """Every kind there is a driver for, in the order of the tiles."""
    return [
        KindTile(kind=kind, title=str(driver.label), sentence=KIND_SENTENCES.get(kind, ""))
        for kind, driver in drivers().items()
    ]


def public_base(fallback: str) -> str:
    """The address of this installation for people outside, without a slash at its end."""
    return settings.PUBLIC_URL or fallback.rstrip("/")
