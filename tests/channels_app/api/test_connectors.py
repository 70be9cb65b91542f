from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from channels_app.models import Connector, OpenChannel
from queue_app.services.queues import queue_member_add
from tests.channels_app.api.client import admin_api, api_for, assert_refused
from tests.factories import (
    ConnectorFactory,
    OpenChannelFactory,
    TelegramConnectorFactory,
    UserFactory,
)
from tests.standins.bot_api import bot_api

pytestmark = pytest.mark.django_db

FIELDS = {
    "id", "open_channel", "kind", "name", "status", "public_id", "webhook_url", "config",
    "account_id", "account_name", "is_polling", "notice", "last_error", "last_error_at",
    "last_event_at", "last_sent_at", "created_at",
}  # fmt: skip
SECRET = "canary-secret-0123456789"


@pytest.fixture
def line() -> OpenChannel:
    return OpenChannelFactory()


def custom(line: OpenChannel, **config: object) -> dict[str, object]:
    config = {"secret": SECRET, "outgoing_url": "https://example.com/hook", **config}
    return {"open_channel": line.pk, "kind": "custom", "name": "Shop", "config": config}


def test_a_custom_channel_is_made(line: Any) -> None:
    response = admin_api().post("/connectors/", custom(line))
    assert response.status_code == 201, response.content
    shown = response.json()
    assert set(shown) == FIELDS
    connector = Connector.objects.get()
    assert shown["id"] == connector.pk
    assert shown["open_channel"] == line.pk
    assert shown["public_id"] == connector.public_id
    assert shown["webhook_url"] == f"http://testserver/webhooks/{connector.public_id}/"
    assert shown["config"]["outgoing_url"] == "https://example.com/hook"
    assert connector.secrets["secret"] == SECRET


def test_the_address_is_the_public_one_where_there_is_one(line: Any, settings: Any) -> None:
    settings.PUBLIC_URL = "https://chat.example.com"
    shown = admin_api().post("/connectors/", custom(line)).json()
    assert shown["webhook_url"] == f"https://chat.example.com/webhooks/{shown['public_id']}/"


def test_secrets_are_never_shown(line: Any) -> None:
    api = admin_api()
    made = api.post("/connectors/", custom(line), headers={"Idempotency-Key": "k"})
    again = api.post("/connectors/", custom(line), headers={"Idempotency-Key": "k"})
    path = f"/connectors/{made.json()['id']}/"
    changed = api.patch(path, {"name": "Other"})
    for response in (made, again, changed, api.get(path), api.get("/connectors/")):
        assert response.status_code in {200, 201}
        assert SECRET.encode() not in response.content
    assert Connector.objects.get().secrets["secret"] == SECRET


