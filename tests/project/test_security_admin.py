"""Staff without the right: no address, action, search or lookup of the administration helps."""

from __future__ import annotations

from typing import Any

import pytest
from axes.models import AccessAttempt
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db.models import Model
from django.test import Client
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from channels_app.models import ApiKey, Connector, EventState, InboundEvent, OpenChannel
from tests.factories import (
    MessageFactory,
    OpenChannelFactory,
    OperatorFactory,
    SuperuserFactory,
    TelegramConnectorFactory,
    UserFactory,
)
from tests.project.test_admin_pages import MODELS, make, page

pytestmark = pytest.mark.django_db


def content() -> dict[str, Any]:
    """Every row of every table but sessions."""
    return {
        model._meta.label: sorted(map(str, model._base_manager.values()))
        for model in apps.get_models()
        if model._meta.label != "sessions.Session"
    }


def staff(client: Client, *codenames: str) -> User:
    """Somebody of the staff with these permissions and no other, signed in."""
    user: User = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return user


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_no_address_of_a_model_opens_by_typing_it(client: Client, model: type[Model]) -> None:
    row = make(model)
    staff(client)
    before = content()
    lists = [page(model, "changelist"), page(model, "add")]
    pages = [page(model, name, row.pk) for name in ("change", "delete", "history")] if row else []
    for path in lists + pages:
        for query in ("", "?_popup=1", "?_to_field=id", "?_changelist_filters=q%3D"):
            assert client.get(path + query).status_code == 403, path + query
            assert client.post(path + query, {"post": "yes"}).status_code == 403, path + query
    assert content() == before


def test_what_the_buttons_do_is_refused_by_address_too(client: Client) -> None:
    connector = TelegramConnectorFactory()
    line = connector.open_channel
    # Looking is no right to act.
    staff(client, "view_connector", "view_openchannel")
    before = content()
    for name in ("check", "connect", "disconnect"):
        path = f"/admin/channels_app/connector/{connector.pk}/{name}/"
        assert client.post(path).status_code == 403, path
        assert client.get(path).status_code == 405, path
    archive = f"/admin/channels_app/openchannel/{line.pk}/archive/"
    assert client.post(archive).status_code == 403
    assert client.get(archive).status_code == 405
    for path in (page(Connector, "change", connector.pk), page(OpenChannel, "change", line.pk)):
        assert client.get(path).status_code == 200
        assert client.post(path, {"name": "Mine"}).status_code == 403
    assert content() == before


def rows_to_act_on() -> dict[type[Model], Model]:
    now = timezone.now()
    every = IntervalSchedule.objects.create(every=9, period="seconds")
    return {
        ApiKey: ApiKey.objects.create(
            user=UserFactory(), name="Shop", prefix="olk_abcdef", digest="0" * 64
        ),
        InboundEvent: InboundEvent.objects.create(
            connector=TelegramConnectorFactory(), key="k", raw=b"{}", received_at=now,
            state=EventState.PENDING, pending_at=now,
        ),
        apps.get_model("channels_app.Message"): MessageFactory(
            direction="out", state="failed", text="Hello"
        ),
        PeriodicTask: PeriodicTask.objects.create(
            name="p", task="queue_app.tasks.desk_sweep", interval=every
        ),
        AccessAttempt: AccessAttempt.objects.create(
            username="maria", ip_address="203.0.113.9", failures_since_start=10
        ),
        User: UserFactory(),
    }  # fmt: skip


def test_who_may_only_look_runs_no_action(client: Client) -> None:
    rows = rows_to_act_on()
    staff(client, *(f"view_{model._meta.model_name}" for model in rows))
    before = content()
    tried = 0
    for model, row in rows.items():
        for action in [*(admin.site._registry[model].actions or ()), "delete_selected"]:
            form = {"action": action, "_selected_action": [row.pk], "post": "yes"}
            answer = client.post(page(model, "changelist"), form)
            # Either the action is not offered, or it is refused.
            assert answer.status_code in {200, 302, 403}, (model, action)
            assert content() == before, (model, action)
            tried += 1
    assert tried >= 14


