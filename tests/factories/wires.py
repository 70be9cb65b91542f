"""Connected accounts of Viber, VK, LINE and Twilio."""

from __future__ import annotations

from typing import Any

import factory

from channels_app.models import Connector
from tests.factories import ConnectorFactory

# The secrets of each kind; those of the shared samples where they carry one.
SECRETS: dict[str, dict[str, str]] = {
    "viber": {"token": "445da6az1s345z78-dazcczb2542zv51a-e0vc5fva17480im9"},
    "vk": {"access_token": "vk1.a.key-of-the-tests-0123456789", "secret": "aVkSecretOfTests1"},
    "line": {"channel_secret": "line_channel_secret", "channel_token": "line-token-of-tests="},
    "twilio": {"auth_token": "twilio-test-token-0123456789abcd"},
}
CONFIGS: dict[str, dict[str, Any]] = {
    "viber": {"sender_name": "Corner Shop"},
    "vk": {"group_id": "123456", "confirmation_code": "5a1c9f2e"},
    "line": {},
    "twilio": {"account_sid": "AC" + "0" * 32, "number": "+15005550006"},
}
KINDS = list(SECRETS)


class WireConnectorFactory(ConnectorFactory):
    """A connected account; name its `kind`."""

    kind = "viber"
    account_id = factory.Sequence(lambda number: f"account-{number}")
    account_name = "Corner Shop"
    config = factory.LazyAttribute(lambda row: dict(CONFIGS[row.kind]))
    secrets = factory.LazyAttribute(lambda row: dict(SECRETS[row.kind]))


def wire_connector(kind: str, **values: Any) -> Connector:
    """A connected account of a kind."""
    connector: Connector = WireConnectorFactory(kind=kind, **values)
    return connector
