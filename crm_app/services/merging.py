"""One person on two cards becomes one card; two persons on one card become two."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from crm_app.models import (
    Contact,
    ContactPoint,
    EntryKind,
    FormSubmission,
    Lead,
    MergeProposal,
    TimelineEntry,
)
from crm_app.people import NAME_LENGTH, Point
from crm_app.services.contacts import contact_lock, merge_propose
from crm_app.services.matching import match_keys_lock
from crm_app.services.timeline import timeline_add
from crm_app.signals import contact_was_split, contacts_changing, contacts_merged
from openlines_project.lib.errors import ConflictError, InvalidError
from openlines_project.lib.text import clean_text

# What the winner takes over where he has nothing himself.
FILLED = ("name", "company", "responsible_id")


@dataclass(frozen=True, slots=True)
class MergePreview:
    """What a merge would do. `fills` are the fields the winner takes over, with their values."""

    winner: Contact
    loser: Contact
    points: tuple[ContactPoint, ...]
    fills: dict[str, Any]
    custom: dict[str, Any]
    leads: int
    entries: int
    # Both have an open lead that began on a line: the loser's goes on as an ordinary one.
    two_open_leads: bool


def contacts_merge_preview(*, winner: Contact, loser: Contact) -> MergePreview:
    """What `contacts_merge` would move, without writing. Raises `InvalidError`, `ConflictError`."""
    _mergeable_check(winner, loser)
    own = {(row.kind, row.scope, row.value) for row in winner.points.all()}
    return MergePreview(
        winner=winner,
        loser=loser,
        points=tuple(
            row for row in loser.points.all() if (row.kind, row.scope, row.value) not in own
        ),
        fills=_fills(winner, loser),
        custom=_custom(winner, loser),
        leads=loser.leads.count(),
        entries=loser.timeline.count(),
        two_open_leads=_open_of_line(winner).exists() and _open_of_line(loser).exists(),
    )


def contacts_merge(
    *, winner: Contact, loser: Contact, actor: User | None, now: dt.datetime
) -> Contact:
    """Put the loser's card into the winner's: points, leads, history, forms.

    What the winner has is kept, what he lacks is taken over. The loser stays as an empty card
    that leads to the winner, so that what still names it finds its way. Open sessions of both
    stay two, on their conversations, whose addresses do not move: `contacts_merged` lets the apps
    above move what is theirs. Two open leads stay two; nothing is closed by a merge.
    Raises `InvalidError` for a card with itself, `ConflictError` for one merged or erased already.
    """
    with transaction.atomic():
        contacts_changing.send(sender=Contact, contact_ids=[winner.pk, loser.pk], now=now)
        points = ContactPoint.objects.filter(contact__in=[winner, loser])
        match_keys_lock(points=[_point(row) for row in points])
        # By number, like everybody who locks two.
        locked = {
            contact.pk: contact
            for contact in Contact.objects.select_for_update(no_key=True)
            .filter(pk__in=[winner.pk, loser.pk])
            .order_by("pk")
        }
        keeps, goes = locked[winner.pk], locked[loser.pk]
        _mergeable_check(keeps, goes)
        for name, value in _fills(keeps, goes).items():
            setattr(keeps, name, value)
        keeps.custom = {**keeps.custom, **_custom(keeps, goes)}
        activity = [moment for moment in (keeps.last_activity_at, goes.last_activity_at) if moment]
        keeps.last_activity_at = max(activity, default=None)
        keeps.save(update_fields=[*FILLED_COLUMNS, "custom", "last_activity_at"])
        _points_move(keeps, goes)
        if _open_of_line(keeps).exists():
            _open_of_line(goes).update(made_by_line=False)
        Lead.objects.filter(contact=goes).update(contact=keeps)
        TimelineEntry.objects.filter(contact=goes).update(contact=keeps)
        FormSubmission.objects.filter(contact=goes).update(contact=keeps)
        Contact.objects.filter(merged_into=goes).update(merged_into=keeps)
        goes.merged_into = keeps
        goes.save(update_fields=["merged_into"])
        _proposals_move(keeps, goes, actor, now)
        timeline_add(
            contact=keeps, kind=EntryKind.CARD, title="merged", text=goes.name, source="card",
            source_key=f"merged:{goes.pk}", author=actor, now=now,
        )  # fmt: skip
        contacts_merged.send(sender=Contact, winner=keeps, loser=goes, now=now)
    return keeps


def contact_split(
    *,
    contact: Contact,
    point_ids: Sequence[int],
    actor: User | None,
    now: dt.datetime,
    name: str = "",
) -> Contact:
    """Give some of a card's points to a new card, because they were another person's.

    `contact_was_split` lets the apps above move the conversations of these identities and, with
    `timeline_move`, their sessions' entries; leads stay. The two are not proposed for merging
    again. Raises `InvalidError` for no point, another card's, or all of them.
    """
    with transaction.atomic():
        contacts_changing.send(sender=Contact, contact_ids=[contact.pk], now=now)
        rows = list(ContactPoint.objects.filter(pk__in=point_ids, contact=contact))
        match_keys_lock(points=[_point(row) for row in rows])
        card = contact_lock(contact_id=contact.pk)
        moving = ContactPoint.objects.filter(contact=card, pk__in=[row.pk for row in rows])
        if not rows or moving.count() != len(set(point_ids)):
            raise InvalidError("points", _("Choose what goes to the new card."))
        if moving.count() == card.points.count():
            raise InvalidError("points", _("Something has to stay on the card."))
        new = Contact.objects.create(
            name=" ".join(clean_text(name, max_length=NAME_LENGTH).split()),
            last_activity_at=now,
        )
        moving.update(contact=new)
        merge_propose(contact_id=card.pk, other_id=new.pk, point=_point(rows[0]), now=now)
        MergeProposal.objects.filter(contact=card, other=new).update(
            decision=MergeProposal.Decision.APART, decided_at=now, decided_by=actor
        )
        timeline_add(
            contact=card, kind=EntryKind.CARD, title="split", text=f"#{new.pk}", source="card",
            source_key=f"split:{new.pk}", author=actor, now=now,
        )  # fmt: skip
        contact_was_split.send(
            sender=Contact, contact=card, new_contact=new,
            points=tuple(_point(row) for row in rows), now=now,
        )  # fmt: skip
    return new


def _mergeable_check(winner: Contact, loser: Contact) -> None:
    if winner.pk == loser.pk:
        raise InvalidError("same", _("Choose two different contacts."))
    for contact in (winner, loser):
        if contact.merged_into_id is not None:
            raise ConflictError("merged", _("One of the contacts was merged already."))
        if contact.erased_at is not None:
            raise ConflictError("erased", _("This contact was erased."))


FILLED_COLUMNS = tuple(name.removesuffix("_id") for name in FILLED)


def _fills(winner: Contact, loser: Contact) -> dict[str, Any]:
    return {
        name: getattr(loser, name)
        for name in FILLED
        if not getattr(winner, name) and getattr(loser, name)
    }


def _custom(winner: Contact, loser: Contact) -> dict[str, Any]:
    return {key: value for key, value in loser.custom.items() if key not in winner.custom}


def _open_of_line(contact: Contact) -> Any:
    return Lead.objects.filter(contact=contact, made_by_line=True, closed_at__isnull=True)


def _point(row: ContactPoint) -> Point:
    return Point(kind=row.kind, value=row.value, scope=row.scope)


def _points_move(winner: Contact, loser: Contact) -> None:
    own = {_point(row) for row in winner.points.all()}
    rows = list(loser.points.all())
    doubled = [row.pk for row in rows if _point(row) in own]
    ContactPoint.objects.filter(pk__in=doubled).delete()
    ContactPoint.objects.filter(contact=loser).update(contact=winner)


def _proposals_move(winner: Contact, loser: Contact, actor: User | None, now: dt.datetime) -> None:
    """The pair is decided; what else was asked of the loser is asked of the winner."""
    pair = Q(contact=winner, other=loser) | Q(contact=loser, other=winner)
    MergeProposal.objects.filter(pair).update(
        decision=MergeProposal.Decision.MERGED, decided_at=now, decided_by=actor
    )
    rest = MergeProposal.objects.filter(Q(contact=loser) | Q(other=loser), decided_at__isnull=True)
    for proposal in rest:
        third = proposal.other_id if proposal.contact_id == loser.pk else proposal.contact_id
        point = Point(kind=proposal.kind, value=proposal.value)
        merge_propose(contact_id=winner.pk, other_id=third, point=point, now=now)
    rest.delete()
