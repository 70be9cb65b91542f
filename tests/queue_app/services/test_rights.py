"""The three ready groups are made once and then left alone."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.test import Client

from queue_app.services.rights import ready_groups_make, users_with_right
from tests.factories import SuperuserFactory, UserFactory

pytestmark = pytest.mark.django_db

NAMES = ["Administrators", "Supervisors", "Operators"]


def rights(name: str) -> set[str]:
    return {
        f"{app_label}.{codename}"
        for app_label, codename in Permission.objects.filter(group__name=name).values_list(
            "content_type__app_label", "codename"
        )
    }


def test_a_new_installation_has_them() -> None:
    assert set(Group.objects.values_list("name", flat=True)) == set(NAMES)
    assert rights("Operators") == set()
    assert rights("Supervisors") == {
        "queue_app.view_all_sessions", "queue_app.intercept_session",
        "queue_app.end_any_session", "queue_app.assign_session", "queue_app.supervise_desk",
    }  # fmt: skip
    administrators = rights("Administrators")
    assert administrators > rights("Supervisors")
    assert {"channels_app.change_openchannel", "channels_app.add_connector", "auth.view_user",
            "queue_app.change_operator", "queue_app.change_timer"} < administrators  # fmt: skip
    # Who may set these may make himself anybody.
    assert not {name for name in administrators
                if name.startswith("auth.") and ".view_" not in name}  # fmt: skip
    assert not {"channels_app.delete_openchannel", "queue_app.delete_session"} & administrators


def test_what_an_administrator_changed_stays() -> None:
    group = Group.objects.get(name="Supervisors")
    group.permissions.clear()
    before = rights("Administrators")
    call_command("migrate", verbosity=0)
    assert rights("Supervisors") == set()
    assert rights("Administrators") == before
    assert ready_groups_make() == []


def test_a_missing_one_is_made_again_with_its_rights() -> None:
    wanted = rights("Supervisors")
    Group.objects.get(name="Supervisors").delete()
    assert ready_groups_make() == ["Supervisors"]
    assert rights("Supervisors") == wanted


def test_the_group_opens_the_pages_it_is_for(client: Client) -> None:
    chief = UserFactory()
    client.force_login(chief)
    assert client.get("/inbox/supervisor/").status_code == 404
    chief.groups.add(Group.objects.get(name="Supervisors"))
    assert client.get("/inbox/supervisor/").status_code == 200
    assert client.get("/admin/queue_app/timer/").status_code == 302
    keeper = UserFactory(is_staff=True)
    keeper.groups.add(Group.objects.get(name="Administrators"))
    client.force_login(keeper)
    for page in (
        "channels_app/openchannel", "channels_app/connector", "channels_app/inboundevent",
        "channels_app/message", "channels_app/apikey", "queue_app/operator", "queue_app/session",
        "queue_app/timer", "auth/user", "auth/group",
    ):  # fmt: skip
        assert client.get(f"/admin/{page}/").status_code == 200, page


def test_who_has_a_right() -> None:
    chief, member, own = SuperuserFactory(), UserFactory(), UserFactory()
    UserFactory()
    gone = SuperuserFactory(is_active=False)
    member.groups.add(Group.objects.get(name="Supervisors"))
    own.user_permissions.add(Permission.objects.get(codename="supervise_desk"))
    assert set(users_with_right("queue_app.supervise_desk")) == {chief, member, own}
    assert gone.has_perm("queue_app.supervise_desk") is False
