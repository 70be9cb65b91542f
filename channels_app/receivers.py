"""What this app does when something of it changed, one line each."""

from typing import Any

from django.dispatch import receiver

from channels_app.selectors import connector_cache_clear
from channels_app.signals import connector_changed, open_channel_changed


@receiver(connector_changed, dispatch_uid="channels.connector_cache")
@receiver(open_channel_changed, dispatch_uid="channels.line_cache")
def cache_clear(**_kwargs: Any) -> None:
    connector_cache_clear()
