"""Every address of the API with a stranger's object, and with keys that may not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from channels_app.models import InboundEvent
from openlines_project.api_urls import RESOURCES, router
from queue_app.models import QueueMember
from tests.channels_app.api.client import Api, admin_api, api_for, assert_refused, grant
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    MessageFactory,
    OpenChannelFactory,
    OperatorFactory,
    SessionFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

SETTINGS_RIGHTS = [
    "channels_app.add_openchannel", "channels_app.change_openchannel",
    "channels_app.add_connector", "channels_app.change_connector",
    "channels_app.change_inboundevent", "channels_app.view_inboundevent",
    "queue_app.add_operator", "queue_app.change_operator", "queue_app.add_queuemember",
    "queue_app.change_queuemember", "queue_app.delete_queuemember",
]  # fmt: skip


def routes() -> Iterator[tuple[str, str, str, str]]:
    """`(resource, method, path template, action)` of everything the router serves."""
    for url in router.urls:
        pattern = str(url.pattern)
        template = "/" + re.sub(r"\(\?P<pk>[^)]*\)", "{pk}", pattern).strip("^$")
        view: Any = url.callback
        for method, action in view.actions.items():
            if method != "head":
                yield template.split("/")[1], method.upper(), template, action


ROUTES = list(routes())
WITH_OBJECT = [route for route in ROUTES if "{pk}" in route[2]]


def names(route: tuple[str, str, str, str]) -> str:
    return f"{route[1]} {route[2]}"


@pytest.fixture
def strangers() -> dict[str, int]:
    """One object of each resource on a line that nobody of the test belongs to."""
    operator = OperatorFactory()
    line = OpenChannelFactory(operators=[operator])
    connector = ConnectorFactory(open_channel=line)
    conversation = ConversationFactory(connector=connector)
    event = InboundEvent.objects.create(
        connector=connector, key="k", state="dead", raw=b"{}", received_at=timezone.now()
    )
    return {
        "open-channels": line.pk,
        "connectors": connector.pk,
        "operators": operator.pk,
        "queue-members": QueueMember.objects.get(open_channel=line).pk,
        "conversations": conversation.pk,
        "messages": MessageFactory(conversation=conversation).pk,
        "sessions": SessionFactory(conversation=conversation, operator=operator).pk,
        "inbound-events": event.pk,
    }


def body_of(action: str) -> dict[str, Any]:
    """A body that would be taken, so that only the access can refuse the request."""
    return {
        "partial_update": {"name": "Taken over"},
        "duty": {"state": "off"},
        "reply_create": {"text": "Hello!"},
        "message_create": {"text": "Hello!"},
        "note": {"text": "Hello!"},
        "snooze": {"until": "2100-01-01T00:00:00Z"},
    }.get(action, {})


def call(api: Api, route: tuple[str, str, str, str], pk: int) -> Any:
    resource, method, template, action = route
    body = {"position": 1} if resource == "queue-members" else body_of(action)
    return api.call(
        method,
        template.format(pk=pk),
        None if method in {"GET", "DELETE"} else body,
        headers={"If-Match": "1"},
    )


def state_of_everything() -> list[Any]:
    """All rows of the tables that the API writes to."""
    skipped = {"ApiKey"}
    return [
        list(model._default_manager.order_by("pk").values())
        for app in ("channels_app", "queue_app")
        for model in apps.get_app_config(app).get_models()
        if model.__name__ not in skipped
    ]


def test_the_walk_meets_every_resource() -> None:
    assert {route[0] for route in ROUTES} == set(RESOURCES)
    assert {route[0] for route in WITH_OBJECT} == set(RESOURCES)
    assert len(WITH_OBJECT) >= 24


@pytest.mark.parametrize("route", WITH_OBJECT, ids=names)
def test_a_strangers_object_is_a_404_for_an_operator(route: Any, strangers: Any) -> None:
    operator = OperatorFactory()
    OpenChannelFactory(operators=[operator])
    # Every right but the one to see all lines: only the object itself can refuse.
    api = api_for(grant(operator.user, *SETTINGS_RIGHTS), "admin")
    before = state_of_everything()
    assert_refused(call(api, route, strangers[route[0]]), 404, "not_found")
    assert state_of_everything() == before


@pytest.mark.parametrize("route", WITH_OBJECT, ids=names)
def test_an_object_of_another_line_is_a_404_for_a_key_of_one_line(
    route: Any, strangers: Any
) -> None:
    api = admin_api(OpenChannelFactory())
    before = state_of_everything()
    assert_refused(call(api, route, strangers[route[0]]), 404, "not_found")
    assert state_of_everything() == before


@pytest.mark.parametrize("route", WITH_OBJECT, ids=names)
def test_an_object_that_is_not_there_is_the_same_404(route: Any) -> None:
    assert_refused(call(admin_api(), route, 10**17), 404, "not_found")


@pytest.mark.parametrize("route", ROUTES, ids=names)
def test_without_a_key_every_address_is_a_401(route: Any, strangers: Any) -> None:
    before = state_of_everything()
    assert_refused(call(Api(), route, strangers[route[0]]), 401, "not_authenticated")
    assert state_of_everything() == before


@pytest.mark.parametrize("route", [r for r in ROUTES if r[1] != "GET"], ids=names)
def test_a_read_key_writes_nowhere(route: Any, strangers: Any) -> None:
    api = api_for(UserFactory(is_staff=True, is_superuser=True), "read")
    before = state_of_everything()
    assert_refused(call(api, route, strangers[route[0]]), 403, "scope")
    assert state_of_everything() == before


@pytest.mark.parametrize("route", [r for r in ROUTES if r[3] == "list"], ids=names)
def test_a_list_shows_nothing_of_strangers(route: Any, strangers: Any) -> None:
    api = api_for(UserFactory(), "read")
    assert call(api, route, 0).json()["results"] == []


@pytest.mark.parametrize("route", [r for r in ROUTES if r[1] == "GET"], ids=names)
def test_reading_changes_nothing(route: Any, strangers: Any) -> None:
    api = admin_api()
    before = state_of_everything()
    assert call(api, route, strangers[route[0]]).status_code == 200
    assert state_of_everything() == before
