"""Leads in the administration: a list to work in."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from crm_app.models import Lead, LeadSource, LeadStatus, Stage
from crm_app.services.leads import status_of
from tests.factories import SuperuserFactory, UserFactory
from tests.factories.crm import ContactFactory, LeadFactory, LeadSourceFactory

pytestmark = pytest.mark.django_db
LIST = reverse("admin:crm_app_lead_changelist")


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(SuperuserFactory(username="boss"))
    return client


def listed(client: Client, **query: Any) -> str:
    answer = client.get(LIST, query)
    assert answer.status_code == 200
    return answer.content.decode()


def run(client: Client, action: str, *leads: Lead) -> Any:
    return client.post(LIST, {"action": action, "_selected_action": [lead.pk for lead in leads]})


def test_the_list_is_filtered_and_searched() -> None:
    client = Client()
    client.force_login(SuperuserFactory())
    maria = UserFactory()
    shop = LeadSourceFactory(name="Shop")
    table = LeadFactory(
        title="Oak table", source=shop, responsible=maria,
        contact__points=[("phone", "+5511983212345")],
    )  # fmt: skip
    LeadFactory(title="Beech chair", stage="junk")
    for query in (
        {"open": "yes"}, {"source__id__exact": shop.pk}, {"responsible__id__exact": maria.pk},
        {"status__id__exact": table.status_id}, {"q": "oak"}, {"q": "(11) 98321-2345"},
        {"contact__id__exact": table.contact_id},
    ):  # fmt: skip
        text = listed(client, **query)
        assert "Oak table" in text, query
        assert "Beech chair" not in text, query
    assert "Beech chair" in listed(client, open="no")


def test_chosen_leads_are_closed_and_those_closed_before_are_said(admin: Client) -> None:
    opened, closed = LeadFactory(), LeadFactory(stage="junk")
    answer = run(admin, "convert", opened, closed)
    opened.refresh_from_db()
    closed.refresh_from_db()
    assert (opened.status.stage, closed.status.stage) == ("converted", "junk")
    text = admin.get(answer["Location"]).content.decode()
    assert "1 lead closed." in text
    assert "1 lead was closed before." in text
    other = LeadFactory()
    run(admin, "junk", other)
    other.refresh_from_db()
    assert other.status.stage == "junk"


def test_chosen_leads_become_mine(admin: Client) -> None:
    lead = LeadFactory(title="Oak table")
    run(admin, "take_over", lead)
    lead.refresh_from_db()
    assert lead.responsible is not None
    assert (lead.responsible.username, lead.title) == ("boss", "Oak table")


def test_the_export_has_a_row_per_lead(admin: Client) -> None:
    lead = LeadFactory(title="@SUM(A1)", contact__name="Paulo")
    raw = b"".join(run(admin, "export", lead).streaming_content).decode("utf-8-sig")
    header, row = raw.splitlines()
    assert header.startswith("id,title,contact id,contact,status")
    assert row.startswith(f"{lead.pk},'@SUM(A1),{lead.contact_id},Paulo,New,Open channel,")


def test_a_lead_is_made_and_changed_by_hand(admin: Client) -> None:
    contact, source = ContactFactory(), LeadSourceFactory()
    add = reverse("admin:crm_app_lead_add")
    sent = {"contact": contact.pk, "title": "A table", "source": source.pk, "responsible": ""}
    assert admin.post(add, sent).status_code == 302
    lead = Lead.objects.get()
    assert (lead.made_by_line, lead.status.stage, lead.source) == (False, "new", source)
    page = reverse("admin:crm_app_lead_change", args=[lead.pk])
    junk = status_of(stage=Stage.JUNK)
    assert admin.post(page, sent | {"title": "Two tables", "status": junk.pk}).status_code == 302
    lead.refresh_from_db()
    assert (lead.title, lead.status, lead.closed_at is not None) == ("Two tables", junk, True)
    assert lead.timeline.filter(title="junk", author__username="boss").count() == 1


def test_a_second_open_lead_of_a_line_is_refused_in_words(admin: Client) -> None:
    closed = LeadFactory(stage="junk")
    LeadFactory(contact=closed.contact)
    page = reverse("admin:crm_app_lead_change", args=[closed.pk])
    sent = {"title": "x", "source": "", "responsible": "", "status": status_of(stage=Stage.NEW).pk}
    answer = admin.post(page, sent, follow=True)
    assert "The contact has an open lead. Close that one first." in answer.content.decode()
    closed.refresh_from_db()
    assert closed.status.stage == "junk"


# --- the lists an administrator edits -----------------------------------------------------


def test_a_status_in_use_keeps_its_stage_and_is_not_deleted(admin: Client) -> None:
    status = LeadFactory().status
    page = reverse("admin:crm_app_leadstatus_change", args=[status.pk])
    sent = {"name": "Fresh", "stage": "junk", "position": 1}
    assert admin.post(page, sent).status_code == 302
    status.refresh_from_db()
    assert (status.name, status.stage) == ("Fresh", "new")
    admin.post(reverse("admin:crm_app_leadstatus_delete", args=[status.pk]), {"post": "yes"})
    assert LeadStatus.objects.filter(pk=status.pk).exists()


def test_the_source_of_open_channels_can_be_renamed_and_not_deleted(admin: Client) -> None:
    source = LeadFactory().source
    assert source is not None
    page = reverse("admin:crm_app_leadsource_change", args=[source.pk])
    assert admin.post(page, {"name": "Chats", "position": 1}).status_code == 302
    delete = reverse("admin:crm_app_leadsource_delete", args=[source.pk])
    assert admin.post(delete, {"post": "yes"}).status_code == 403
    assert LeadSource.objects.get(key="open_channel").name == "Chats"


def test_a_custom_field_gets_its_key_from_its_label(admin: Client) -> None:
    from crm_app.models import CustomField

    add = reverse("admin:crm_app_customfield_add")
    sent = {"record": "contact", "label": "Shoe size", "kind": "number", "choices": "",
            "position": 1}  # fmt: skip
    assert admin.post(add, sent).status_code == 302
    field = CustomField.objects.get()
    assert field.key == "shoe-size"
    page = reverse("admin:crm_app_customfield_change", args=[field.pk])
    admin.post(page, sent | {"label": "Size", "kind": "text"})
    field.refresh_from_db()
    assert (field.label, field.key, field.kind) == ("Size", "shoe-size", "number")
