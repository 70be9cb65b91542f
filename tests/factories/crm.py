"""Factories of the card index."""

from __future__ import annotations

import datetime as dt
import importlib
from typing import Any

import factory
from django.apps import apps
from django.utils import timezone

from crm_app.models import (
    Contact,
    ContactPoint,
    CrmForm,
    CrmFormField,
    FieldKind,
    FormSubmission,
    Lead,
    LeadSource,
    Stage,
)
from crm_app.people import Point
from crm_app.services.form_links import form_link
from crm_app.services.leads import lead_source, status_of


class CrmFormFactory(factory.django.DjangoModelFactory[CrmForm]):
    """An active form with name, phone and e-mail. `fields=[{"kind": ...}, ...]` gives others."""

    class Meta:
        model = CrmForm
        skip_postgeneration_save = True

    name = factory.Sequence(lambda number: f"Internal form {number}")
    default_country = "BR"

    @factory.post_generation
    def fields(obj: CrmForm, create: bool, extracted: Any, **_kwargs: Any) -> None:  # noqa: N805
        wanted = extracted or [
            {"kind": FieldKind.NAME, "is_required": True},
            {"kind": FieldKind.PHONE},
            {"kind": FieldKind.EMAIL},
        ]
        for position, field in enumerate(wanted, start=1):
            values = {"key": field.get("kind"), "position": position, **field}
            CrmFormField.objects.create(form=obj, **values)


class FormSubmissionFactory(factory.django.DjangoModelFactory[FormSubmission]):
    """A form that was sent and handed on."""

    class Meta:
        model = FormSubmission

    form = factory.SubFactory(CrmFormFactory)
    token = factory.Sequence(lambda number: f"link{number}")
    data = factory.LazyFunction(lambda: {"name": "Paulo Anjos", "phone": "+5511983212345"})
    labels = factory.LazyFunction(lambda: {"name": "Name", "phone": "Phone"})
    consent_version = 1
    consent_text = "I agree."
    language = "en"
    submitted_at = factory.LazyFunction(timezone.now)
    handed_on_at = factory.LazyAttribute(lambda row: row.submitted_at)


def link_path(form: CrmForm, *, hours: float = 48, **options: Any) -> str:
    """The address of a form whose link is good for `hours` from now."""
    options = {"context": {"session": 5}, **options}
    return form_link(form=form, ttl=dt.timedelta(hours=hours), now=timezone.now(), **options)


def default_form() -> CrmForm:
    """The form that the migration makes; tests of other files may have emptied the tables."""
    importlib.import_module("crm_app.migrations.0003_default_form").form_make(apps, None)
    return CrmForm.objects.get(language="", is_default=True)


def lead_lists() -> None:
    """The statuses and the source that the migration makes."""
    importlib.import_module("crm_app.migrations.0005_lead_lists").lists_make(apps, None)


class ContactFactory(factory.django.DjangoModelFactory[Contact]):
    """A card. `points=[("phone", "+55..."), ("telegram", "77", "scope")]` puts points on it."""

    class Meta:
        model = Contact
        skip_postgeneration_save = True

    name = factory.Sequence(lambda number: f"Contact {number}")

    @factory.post_generation
    def points(obj: Contact, create: bool, extracted: Any, **_kwargs: Any) -> None:  # noqa: N805
        for given in extracted or ():
            point = Point(*given)
            ContactPoint.objects.create(
                contact=obj, kind=point.kind, value=point.value, scope=point.scope,
                is_identity=point.is_identity, created_at=timezone.now(),
            )  # fmt: skip


class LeadSourceFactory(factory.django.DjangoModelFactory[LeadSource]):
    """A source somebody made by hand."""

    class Meta:
        model = LeadSource

    name = factory.Sequence(lambda number: f"Source {number}")


class LeadFactory(factory.django.DjangoModelFactory[Lead]):
    """An open lead that began on a line. `stage="junk"` makes a closed one."""

    class Meta:
        model = Lead

    class Params:
        stage = "new"

    contact = factory.SubFactory(ContactFactory)
    title = factory.LazyAttribute(lambda row: row.contact.name)
    status = factory.LazyAttribute(lambda row: status_of(stage=Stage(row.stage)))
    source = factory.LazyFunction(lambda: lead_source(key="open_channel"))
    made_by_line = True
    created_at = factory.LazyFunction(timezone.now)
    changed_at = factory.LazyAttribute(lambda row: row.created_at)
    closed_at = factory.LazyAttribute(
        lambda row: row.created_at if row.stage in {"junk", "converted"} else None
    )
