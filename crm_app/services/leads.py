"""Leads: opening one, moving it through its statuses, ending it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from crm_app.models import Contact, EntryKind, Lead, LeadSource, LeadStatus, Stage
from crm_app.services.contacts import contact_lock
from crm_app.services.timeline import timeline_add
from openlines_project.lib.errors import ConflictError, InvalidError
from openlines_project.lib.text import clean_text

TITLE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class LeadOpened:
    """The open lead of a contact, and whether this call made it."""

    lead: Lead
    is_new: bool


def lead_create(
    *,
    contact: Contact,
    now: dt.datetime,
    source: LeadSource | None = None,
    title: str = "",
    responsible: User | None = None,
    actor: User | None = None,
    made_by_line: bool = True,
    origin: str = "",
) -> LeadOpened:
    """Open a lead, or give the one that is open.

    `made_by_line` is for whatever begins in a chat or with a form, also by an operator's button:
    a contact has one open lead, and a second call, from another channel or another operator at
    the same moment, gives the first one. False makes another lead each time (the CRM's own add
    page). Without `source` it is "Open channel". Raises `ConflictError` for an erased contact.
    """
    with transaction.atomic():
        card = contact_lock(contact_id=contact.pk)
        if made_by_line:
            # The contact is locked: nobody opens another one before this transaction ends.
            open_lead = lead_open_of(contact=card)
            if open_lead is not None:
                return LeadOpened(open_lead, is_new=False)
        lead = Lead.objects.create(
            contact=card,
            title=" ".join(clean_text(title or card.name, max_length=TITLE_LENGTH).split()),
            status=status_of(stage=Stage.NEW),
            source=source or lead_source(key=LeadSource.OPEN_CHANNEL),
            responsible=responsible,
            made_by_line=made_by_line,
            origin=origin,
            created_at=now,
            changed_at=now,
        )
        timeline_add(
            contact=card, lead=lead, kind=EntryKind.LEAD, title="opened", source="lead",
            source_key=f"{lead.pk}:opened", author=actor, now=now,
        )  # fmt: skip
    return LeadOpened(lead, is_new=True)


def lead_open_of(*, contact: Contact) -> Lead | None:
    """The open lead a chat with this contact belongs to: the one of a line, else the newest."""
    leads = Lead.objects.filter(contact=contact, closed_at__isnull=True)
    return leads.order_by("-made_by_line", "-pk").first()


def lead_source(*, key: str, name: str = "") -> LeadSource:
    """A source the product finds by itself, made on first use: "open_channel:3:telegram".

    `name` is what people read; they may change it later.
    """
    found = LeadSource.objects.filter(key=key).first()
    if found is not None:
        return found
    LeadSource.objects.bulk_create(
        [LeadSource(key=key, name=name, position=LeadSource.objects.count() + 1)],
        ignore_conflicts=True,
    )
    return LeadSource.objects.get(key=key)


def status_of(*, stage: Stage) -> LeadStatus:
    """The first status of a stage. One that an administrator removed is made again."""
    found = LeadStatus.objects.filter(stage=stage).order_by("position", "pk").first()
    return found or LeadStatus.objects.create(stage=stage, position=LeadStatus.objects.count() + 1)


def lead_convert(*, lead: Lead, actor: User | None, now: dt.datetime) -> Lead:
    """The case is won: it closes, its sessions keep it. Raises `ConflictError` "closed"."""
    return _close(lead, Stage.CONVERTED, actor, now)


def lead_junk(*, lead: Lead, actor: User | None, now: dt.datetime) -> Lead:
    """The case is none: it closes. Raises `ConflictError` "closed"."""
    return _close(lead, Stage.JUNK, actor, now)


def _close(lead: Lead, stage: Stage, actor: User | None, now: dt.datetime) -> Lead:
    with transaction.atomic():
        stored = _lead_lock(lead)
        if stored.closed_at is not None:
            raise ConflictError("closed", _("This lead is closed already."))
        return _move(stored, status_of(stage=stage), actor, now)


def lead_status_set(
    *, lead: Lead, status: LeadStatus, actor: User | None, now: dt.datetime
) -> Lead:
    """Move a lead to a status, also back from a closed one.

    Raises `ConflictError` "open_lead" when it would be the second open lead of its contact that
    began on a line.
    """
    with transaction.atomic():
        stored = _lead_lock(lead)
        return stored if stored.status_id == status.pk else _move(stored, status, actor, now)


def lead_update(
    *, lead: Lead, title: str, source: LeadSource | None, responsible: User | None, now: dt.datetime
) -> Lead:
    """Change what people may change by hand. Raises `InvalidError` with the field named."""
    if len(title) > TITLE_LENGTH:
        wrong = {"title": [_("At most %(most)d characters.") % {"most": TITLE_LENGTH}]}
        raise InvalidError("invalid", _("Some fields are wrong."), fields=wrong)
    with transaction.atomic():
        stored = _lead_lock(lead)
        stored.title = " ".join(clean_text(title, max_length=TITLE_LENGTH).split())
        stored.source, stored.responsible, stored.changed_at = source, responsible, now
        stored.save(update_fields=["title", "source", "responsible", "changed_at"])
    return stored


def _lead_lock(lead: Lead) -> Lead:
    """The lead, locked after its contact, which merging and opening lock too."""
    contact_lock(contact_id=lead.contact_id)
    return Lead.objects.select_for_update(no_key=True).get(pk=lead.pk)


def _move(lead: Lead, status: LeadStatus, actor: User | None, now: dt.datetime) -> Lead:
    opens_again = status.is_open and lead.closed_at is not None
    if opens_again and lead.made_by_line:
        others = Lead.objects.filter(
            contact_id=lead.contact_id, made_by_line=True, closed_at__isnull=True
        )
        if others.exists():
            raise ConflictError(
                "open_lead", _("The contact has an open lead. Close that one first.")
            )
    lead.status = status
    lead.changed_at = now
    if opens_again or not status.is_open:
        lead.closed_at = None if status.is_open else now
    lead.save(update_fields=["status", "changed_at", "closed_at"])
    timeline_add(
        contact=lead.contact, lead=lead, kind=EntryKind.LEAD, title=status.stage, source="lead",
        source_key=f"{lead.pk}:{now.timestamp()}", author=actor, text=status.name, now=now,
    )  # fmt: skip
    return lead
