"""Factories of the card index."""

from __future__ import annotations

import datetime as dt
import importlib
from typing import Any

import factory
from django.apps import apps
from django.utils import timezone

from crm_app.models import CrmForm, CrmFormField, FieldKind, FormSubmission
from crm_app.services.form_links import form_link


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
