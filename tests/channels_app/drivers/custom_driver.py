"""A custom channel's driver over a stand-in of the other side."""

from __future__ import annotations

from typing import Any

from channels_app.drivers.custom import CustomDriver
from openlines_project.lib.http import HttpDoor
from tests.standins.server import StandIn

SECRET = "a-secret-both-sides-know"


def driver_for(
    other_side: StandIn | None = None,
    *,
    trusted: HttpDoor | None = None,
    untrusted: HttpDoor | None = None,
    **config: Any,
) -> CustomDriver:
    settings: dict[str, Any] = {"secret": SECRET}
    if other_side is not None:
        settings["outgoing_url"] = f"{other_side.url}/hook"
    return CustomDriver(
        config=settings | config,
        trusted=trusted or HttpDoor(trusted=True, private_targets=["127.0.0.1:*"]),
        untrusted=untrusted or HttpDoor(trusted=False),
    )
