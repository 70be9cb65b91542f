"""Everything about a person handed out, and taken away so that nothing is left."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import override_settings

from crm_app.models import Contact, Lead, MatchKey, Tombstone
from crm_app.people import Point, person_of
from crm_app.services.contacts import contact_points_add, merge_propose
from crm_app.services.forms import form_submit
from crm_app.services.leads import lead_create
from crm_app.services.matching import contact_match
from crm_app.services.merging import contacts_merge
from crm_app.services.privacy import contact_erase, contact_export, erased_at
from crm_app.services.timeline import note_add
from crm_app.signals import contact_erased
from tests.crm_app.services.signals import heard
from tests.factories import UserFactory, moment
from tests.factories.crm import ContactFactory, CrmFormFactory

pytestmark = pytest.mark.django_db
PHONE, MAIL = "+5511983212345", "quirino@example.com"
TRACES = ("Quirino", "quirino", "98321", "983212345", "oakwood", "id-4711", "Serrana")


def somebody() -> Contact:
    """A person who left traces everywhere the card index has."""
    user = UserFactory()
    contact = ContactFactory(
        name="Quirino Anjos", company="Serrana", custom={"wood": "oakwood"}, responsible=user,
        points=[("telegram", "id-4711")],
    )  # fmt: skip
    person = person_of(phones=[PHONE], emails=[MAIL])
    contact_match(person=person)
    contact_points_add(contact=contact, points=person.points, now=moment())
    note_add(contact=contact, text="Likes oakwood", author=user, now=moment())
    lead = lead_create(contact=contact, now=moment(), title="Oakwood for Quirino").lead
    Lead.objects.filter(pk=lead.pk).update(custom={"wood": "oakwood"})
    form_submit(
        form=CrmFormFactory(), token_id="link1", context={"name": "Quirino"},
        data={"name": "Quirino A.", "phone": PHONE, "email": MAIL}, has_consented=True,
        now=moment(), contact_id=contact.pk,
    )  # fmt: skip
    twin = ContactFactory(name="Quirino the second", points=[("email", "q.anjos@example.com")])
    contacts_merge(winner=contact, loser=twin, actor=user, now=moment())
    other = ContactFactory(name="Rita", points=[("phone", "+552123456789")])
    merge_propose(
        contact_id=contact.pk, other_id=other.pk, point=Point("phone", PHONE), now=moment()
    )
    for row in (contact, lead):
        LogEntry.objects.create(
            user=user, content_type=ContentType.objects.get_for_model(row), object_id=str(row.pk),
            object_repr="Quirino Anjos", action_flag=CHANGE, change_message="Quirino",
        )  # fmt: skip
    return contact


def dump() -> str:
    """The whole database as text."""
    rows: list[Any] = []
    for model in apps.get_models():
        if model._meta.managed and not model._meta.proxy:
            rows += model._default_manager.all().values()
    return json.dumps(rows, default=str, ensure_ascii=False)


def test_nothing_of_an_erased_person_is_left() -> None:
    contact = somebody()
    before = dump()
    assert [trace for trace in TRACES if trace not in before] == []
    with heard(contact_erased) as signals:
        assert contact_erase(contact=contact, now=moment(9)) is True
    after = dump()
    assert [trace for trace in TRACES if trace in after] == []
    # The figures stay, and other people do.
    assert Lead.objects.filter(contact=contact).count() == 1
    assert "Rita" in after
    (signal,) = signals
    assert signal["contact"] == contact
    assert signal["identities"] == (Point("telegram", "id-4711"),)
    contact.refresh_from_db()
    assert (contact.erased_at, str(contact)) == (moment(9), f"#{contact.pk}")


def test_erasing_twice_or_by_the_card_that_was_merged_is_one_erasing() -> None:
    contact = somebody()
    (twin,) = contact.merged.all()
    assert contact_erase(contact=twin, now=moment(9)) is True
    assert contact_erase(contact=contact, now=moment(10)) is False
    contact.refresh_from_db()
    assert contact.erased_at == moment(9)


def test_what_others_have_too_stays_with_them() -> None:
    contact = ContactFactory(points=[("phone", PHONE)])
    other = ContactFactory(points=[("phone", PHONE)])
    contact_erase(contact=contact, now=moment())
    assert other.points.get().value == PHONE


def test_who_was_only_looked_for_leaves_no_name() -> None:
    contact_match(person=person_of(identity=("telegram", "", "id-4711"), phones=[PHONE]))
    assert MatchKey.objects.count() == 2
    assert [trace for trace in TRACES if trace in dump()] == []


def test_what_is_delivered_again_is_recognised_without_saying_who_it_was() -> None:
    identity = Point("telegram", "id-4711")
    assert erased_at(points=[identity]) is None
    contact_erase(contact=somebody(), now=moment(9))
    assert erased_at(points=[identity]) == moment(9)
    assert erased_at(points=[Point("phone", PHONE)]) == moment(9)
    assert erased_at(points=[Point("telegram", "id-4711", "other"), Point("telegram", "1")]) is None
    digests = set(Tombstone.objects.values_list("digest", flat=True))
    assert all(len(digest) == 64 for digest in digests)
    # Without the key nobody can try names against them.
    with override_settings(SECRET_KEY="another-key-" + "x" * 50, SECRET_KEY_FALLBACKS=[]):
        assert erased_at(points=[identity]) is None
    old = settings.SECRET_KEY
    with override_settings(SECRET_KEY="another-key-" + "x" * 50, SECRET_KEY_FALLBACKS=[old]):
        assert erased_at(points=[identity]) == moment(9)


def test_who_comes_back_is_new_and_may_be_erased_again() -> None:
    contact_erase(contact=ContactFactory(points=[("telegram", "7")]), now=moment(1))
    assert contact_match(person=person_of(identity=("telegram", "", "7"))).contact is None
    again = ContactFactory(points=[("telegram", "7")])
    contact_erase(contact=again, now=moment(5))
    assert erased_at(points=[Point("telegram", "7")]) == moment(5)
    assert Tombstone.objects.count() == 1


def test_everything_of_a_person_is_handed_out_as_data() -> None:
    contact = somebody()
    text = json.dumps(contact_export(contact=contact), ensure_ascii=False)
    assert [trace for trace in TRACES if trace not in text] == []
    data = json.loads(text)
    assert [point["kind"] for point in data["points"]] == ["telegram", "phone", "email", "email"]
    assert data["forms"][0]["data"]["name"] == "Quirino A."
    assert data["leads"][0]["status"] == "New"
    kinds = {entry["kind"] for entry in data["history"]}
    assert kinds == {"note", "lead", "form", "card"}
    form = next(entry for entry in data["history"] if entry["kind"] == "form")
    assert form["content"]["data"]["email"] == MAIL


def test_a_listener_that_fails_leaves_the_person_whole() -> None:
    contact = somebody()

    def refuse(**_values: Any) -> None:
        raise RuntimeError("the files cannot be reached")

    contact_erased.connect(refuse, weak=False)
    try:
        with pytest.raises(RuntimeError):
            contact_erase(contact=contact, now=moment())
    finally:
        contact_erased.disconnect(refuse)
    assert connection.in_atomic_block
    contact.refresh_from_db()
    assert (contact.name, contact.erased_at) == ("Quirino Anjos", None)
    assert contact.points.count() == 4
    assert not Tombstone.objects.exists()
