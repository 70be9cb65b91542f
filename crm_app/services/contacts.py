"""Contacts: making and extending them, their points, their responsible."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from crm_app.models import Contact, ContactPoint, Lead, MergeProposal
from crm_app.people import NAME_LENGTH, Person, Point
from crm_app.services.custom_fields import custom_values_check
from crm_app.services.matching import match_keys_lock
from crm_app.signals import contact_points_added
from openlines_project.lib.errors import ConflictError, InvalidError
from openlines_project.lib.text import clean_text

# Deeper chains of merged cards than this are a fault.
MERGE_DEPTH = 50


@dataclass(frozen=True, slots=True)
class PointsAdded:
    """What became of points: `added` are new on the card, `elsewhere` stand on another one."""

    contact: Contact
    added: tuple[Point, ...] = ()
    elsewhere: tuple[tuple[Point, int], ...] = ()


def contact_lock(*, contact_id: int) -> Contact:
    """The contact, locked until the transaction ends; of a merged one the card it went into.

    Raises `ConflictError` "erased" for a card with nothing left.
    """
    for _step in range(MERGE_DEPTH):
        contact = Contact.objects.select_for_update(no_key=True).get(pk=contact_id)
        if contact.erased_at is not None:
            raise ConflictError("erased", _("This contact was erased."))
        if contact.merged_into_id is None:
            return contact
        contact_id = contact.merged_into_id
    raise RuntimeError(f"Contact {contact_id} was merged in a circle.")


def contact_create(
    *,
    person: Person,
    now: dt.datetime,
    origin: str = "",
    responsible: User | None = None,
    company: str = "",
) -> Contact:
    """A new card. Look for the person first, in the same transaction: `contact_match`.

    Phones and e-mails may stand on other cards, an identity may not (`IntegrityError`).
    """
    with transaction.atomic():
        match_keys_lock(points=person.points)
        contact = Contact.objects.create(
            name=_one_line(person.name),
            company=_one_line(company or person.company),
            responsible=responsible,
            last_activity_at=now,
        )
        _points_store(contact, person.points, origin, now)
    return contact


def contact_extend(
    *,
    contact: Contact,
    person: Person,
    now: dt.datetime,
    origin: str = "",
    may_share: bool = False,
) -> PointsAdded:
    """Add what is new of a person to his card: points, and a name where there is none.

    Nothing that is there is overwritten. For the rest see `contact_points_add`.
    """
    with transaction.atomic():
        result = contact_points_add(
            contact=contact, points=person.points, now=now, origin=origin, may_share=may_share
        )
        card = result.contact
        filled: dict[str, Any] = {}
        if not card.name and person.name:
            filled["name"] = _one_line(person.name)
        if not card.company and person.company:
            filled["company"] = _one_line(person.company)
        if card.last_activity_at is None or card.last_activity_at < now:
            filled["last_activity_at"] = now
        for name, value in filled.items():
            setattr(card, name, value)
        if filled:
            card.save(update_fields=list(filled))
    return result


def contact_points_add(
    *,
    contact: Contact,
    points: Sequence[Point],
    now: dt.datetime,
    origin: str = "",
    may_share: bool = False,
) -> PointsAdded:
    """Add points to a card. What it has already is left as it is.

    A point that stands on another card is added to none: the two may be one person, and a
    `MergeProposal` asks an operator. With `may_share` a phone or an e-mail is added all the same
    (an office's number); an identity never is. Sends `contact_points_added` for what is new.
    Raises `ConflictError` for an erased contact.
    """
    with transaction.atomic():
        match_keys_lock(points=points)
        card = contact_lock(contact_id=contact.pk)
        own, others = _where_they_stand(card, points)
        added: list[Point] = []
        elsewhere: list[tuple[Point, int]] = []
        for point in dict.fromkeys(points):
            if point in own:
                continue
            other = others.get(point)
            if other is not None:
                elsewhere.append((point, other))
            if other is None or (may_share and not point.is_identity):
                added.append(point)
        _points_store(card, added, origin, now)
        for point, other in elsewhere:
            merge_propose(contact_id=card.pk, other_id=other, point=point, now=now)
        if added:
            contact_points_added.send(sender=Contact, contact=card, points=tuple(added), now=now)
    return PointsAdded(contact=card, added=tuple(added), elsewhere=tuple(elsewhere))


def contact_point_remove(*, point: ContactPoint) -> None:
    """Take a phone or an e-mail off a card. Raises `InvalidError` for an identity: split it off."""
    if point.is_identity:
        raise InvalidError(
            "identity", _("This is how the platform knows him. Split it off into its own card.")
        )
    with transaction.atomic():
        match_keys_lock(points=[Point(kind=point.kind, value=point.value)])
        ContactPoint.objects.filter(pk=point.pk).delete()


def contact_update(*, contact: Contact, changes: Mapping[str, Any]) -> Contact:
    """Change what people may change by hand: name, company, responsible, custom.

    `custom` is a mapping by the keys of the fields, which are merged into those there are; None
    empties one. Raises `InvalidError` with the fields named.
    """
    wrong: dict[str, list[str]] = {
        name: [_("There is no such field.")]
        for name in set(changes) - {"name", "company", "responsible", "custom"}
    }
    for name in ("name", "company"):
        if len(str(changes.get(name) or "")) > NAME_LENGTH:
            wrong[name] = [_("At most %(most)d characters.") % {"most": NAME_LENGTH}]
    custom, faults = custom_values_check(record="contact", values=changes.get("custom") or {})
    wrong |= {f"custom.{key}": [sentence] for key, sentence in faults.items()}
    if wrong:
        raise InvalidError("invalid", _("Some fields are wrong."), fields=wrong)
    with transaction.atomic():
        card = contact_lock(contact_id=contact.pk)
        for name in ("name", "company"):
            if name in changes:
                setattr(card, name, _one_line(changes[name] or ""))
        if "responsible" in changes:
            card.responsible = changes["responsible"]
        if custom:
            merged = {**card.custom, **custom}
            card.custom = {key: value for key, value in merged.items() if value is not None}
        card.save(update_fields=["name", "company", "responsible", "custom"])
    return card


def contact_activity(*, contact_id: int, now: dt.datetime) -> None:
    """Note that the person was heard of. One statement, no lock kept in front of it."""
    Contact.objects.filter(pk=contact_id).filter(
        Q(last_activity_at__isnull=True) | Q(last_activity_at__lt=now)
    ).update(last_activity_at=now)


def responsible_set(
    *,
    contact: Contact,
    user: User | None,
    now: dt.datetime,
    lead: Lead | None = None,
    only_if_empty: bool = False,
) -> None:
    """Who answers for a client: on his card, and on the lead.

    Without `lead` it is the contact's open one that began on a line, if there is one. With
    `only_if_empty` nobody is replaced: the one who accepts a new client's chat gets him, the next
    one does not.
    """
    with transaction.atomic():
        card = contact_lock(contact_id=contact.pk)
        leads = Lead.objects.filter(contact=card, closed_at__isnull=True)
        leads = leads.filter(pk=lead.pk) if lead is not None else leads.filter(made_by_line=True)
        cards = Contact.objects.filter(pk=card.pk)
        if only_if_empty:
            leads = leads.filter(responsible__isnull=True)
            cards = cards.filter(responsible__isnull=True)
        cards.update(responsible=user)
        leads.update(responsible=user, changed_at=now)


# --- two cards, one person? ---------------------------------------------------------------


def merge_propose(*, contact_id: int, other_id: int, point: Point, now: dt.datetime) -> None:
    """Ask whether two cards are one person. A pair is asked about once, ever."""
    first, second = sorted((contact_id, other_id))
    if first == second:
        return
    MergeProposal.objects.bulk_create(
        [
            MergeProposal(
                contact_id=first, other_id=second, kind=point.kind, value=point.value,
                created_at=now,
            )
        ],
        ignore_conflicts=True,
    )  # fmt: skip


def merge_refuse(*, proposal: MergeProposal, actor: User, now: dt.datetime) -> bool:
    """Keep two cards apart. False when somebody had decided already."""
    return bool(
        MergeProposal.objects.filter(pk=proposal.pk, decided_at__isnull=True).update(
            decision=MergeProposal.Decision.APART, decided_at=now, decided_by=actor
        )
    )


def _where_they_stand(
    card: Contact, points: Iterable[Point]
) -> tuple[set[Point], dict[Point, int]]:
    """Which points the card has, and for the rest one other card that has them: the oldest."""
    wanted = Q(pk__in=[])
    for point in points:
        wanted |= Q(kind=point.kind, value=point.value, scope=point.scope)
    own: set[Point] = set()
    others: dict[Point, int] = {}
    rows = ContactPoint.objects.filter(wanted).order_by("contact_id")
    for row in rows.values_list("kind", "value", "scope", "contact_id"):
        point = Point(*row[:3])
        if row[3] == card.pk:
            own.add(point)
        else:
            others.setdefault(point, row[3])
    return own, others


def _points_store(contact: Contact, points: Iterable[Point], origin: str, now: dt.datetime) -> None:
    ContactPoint.objects.bulk_create(
        ContactPoint(
            contact=contact, kind=point.kind, scope=point.scope, value=point.value,
            is_identity=point.is_identity, origin=origin, created_at=now,
        )
        for point in dict.fromkeys(points)
    )  # fmt: skip


def _one_line(text: str) -> str:
    return " ".join(clean_text(str(text), max_length=NAME_LENGTH).split())
