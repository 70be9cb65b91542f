"""The administration of lines, their connectors, and what came in and goes out."""

from channels_app.admin import api_keys, connectors, inbound_events, open_channels, outbox

__all__ = ["api_keys", "connectors", "inbound_events", "open_channels", "outbox"]
