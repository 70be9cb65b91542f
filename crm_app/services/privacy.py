"""Everything about a person: handed out as data, and taken away for good."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Model, Q

from crm_app.models import (
    Contact,
    ContactPoint,
    FormSubmission,
    Lead,
    MergeProposal,
    TimelineEntry,
    Tombstone,
)
from crm_app.people import Point
from crm_app.services.matching import match_keys_lock
from crm_app.signals import contact_erased, contacts_changing
from crm_app.timeline import entries_export
from openlines_project.lib.people import person_name

SALT = "openlines.crm.tombstone"


def contact_export(*, contact: Contact) -> dict[str, Any]:
    """Everything the card index has of a contact, as JSON values.

    Entries of the history come whole, with what the apps above know of them.
    """
    leads = contact.leads.select_related("status", "source", "responsible")
    return {
        "id": contact.pk,
        "name": contact.name,
        "company": contact.company,
        "responsible": person_name(contact.responsible),
        "custom": contact.custom,
        "created_at": contact.created_at.isoformat(),
        "points": [
            {
                "kind": row.kind, "scope": row.scope, "value": row.value, "from": row.origin,
                "created_at": row.created_at.isoformat(),
            }
            for row in contact.points.all()
        ],
        "merged_from": list(contact.merged.values_list("pk", flat=True)),
        "leads": [
            {
                "id": lead.pk, "title": lead.title, "status": str(lead.status),
                "source": str(lead.source) if lead.source else "", "custom": lead.custom,
                "responsible": person_name(lead.responsible),
                "created_at": lead.created_at.isoformat(),
                "closed_at": lead.closed_at.isoformat() if lead.closed_at else None,
            }
            for lead in leads
        ],
        "forms": [
            {
                "form": row.form.name, "data": row.data, "labels": row.labels,
                "consent_text": row.consent_text, "consent_version": row.consent_version,
                "submitted_at": row.submitted_at.isoformat(),
            }
            for row in contact.submissions.select_related("form")
        ],
        "history": entries_export(list(contact.timeline.all())),
    }  # fmt: skip


def contact_erase(*, contact: Contact, now: dt.datetime) -> bool:
    """Take away everything that says who a contact was. False: there was nothing left.

    The card stays as a number, its leads as figures without a title. Of phones, e-mails and
    identities a keyed hash is kept (`Tombstone`), so that what a platform delivers once more from
    before is recognised: see `erased_at`. `contact_erased` lets the apps above do the same with
    conversations, messages and files, in this transaction.
    """
    with transaction.atomic():
        root = contact.merged_into_id or contact.pk
        of_him = Q(pk=root) | Q(merged_into=root)
        ids = list(Contact.objects.filter(of_him).values_list("pk", flat=True))
        contacts_changing.send(sender=Contact, contact_ids=ids, now=now)
        match_keys_lock(points=_points_of(ids))
        cards = list(Contact.objects.select_for_update(no_key=True).filter(of_him).order_by("pk"))
        card = next(row for row in cards if row.pk == root)
        if card.erased_at is not None:
            return False
        ids = [row.pk for row in cards]
        points = _points_of(ids)
        Tombstone.objects.bulk_create(
            (Tombstone(digest=point.digest(salt=SALT), erased_at=now)
             for point in sorted(set(points))),
            update_conflicts=True, unique_fields=["digest"], update_fields=["erased_at"],
        )  # fmt: skip
        ContactPoint.objects.filter(contact__in=ids).delete()
        TimelineEntry.objects.filter(contact__in=ids).delete()
        proposals = MergeProposal.objects.filter(Q(contact__in=ids) | Q(other__in=ids))
        _log_forget(MergeProposal, proposals.values_list("pk", flat=True))
        proposals.delete()
        FormSubmission.objects.filter(contact__in=ids).update(data={}, labels={}, context={})
        leads = Lead.objects.filter(contact__in=ids)
        _log_forget(Lead, leads.values_list("pk", flat=True))
        leads.update(title="", custom={})
        _log_forget(Contact, ids)
        Contact.objects.filter(pk__in=ids).update(
            name="", company="", custom={}, responsible=None, last_activity_at=None, erased_at=now
        )
        identities = tuple(point for point in points if point.is_identity)
        contact_erased.send(sender=Contact, contact=card, identities=identities, now=now)
    return True


def erased_at(*, points: Iterable[Point]) -> dt.datetime | None:
    """When somebody with one of these points was erased last; None for nobody.

    What a platform says happened before that moment is dropped; who writes anew is new.
    """
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [point.digest(salt=SALT, secret=key) for point in points for key in keys]
    found = Tombstone.objects.filter(digest__in=digests).order_by("-erased_at").first()
    return found.erased_at if found else None


def _points_of(contact_ids: list[int]) -> list[Point]:
    rows = ContactPoint.objects.filter(contact__in=contact_ids)
    return [Point(*row) for row in rows.values_list("kind", "value", "scope").order_by("pk")]


def _log_forget(model: type[Model], ids: Iterable[int]) -> None:
    """The administration's own history repeats names: it keeps who did what, not to whom."""
    numbers = [str(pk) for pk in ids]
    LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(model), object_id__in=numbers
    ).update(object_repr="", change_message="")
