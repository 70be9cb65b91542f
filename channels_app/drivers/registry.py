"""Which drivers there are, by kind. Kinds are plain text: a new driver needs no migration."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from channels_app.drivers.base import Driver

# In the order in which the tiles are shown.
BUILT_IN = {
    "livechat": "channels_app.drivers.livechat:LiveChatDriver",
    "telegram": "channels_app.drivers.telegram:TelegramDriver",
    "whatsapp": "channels_app.drivers.whatsapp:WhatsAppDriver",
    "messenger": "channels_app.drivers.messenger:MessengerDriver",
    "instagram": "channels_app.drivers.instagram:InstagramDriver",
    "viber": "channels_app.drivers.viber:ViberDriver",
    "vk": "channels_app.drivers.vk:VkDriver",
    "line": "channels_app.drivers.line:LineDriver",
    "twilio": "channels_app.drivers.twilio:TwilioDriver",
    "custom": "channels_app.drivers.custom:CustomDriver",
}
ENTRY_POINT_GROUP = "openlines.drivers"


class UnknownKind(LookupError):  # noqa: N818 - the name says what happened
    """There is no driver for this kind."""


@cache
def drivers() -> Mapping[str, type[Driver]]:
    """All drivers by kind: ours, then those of installed packages (`openlines.drivers`)."""
    found: dict[str, type[Driver]] = {}
    for kind, path in BUILT_IN.items():
        module, name = path.split(":")
        found[kind] = getattr(import_module(module), name)
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        found.setdefault(entry.name, entry.load())
    return found


def driver_class(kind: str) -> type[Driver]:
    """The driver of a kind. Raises `UnknownKind`."""
    try:
        return drivers()[kind]
    except KeyError:
        raise UnknownKind(kind) from None


def kind_label(kind: str) -> str:
    """What people call a kind, in the reader's language; the kind itself without a driver."""
    driver = drivers().get(kind)
    return kind if driver is None else str(driver.label)
