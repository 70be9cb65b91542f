"""Making, connecting and checking channels of Viber, VK, LINE and Twilio, against stand-ins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from channels_app.models import ConnectorStatus
from channels_app.services.connectors import connector_check, connector_connect, connector_create
from channels_app.services.errors import InvalidError
from tests.channels_app.drivers.wires import SETTINGS
from tests.factories import OpenChannelFactory, moment
from tests.factories.wires import KINDS
from tests.flows.wire_standins import connected, quick_and_even, standins

__all__ = ["quick_and_even", "standins"]
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", KINDS)
def test_a_channel_is_connected_and_checked(
    kind: str, standins: Callable[[str], Any], settings: Any
) -> None:
    settings.PUBLIC_URL = "https://desk.example"
    connector = connected(
        kind, standins(kind), status=ConnectorStatus.NOT_CONFIGURED, account_id=None
    )
    connector = connector_connect(connector=connector, now=moment())
    assert connector.status == ConnectorStatus.CONNECTED
    assert connector.account_id
    result = connector_check(connector=connector, now=moment())
    assert result.problems == ()
    assert result.account is not None
    assert result.account.account_id == connector.account_id


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("viber", {"token": True, "sender_name": False}),
        (
            "vk",
            {"group_id": False, "access_token": True, "secret": True, "confirmation_code": False},
        ),
        ("line", {"channel_secret": True, "channel_token": True}),
        (
            "twilio",
            {
                "account_sid": False,
                "auth_token": True,
                "number": False,
                "messaging_service_sid": False,
            },
        ),
    ],
)
def test_a_channel_is_made_from_the_settings_people_script_against(
    kind: str, names: dict[str, bool]
) -> None:
    """The names are fixed; the secret ones are kept apart."""
    connector = connector_create(
        open_channel=OpenChannelFactory(), kind=kind, config=SETTINGS[kind], now=moment()
    )
    secret = {name for name, is_secret in names.items() if is_secret}
    assert set(connector.secrets) == secret
    assert set(connector.config) == set(names) - secret | {"api_base_url"}
    # Nothing is delivered or sent before it is connected.
    assert connector.status == ConnectorStatus.NOT_CONFIGURED


@pytest.mark.parametrize("kind", KINDS)
def test_a_channel_without_its_secrets_cannot_be_switched_on(
    kind: str, standins: Callable[[str], Any]
) -> None:
    stand_in = standins(kind)
    connector = connected(kind, stand_in, status=ConnectorStatus.NOT_CONFIGURED)
    whole = dict(connector.secrets)
    for name in whole:
        connector.secrets = {key: text for key, text in whole.items() if key != name}
        connector.save(update_fields=["secrets"])
        with pytest.raises(InvalidError) as caught:
            connector_connect(connector=connector, now=moment())
        assert f"config.{name}" in caught.value.fields
    connector.refresh_from_db()
    assert connector.status == ConnectorStatus.NOT_CONFIGURED
    assert stand_in.calls == []
