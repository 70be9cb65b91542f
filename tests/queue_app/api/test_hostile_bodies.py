"""Whatever is sent, the answer is a refusal in our shape and never a fault of ours."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels_app.drivers.registry import driver_class, drivers
from tests.channels_app.api.client import Api, admin_api
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    OpenChannelFactory,
    OperatorFactory,
    SessionFactory,
)

pytestmark = pytest.mark.django_db

NASTY_TEXT = [
    "", " ", "\x00", "a\x00b", "\ud800", "\udfff x", "\u202e", "x" * 300, "0", "-1", "null", "true",
    "../../etc/passwd", "' OR 1=1 --", "{{7*7}}", "<script>", "é" * 200, "on", "evenly", "custom",
    "2026-02-30T25:61:00Z", "0000-00-00", "Mars/X", "9" * 400, "UTC", "telegram", "livechat",
]  # fmt: skip
NASTY_NUMBERS = [0, -1, 1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**400, 0.5, -0.0, 1e308]
scalars = st.one_of(
    st.none(), st.booleans(), st.sampled_from(NASTY_NUMBERS), st.integers(),
    st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(NASTY_TEXT),
    st.text(max_size=40),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
LINE = (
    "name", "public_name", "is_active", "language", "time_zone", "default_country",
    "distribution", "response_minutes", "check_availability", "max_chats",
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """An address that takes a body: what is always sent, and the fields that are drawn."""

    method: str
    path: str
    body: dict[str, Any] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    kind: str = ""


@pytest.fixture
def api() -> Api:
    return admin_api()


@pytest.fixture
def targets() -> list[Target]:
    operator = OperatorFactory()
    line = OpenChannelFactory(operators=[operator])
    connector = ConnectorFactory(open_channel=line)
    conversation = ConversationFactory(connector=connector)
    session = SessionFactory(conversation=conversation, operator=operator)
    member = line.queue_members.get()
    return [
        Target("POST", "/open-channels/", fields=LINE),
        Target("PATCH", f"/open-channels/{line.pk}/", fields=LINE),
        *(
            Target(
                "POST", "/connectors/", {"open_channel": line.pk, "kind": kind},
                ("open_channel", "kind", "name", "config"), kind,
            )
            for kind in drivers()
        ),
        Target(
            "PATCH", f"/connectors/{connector.pk}/", {}, ("open_channel", "name", "config"),
            "custom",
        ),
        Target("POST", f"/connectors/{connector.pk}/connect/", fields=("polling",)),
        Target("POST", "/operators/", fields=("user",)),
        Target(
            "PATCH", f"/operators/{operator.pk}/", {},
            ("follows_schedule", "schedule_zone", "shifts", "leave_from", "leave_until",
             "max_chats"),
        ),
        Target("POST", f"/operators/{operator.pk}/duty/", fields=("state",)),
        Target(
            "POST", "/queue-members/", {"open_channel": line.pk},
            ("open_channel", "user", "group", "position"),
        ),
        Target("PATCH", f"/queue-members/{member.pk}/", fields=("position",)),
        Target("POST", f"/conversations/{conversation.pk}/messages/", fields=("text",)),
        Target("POST", f"/sessions/{session.pk}/reply/", fields=("text",)),
        Target("POST", f"/sessions/{session.pk}/accept/"),
    ]  # fmt: skip


def fault(response: Any) -> str:
    """What is wrong with an answer; empty when it is one of ours."""
    if response.status_code >= 500:
        return f"{response.status_code}: {response.content[:500]!r}"
    if response.status_code >= 400 and set(response.json()) != {"code", "detail", "fields"}:
        return f"another shape: {response.content[:500]!r}"
    return ""


def send(api: Api, target: Target, raw: bytes) -> Any:
    return api.call(target.method, target.path, raw=raw, headers={"If-Match": "1"})


def drawn_body(data: Any, target: Target) -> dict[str, Any]:
    """Known fields with hostile values, so that they get past the check of names; now and then
    an unknown one."""
    names = st.sampled_from(target.fields) if target.fields else st.text(max_size=8)
    body = {**target.body, **data.draw(st.dictionaries(names, values, max_size=3))}
    if target.kind and data.draw(st.booleans()):
        driver = driver_class(target.kind)
        known = [*driver.config_form().fields, *driver.secret_fields]
        body["config"] = data.draw(st.dictionaries(st.sampled_from(known), values, max_size=4))
    if data.draw(st.integers(0, 9)) == 0:
        body |= data.draw(st.dictionaries(st.text(max_size=8), values, max_size=2))
    return body


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_json_object_makes_a_fault(api: Api, targets: list[Target], data: Any) -> None:
    target = data.draw(st.sampled_from(targets))
    body = drawn_body(data, target)
    assert fault(send(api, target, json.dumps(body).encode())) == ""


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=60), data=st.data())
def test_no_bytes_make_a_fault(api: Api, targets: list[Target], raw: Any, data: Any) -> None:
    response = send(api, data.draw(st.sampled_from(targets)), raw)
    assert fault(response) == ""


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(
        ["state", "connector", "open_channel", "external_chat_id", "operator", "conversation",
         "user", "duty", "kind", "is_active", "cursor", "page_size", "ordering"]
    ) | st.text(max_size=10),
    value=st.sampled_from(NASTY_TEXT) | st.text(max_size=30),
    resource=st.sampled_from(
        ["open-channels", "connectors", "operators", "queue-members", "conversations", "sessions",
         "inbound-events"]
    ),
)  # fmt: skip
def test_no_query_makes_a_fault(api: Api, name: Any, value: Any, resource: Any) -> None:
    query = f"{quote(name, errors='replace')}={quote(value, errors='replace')}"
    assert fault(api.get(f"/{resource}/?{query}")) == ""


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(header=st.binary(max_size=60), name=st.sampled_from(
    ["Idempotency-Key", "If-Match", "Accept", "Content-Type", "Accept-Language"]))  # fmt: skip
def test_no_header_makes_a_fault(api: Api, targets: list[Target], header: Any, name: Any) -> None:
    for target in targets[:2]:
        text = header.decode("latin-1")
        response = api.call(
            target.method, target.path, raw=b"{}", headers={"If-Match": "1", name: text},
            **({"content_type": text} if name == "Content-Type" else {}),
        )  # fmt: skip
        assert fault(response) == ""