def test_an_action_touches_only_what_the_list_shows(client: Client) -> None:
    staff(client, "view_message", "change_message")
    delivered = MessageFactory(direction="out", state="delivered", text="Thanks")
    theirs = MessageFactory(text="From the customer")
    before = content()
    for action in ("resend", "discard"):
        form = {"action": action, "_selected_action": [delivered.pk, theirs.pk]}
        client.post("/admin/channels_app/message/", form)
    assert content() == before


def test_searching_people_needs_the_right_to_see_them(client: Client) -> None:
    UserFactory(username="findme")
    query = {"app_label": "queue_app", "model_name": "operator", "field_name": "user", "term": "f"}
    staff(client, "view_operator", "change_operator")
    assert client.get("/admin/autocomplete/", query).status_code == 403
    staff(client, "view_operator", "change_operator", "view_user")
    answer = client.get("/admin/autocomplete/", query)
    assert [row["text"] for row in answer.json()["results"]] == ["findme"]
    # A field that is no search field of anybody's is none.
    for field in ("password", "user__password", "id"):
        assert client.get("/admin/autocomplete/", query | {"field_name": field}).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "auth/user/?password__startswith=p", "auth/user/?user_permissions__codename=x",
        "channels_app/connector/?secrets__contains=a",
        "channels_app/apikey/?digest__startswith=0",
        "channels_app/apikey/?user__password__startswith=p",
        "channels_app/message/?conversation__connector__secrets__isnull=0",
        "queue_app/operator/?user__password__startswith=p",
        "queue_app/session/?operator__user__password__contains=a",
    ],
)  # fmt: skip
def test_a_list_cannot_be_asked_about_what_it_does_not_show(client: Client, path: str) -> None:
    client.force_login(SuperuserFactory())
    client.raise_request_exception = False
    answer = client.get(f"/admin/{path}")
    # 400, or back to the list with "this filter is unknown".
    assert answer.status_code in {302, 400}
    assert answer.headers.get("Location", "?e=1").endswith("?e=1")


def test_the_password_of_staff_is_changed_by_superusers_only(client: Client) -> None:
    colleague = UserFactory(is_staff=True)
    operator = UserFactory()
    root = SuperuserFactory()
    myself = staff(client, "view_user", "change_user", "delete_user")
    form = {
        "password1": "sunny-meadow-42",
        "password2": "sunny-meadow-42",
        "usable_password": "true",
    }
    wanted = ((colleague, 403), (root, 403), (operator, 302), (myself, 302))
    for user, status in wanted:
        path = f"/admin/auth/user/{user.pk}/password/"
        assert client.post(path, form).status_code == status
        user.refresh_from_db()
        assert user.check_password("sunny-meadow-42") == (status == 302)
        client.force_login(myself)
    everybody = [colleague.pk, root.pk, operator.pk]
    client.post(
        "/admin/auth/user/",
        {"action": "delete_selected", "_selected_action": everybody, "post": "yes"},
    )
    # One of them may not be deleted: then none is.
    assert User.objects.filter(pk__in=everybody).count() == 3


def test_a_key_for_somebody_else_is_made_by_superusers_only(client: Client) -> None:
    root = SuperuserFactory()
    line = OpenChannelFactory()
    staff(client, "add_apikey", "view_apikey")
    form = {"name": "x", "user": root.pk, "scope": "admin", "open_channel": line.pk}
    answer = client.post("/admin/channels_app/apikey/add/", form)
    assert answer.status_code == 200
    assert not ApiKey.objects.exists()


def test_an_operator_is_no_staff(client: Client) -> None:
    client.force_login(OperatorFactory().user)
    for path in ("/admin/", "/admin/autocomplete/", "/admin/jsi18n/", "/admin/auth/user/",
                 "/admin/password_change/", "/admin/r/1/1/"):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code == 302, path
        assert answer.headers["Location"].startswith("/admin/login/"), path
    assert client.get("/api/docs/").status_code == 403
    assert client.get("/api/schema/").status_code == 403
