"""What was sent by a form goes onto a card, by the rules of any first message."""

from __future__ import annotations

from typing import Any

import pytest

from crm_app.models import (
    Contact,
    FormSubmission,
    Lead,
    MatchKey,
    MergeProposal,
    TimelineEntry,
)
from crm_app.services.filing import submission_file
from crm_app.services.forms import form_submissions_sweep, form_submit
from crm_app.signals import form_filed, form_submitted
from crm_app.timeline import entries_render
from tests.channels_app.services.test_delivery_at_once import at_once
from tests.crm_app.services.signals import heard
from tests.factories import moment
from tests.factories.crm import ContactFactory, CrmFormFactory, LeadFactory, LeadSourceFactory

pytestmark = pytest.mark.django_db
PHONE, MAIL = "+5511983212345", "paulo@example.com"


def sent(link: str = "link1", form: Any = None, **options: Any) -> FormSubmission:
    given: dict[str, Any] = {
        "context": {}, "has_consented": True, "now": moment(),
        "data": {"name": "Paulo Anjos", "phone": PHONE, "email": MAIL},
    }  # fmt: skip
    return form_submit(form=form or CrmFormFactory(), token_id=link, **(given | options))


def test_a_stranger_becomes_a_contact_with_a_lead() -> None:
    with heard(form_filed) as signals:
        submission = sent(context={"session": 5})
    submission.refresh_from_db()
    contact, lead = Contact.objects.get(), Lead.objects.get()
    assert contact.name == "Paulo Anjos"
    assert set(contact.points.values_list("value", "origin")) == {(PHONE, "form"), (MAIL, "form")}
    assert (submission.contact, submission.lead) == (contact, lead)
    assert (lead.status.stage, lead.source and lead.source.key) == ("new", "open_channel")
    # Who listens finds both.
    (signal,) = signals
    assert (signal["submission"].contact, signal["submission"].lead) == (contact, lead)
    assert signal["context"] == {"session": 5}
    entry = TimelineEntry.objects.get(source="form")
    assert (entry.contact, entry.lead, entry.source_key) == (contact, lead, str(submission.pk))
    (shown,) = entries_render([entry], None)
    assert shown.title == "Form sent"
    assert ("Phone", PHONE) in shown.lines


def test_who_listens_locks_his_rows_before_the_crm_locks_its_own() -> None:
    seen: list[tuple[str, int]] = []

    def submitted(**_values: Any) -> None:
        seen.append(("submitted", MatchKey.objects.count()))

    def filed(**_values: Any) -> None:
        seen.append(("filed", MatchKey.objects.count()))

    form_submitted.connect(submitted, weak=False)
    form_filed.connect(filed, weak=False)
    try:
        sent()
    finally:
        form_submitted.disconnect(submitted)
        form_filed.disconnect(filed)
    assert seen == [("submitted", 0), ("filed", 2)]


def test_a_known_client_is_extended_and_gets_no_other_lead() -> None:
    known = ContactFactory(name="Paulo", points=[("phone", PHONE)])
    submission = sent()
    assert submission.contact == known
    assert submission.lead is None
    assert set(known.points.values_list("value", flat=True)) == {PHONE, MAIL}
    known.refresh_from_db()
    assert known.name == "Paulo"


def test_a_known_clients_open_lead_is_the_forms() -> None:
    lead = LeadFactory(contact__points=[("email", MAIL)])
    assert sent().lead == lead
    assert Lead.objects.count() == 1


@pytest.mark.parametrize(("rule", "of_stranger", "of_known"), [
    ("new", 1, 0), ("always", 1, 1), ("never", 0, 0),
])  # fmt: skip
def test_the_link_says_for_whom_a_lead_is_opened(
    rule: str, of_stranger: int, of_known: int
) -> None:
    source = LeadSourceFactory()
    options: dict[str, Any] = {"lead_rule": rule, "lead_source_id": source.pk}
    sent(**options)
    assert Lead.objects.filter(source=source).count() == of_stranger
    ContactFactory(points=[("email", "rita@example.com")])
    sent("link2", data={"name": "Rita", "email": "rita@example.com"}, **options)
    assert Lead.objects.filter(source=source).count() == of_stranger + of_known


def test_the_links_contact_goes_before_who_has_the_phone() -> None:
    known, other = ContactFactory(), ContactFactory(points=[("phone", PHONE)])
    submission = sent(contact_id=known.pk)
    assert submission.contact == known
    assert list(known.points.values_list("value", flat=True)) == [MAIL]
    proposal = MergeProposal.objects.get()
    assert (proposal.contact, proposal.other) == (known, other)


def test_the_links_contact_was_merged_or_erased_meanwhile() -> None:
    winner = ContactFactory()
    assert sent(contact_id=ContactFactory(merged_into=winner).pk).contact == winner
    erased = ContactFactory(erased_at=moment())
    submission = sent(
        "link2", contact_id=erased.pk, data={"name": "Rita", "email": "rita@example.com"}
    )
    assert submission.contact not in {None, erased, winner}


def test_a_name_alone_makes_nobody() -> None:
    submission = sent(form=CrmFormFactory(needs_contact=False), data={"name": "Paulo"})
    assert (submission.contact, submission.lead) == (None, None)
    assert not Contact.objects.exists()


def test_filing_again_changes_nothing() -> None:
    submission = sent()
    submission_file(submission=submission, now=moment(5))
    assert (Contact.objects.count(), Lead.objects.count()) == (1, 1)
    assert TimelineEntry.objects.filter(source="form").count() == 1


def test_a_fault_of_the_crm_loses_no_form(monkeypatch: pytest.MonkeyPatch) -> None:
    from crm_app.services import forms

    def fail(**_values: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(forms, "submission_file", fail)
        submission = sent()
    assert (submission.contact, submission.handed_on_at) == (None, None)
    assert form_submissions_sweep(now=moment(2)) == 1
    submission.refresh_from_db()
    assert submission.contact is not None
    assert submission.lead is not None


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_one_number_typed_into_many_forms_at_once_is_one_contact_and_one_lead() -> None:
    forms = [CrmFormFactory(), CrmFormFactory()]

    def work(number: int) -> Any:
        data = {"name": ["Paulo", "P. Anjos"][number % 2], "phone": PHONE}
        return lambda: sent(f"link{number}", form=forms[number % 2], data=data)

    at_once(*[work(number) for number in range(12)])
    assert FormSubmission.objects.filter(handed_on_at__isnull=False).count() == 12
    assert (Contact.objects.count(), Lead.objects.count()) == (1, 1)
