"""Contacts from a file: checked row by row first, then taken over by the rules of any other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from crm_app.models import Contact, CustomField
from crm_app.normalization import email_normalize, phone_normalize
from crm_app.people import NAME_LENGTH, Person, Point, person_of
from crm_app.services.contacts import contact_create, contact_extend, contact_update
from crm_app.services.custom_fields import custom_values_check
from crm_app.services.matching import contact_find, contact_match
from openlines_project.lib.errors import InvalidError

MAX_ROWS = 2_000
COLUMNS = ("name", "company", "phone", "email", "responsible")
# What our own export adds; known, and not read.
IGNORED = ("id", "created", "last activity")
ORIGIN = "import"

Outcome = Literal["new", "extended", "error"]


@dataclass(frozen=True, slots=True)
class RowResult:
    """What becomes of a row; `number` is its line in the file, the header being 1."""

    number: int
    outcome: Outcome
    name: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """All rows, in their order."""

    rows: tuple[RowResult, ...]

    def count(self, outcome: Outcome) -> int:
        return sum(row.outcome == outcome for row in self.rows)


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    person: Person
    responsible: User | None
    custom: dict[str, Any]


def contacts_import(
    *,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, str]],
    country: str,
    now: dt.datetime,
    dry_run: bool,
) -> ImportReport:
    """Check rows and, without `dry_run`, take over those that are right.

    `columns` are name, company, phone, email, responsible (a user name) and the keys of custom
    fields; several phones or e-mails of one cell stand between semicolons. A known person is
    extended and nothing of him overwritten; the rest become new contacts. Wrong rows are left
    out and named. Each row is a transaction, so doing it twice does no harm.
    Raises `InvalidError` for a file as a whole: unknown columns, too many rows.
    """
    keys = set(CustomField.objects.filter(record="contact").values_list("key", flat=True))
    unknown = [name for name in columns if name not in {*COLUMNS, *IGNORED, *keys}]
    if unknown:
        names = ", ".join(name or _("(empty)") for name in unknown[:10])
        raise InvalidError("columns", _("There are unknown columns: %(names)s.") % {"names": names})
    if not {"name", "phone", "email"}.intersection(columns):
        raise InvalidError("columns", _("There is no column name, phone or email."))
    if len(rows) > MAX_ROWS:
        raise InvalidError("rows", _("At most %(most)d rows at once.") % {"most": MAX_ROWS})
    users = {user.get_username(): user for user in User.objects.filter(is_active=True)}
    results: list[RowResult] = []
    seen: set[Point] = set()
    for number, cells in enumerate(rows, start=2):
        try:
            row = _read(number, cells, keys, users, country)
        except ValueError as error:
            results.append(RowResult(number, "error", cells.get("name", ""), str(error)))
            continue
        if dry_run:
            # An earlier row of this file may be the same person.
            is_known = bool(seen.intersection(row.person.points)) or (
                contact_find(person=row.person).contact is not None
            )
            seen.update(row.person.points)
        else:
            is_known = _take(row, now)
        outcome: Outcome = "extended" if is_known else "new"
        results.append(RowResult(number, outcome, row.person.name or _first_point(row.person)))
    return ImportReport(tuple(results))


def _take(row: _Row, now: dt.datetime) -> bool:
    """Write one row; whether the person was known."""
    with transaction.atomic():
        contact: Contact | None = contact_match(person=row.person).contact
        is_known = contact is not None
        if contact is None:
            contact = contact_create(
                person=row.person, now=now, origin=ORIGIN, responsible=row.responsible
            )
        else:
            contact = contact_extend(
                contact=contact, person=row.person, now=now, origin=ORIGIN
            ).contact
        changes: dict[str, Any] = {
            "custom": {key: v for key, v in row.custom.items() if key not in contact.custom}
        }
        if row.responsible is not None and contact.responsible_id is None:
            changes["responsible"] = row.responsible
        if changes["custom"] or "responsible" in changes:
            contact_update(contact=contact, changes=changes)
    return is_known


def _read(
    number: int,
    cells: Mapping[str, str],
    keys: set[str],
    users: Mapping[str, User],
    country: str,
) -> _Row:
    """A checked row. Raises `ValueError` with a sentence for people."""
    name, company = cells.get("name", ""), cells.get("company", "")
    for label, value in (("name", name), ("company", company)):
        if len(value) > NAME_LENGTH:
            words = _("%(column)s: at most %(most)d characters.")
            raise ValueError(words % {"column": label, "most": NAME_LENGTH})
    phones, emails = _several(cells.get("phone", "")), _several(cells.get("email", ""))
    for phone in phones:
        if phone_normalize(phone, country=country) is None:
            raise ValueError(_("phone: there is no such number: %(value)s.") % {"value": phone})
    for email in emails:
        if email_normalize(email) is None:
            raise ValueError(_("email: this is no address: %(value)s.") % {"value": email})
    username = cells.get("responsible", "")
    if username and username not in users:
        words = _("responsible: there is no active user %(name)s.")
        raise ValueError(words % {"name": username})
    if not (name or phones or emails):
        raise ValueError(_("There is no name, phone or e-mail in this row."))
    given = {key: cells[key] for key in keys if cells.get(key)}
    custom, faults = custom_values_check(record="contact", values=given)
    if faults:
        key, sentence = next(iter(faults.items()))
        raise ValueError(f"{key}: {sentence}")
    person = person_of(name=name, company=company, phones=phones, emails=emails, country=country)
    return _Row(number, person, users.get(username), custom)


def _several(cell: str) -> list[str]:
    # Commas and slashes stand inside numbers as well; semicolons do not.
    return [part.strip() for part in cell.split(";") if part.strip()]


def _first_point(person: Person) -> str:
    return person.points[0].value if person.points else ""
