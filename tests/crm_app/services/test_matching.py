"""Finding a person: identity, then phone, then e-mail, and who of several."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from crm_app.models import Contact, ContactPoint, MatchKey
from crm_app.people import Person, Point, person_of
from crm_app.services.contacts import contact_create, contact_extend
from crm_app.services.leads import lead_create
from crm_app.services.matching import ContactMatch, contact_find, contact_match
from tests.channels_app.services.test_delivery_at_once import at_once
from tests.factories import UserFactory, moment
from tests.factories.crm import ContactFactory

pytestmark = pytest.mark.django_db
PHONE, MAIL = "+5511983212345", "paulo@example.com"
TELEGRAM = ("telegram", "", "77")


def match(**known: Any) -> ContactMatch:
    with transaction.atomic():
        return contact_match(person=person_of(**known))


def test_an_identity_goes_before_a_phone_and_a_phone_before_an_address() -> None:
    by_identity = ContactFactory(points=[("telegram", "77")])
    by_phone = ContactFactory(points=[("phone", PHONE)])
    by_mail = ContactFactory(points=[("email", MAIL)])
    everything = {"identity": TELEGRAM, "phones": [PHONE], "emails": [MAIL]}
    found = match(**everything)
    assert (found.contact, found.by, found.candidates) == (
        by_identity, "identity", (by_identity.pk,)
    )  # fmt: skip
    found = match(phones=[PHONE], emails=[MAIL])
    assert (found.contact, found.by) == (by_phone, "phone")
    found = match(identity=("telegram", "", "78"), emails=[MAIL])
    assert (found.contact, found.by) == (by_mail, "email")


def test_a_phone_is_found_in_every_spelling() -> None:
    contact = ContactFactory(points=[("phone", PHONE)])
    for spelling in ("(11) 98321-2345", "011 98321 2345", "+55 11 98321-2345", "5511983212345"):
        assert match(phones=[spelling], country="BR").contact == contact
    assert match(emails=["nobody@example.com"]).contact is None


def test_an_address_is_found_in_every_case() -> None:
    contact = ContactFactory(points=[("email", MAIL)])
    assert match(emails=["PAULO@Example.com"]).contact == contact


def test_the_same_name_alone_finds_nobody() -> None:
    ContactFactory(name="Paulo Anjos")
    assert match(name="Paulo Anjos") == ContactMatch()
    assert not MatchKey.objects.exists()


def test_an_identity_counts_in_its_scope_only() -> None:
    """Two shops with a custom channel each, and a customer 1001 each."""
    one = ContactFactory(points=[("custom", "1001", "connector:1")])
    two = ContactFactory(points=[("custom", "1001", "connector:2")])
    assert match(identity=("custom", "connector:1", "1001")).contact == one
    assert match(identity=("custom", "connector:2", "1001")).contact == two
    assert match(identity=("custom", "connector:3", "1001")).contact is None


def test_of_several_the_one_with_a_responsible_and_the_latest_activity_is_chosen() -> None:
    points = [("phone", PHONE)]
    user = UserFactory()
    fresh = ContactFactory(points=points, last_activity_at=moment(50))
    older = ContactFactory(points=points, last_activity_at=moment(10), responsible=user)
    newer = ContactFactory(points=points, last_activity_at=moment(20), responsible=user)
    silent = ContactFactory(points=points)
    found = match(phones=[PHONE])
    assert found.contact == newer
    assert found.candidates == (newer.pk, older.pk, fresh.pk, silent.pk)
    assert found.as_data() == {
        "contact": newer.pk, "by": "phone", "candidates": list(found.candidates), "count": 4
    }  # fmt: skip


def test_of_equals_the_oldest_card_is_chosen() -> None:
    first = ContactFactory(points=[("email", MAIL)])
    ContactFactory(points=[("email", MAIL)])
    assert match(emails=[MAIL]).contact == first


def test_the_phone_named_first_counts_before_the_second() -> None:
    second = ContactFactory(points=[("phone", "+5511983219999")], last_activity_at=moment())
    first = ContactFactory(points=[("phone", PHONE)])
    assert match(phones=[PHONE, "+5511983219999"]).contact == first
    assert match(phones=["+5511983219999", PHONE]).contact == second


def test_looking_without_a_lock_writes_nothing() -> None:
    contact = ContactFactory(points=[("phone", PHONE)])
    assert contact_find(person=person_of(phones=[PHONE])).contact == contact
    assert not MatchKey.objects.exists()


def test_a_lock_outside_a_transaction_is_refused(transactional_db: None) -> None:
    with pytest.raises(RuntimeError, match="outside a transaction"):
        contact_match(person=person_of(phones=[PHONE]))


def test_matching_takes_two_statements_whatever_is_known() -> None:
    ContactFactory(points=[("phone", PHONE)], responsible=UserFactory())
    person = person_of(identity=TELEGRAM, phones=[PHONE, "+5511983219999"], emails=[MAIL, "a@b.co"])
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        found = contact_match(person=person)
        assert found.contact is not None
        assert found.contact.responsible is not None
    statements = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert len(statements) == 2


def test_what_is_no_phone_or_address_is_no_point() -> None:
    person = person_of(name="  Paulo  ", phones=["11 98", "x"], emails=["y"], country="BR")
    assert person == Person(name="Paulo")
    with pytest.raises(ValueError, match="kind of a connector"):
        person_of(identity=("phone", "", PHONE))


# --- at the same moment -------------------------------------------------------------------


def come(known: dict[str, Any], origin: str = "message") -> int:
    """What routing does with a first message."""
    person = person_of(**known)
    with transaction.atomic():
        found = contact_match(person=person)
        if found.contact is None:
            contact = contact_create(person=person, now=moment(), origin=origin)
        else:
            contact = contact_extend(
                contact=found.contact, person=person, now=moment(), origin=origin
            ).contact
        return lead_create(contact=contact, now=moment()).lead.pk


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_twenty_first_messages_at_once_with_one_phone_are_one_contact_and_one_lead() -> None:
    leads: list[int] = []

    def work(number: int) -> Any:
        known = {
            # Two channels, different first names, one phone.
            "name": ["Paulo", "Paulinho", "P. Anjos"][number % 3],
            "identity": [("telegram", "", "77"), ("livechat", "connector:9", "v1")][number % 2],
            "phones": ["(11) 98321-2345"],
            "country": "BR",
        }
        return lambda: leads.append(come(known))

    at_once(*[work(number) for number in range(20)])
    assert len(leads) == 20
    assert len(set(leads)) == 1
    assert Contact.objects.count() == 1
    points = ContactPoint.objects.order_by("kind").values_list("kind", "value")
    assert list(points) == [("livechat", "v1"), ("phone", PHONE), ("telegram", "77")]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_without_the_keys_the_same_would_make_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: it is the locks that make them one."""
    import threading

    from crm_app.services import contacts, matching

    monkeypatch.setattr(matching, "match_keys_lock", lambda **_kwargs: None)
    monkeypatch.setattr(contacts, "match_keys_lock", lambda **_kwargs: None)
    looked = threading.Barrier(4)
    original = matching.contact_find

    def find_together(*, person: Person) -> ContactMatch:
        found = original(person=person)
        looked.wait(10)
        return found

    monkeypatch.setattr(matching, "contact_find", find_together)
    made: list[int] = []
    at_once(*[lambda: made.append(come({"phones": [PHONE]}))] * 4)
    assert Contact.objects.count() == 4


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_keys_wanted_in_opposite_orders_do_not_wait_for_each_other() -> None:
    pairs = ([PHONE, "+5511983219999"], ["+5511983219999", PHONE])

    def work(number: int) -> Any:
        return lambda: come({"phones": pairs[number % 2], "emails": [MAIL]})

    at_once(*[work(number) for number in range(16)])
    assert Contact.objects.count() == 1


def test_the_hash_of_a_point_is_of_all_of_it_and_of_what_it_is_for() -> None:
    points = [
        Point("phone", PHONE), Point("email", PHONE), Point("custom", "1001", "connector:1"),
        Point("custom", "1001", "connector:2"), Point("custom", "r:1001", "connecto"),
    ]  # fmt: skip
    digests = {point.digest(salt=salt) for point in points for salt in ("match", "tombstone")}
    assert len(digests) == 10
    assert Point("phone", PHONE).digest(salt="match") in digests
