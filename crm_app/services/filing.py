"""What a customer sent by a form goes onto a card, by the rules of any other first message."""

from __future__ import annotations

import datetime as dt

from crm_app.interface import crm
from crm_app.models import Contact, EntryKind, FieldKind, FormSubmission, Lead
from crm_app.people import Person, person_of
from crm_app.services.timeline import search_form, timeline_add, timeline_search_text_set

ORIGIN = "form"


def submission_file(*, submission: FormSubmission, now: dt.datetime) -> None:
    """Find or make the contact of a submission, extend him, and open a lead where one is due.

    The link's contact goes first; what stands on another card then proposes a merge. Without a
    phone or an e-mail a name makes nobody: the submission stays by itself. Doing it again changes
    nothing. In the transaction of the caller.
    """
    person = _person(submission)
    known = _linked(submission)
    if known is None and not person.points:
        return
    if known is None:
        known = crm().look_up(person=person).contact
    if known is None:
        contact = crm().create(person=person, now=now, origin=ORIGIN)
    else:
        added = crm().extend(contact=known, person=person, now=now, origin=ORIGIN)
        contact = added.contact
    lead = _lead(submission, contact, is_known=known is not None, now=now)
    submission.contact, submission.lead = contact, lead
    submission.save(update_fields=["contact", "lead"])
    key = str(submission.pk)
    timeline_add(
        contact=contact, lead=lead, kind=EntryKind.FORM, source="form", source_key=key,
        occurred_at=submission.submitted_at, now=now,
    )  # fmt: skip
    words = " ".join(str(value) for value in submission.data.values())
    timeline_search_text_set(source="form", source_key=key, text=search_form(words))


def _linked(submission: FormSubmission) -> Contact | None:
    """The card the link names; none when it was erased meanwhile."""
    contact = submission.contact
    return contact if contact is not None and contact.erased_at is None else None


def _person(submission: FormSubmission) -> Person:
    kinds = dict(submission.form.fields.values_list("key", "kind"))

    def values(kind: FieldKind) -> list[str]:
        # A field that was removed meanwhile is told by its key.
        return [str(value) for key, value in submission.data.items() if kinds.get(key, key) == kind]

    return person_of(
        name=" ".join(values(FieldKind.NAME)),
        phones=values(FieldKind.PHONE),
        emails=values(FieldKind.EMAIL),
    )


def _lead(
    submission: FormSubmission, contact: Contact, *, is_known: bool, now: dt.datetime
) -> Lead | None:
    rule = submission.lead_rule
    if rule == "always" or (rule == "new" and not is_known):
        return crm().lead_open(contact=contact, now=now, source=submission.lead_source).lead
    return crm().lead_of(contact=contact)
