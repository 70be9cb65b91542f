"""Taking what customers send by forms."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation

from crm_app.models import CrmForm, CrmFormField, FormSubmission
from crm_app.selectors import crm_form_default
from crm_app.services.forms import (
    crm_form_save,
    form_field_key,
    form_submissions_sweep,
    form_submit,
)
from crm_app.signals import form_submitted
from openlines_project.lib.errors import InvalidError
from tests.channels_app.services.test_delivery_at_once import at_once
from tests.factories import moment
from tests.factories.crm import CrmFormFactory, default_form

pytestmark = pytest.mark.django_db
DATA = {"name": "Paulo Anjos", "phone": "+5511983212345"}


def submit(form: CrmForm, **options: Any) -> FormSubmission:
    given: dict[str, Any] = {
        "token_id": "link1", "context": {"session": 5}, "data": DATA, "has_consented": True,
        "now": moment(),
    }  # fmt: skip
    return form_submit(form=form, **(given | options))


class Listener:
    """Hears of submissions; fails as long as `error` is set."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, Any, dt.datetime]] = []
        self.error: Exception | None = None

    def __call__(self, submission: FormSubmission, context: Any, now: Any, **_rest: Any) -> None:
        if self.error is not None:
            raise self.error
        self.heard.append((submission.pk, context, now))


@pytest.fixture
def listener() -> Iterator[Listener]:
    """The only one who hears of submissions in this test."""
    before = form_submitted.receivers
    heard = Listener()
    form_submitted.receivers = []
    form_submitted.sender_receivers_cache.clear()
    form_submitted.connect(heard, weak=False)
    yield heard
    form_submitted.receivers = before
    form_submitted.sender_receivers_cache.clear()


def test_a_submission_keeps_what_was_sent_and_what_was_agreed_to(listener: Listener) -> None:
    form = CrmFormFactory(consent_text="I agree to everything.", consent_version=3)
    submission = submit(form)
    submission.refresh_from_db()
    assert submission.data == DATA
    assert submission.labels == {"name": "Name", "phone": "Phone"}
    assert (submission.consent_version, submission.consent_text) == (3, "I agree to everything.")
    assert (submission.submitted_at, submission.handed_on_at) == (moment(), moment())
    assert listener.heard == [(submission.pk, {"session": 5}, moment())]


def test_our_own_words_are_kept_in_the_language_they_were_read_in(listener: Listener) -> None:
    with translation.override("pt-br"):
        submission = submit(CrmFormFactory())
    assert submission.language == "pt-br"
    with translation.override("en"):
        other = submit(CrmFormFactory(), token_id="link2")
    assert other.consent_text == "I agree that these details are stored and used to answer me."


def test_a_form_without_consent_records_none(listener: Listener) -> None:
    submission = submit(CrmFormFactory(asks_consent=False), has_consented=False)
    assert (submission.consent_version, submission.consent_text) == (None, "")


def test_a_link_is_good_for_one_submission(listener: Listener) -> None:
    form = CrmFormFactory()
    first = submit(form)
    second = submit(form, data={"name": "Somebody else", "email": "other@example.com"})
    assert second.pk == first.pk
    assert second.data == DATA
    assert FormSubmission.objects.count() == len(listener.heard) == 1


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"has_consented": False}, "consent"),
        ({"data": {"phone": "+5511983212345"}}, "name"),
        ({"data": {"name": "Paulo"}}, "phone"),
        ({"data": {**DATA, "is_staff": "1"}}, "is_staff"),
    ],
)
def test_what_is_missing_or_too_much_is_refused(
    listener: Listener, options: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidError) as refusal:
        submit(CrmFormFactory(), **options)
    assert set(refusal.value.fields) == {field}
    assert not FormSubmission.objects.exists()
    assert listener.heard == []


def test_a_form_may_do_without_a_way_to_reach_the_person(listener: Listener) -> None:
    assert submit(CrmFormFactory(needs_contact=False), data={"name": "Paulo"}).data == {
        "name": "Paulo"
    }


def test_a_failing_listener_loses_nothing_and_hears_of_it_later(listener: Listener) -> None:
    listener.error = RuntimeError("the desk is on fire")
    submission = submit(CrmFormFactory())
    assert submission.data == DATA
    assert FormSubmission.objects.filter(handed_on_at__isnull=True).count() == 1
    assert form_submissions_sweep(now=moment(0, 59)) == 0
    # It fails once more, then not.
    assert form_submissions_sweep(now=moment(1)) == 0
    listener.error = None
    assert form_submissions_sweep(now=moment(1, 30)) == 0
    assert form_submissions_sweep(now=moment(2)) == 1
    assert form_submissions_sweep(now=moment(60)) == 0
    submission.refresh_from_db()
    assert (submission.handed_on_at, submission.hand_on_due_at) == (moment(2), None)
    assert listener.heard == [(submission.pk, {"session": 5}, moment(2))]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_many_who_press_send_at_once_are_one_submission(listener: Listener) -> None:
    form = CrmFormFactory()
    found: list[int] = []
    at_once(*[lambda: found.append(submit(form).pk)] * 8)
    assert len(found) == 8
    assert set(found) == {FormSubmission.objects.get().pk}
    assert len(listener.heard) == 1


# --- the maker's side ---------------------------------------------------------------------


def test_another_consent_is_another_version_and_other_texts_are_not() -> None:
    form = CrmFormFactory(consent_text="One")
    form.title = "Another title"
    assert crm_form_save(form=form).consent_version == 1
    form.consent_text = "Two"
    assert crm_form_save(form=form).consent_version == 2
    form.privacy_url = "https://example.com/privacy"
    assert crm_form_save(form=form).consent_version == 3
    assert CrmForm.objects.get(pk=form.pk).consent_version == 3


def test_an_old_copy_of_a_form_does_not_turn_the_version_back() -> None:
    form = CrmFormFactory(consent_text="One")
    old = CrmForm.objects.get(pk=form.pk)
    form.consent_text = "Two"
    crm_form_save(form=form)
    old.consent_text = "Three"
    assert crm_form_save(form=old).consent_version == 3


def test_keys_come_from_labels_and_kinds_and_do_not_meet() -> None:
    form = CrmFormFactory(fields=[{"kind": "phone"}, {"kind": "text", "key": "product"}])

    def key(**values: Any) -> str:
        return form_field_key(CrmFormField(form=form, **values))

    assert key(kind="phone", label="Mobile") == "phone-2"
    assert key(kind="text", label="Product") == "product-2"
    assert key(kind="text", label="Order number") == "order-number"
    assert key(kind="text", label="Город") == "text"
    assert key(kind="text", label="Consent") == "consent-2"


def test_the_default_form_is_there_from_the_beginning() -> None:
    form = default_form()
    assert (form.is_default, form.is_active, form.asks_consent) == (True, True, True)
    fields = [(field.kind, field.is_required) for field in form.fields.all()]
    assert fields == [("name", True), ("phone", False), ("email", False)]
    assert crm_form_default(language="pt-br") == form


def test_a_language_may_have_a_default_of_its_own() -> None:
    general = default_form()
    ours = CrmFormFactory(language="pt-br", is_default=True)
    CrmFormFactory(language="en", is_default=True, is_active=False)
    assert crm_form_default(language="pt-br") == ours
    assert crm_form_default(language="en") == general
