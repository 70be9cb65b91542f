"""Forms in the administration: fields, versions of the consent, what was sent."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from crm_app.models import CrmForm, FormSubmission
from tests.factories import SuperuserFactory, UserFactory
from tests.factories.crm import CrmFormFactory, FormSubmissionFactory, default_form

pytestmark = pytest.mark.django_db
LIST = reverse("admin:crm_app_crmform_changelist")
ADD = reverse("admin:crm_app_crmform_add")
SENT = reverse("admin:crm_app_formsubmission_changelist")


def page_of(form: CrmForm) -> str:
    return reverse("admin:crm_app_crmform_change", args=[form.pk])


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(SuperuserFactory())
    return client


def body(form: CrmForm | None = None, fields: Any = (), **values: Any) -> dict[str, Any]:
    """What the page sends: the settings of the form and one row per field."""
    sent: dict[str, Any] = {
        "name": "Service", "is_active": "on", "needs_contact": "on", "asks_consent": "on",
        "consent_text": "I agree.", "fields-TOTAL_FORMS": len(fields),
        "fields-INITIAL_FORMS": sum("id" in row for row in fields),
    }  # fmt: skip
    for number, row in enumerate(fields):
        given = {"position": number + 1, "form": form.pk if form else "", **row}
        sent |= {f"fields-{number}-{name}": value for name, value in given.items()}
    return {name: value for name, value in (sent | values).items() if value is not None}


def test_a_form_is_made_with_its_fields(admin: Client) -> None:
    rows = (
        {"kind": "name", "is_required": "on"},
        {"kind": "phone"},
        {"kind": "choice", "label": "Product", "choices": "Table\nChair"},
    )
    assert admin.post(ADD, body(fields=rows)).status_code == 302
    form = CrmForm.objects.get(name="Service")
    kinds = [(field.key, field.kind, field.is_required) for field in form.fields.all()]
    assert kinds == [
        ("name", "name", True),
        ("phone", "phone", False),
        ("product", "choice", False),
    ]
    assert form.consent_version == 1


def test_the_version_rises_with_the_consent_and_with_nothing_else(admin: Client) -> None:
    form = CrmFormFactory(consent_text="I agree.")
    admin.post(page_of(form), body(form, title="Another title"))
    form.refresh_from_db()
    assert (form.title, form.consent_version) == ("Another title", 1)
    admin.post(page_of(form), body(form, consent_text="I agree to more."))
    form.refresh_from_db()
    assert form.consent_version == 2


def test_a_renamed_field_keeps_its_key(admin: Client) -> None:
    form = CrmFormFactory(fields=[{"kind": "text", "key": "order", "label": "Order"}])
    field = form.fields.get()
    rows = ({"id": field.pk, "kind": "text", "label": "Number of the order"},)
    assert admin.post(page_of(form), body(form, fields=rows)).status_code == 302
    field.refresh_from_db()
    assert (field.label, field.key) == ("Number of the order", "order")


def test_a_field_can_be_taken_away(admin: Client) -> None:
    form = CrmFormFactory(fields=[{"kind": "phone"}, {"kind": "email"}])
    rows = [{"id": field.pk, "kind": field.kind} for field in form.fields.all()]
    rows[1]["DELETE"] = "on"
    assert admin.post(page_of(form), body(form, fields=rows)).status_code == 302
    assert [field.key for field in form.fields.all()] == ["phone"]


@pytest.mark.parametrize(
    ("fields", "values", "sentence"),
    [
        (({"kind": "text"},), {}, "Write what the customer is asked for."),
        (({"kind": "choice", "label": "One", "choices": "Table"},), {},
         "Write at least two choices, one a line."),
        ((), {"default_country": "XX"}, "There is no country “XX”."),
        ((), {"is_default": "on", "is_active": None}, "The default form has to be active."),
        ((), {"is_default": "on"}, "Another form is the default for this language."),
        ((), {"privacy_url": "javascript:alert(1)"}, "Enter a valid URL."),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_with_the_field_named(
    admin: Client, fields: Any, values: dict[str, Any], sentence: str
) -> None:
    default_form()
    answer = admin.post(ADD, body(fields=fields, **values))
    assert answer.status_code == 200
    assert sentence in answer.content.decode()
    assert not CrmForm.objects.filter(name="Service").exists()


def test_the_default_form_and_one_that_was_used_are_not_deleted(admin: Client) -> None:
    form = default_form()
    delete = reverse("admin:crm_app_crmform_delete", args=[form.pk])
    assert admin.post(delete, {"post": "yes"}).status_code == 403
    used = FormSubmissionFactory().form
    admin.post(reverse("admin:crm_app_crmform_delete", args=[used.pk]), {"post": "yes"})
    assert CrmForm.objects.filter(pk__in=[form.pk, used.pk]).count() == 2


def test_what_was_sent_is_listed_by_form_and_read_only(admin: Client) -> None:
    one = FormSubmissionFactory(data={"name": "Paulo Anjos"})
    FormSubmissionFactory(data={"name": "Rita Souza"})
    everything = admin.get(SENT).content.decode()
    assert "Paulo Anjos" in everything
    assert "Rita Souza" in everything
    filtered = admin.get(SENT, {"form__id__exact": one.form_id}).content.decode()
    assert "Paulo Anjos" in filtered
    assert "Rita Souza" not in filtered
    path = reverse("admin:crm_app_formsubmission_change", args=[one.pk])
    assert admin.post(path, {"data": "{}"}).status_code == 403
    delete = reverse("admin:crm_app_formsubmission_delete", args=[one.pk])
    assert admin.post(delete, {"post": "yes"}).status_code == 403
    one.refresh_from_db()
    assert one.data == {"name": "Paulo Anjos"}


def test_what_was_sent_is_shown_as_text(admin: Client) -> None:
    one = FormSubmissionFactory(
        data={"name": "<script>alert(1)</script>"}, labels={"name": "<i>Name</i>"}
    )
    for path in (SENT, reverse("admin:crm_app_formsubmission_change", args=[one.pk])):
        text = admin.get(path).content.decode()
        assert "<script>alert" not in text
        assert "<i>Name" not in text
        assert "&lt;script&gt;" in text


def test_nobody_guesses_at_links_by_filters(admin: Client) -> None:
    one = FormSubmissionFactory()
    answer = admin.get(SENT, {"token__startswith": one.token[:2]})
    assert answer.status_code == 400
    assert one.token not in admin.get(SENT).content.decode()


def test_the_pages_need_their_right(client: Client) -> None:
    clerk = UserFactory(is_staff=True)
    client.force_login(clerk)
    assert client.get(SENT).status_code == 403
    assert client.get(LIST).status_code == 403
    clerk.user_permissions.add(Permission.objects.get(codename="view_formsubmission"))
    assert client.get(SENT).status_code == 200
    assert client.get(LIST).status_code == 403
    assert not FormSubmission.objects.exists()
