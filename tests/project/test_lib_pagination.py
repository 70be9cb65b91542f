from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Group
from django.core import signing
from django.db import models
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from openlines_project.lib.pagination import (
    CursorError,
    KeysetPagination,
    Position,
    cursor_decode,
    cursor_encode,
)

VIEW: Any = SimpleNamespace(
    orderings={"id": ("pk",), "-id": ("-pk",), "size": ("size", "pk"), "-size": ("-size", "-pk")},
    default_ordering="id",
)


def groups(count: int) -> list[int]:
    """The only rows there are."""
    Group.objects.all().delete()
    made = Group.objects.bulk_create(Group(name=f"group {n}") for n in range(count))
    return [group.pk for group in made]


def sized() -> models.QuerySet[Group]:
    """Groups with a column that has the same value in three rows each."""
    return Group.objects.annotate(size=models.F("pk") / 3)


def page(query: str = "", rows: Any = None) -> tuple[list[int], Any]:
    request = Request(APIRequestFactory().get(f"/things/?{query}"))
    pagination = KeysetPagination()
    found = pagination.paginate_queryset(rows if rows is not None else sized(), request, VIEW)
    return [row.pk for row in found], pagination.get_paginated_response(found).data


def query_of(url: str) -> str:
    return urlsplit(url).query


def walk(query: str, link: str = "next") -> list[list[int]]:
    pages = []
    for _turn in range(50):
        ids, answer = page(query)
        pages.append(ids)
        if answer[link] is None:
            return pages
        query = query_of(answer[link])
    raise AssertionError("The pages never end.")


@pytest.mark.django_db
@pytest.mark.parametrize("ordering", ["id", "-id", "size", "-size"])
@pytest.mark.parametrize("size", [1, 3, 4, 7, 10, 11])
def test_the_pages_hold_every_row_once_and_in_order(ordering: Any, size: Any) -> None:
    expected = groups(10)
    if ordering.startswith("-"):
        expected.reverse()
    pages = walk(f"ordering={ordering}&page_size={size}")
    assert [pk for ids in pages for pk in ids] == expected
    assert all(len(ids) == size for ids in pages[:-1])


@pytest.mark.django_db
@pytest.mark.parametrize("ordering", ["id", "-id", "size", "-size"])
def test_the_way_back_shows_the_same_pages(ordering: Any) -> None:
    groups(10)
    forth = []
    query = f"ordering={ordering}&page_size=3"
    while True:
        ids, answer = page(query)
        forth.append(ids)
        if answer["next"] is None:
            break
        query = query_of(answer["next"])
    back = [forth[-1]]
    while answer["previous"] is not None:
        ids, answer = page(query_of(answer["previous"]))
        back.append(ids)
    # Backwards the odd page is the first.
    assert [pk for ids in reversed(back) for pk in ids] == [pk for ids in forth for pk in ids]
    assert answer["next"] is not None


@pytest.mark.django_db
def test_rows_that_come_or_go_meanwhile_double_and_lose_nothing() -> None:
    ids = groups(6)
    _first, answer = page("page_size=3")
    Group.objects.filter(pk__in=ids[:3]).delete()
    new = groups(1)
    second, answer = page(query_of(answer["next"]))
    assert second == ids[3:]
    third, answer = page(query_of(answer["next"]))
    assert third == new
    assert answer["next"] is None


@pytest.mark.django_db
def test_when_all_before_is_gone_the_way_on_is_the_beginning() -> None:
    ids = groups(6)
    _first, answer = page("page_size=3")
    _second, answer = page(query_of(answer["next"]))
    Group.objects.filter(pk__in=ids[:3]).delete()
    gone, answer = page(query_of(answer["previous"]))
    assert gone == []
    assert answer["previous"] is None
    assert page(query_of(answer["next"]))[0] == ids[3:]


@pytest.mark.django_db
def test_an_empty_list_has_no_links() -> None:
    assert page() == ([], {"next": None, "previous": None, "results": []})


@pytest.mark.django_db
def test_other_parameters_stay_in_the_links() -> None:
    groups(3)
    _ids, answer = page("page_size=1&ordering=-id&state=open")
    query = parse_qs(query_of(answer["next"]))
    assert query["state"] == ["open"]
    assert query["page_size"] == ["1"]
    assert query["ordering"] == ["-id"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("0", 1), ("-5", 1), ("200", 200), ("201", 200), ("1000000000", 200)],
)
def test_the_page_size_is_clamped(text: Any, size: Any) -> None:
    groups(205)
    assert len(page(f"page_size={text}")[0]) == size


@pytest.mark.django_db
def test_a_page_has_fifty_rows_by_default() -> None:
    groups(51)
    assert len(page()[0]) == 50


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["", "x", "1.5", "1e9", "9" * 5000, "%D9%A5", "%00"])
def test_a_page_size_that_is_no_number_is_refused(text: Any) -> None:
    with pytest.raises(ValidationError) as refusal:
        page(f"page_size={text}")
    assert list(refusal.value.detail) == ["page_size"]


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["", "name", "pk", "ID", "-", "connector__secrets", "?"])
def test_an_order_that_is_not_on_the_list_is_refused(text: Any) -> None:
    with pytest.raises(ValidationError) as refusal:
        page(f"ordering={text}")
    assert list(refusal.value.detail) == ["ordering"]


@pytest.mark.parametrize(
    "text",
    ["", "x", "a:b:c", "W1RydWUsMV0:1:abc", "\x00", "é", "9" * 5000, "\ud800"],
)
def test_a_cursor_that_is_not_ours_is_refused(text: Any) -> None:
    with pytest.raises(CursorError):
        cursor_decode(text, ordering="id", columns=1)


def test_a_changed_cursor_is_refused() -> None:
    text = cursor_encode(Position(values=(5,), is_backward=False), ordering="id")
    body, rest = text.split(":", 1)
    forged = signing.b64_encode(b"[false,6]").decode()
    assert cursor_decode(text, ordering="id", columns=1).values == (5,)
    with pytest.raises(CursorError):
        cursor_decode(f"{forged}:{rest}", ordering="id", columns=1)
    with pytest.raises(CursorError):
        cursor_decode(f"{body}:{rest[:-1]}", ordering="id", columns=1)


def test_a_cursor_of_another_order_is_refused() -> None:
    text = cursor_encode(Position(values=(5,), is_backward=False), ordering="-id")
    with pytest.raises(CursorError):
        cursor_decode(text, ordering="id", columns=1)


@pytest.mark.django_db
def test_a_page_is_one_query_and_counts_nothing(django_assert_num_queries: Any) -> None:
    groups(10)
    with django_assert_num_queries(1) as queries:
        page("page_size=3&ordering=-size")
    assert "COUNT" not in queries.captured_queries[0]["sql"]
