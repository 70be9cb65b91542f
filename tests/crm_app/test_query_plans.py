"""Matching and searching find their rows by index, also under the plan that is kept for good."""

from __future__ import annotations

import time

import pytest
from django.db import connection, transaction

from crm_app.models import ContactPoint, TimelineEntry
from crm_app.people import person_of
from crm_app.services.matching import contact_find, contact_match
from crm_app.services.timeline import note_add
from crm_app.timeline_search import timeline_search
from tests.factories import UserFactory, moment
from tests.factories.crm import ContactFactory
from tests.queue_app.test_query_plans import indexes_used, multiply, recorded, scanned_whole

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

POINTS = 100_000
PERSON = person_of(
    identity=("custom", "connector:1", "1001"),
    phones=["+5511983212345", "+5511983219999"],
    emails=["paulo@example.com"],
)


def many_points(count: int) -> None:
    contact = ContactFactory(points=[("phone", "+5511900000000")])
    point = contact.points.get()
    for start in range(0, count, POINTS):
        multiply(point, POINTS, value=f"'+5511' || ({910_000_000 + start} + n)")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE crm_app_contactpoint")


def test_matching_uses_the_index_under_the_generic_plan() -> None:
    many_points(POINTS)
    statements = recorded(lambda: contact_match(person=PERSON))
    assert len(statements) == 2
    search = next(statement for statement in statements if statement[0].startswith("SELECT"))
    assert "contact_point_match" in indexes_used(*search)
    assert scanned_whole(*search) == set()


def test_where_points_stand_is_found_by_the_index_as_well() -> None:
    from crm_app.services.contacts import contact_points_add

    many_points(POINTS)
    contact = ContactFactory()
    statements = recorded(
        lambda: contact_points_add(contact=contact, points=PERSON.points, now=moment())
    )
    searches = [sql for sql in statements if 'FROM "crm_app_contactpoint"' in sql[0]]
    assert searches
    for search in searches:
        assert scanned_whole(*search) == set()


def test_words_are_found_by_the_full_text_index() -> None:
    contact = ContactFactory()
    entry = note_add(contact=contact, text="A table of oak", author=UserFactory(), now=moment())
    multiply(entry, 20_000, search_text="'note number ' || n")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE crm_app_timelineentry")
    everything = TimelineEntry.objects.order_by()
    (search,) = recorded(lambda: list(timeline_search(everything, "oak table")))
    assert "timeline_search" in indexes_used(*search)
    assert scanned_whole(*search) == set()
    assert list(timeline_search(everything, "oak table")) == [entry]


@pytest.mark.slow
def test_matching_against_a_million_points_is_quick() -> None:
    many_points(1_000_000)
    assert ContactPoint.objects.count() == 1_000_001
    with transaction.atomic():
        contact_match(person=PERSON)
    start = time.perf_counter()
    for number in range(100):
        contact_find(person=person_of(phones=[f"+5511{910_000_001 + number * 9973}"]))
    assert time.perf_counter() - start < 2
