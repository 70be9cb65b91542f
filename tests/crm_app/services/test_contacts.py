"""Cards: made, extended without overwriting, asked about when two look like one."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from crm_app.models import Contact, ContactPoint, CustomField, MergeProposal
from crm_app.people import Point, person_of
from crm_app.services.contacts import (
    contact_activity,
    contact_create,
    contact_extend,
    contact_lock,
    contact_point_remove,
    contact_points_add,
    contact_update,
    merge_propose,
    merge_refuse,
    responsible_set,
)
from crm_app.services.custom_fields import custom_field_key, custom_values_check
from crm_app.signals import contact_points_added
from openlines_project.lib.errors import ConflictError, InvalidError
from tests.crm_app.services.signals import heard
from tests.factories import UserFactory, moment
from tests.factories.crm import ContactFactory, LeadFactory

pytestmark = pytest.mark.django_db
PHONE, OTHER, MAIL = "+5511983212345", "+5511983219999", "paulo@example.com"


def points_of(contact: Contact) -> list[tuple[str, str]]:
    return list(contact.points.order_by("pk").values_list("kind", "value"))


def test_a_card_is_made_with_everything_that_is_known() -> None:
    user = UserFactory()
    person = person_of(
        name="Paulo\n Anjos", identity=("telegram", "", "77"), phones=[PHONE], emails=[MAIL],
        company="Aroeira",
    )  # fmt: skip
    contact = contact_create(person=person, now=moment(), origin="message", responsible=user)
    contact.refresh_from_db()
    assert (contact.name, contact.company, contact.responsible) == ("Paulo Anjos", "Aroeira", user)
    assert contact.last_activity_at == moment()
    stored = ContactPoint.objects.order_by("pk").values_list("kind", "value", "is_identity")
    assert list(stored) == [
        ("telegram", "77", True), ("phone", PHONE, False), ("email", MAIL, False)
    ]  # fmt: skip
    assert set(contact.points.values_list("origin", flat=True)) == {"message"}


def test_an_identity_stands_on_one_card_only() -> None:
    person = person_of(identity=("telegram", "", "77"))
    contact_create(person=person, now=moment())
    with pytest.raises(IntegrityError), transaction.atomic():
        contact_create(person=person, now=moment())
    contact_create(person=person_of(phones=[PHONE]), now=moment())
    contact_create(person=person_of(phones=[PHONE]), now=moment())
    assert ContactPoint.objects.filter(kind="phone").count() == 2


def test_extending_adds_and_overwrites_nothing() -> None:
    contact = ContactFactory(name="Paulo", company="", points=[("phone", PHONE)])
    person = person_of(name="Somebody", company="Aroeira", phones=[PHONE, OTHER], emails=[MAIL])
    with heard(contact_points_added) as signals:
        result = contact_extend(contact=contact, person=person, now=moment(5), origin="form")
    contact.refresh_from_db()
    assert (contact.name, contact.company) == ("Paulo", "Aroeira")
    assert points_of(contact) == [("phone", PHONE), ("phone", OTHER), ("email", MAIL)]
    assert result.added == (Point("phone", OTHER), Point("email", MAIL))
    assert contact.last_activity_at == moment(5)
    assert [signal["points"] for signal in signals] == [result.added]
    # Once more changes nothing and says nothing.
    with heard(contact_points_added) as signals:
        assert contact_extend(contact=contact, person=person, now=moment(1)).added == ()
    contact.refresh_from_db()
    assert contact.last_activity_at == moment(5)
    assert signals == []


def test_what_stands_on_another_card_is_added_to_none_and_asked_about_once() -> None:
    contact, other = ContactFactory(), ContactFactory(points=[("phone", PHONE)])
    for _ in range(2):
        result = contact_points_add(
            contact=contact, points=[Point("phone", PHONE), Point("email", MAIL)], now=moment()
        )
    assert result.elsewhere == ((Point("phone", PHONE), other.pk),)
    assert points_of(contact) == [("email", MAIL)]
    proposal = MergeProposal.objects.get()
    assert (proposal.contact, proposal.other) == (contact, other)
    assert (proposal.kind, proposal.value) == ("phone", PHONE)


def test_a_phone_may_be_shared_when_somebody_says_so_and_an_identity_may_not() -> None:
    other = ContactFactory(points=[("phone", PHONE), ("telegram", "77")])
    contact = ContactFactory()
    points = [Point("phone", PHONE), Point("telegram", "77")]
    result = contact_points_add(contact=contact, points=points, now=moment(), may_share=True)
    assert points_of(contact) == [("phone", PHONE)]
    assert {place for _point, place in result.elsewhere} == {other.pk}


def test_what_is_known_of_a_merged_card_goes_to_the_one_it_became() -> None:
    winner = ContactFactory()
    middle = ContactFactory(merged_into=winner)
    result = contact_points_add(
        contact=ContactFactory(merged_into=middle), points=[Point("email", MAIL)], now=moment()
    )
    assert result.contact == winner
    assert points_of(winner) == [("email", MAIL)]


def test_an_erased_card_takes_nothing() -> None:
    contact = ContactFactory(erased_at=moment())
    with pytest.raises(ConflictError) as refusal:
        contact_points_add(contact=contact, points=[Point("email", MAIL)], now=moment())
    assert refusal.value.code == "erased"
    assert not ContactPoint.objects.exists()


def test_cards_merged_in_a_circle_are_a_fault_and_no_endless_loop() -> None:
    contact = ContactFactory()
    Contact.objects.filter(pk=contact.pk).update(merged_into=contact)
    with pytest.raises(RuntimeError, match="circle"), transaction.atomic():
        contact_lock(contact_id=contact.pk)


def test_a_phone_can_be_taken_off_a_card_and_an_identity_cannot() -> None:
    contact = ContactFactory(points=[("phone", PHONE), ("telegram", "77")])
    phone, telegram = contact.points.order_by("pk")
    contact_point_remove(point=phone)
    with pytest.raises(InvalidError):
        contact_point_remove(point=telegram)
    assert points_of(contact) == [("telegram", "77")]


def test_activity_moves_forward_only() -> None:
    contact = ContactFactory()
    for minute in (5, 3):
        contact_activity(contact_id=contact.pk, now=moment(minute))
    contact.refresh_from_db()
    assert contact.last_activity_at == moment(5)


# --- by hand ------------------------------------------------------------------------------


def field(**values: Any) -> CustomField:
    made = CustomField(record="contact", **values)
    made.key = custom_field_key(made)
    made.save()
    return made


def test_people_change_the_name_the_responsible_and_the_fields_of_their_own() -> None:
    field(label="Birthday", kind="date")
    field(label="Size", kind="choice", choices="S\nM\nL")
    contact, user = ContactFactory(), UserFactory()
    changes = {
        "name": "Paulo", "responsible": user,
        "custom": {"birthday": "1990-03-31", "size": "M"},
    }  # fmt: skip
    contact_update(contact=contact, changes=changes)
    contact_update(contact=contact, changes={"custom": {"size": ""}})
    contact.refresh_from_db()
    assert (contact.name, contact.responsible) == ("Paulo", user)
    assert contact.custom == {"birthday": "1990-03-31"}


def test_wrong_values_are_refused_with_their_fields_named() -> None:
    field(label="Birthday", kind="date")
    contact = ContactFactory(name="Paulo")
    with pytest.raises(InvalidError) as refusal:
        contact_update(
            contact=contact,
            changes={"name": "x" * 201, "is_staff": True,
                     "custom": {"birthday": "31/03", "shoe": "44"}},
        )  # fmt: skip
    assert set(refusal.value.fields) == {"name", "is_staff", "custom.birthday", "custom.shoe"}
    contact.refresh_from_db()
    assert (contact.name, contact.custom) == ("Paulo", {})


@pytest.mark.parametrize(
    ("kind", "given", "stored"),
    [
        ("number", "1,50", "1.5"), ("number", 12, "12"), ("number", "1e3", "1000"),
        ("date", "2026-03-31", "2026-03-31"), ("yes_no", "Yes", True), ("yes_no", "0", False),
        ("text", " a ", "a"), ("text", "", None), ("text", None, None),
    ],
)  # fmt: skip
def test_values_are_stored_in_one_form(kind: str, given: Any, stored: Any) -> None:
    field(label="F", kind=kind)
    assert custom_values_check(record="contact", values={"f": given}) == ({"f": stored}, {})


@pytest.mark.parametrize(
    ("kind", "given"),
    [("number", "x"), ("number", "NaN"), ("number", "1e999999"), ("date", "31.03.2026"),
     ("yes_no", "perhaps"), ("text", "x" * 501), ("text", ["a"]), ("text", {}), ("choice", "XL")],
)  # fmt: skip
def test_values_that_make_no_sense_say_so(kind: str, given: Any) -> None:
    field(label="F", kind=kind, choices="S\nM")
    stored, faults = custom_values_check(record="contact", values={"f": given})
    assert stored == {}
    assert set(faults) == {"f"}


def test_keys_of_fields_do_not_meet() -> None:
    assert [field(label=label).key for label in ("Size", "Size", "Размер")] == [
        "size", "size-2", "field"
    ]  # fmt: skip


# --- responsible --------------------------------------------------------------------------


def test_who_accepts_a_new_client_gets_him_and_the_next_one_does_not() -> None:
    lead = LeadFactory()
    maria, igor = UserFactory(), UserFactory()
    for user in (maria, igor):
        responsible_set(contact=lead.contact, user=user, now=moment(), only_if_empty=True)
    lead.refresh_from_db()
    lead.contact.refresh_from_db()
    assert (lead.responsible, lead.contact.responsible) == (maria, maria)


def test_a_new_lead_of_a_known_client_goes_to_who_accepts_it() -> None:
    maria, igor = UserFactory(), UserFactory()
    lead = LeadFactory(contact=ContactFactory(responsible=maria))
    responsible_set(contact=lead.contact, user=igor, now=moment(), only_if_empty=True)
    lead.refresh_from_db()
    lead.contact.refresh_from_db()
    assert (lead.responsible, lead.contact.responsible) == (igor, maria)


def test_a_transfer_that_says_so_replaces_both_and_leaves_closed_leads_alone() -> None:
    maria, igor = UserFactory(), UserFactory()
    contact = ContactFactory(responsible=maria)
    closed = LeadFactory(contact=contact, stage="junk", responsible=maria)
    opened = LeadFactory(contact=contact, responsible=maria)
    responsible_set(contact=contact, user=igor, now=moment())
    for row in (closed, opened, contact):
        row.refresh_from_db()
    assert (closed.responsible, opened.responsible, contact.responsible) == (maria, igor, igor)


# --- proposals ----------------------------------------------------------------------------


def test_a_pair_is_one_row_however_it_was_found() -> None:
    one, two = ContactFactory(), ContactFactory()
    merge_propose(contact_id=two.pk, other_id=one.pk, point=Point("email", MAIL), now=moment())
    merge_propose(contact_id=one.pk, other_id=two.pk, point=Point("phone", PHONE), now=moment())
    merge_propose(contact_id=one.pk, other_id=one.pk, point=Point("phone", PHONE), now=moment())
    assert MergeProposal.objects.count() == 1


def test_two_cards_kept_apart_are_not_asked_about_again() -> None:
    one, two = ContactFactory(), ContactFactory()
    point = Point("email", MAIL)
    merge_propose(contact_id=one.pk, other_id=two.pk, point=point, now=moment())
    proposal, user = MergeProposal.objects.get(), UserFactory()
    assert merge_refuse(proposal=proposal, actor=user, now=moment(1)) is True
    assert merge_refuse(proposal=proposal, actor=UserFactory(), now=moment(2)) is False
    merge_propose(contact_id=one.pk, other_id=two.pk, point=point, now=moment(3))
    proposal.refresh_from_db()
    assert (proposal.decision, proposal.decided_by) == ("apart", user)
    assert not MergeProposal.objects.filter(decided_at__isnull=True).exists()
