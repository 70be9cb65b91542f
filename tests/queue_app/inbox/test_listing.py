from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from queue_app.inbox.listing import PAGE, Filters, ListPage, ViewName, list_counts, list_page
from queue_app.models import Session
from tests.factories import OperatorFactory
from tests.queue_app.inbox.stories import desk, part

pytestmark = pytest.mark.django_db


def shown(page: ListPage) -> list[tuple[str, list[int]]]:
    return [(group.key, [item.session.pk for item in group.items]) for group in page.groups]


def test_ones_own_turn_comes_first_and_the_newest_on_top() -> None:
    story = desk()
    theirs = story.chat(turn="customer")
    first = story.chat()
    second = story.chat()
    counts = list_counts(story.operator.user)
    page = list_page(reader=story.operator.user, filters=Filters("mine"), counts=counts)
    assert shown(page) == [("operator", [second.pk, first.pk]), ("customer", [theirs.pk])]
    assert [group.count for group in page.groups] == [2, 1]


def test_who_waits_longest_stands_first() -> None:
    story = desk()
    now = timezone.now()
    late = story.waiting(started_at=now)
    early = story.waiting(started_at=now - dt.timedelta(hours=1))
    counts = list_counts(story.operator.user)
    page = list_page(reader=story.operator.user, filters=Filters("waiting"), counts=counts)
    assert shown(page) == [("waiting", [early.pk, late.pk])]


@pytest.mark.parametrize("view", ["mine", "waiting", "all"])
def test_pages_leave_nothing_out_and_repeat_nothing(view: ViewName) -> None:
    story = desk()
    moment = timezone.now()
    for number in range(PAGE + 7):
        # Some at the same moment: the mark must tell them apart.
        at = moment - dt.timedelta(minutes=number // 3)
        if view == "waiting":
            story.waiting(started_at=at)
        else:
            story.chat(started_at=at, turn="customer" if number % 2 else "operator")
    counts = list_counts(story.operator.user)
    seen: list[int] = []
    after = ""
    for _ in range(3):
        page = list_page(
            reader=story.operator.user, filters=Filters(view), counts=counts, after=after
        )
        seen += [pk for _key, group in shown(page) for pk in group]
        after = page.after
        if not after:
            break
    assert len(seen) == PAGE + 7
    assert set(seen) == set(Session.objects.values_list("pk", flat=True))
    twice = list_page(reader=story.operator.user, filters=Filters(view), counts=counts, pages=2)
    assert [pk for _key, group in shown(twice) for pk in group] == seen


def test_figures_count_what_asks_for_attention() -> None:
    story = desk()
    story.chat(unread=2)
    story.chat(unread=1, turn="customer")
    story.offered()
    story.waiting()
    story.chat(operator=OperatorFactory(), unread=9)
    counts = list_counts(story.operator.user)
    assert (counts.mine, counts.your_turn, counts.customers_turn) == (2, 1, 1)
    assert (counts.unread_chats, counts.news) == (2, 3)
    assert (counts.offered, counts.waiting, counts.attention) == (1, 1, 3)


def test_a_line_is_chosen_when_there_are_several() -> None:
    story = desk()
    session = story.chat()
    assert "Lines</h2>" not in story.client.get("/inbox/all/").content.decode()
    from tests.factories import OpenChannelFactory

    other = OpenChannelFactory(operators=[story.operator])
    html = story.client.get("/inbox/all/").content.decode()
    assert f"/inbox/all/?line={other.pk}" in html
    html = story.client.get("/inbox/all/", {"line": other.pk}).content.decode()
    assert f'id="open-{session.pk}"' not in html
    html = story.client.get("/inbox/all/", {"line": story.line.pk}).content.decode()
    assert f'id="open-{session.pk}"' in html


@pytest.mark.parametrize("path", ["/inbox/mine/", "/inbox/all/", "/inbox/list/mine/", "chat"])
def test_as_many_queries_for_fifty_chats_as_for_five(path: str) -> None:
    story = desk()
    session = story.chat()

    def count(number: int) -> int:
        for _ in range(number):
            story.chat(connector=session.conversation.connector)
            story.offered(connector=session.conversation.connector)
        address = f"/inbox/chats/{session.pk}/" if path == "chat" else path
        story.client.get(address)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert part(story.client, "get", address).status_code == 200
        return len(queries)

    few = count(2)
    assert count(23) == few
    assert few <= 22
