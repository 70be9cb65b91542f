"""Who is this? Finding the contact of a person, so that two who ask at once agree.

The order is: messenger identity, phone, e-mail. Of several contacts with the same phone or e-mail
the one with a responsible goes first, then the one with the latest activity, then the oldest card.
A name alone finds nobody.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.db import connection
from django.db.models import Q

from crm_app.models import EMAIL, PHONE, Contact, ContactPoint, MatchKey
from crm_app.people import Person, Point

KEY_SALT = "openlines.crm.match"
FoundBy = Literal["", "identity", "phone", "email"]
# An office's number may stand on many cards; more than these are not compared.
MOST_HITS = 200
_LONG_AGO = dt.datetime(1, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class ContactMatch:
    """Whom the points of a person lead to.

    `contact` is None when nobody is known. `by` says what led to him, `candidates` are the
    numbers of all contacts that had it, the chosen one first.
    """

    contact: Contact | None = None
    by: FoundBy = ""
    candidates: tuple[int, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """The choice, to be recorded with the session. It names nobody."""
        return {
            "contact": self.contact.pk if self.contact else None,
            "by": self.by,
            "candidates": list(self.candidates[:20]),
            "count": len(self.candidates),
        }


def contact_match(*, person: Person) -> ContactMatch:
    """The contact of a person. Two statements, whatever the size of the card index.

    Call it in the transaction that writes what follows from it: until its end everybody else who
    asks for one of these points waits. Lock order: after conversation and session, before any
    contact.
    """
    if not person.points:
        return ContactMatch()
    match_keys_lock(points=person.points)
    return contact_find(person=person)


def match_keys_lock(*, points: Iterable[Point]) -> None:
    """Lock the keys of these points until the transaction ends, making those that are missing.

    One statement, in sorted order, so that two who want the same keys cannot wait for each other.
    """
    keys = sorted({(point.kind, point.digest(salt=KEY_SALT)) for point in points})
    if not keys:
        return
    if not connection.in_atomic_block:
        raise RuntimeError("A lock outside a transaction holds nothing.")
    # The update changes nothing: it is what locks a row that is there already.
    MatchKey.objects.bulk_create(
        [MatchKey(kind=kind, value=value) for kind, value in keys],
        update_conflicts=True,
        unique_fields=["kind", "value"],
        update_fields=["kind"],
    )


def contact_find(*, person: Person) -> ContactMatch:
    """The contact of a person, without locks: for showing, and for previews that write nothing."""
    points = _points_with(person.points)
    for by in ("identity", PHONE, EMAIL):
        hits = _hits(points, person, by)
        if hits:
            return ContactMatch(
                contact=hits[0],
                by=by,  # type: ignore[arg-type]
                candidates=tuple(contact.pk for contact in hits),
            )
    return ContactMatch()


def _points_with(points: Sequence[Point]) -> list[ContactPoint]:
    """All stored points that are one of these, with their contacts."""
    if not points:
        return []
    wanted = Q(pk__in=[])
    for point in points:
        # Through the index of kind and value; an identity's scope is checked on the row.
        wanted |= Q(kind=point.kind, value=point.value, scope=point.scope)
    found = ContactPoint.objects.filter(wanted).select_related("contact__responsible")
    return list(found.order_by("pk")[:MOST_HITS])


def _hits(found: Sequence[ContactPoint], person: Person, by: str) -> list[Contact]:
    """The contacts that one kind of point leads to, best first.

    Of several phones, those of the first one that is known count: it is the best known.
    """
    for point in person.points:
        if by != ("identity" if point.is_identity else point.kind):
            continue
        contacts = {
            row.contact.pk: row.contact
            for row in found
            if (row.kind, row.scope, row.value) == (point.kind, point.scope, point.value)
        }
        if contacts:
            return sorted(contacts.values(), key=_rank)
    return []


def _rank(contact: Contact) -> tuple[bool, float, int]:
    activity = contact.last_activity_at or _LONG_AGO
    return (contact.responsible_id is None, -activity.timestamp(), contact.pk)
