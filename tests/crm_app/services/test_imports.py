"""Contacts from a file: every row checked, known people extended, nothing doubled."""

from __future__ import annotations

from typing import Any

import pytest

from crm_app.models import Contact, ContactPoint, CustomField
from crm_app.services.imports import ImportReport, contacts_import
from openlines_project.lib.errors import InvalidError
from tests.factories import UserFactory, moment
from tests.factories.crm import ContactFactory

pytestmark = pytest.mark.django_db
COLUMNS = ["name", "company", "phone", "email", "responsible"]


def take(*rows: dict[str, str], dry_run: bool = False, columns: Any = COLUMNS) -> ImportReport:
    return contacts_import(columns=columns, rows=rows, country="BR", now=moment(), dry_run=dry_run)


def test_new_people_become_contacts_and_known_ones_are_extended() -> None:
    maria = UserFactory(username="maria")
    known = ContactFactory(name="Paulo", points=[("phone", "+5511983212345")])
    rows = (
        {"name": "Somebody", "company": "Aroeira", "phone": "(11) 98321-2345",
         "email": "paulo@example.com", "responsible": "maria"},
        {"name": "Rita", "phone": "21 2345-6789; +49 30 901820"},
    )  # fmt: skip
    report = take(*rows)
    assert [(row.number, row.outcome) for row in report.rows] == [(2, "extended"), (3, "new")]
    known.refresh_from_db()
    assert (known.name, known.company, known.responsible) == ("Paulo", "Aroeira", maria)
    rita = Contact.objects.get(name="Rita")
    assert set(rita.points.values_list("value", "origin")) == {
        ("+552123456789", "import"), ("+4930901820", "import")
    }  # fmt: skip
    # A second time changes nothing.
    assert take(*rows).count("new") == 0
    assert Contact.objects.count() == 2


def test_a_dry_run_says_the_same_and_writes_nothing() -> None:
    ContactFactory(points=[("email", "paulo@example.com")])
    rows = (
        {"name": "Paulo", "email": "PAULO@example.com"},
        {"name": "Rita", "phone": "21 2345-6789"},
        {"name": "Rita again", "phone": "+55 21 2345-6789"},
        {"name": "Wrong", "phone": "12"},
    )
    before = (Contact.objects.count(), ContactPoint.objects.count())
    dry = take(*rows, dry_run=True)
    assert (Contact.objects.count(), ContactPoint.objects.count()) == before
    assert [row.outcome for row in dry.rows] == ["extended", "new", "extended", "error"]
    assert take(*rows) == dry


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"name": "A", "phone": "11 98"}, "phone: there is no such number: 11 98."),
        ({"name": "A", "email": "a@b"}, "email: this is no address: a@b."),
        ({"name": "A", "responsible": "ghost"}, "responsible: there is no active user ghost."),
        ({"name": "x" * 201}, "name: at most 200 characters."),
        ({"company": "Aroeira"}, "There is no name, phone or e-mail in this row."),
        ({"name": "A", "born": "31.03."}, "born: Write the date as 2026-03-31."),
    ],
)
def test_a_wrong_row_is_named_and_left_out(row: dict[str, str], words: str) -> None:
    CustomField.objects.create(record="contact", key="born", label="Born", kind="date")
    report = take(row, {"name": "Rita"}, columns=[*COLUMNS, "born"])
    assert [(one.outcome, one.message) for one in report.rows] == [("error", words), ("new", "")]
    assert list(Contact.objects.values_list("name", flat=True)) == ["Rita"]


def test_own_fields_are_taken_over_where_they_are_empty() -> None:
    CustomField.objects.create(record="contact", key="born", label="Born", kind="date")
    known = ContactFactory(points=[("email", "a@example.com")], custom={"born": "1990-01-01"})
    columns = ["email", "born"]
    take({"email": "a@example.com", "born": "2000-01-01"}, columns=columns)
    take({"email": "b@example.com", "born": "2000-01-01"}, columns=columns)
    known.refresh_from_db()
    assert known.custom == {"born": "1990-01-01"}
    assert Contact.objects.get(points__value="b@example.com").custom == {"born": "2000-01-01"}


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        (["name", "shoe size"], 1), (["company"], 1), (["name"], 2001), (["name", ""], 1),
    ],
)  # fmt: skip
def test_a_file_that_makes_no_sense_is_refused_whole(columns: list[str], rows: int) -> None:
    with pytest.raises(InvalidError):
        take(*[{"name": "Paulo"}] * rows, columns=columns)
    assert not Contact.objects.exists()
