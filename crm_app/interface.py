"""The door between routing and the CRM: looking a client up, making and extending him.

Routing knows this and nothing else of the CRM, so that another CRM can take its place. Whatever
it is, it is asked inside the transaction that stores the customer's message: an implementation
that lives elsewhere keeps a copy here and follows in its own time.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Protocol

from django.contrib.auth.models import User

from crm_app.models import Contact, Lead, LeadSource
from crm_app.people import Person
from crm_app.services.contacts import (
    PointsAdded,
    contact_create,
    contact_extend,
    responsible_set,
)
from crm_app.services.leads import LeadOpened, lead_create, lead_open_of
from crm_app.services.matching import ContactMatch, contact_find, contact_match


class Crm(Protocol):
    """What routing asks of a CRM. Persons come from `crm_app.people.person_of`."""

    def look_up(self, *, person: Person) -> ContactMatch:
        """Who this is; others who ask for the same points wait until the transaction ends."""
        ...

    def look_up_only(self, *, person: Person) -> ContactMatch:
        """Who this is, for previews: without locks and without writing anything."""
        ...

    def create(
        self, *, person: Person, now: dt.datetime, origin: str, responsible: User | None = None
    ) -> Contact:
        """A card for somebody `look_up` did not find, in the same transaction."""
        ...

    def extend(
        self, *, contact: Contact, person: Person, now: dt.datetime, origin: str
    ) -> PointsAdded:
        """Add what is new of a known person; overwrites nothing."""
        ...

    def lead_open(
        self,
        *,
        contact: Contact,
        now: dt.datetime,
        source: LeadSource | None = None,
        title: str = "",
        responsible: User | None = None,
        actor: User | None = None,
        origin: str = "",
    ) -> LeadOpened:
        """The open lead of a contact, made when there is none."""
        ...

    def lead_of(self, *, contact: Contact) -> Lead | None:
        """The open lead of a contact."""
        ...

    def responsible_of(self, *, contact: Contact) -> User | None:
        """Who answers for a client: of his open lead, else of his card."""
        ...

    def responsible_give(
        self, *, contact: Contact, user: User, now: dt.datetime, only_if_empty: bool
    ) -> None:
        """Make somebody answer for a client, on his card and on his open lead."""
        ...


class BuiltInCrm:
    """The CRM of this product."""

    def look_up(self, *, person: Person) -> ContactMatch:
        return contact_match(person=person)

    def look_up_only(self, *, person: Person) -> ContactMatch:
        return contact_find(person=person)

    def create(
        self, *, person: Person, now: dt.datetime, origin: str, responsible: User | None = None
    ) -> Contact:
        return contact_create(person=person, now=now, origin=origin, responsible=responsible)

    def extend(
        self, *, contact: Contact, person: Person, now: dt.datetime, origin: str
    ) -> PointsAdded:
        return contact_extend(contact=contact, person=person, now=now, origin=origin)

    def lead_open(
        self,
        *,
        contact: Contact,
        now: dt.datetime,
        source: LeadSource | None = None,
        title: str = "",
        responsible: User | None = None,
        actor: User | None = None,
        origin: str = "",
    ) -> LeadOpened:
        return lead_create(
            contact=contact, now=now, source=source, title=title, responsible=responsible,
            actor=actor, origin=origin, made_by_line=True,
        )  # fmt: skip

    def lead_of(self, *, contact: Contact) -> Lead | None:
        return lead_open_of(contact=contact)

    def responsible_of(self, *, contact: Contact) -> User | None:
        lead = lead_open_of(contact=contact)
        if lead is not None and lead.responsible is not None:
            return lead.responsible
        return contact.responsible

    def responsible_give(
        self, *, contact: Contact, user: User, now: dt.datetime, only_if_empty: bool
    ) -> None:
        responsible_set(contact=contact, user=user, now=now, only_if_empty=only_if_empty)


def crm() -> Crm:
    """The CRM of this installation."""
    return _BUILT_IN


_BUILT_IN = BuiltInCrm()

if TYPE_CHECKING:
    _checked: Crm = _BUILT_IN
