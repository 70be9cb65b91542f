"""Every page of the administration opens for a superuser, and for nobody without the right."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

from channels_app.models import (
    ApiKey,
    Connector,
    EventState,
    InboundEvent,
    Message,
    MessageState,
    OpenChannel,
)
from crm_app.models import (
    Contact,
    CrmForm,
    CustomField,
    FormSubmission,
    Lead,
    LeadSource,
    LeadStatus,
    MergeProposal,
)
from queue_app.models import Operator, Session, Timer, TimerKind
from tests.factories import (
    ConnectorFactory,
    MessageFactory,
    OpenChannelFactory,
    OperatorFactory,
    SessionFactory,
    SuperuserFactory,
    TelegramConnectorFactory,
    UserFactory,
)
from tests.factories.crm import (
    ContactFactory,
    CrmFormFactory,
    FormSubmissionFactory,
    LeadFactory,
    LeadSourceFactory,
)

pytestmark = pytest.mark.django_db

# The theme's own words may stay English; ours say nothing of these.
NEVER_SHOWN = ("-secret-0123456789", "AAcanarycanary")


def make(model: type[Model]) -> Model | None:
    """One row of a model as the product makes it; None where a page has no rows of its own."""
    now = timezone.now()
    makers: dict[type[Model], Any] = {
        User: UserFactory,
        Group: lambda: Group.objects.create(name="Night shift"),
        OpenChannel: OpenChannelFactory,
        Connector: TelegramConnectorFactory,
        InboundEvent: lambda: InboundEvent.objects.create(
            connector=ConnectorFactory(), key="k", raw=b"{}", state=EventState.DEAD,
            error="no such field", received_at=now,
        ),
        Message: lambda: MessageFactory(direction="out", state=MessageState.FAILED, text="Hello"),
        ApiKey: lambda: ApiKey.objects.create(
            user=UserFactory(), name="Shop", prefix="olk_abcdef", digest="0" * 64
        ),
        Contact: lambda: ContactFactory(points=[("phone", "+5511983212345"), ("telegram", "7")]),
        Lead: LeadFactory,
        LeadStatus: lambda: LeadStatus.objects.create(name="Negotiation", stage="in_work"),
        LeadSource: LeadSourceFactory,
        CustomField: lambda: CustomField.objects.create(
            record="contact", key="size", label="Size"
        ),
        MergeProposal: lambda: MergeProposal.objects.create(
            contact=ContactFactory(), other=ContactFactory(), kind="phone", value="+5511",
            created_at=now,
        ),
        CrmForm: CrmFormFactory,
        FormSubmission: FormSubmissionFactory,
        Operator: OperatorFactory,
        Session: lambda: SessionFactory(operator=OperatorFactory()),
        Timer: lambda: Timer.objects.create(
            session=SessionFactory(), kind=TimerKind.RESPONSE, due_at=now
        ),
        ClockedSchedule: lambda: ClockedSchedule.objects.create(clocked_time=now),
        CrontabSchedule: lambda: CrontabSchedule.objects.create(hour="3"),
        IntervalSchedule: lambda: IntervalSchedule.objects.create(every=5, period="seconds"),
        SolarSchedule: lambda: SolarSchedule.objects.create(
            event="sunset", latitude=0, longitude=0
        ),
        PeriodicTask: lambda: PeriodicTask.objects.create(
            name="p", task="queue_app.tasks.desk_sweep",
            interval=IntervalSchedule.objects.create(every=7, period="seconds"),
        ),
    }  # fmt: skip
    maker = makers.get(model)
    return None if maker is None else maker()


def page(model: type[Model], name: str, *args: Any) -> str:
    opts = model._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{name}", args=args)


MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_every_page_opens_for_a_superuser(client: Client, model: type[Model]) -> None:
    client.force_login(SuperuserFactory())
    row = make(model)
    answer = client.get(page(model, "changelist"))
    assert answer.status_code == 200
    # A connector is added from its line; what has no add page says so by 403.
    assert client.get(page(model, "add")).status_code in {200, 302, 403}
    if row is None:
        return
    answer = client.get(page(model, "change", row.pk))
    assert answer.status_code == 200
    text = answer.content.decode()
    assert not [secret for secret in NEVER_SHOWN if secret in text]
    assert client.get(page(model, "history", row.pk)).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_every_page_is_refused_to_staff_without_the_right(
    client: Client, model: type[Model]
) -> None:
    client.force_login(UserFactory(is_staff=True))
    row = make(model)
    assert client.get(page(model, "changelist")).status_code == 403
    assert client.get(page(model, "add")).status_code == 403
    if row is not None:
        assert client.get(page(model, "change", row.pk)).status_code == 403
        assert client.post(page(model, "change", row.pk), {}).status_code == 403


def test_somebody_who_is_not_staff_is_asked_to_sign_in(client: Client) -> None:
    client.force_login(UserFactory())
    answer = client.get(page(OpenChannel, "changelist"))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


def test_our_own_models_are_all_in_the_theme(client: Client) -> None:
    from unfold.admin import ModelAdmin

    plain = [model for model, page in admin.site._registry.items()
             if not isinstance(page, ModelAdmin)]  # fmt: skip
    assert plain == []


def test_the_first_page_shows_only_what_one_may_see(client: Client) -> None:
    client.force_login(SuperuserFactory())
    everything = client.get("/admin/").content.decode()
    assert "Open channels" in everything
    assert "API keys" in everything
    client.force_login(UserFactory(is_staff=True))
    nothing = client.get("/admin/").content.decode()
    assert "/admin/channels_app/apikey/" not in nothing
    assert "/admin/auth/user/" not in nothing


def test_a_list_of_many_rows_asks_as_often_as_a_list_of_few(client: Client) -> None:
    client.force_login(SuperuserFactory())
    connector = ConnectorFactory()

    def more(count: int) -> None:
        at = timezone.now() - dt.timedelta(minutes=1)
        start = InboundEvent.objects.count()
        InboundEvent.objects.bulk_create(
            InboundEvent(connector=connector, key=f"k{n}", raw=b"{}", state=EventState.DEAD,
                         received_at=at)
            for n in range(start, start + count)
        )  # fmt: skip
        for _number in range(count):
            MessageFactory(direction="out", state=MessageState.FAILED)
            SessionFactory()

    def asked(model: type[Model]) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(page(model, "changelist")).status_code == 200
        return len(queries)

    for model in (InboundEvent, Message, Session, OpenChannel, Connector):
        asked(model)  # caches of content types and the like
    more(3)
    few = [asked(model) for model in (InboundEvent, Message, Session)]
    more(20)
    many = [asked(model) for model in (InboundEvent, Message, Session)]
    assert many == few
