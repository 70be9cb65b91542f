from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from channels_app.models import InboundEvent
from channels_app.services.received import Received
from tests.channels_app.api.client import admin_api, api_for, assert_refused
from tests.factories import ConnectorFactory, UserFactory

pytestmark = pytest.mark.django_db

FIELDS = {
    "id", "connector", "conversation", "key", "state", "error", "attempts", "received_at",
    "pending_at", "done_at",
}  # fmt: skip


def event(state: str = "dead", **values: object) -> InboundEvent:
    values = {
        "connector": ConnectorFactory(kind="custom"), "key": "k1", "raw": b"canary", "error": "E",
        "received_at": timezone.now(), **values,
    }  # fmt: skip
    return InboundEvent.objects.create(state=state, **values)


def test_an_event_is_shown_without_what_it_held() -> None:
    found = event()
    response = admin_api().get(f"/inbound-events/{found.pk}/")
    assert response.status_code == 200
    assert set(response.json()) == FIELDS
    assert response.json()["state"] == "dead"
    assert b"canary" not in response.content


def test_the_list_is_filtered_newest_first() -> None:
    connector = ConnectorFactory(kind="custom")
    dead = event("dead", connector=connector)
    pending = event("pending", connector=connector, key="k2")
    other = event("dead")
    api = admin_api()

    def ids(query: str) -> list[int]:
        return [row["id"] for row in api.get(f"/inbound-events/?{query}").json()["results"]]

    assert ids("") == [other.pk, pending.pk, dead.pk]
    assert ids("state=dead") == [other.pk, dead.pk]
    assert ids(f"connector={connector.pk}") == [pending.pk, dead.pk]
    assert ids("ordering=id") == [dead.pk, pending.pk, other.pk]
    for query, field in (("state=Dead", "state"), ("connector=x", "connector"), ("raw=x", "raw")):
        assert_refused(api.get(f"/inbound-events/?{query}"), 400, "invalid", field)


def test_a_dead_event_is_replayed(monkeypatch: Any) -> None:
    found = event()
    seen = []

    def replay(*, inbound_event: Any, now: Any) -> Any:
        seen.append(inbound_event)
        return Received(key="k1", outcome="done", conversation_id=3, message_id=4)

    monkeypatch.setattr("channels_app.api.inbound_events.event_replay", replay)
    response = admin_api().post(f"/inbound-events/{found.pk}/replay/")
    assert response.status_code == 200
    assert response.json() == {"outcome": "done", "conversation": 3, "message": 4}
    assert seen == [found]


def test_replaying_what_cannot_be_read_stays_harmless() -> None:
    found = event(raw=b"no JSON at all")
    response = admin_api().post(f"/inbound-events/{found.pk}/replay/")
    assert response.status_code in {200, 409}, response.content
    assert InboundEvent.objects.count() == 1


def test_replaying_a_done_event_has_no_effect() -> None:
    found = event("done", raw=None, error="", done_at=timezone.now())
    response = admin_api().post(f"/inbound-events/{found.pk}/replay/")
    assert response.status_code in {200, 409}, response.content
    assert InboundEvent.objects.values("state").get() == {"state": "done"}


def test_events_are_for_administrators() -> None:
    found = event()
    api = api_for(UserFactory(), "read")
    assert api.get("/inbound-events/").json()["results"] == []
    assert_refused(api.get(f"/inbound-events/{found.pk}/"), 404, "not_found")
    assert_refused(api.post(f"/inbound-events/{found.pk}/replay/"), 403, "scope")
    limited = admin_api(open_channel=ConnectorFactory().open_channel)
    assert_refused(limited.post(f"/inbound-events/{found.pk}/replay/"), 404, "not_found")
    assert InboundEvent.objects.values("state").get() == {"state": "dead"}
