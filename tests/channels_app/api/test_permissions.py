from __future__ import annotations

from typing import Any

import pytest

from channels_app.models import OpenChannel
from tests.channels_app.api.client import admin_api, api_for, assert_refused, grant
from tests.factories import OpenChannelFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("scope", ["read", "write"])
def test_settings_need_the_admin_scope(scope: Any) -> None:
    user = UserFactory(is_staff=True, is_superuser=True)
    response = api_for(user, scope).post("/open-channels/", {"name": "Sales"})
    assert_refused(response, 403, "scope")
    assert not OpenChannel.objects.exists()


def test_a_read_key_reads() -> None:
    line = OpenChannelFactory()
    user = UserFactory(is_staff=True, is_superuser=True)
    assert api_for(user, "read").get(f"/open-channels/{line.pk}/").status_code == 200


def test_the_admin_scope_gives_no_more_than_its_user_may_do() -> None:
    user = UserFactory(is_staff=True)
    response = api_for(user, "admin").post("/open-channels/", {"name": "Sales"})
    assert_refused(response, 403, "permission")
    assert not OpenChannel.objects.exists()


def test_the_right_of_a_user_who_is_no_longer_staff_is_worth_nothing() -> None:
    user = grant(UserFactory(), "channels_app.add_openchannel")
    api = api_for(user, "admin")
    user.is_staff = False
    user.save()
    assert_refused(api.post("/open-channels/", {"name": "Sales"}), 403, "permission")
    assert not OpenChannel.objects.exists()


def test_staff_with_the_right_need_not_be_superusers() -> None:
    user = grant(UserFactory(), "channels_app.add_openchannel", "channels_app.view_openchannel")
    response = api_for(user, "admin").post("/open-channels/", {"name": "Sales"})
    assert response.status_code == 201
    assert OpenChannel.objects.get().name == "Sales"


def test_a_key_for_one_line_sees_that_line_only() -> None:
    own, other = OpenChannelFactory(), OpenChannelFactory()
    api = admin_api(open_channel=own)
    listed = api.get("/open-channels/").json()["results"]
    assert [line["id"] for line in listed] == [own.pk]
    assert_refused(api.get(f"/open-channels/{other.pk}/"), 404, "not_found")


def test_a_key_for_one_line_makes_no_other() -> None:
    api = admin_api(open_channel=OpenChannelFactory())
    assert_refused(api.post("/open-channels/", {"name": "Other"}), 403, "scope")
    assert OpenChannel.objects.count() == 1


def test_a_key_for_one_line_names_no_other_in_a_body() -> None:
    own, other = OpenChannelFactory(), OpenChannelFactory()
    api = admin_api(open_channel=own)
    body = {"open_channel": other.pk, "kind": "custom", "config": {}}
    assert_refused(api.post("/connectors/", body), 400, "invalid", "open_channel")
