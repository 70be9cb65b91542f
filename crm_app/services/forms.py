"""Forms: saving their texts, taking what customers send, handing it on."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from typing import Any, TypeVar

from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils import translation
from django.utils.text import slugify
from django.utils.translation import gettext as _

from crm_app.form_texts import consent_of
from crm_app.models import (
    Contact,
    CrmForm,
    CrmFormField,
    FieldKind,
    FormSubmission,
    LeadSource,
)
from crm_app.services.filing import submission_file
from crm_app.services.form_links import LeadRule
from crm_app.signals import form_filed, form_submitted
from openlines_project.lib.errors import InvalidError

ModelT = TypeVar("ModelT", bound=Model)

logger = logging.getLogger(__name__)

HAND_ON_AGAIN = dt.timedelta(minutes=1)
HAND_ON_BATCH = 50
CONTACT_KINDS = frozenset({FieldKind.PHONE, FieldKind.EMAIL})
_KEYED_BY_KIND = CONTACT_KINDS | {FieldKind.NAME}


def crm_form_save(*, form: CrmForm) -> CrmForm:
    """Store a form that was validated. Another consent text is another version of it."""
    with transaction.atomic():
        if form.pk:
            stored = CrmForm.objects.select_for_update(no_key=True).get(pk=form.pk)
            form.consent_version = stored.consent_version
            was = (stored.consent_text, stored.privacy_url)
            if was != (form.consent_text, form.privacy_url):
                form.consent_version += 1
        form.save()
    return form


def form_field_key(field: CrmFormField) -> str:
    """A key for a new field: of its label or its kind, unlike those its form has already."""
    taken = {"consent", *CrmFormField.objects.filter(form=field.form).values_list("key", flat=True)}
    base = slugify(field.label)[:32] if field.kind not in _KEYED_BY_KIND else field.kind
    base = base or field.kind
    key, number = base, 2
    while key in taken:
        key, number = f"{base}-{number}", number + 1
    return key


def form_submit(
    *,
    form: CrmForm,
    token_id: str,
    context: Mapping[str, Any],
    data: Mapping[str, str],
    has_consented: bool,
    now: dt.datetime,
    contact_id: int | None = None,
    lead_rule: LeadRule = "new",
    lead_source_id: int | None = None,
) -> FormSubmission:
    """Store what a customer sent by one link, put it on his card, and tell `form_submitted`.

    `data` has values by the keys of the form's fields, checked and in one spelling; empty ones
    may be missing. The last three are what the link says: see `form_link`. The language at hand
    is the one the customer read the form in. A link is good for one submission: a second one
    gives the first again, whatever it holds.

    When the CRM or a listener fails, the submission is stored all the same and handed on later by
    `form_submissions_sweep`: what a customer typed is not lost by a fault elsewhere.
    Raises `InvalidError` without the consent the form asks for, without what it requires, and
    for a key it does not have.
    """
    if (first := FormSubmission.objects.filter(token=token_id).first()) is not None:
        return first
    values = _values_check(form, data, has_consented=has_consented)
    fields = {field.key: field for field in form.fields.all()}
    consent = consent_of(form)

    def stored(**state: Any) -> FormSubmission:
        return FormSubmission.objects.create(
            form=form,
            token=token_id,
            data=values,
            labels={key: fields[key].shown_label for key in values},
            consent_version=form.consent_version if consent else None,
            consent_text=consent,
            language=translation.get_language() or "",
            context=dict(context),
            submitted_at=now,
            contact=_found(Contact, contact_id),
            lead_rule=lead_rule,
            lead_source=_found(LeadSource, lead_source_id),
            **state,
        )

    try:
        try:
            with transaction.atomic():
                submission = stored(handed_on_at=now)
                _hand_on(submission, now)
                return submission
        except Exception:
            # Two at once: the other one was first.
            if (first := FormSubmission.objects.filter(token=token_id).first()) is not None:
                return first
            logger.exception("A form submission could not be handed on yet")
        with transaction.atomic():
            return stored(hand_on_due_at=now + HAND_ON_AGAIN)
    except IntegrityError:
        return FormSubmission.objects.get(token=token_id)


def form_submissions_sweep(*, now: dt.datetime) -> int:
    """Hand on what could not be handed on before, each in a transaction; how many it was."""
    due = FormSubmission.objects.filter(hand_on_due_at__lte=now).order_by("hand_on_due_at")
    return sum(
        submission_hand_on(submission_id=pk, now=now)
        for pk in list(due.values_list("pk", flat=True)[:HAND_ON_BATCH])
    )


def submission_hand_on(*, submission_id: int, now: dt.datetime) -> bool:
    """Tell `form_submitted` of a submission that waits for it. A failure is put off once more."""
    waiting = FormSubmission.objects.filter(pk=submission_id, hand_on_due_at__isnull=False)
    try:
        with transaction.atomic():
            if not waiting.update(hand_on_due_at=None, handed_on_at=now):
                return False
            _hand_on(FormSubmission.objects.get(pk=submission_id), now)
    except Exception:
        logger.exception("A form submission could not be handed on again")
        waiting.update(hand_on_due_at=now + HAND_ON_AGAIN)
        return False
    return True


def _hand_on(submission: FormSubmission, now: dt.datetime) -> None:
    """In the order of the locks: the conversation of who listens, then the CRM's own rows."""
    fact = {"submission": submission, "context": submission.context, "now": now}
    form_submitted.send(sender=FormSubmission, **fact)
    submission_file(submission=submission, now=now)
    form_filed.send(sender=FormSubmission, **fact)


def _found(model: type[ModelT], pk: int | None) -> ModelT | None:
    """The row a link names, if it is still there."""
    return None if pk is None else model._default_manager.filter(pk=pk).first()


def _values_check(form: CrmForm, data: Mapping[str, str], *, has_consented: bool) -> dict[str, str]:
    """The values that are there, in the order of the fields. Raises `InvalidError`."""
    fields = list(form.fields.all())
    values = {field.key: data[field.key] for field in fields if data.get(field.key)}
    wrong = {
        key: [_("This form has no such field.")] for key in set(data) - {f.key for f in fields}
    }
    for field in fields:
        if field.is_required and field.key not in values:
            wrong[field.key] = [_("Fill this in.")]
    ways = [field.key for field in fields if field.kind in CONTACT_KINDS]
    if form.needs_contact and ways and not any(key in values for key in ways):
        wrong.setdefault(ways[0], [_("Leave a phone number or an e-mail address.")])
    if form.asks_consent and not has_consented:
        wrong["consent"] = [_("Tick this box, or we may not keep your details.")]
    if wrong:
        raise InvalidError("invalid", _("Some fields are wrong."), fields=wrong)
    return values
