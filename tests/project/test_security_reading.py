"""Asking changes nothing: every address by GET, as somebody who may do everything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

from channels_app.models import Connector
from queue_app.models import Session
from tests.channels_app.api.client import admin_api
from tests.factories import LiveChatConnectorFactory, MessageFactory, OperatorFactory
from tests.project.test_admin_pages import MODELS, make
from tests.queue_app.inbox.stories import desk

pytestmark = pytest.mark.django_db
# A key's last use is written down, which is what it is for; sign-in sessions are renewed.
NOTED = {"last_used_at"}
NOT_OURS = {"sessions.Session"}
# Nobody of the outside may have been called by a GET either: these rows name platforms.
QUERY = (
    "action=close&_selected_action=1&duty=on&polling=1&state=closed&language=pt-br&post=yes"
    "&next=/&after=0&kind=custom&app_label=queue_app&model_name=operator&field_name=user"
)


def everything() -> dict[str, Any]:
    found = {}
    for model in apps.get_models():
        if model._meta.label in NOT_OURS:
            continue
        rows = model._base_manager.order_by("pk").values()
        found[model._meta.label] = [
            {name: value for name, value in row.items() if name not in NOTED} for row in rows
        ]
    return found


def addresses(patterns: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every address as `(route with <names>, name)`."""
    for pattern in patterns:
        text = str(pattern.pattern)
        if not isinstance(pattern.pattern, RoutePattern):
            text = re.sub(r"\(\?P(<\w+>)(?:\[[^\]]*\][*+{},\d]*|\([^)]*\)|[^()])*\)", r"\1", text)
            text = text.strip("^$").replace("\\Z", "").replace("\\.", ".").replace(".*", "nothing")
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, prefix + text)
        elif isinstance(pattern, URLPattern):
            yield prefix + text, pattern.name or ""


def filled(route: str, values: dict[str, Any]) -> str:
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda match: str(values[match[1]]), route)


def test_no_get_changes_a_row() -> None:
    story = desk()
    session: Session = story.offered(unread=1)
    failed = MessageFactory(
        conversation=session.conversation, direction="out", state="failed", text="Hello"
    )
    widget: Connector = LiveChatConnectorFactory(open_channel=story.line)
    OperatorFactory()
    rows: dict[str, Model | None] = {
        f"{model._meta.app_label}_{model._meta.model_name}": make(model) for model in MODELS
    }
    api = admin_api()
    key = api.token
    user = story.operator.user
    user.is_staff = user.is_superuser = True
    user.save()
    user_type = ContentType.objects.get_for_model(user)
    LogEntry.objects.log_actions(
        user_id=user.pk, queryset=[user], action_flag=ADDITION, change_message="made"
    )
    client = Client()
    client.force_login(user)
    client.raise_request_exception = False
    values: dict[str, Any] = {
        "session_id": session.pk, "message_id": failed.pk, "view": "mine", "pk": 1, "version": 1,
        "public_id": widget.public_id, "id": 1, "content_type_id": user_type.pk,
        "app_label": "channels_app", "url": "nothing", "format": "json", "extra_context": "",
        "token": "no-such-link", "conversation_id": session.conversation_id,
        "act": "spam", "first": 1, "second": 2, "operator_id": story.operator.pk,
    }  # fmt: skip
    of_api = {
        "connector": widget.pk, "openchannel": story.line.pk, "session": session.pk,
        "conversation": session.conversation_id, "message": failed.pk,
        "operator": story.operator.pk,
    }  # fmt: skip
    before = everything()
    asked: dict[str, int] = {}
    for route, name in addresses(get_resolver().url_patterns):
        row = next((row for start, row in rows.items() if name.startswith(start)), None)
        pk = getattr(row, "pk", None) or of_api.get(name.partition("-")[0].replace("_", ""), 1)
        path = filled(route, values | {"object_id": pk, "pk": pk})
        for headers in ({}, {"HX-Request": "true"}, {"Authorization": f"Bearer {key}"}):
            for address in (path, f"{path}?{QUERY}"):
                answer = client.get(address, headers=headers)
                assert answer.status_code < 500 or route == "live/", (address, answer.status_code)
                asked[path] = answer.status_code
                if answer.streaming:
                    answer.close()
    assert len(asked) > 120
    # The walk reached pages, not only refusals.
    assert sum(status == 200 for status in asked.values()) > 60
    now = everything()
    for label, old in before.items():
        assert now[label] == old, label
    assert client.session["_auth_user_id"] == str(user.pk)