def test_only_who_may_see_settings_sees_the_config(line: Any) -> None:
    admin_api().post("/connectors/", custom(line))
    user = UserFactory()
    queue_member_add(open_channel=line, user=user, now=timezone.now())
    (shown,) = api_for(user, "read").get("/connectors/").json()["results"]
    assert shown["config"] is None
    assert shown["kind"] == "custom"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "pigeon"}, "kind"),
        ({"kind": None}, "kind"),
        ({"kind": 5}, "kind"),
        ({"open_channel": 999_999}, "open_channel"),
        ({"open_channel": 2**63}, "open_channel"),
        ({"open_channel": "1"}, "open_channel"),
        ({"open_channel": True}, "open_channel"),
        ({"open_channel": None}, "open_channel"),
        ({"config": "x"}, "config"),
        ({"config": [1]}, "config"),
        ({"config": {"secret": SECRET, "nothing": 1}}, "config.nothing"),
        ({"config": {"secret": "short"}}, "config.secret"),
        ({"config": {"secret": SECRET, "outgoing_url": "ftp://x"}}, "config.outgoing_url"),
        ({"public_id": "mine"}, "public_id"),
        ({"status": "connected"}, "status"),
        ({"name": "x" * 121}, "name"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(line: Any, change: Any, field: Any) -> None:
    response = admin_api().post("/connectors/", {**custom(line), **change})
    assert response.status_code == 400, response.content
    assert list(response.json()["fields"]) == [field]
    assert not Connector.objects.exists()


def test_a_secret_that_is_not_given_stays(line: Any) -> None:
    api = admin_api()
    made = api.post("/connectors/", custom(line)).json()
    path = f"/connectors/{made['id']}/"
    response = api.patch(path, {"name": "Other", "config": {"text_limit": 500}})
    assert response.status_code == 200, response.content
    assert response.json()["name"] == "Other"
    connector = Connector.objects.get()
    assert connector.secrets["secret"] == SECRET
    assert connector.config["text_limit"] == 500
    assert connector.config["outgoing_url"] == "https://example.com/hook"


def test_a_connector_moves_to_another_line_the_key_sees(line: Any) -> None:
    connector = ConnectorFactory(open_channel=line)
    other = OpenChannelFactory()
    path = f"/connectors/{connector.pk}/"
    response = admin_api().patch(path, {"open_channel": other.pk})
    assert response.status_code == 200, response.content
    assert response.json()["open_channel"] == other.pk
    refused = admin_api(open_channel=other).patch(path, {"open_channel": line.pk})
    assert_refused(refused, 400, "invalid", "open_channel")
    connector.refresh_from_db()
    assert connector.open_channel == other


def test_connect_check_and_disconnect_call_the_platform(line: Any, settings: Any) -> None:
    settings.PUBLIC_URL = "https://chat.example.com"
    with bot_api() as platform:
        api = admin_api()
        body = {
            "open_channel": line.pk,
            "kind": "telegram",
            "config": {"token": platform.token, "api_base_url": platform.url},
        }
        made = api.post("/connectors/", body)
        assert made.status_code == 201, made.content
        path = f"/connectors/{made.json()['id']}"
        connected = api.post(f"{path}/connect/")
        assert connected.status_code == 200, connected.content
        assert connected.json()["status"] == "connected"
        assert connected.json()["account_id"]
        checked = api.post(f"{path}/check/")
        assert checked.status_code == 200, checked.content
        assert set(checked.json()) == {"ok", "account_id", "account_name", "problems", "facts"}
        disconnected = api.post(f"{path}/disconnect/")
        assert disconnected.json()["status"] == "disabled"
        called = [call.method for call in platform.methods]
    assert "setWebhook" in called
    assert "deleteWebhook" in called


def test_without_a_public_address_connecting_says_so(line: Any) -> None:
    connector = TelegramConnectorFactory(open_channel=line)
    response = admin_api().post(f"/connectors/{connector.pk}/connect/")
    assert response.status_code == 400, response.content
    assert response.json()["code"] == "no_public_url"


def test_an_action_takes_no_unknown_fields(line: Any) -> None:
    connector = ConnectorFactory(open_channel=line)
    api = admin_api()
    path = f"/connectors/{connector.pk}"
    assert_refused(api.post(f"{path}/check/", {"a": 1}), 400, "invalid", "a")
    assert_refused(api.post(f"{path}/connect/", {"polling": 1}), 400, "invalid", "polling")


def test_the_list_is_filtered(line: Any) -> None:
    first = ConnectorFactory(open_channel=line, kind="custom")
    second = ConnectorFactory(kind="telegram")
    api = admin_api()

    def ids(query: str) -> list[int]:
        return [row["id"] for row in api.get(f"/connectors/?{query}").json()["results"]]

    assert ids("") == [first.pk, second.pk]
    assert ids(f"open_channel={line.pk}") == [first.pk]
    assert ids("kind=telegram") == [second.pk]
    assert ids("kind=telegram&open_channel=" + str(line.pk)) == []
    for value in ("x", "0", "-1", "1.5", str(2**63), "%00", ""):
        response = api.get(f"/connectors/?open_channel={value}")
        assert_refused(response, 400, "invalid", "open_channel")


def test_a_connector_cannot_be_deleted(line: Any) -> None:
    connector = ConnectorFactory(open_channel=line)
    assert_refused(admin_api().delete(f"/connectors/{connector.pk}/"), 405, "method_not_allowed")
    assert Connector.objects.filter(pk=connector.pk).exists()
