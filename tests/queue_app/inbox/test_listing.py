from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from queue_app.inbox.listing import PAGE, Filters, ListPage, ViewName, list_counts, list_page
from queue_app.inbox.offers import list_offers
from queue_app.models import Session, SessionHelper, Timer, TimerKind
from tests.factories import OperatorFactory, moment
from tests.queue_app.inbox.stories import Desk, desk, part

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
    newest = timezone.now()
    for number in range(PAGE + 7):
        # Some at the same moment: the mark must tell them apart.
        at = newest - dt.timedelta(minutes=number // 3)
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
    assert few <= 26


def test_an_offer_to_everybody_rings_for_each_who_is_asked() -> None:
    story = desk()
    ana = OperatorFactory()
    session = story.offered(asked=[story.operator, ana], minutes=3)
    for reader in (story.operator.user, ana.user):
        (offer,) = list_offers(reader, query="view=offered")
        assert (offer.item.session, offer.people) == (session, 2)
        assert offer.title == "New chat for 2 people"
        assert offer.due_at == session.timers.get().due_at
        assert list_counts(reader).offered == 1
        page = list_page(reader=reader, filters=Filters("offered"), counts=list_counts(reader))
        assert shown(page) == [("offered", [session.pk])]
    # Whose turn has ended is rung no more, and who was not asked never was.
    session.assignments.filter(operator=ana).update(ended_at=timezone.now())
    stranger = OperatorFactory()
    story.line.line_operators.create(operator=stranger, position=9)
    for reader in (ana.user, stranger.user):
        assert list_offers(reader, query="") == []
        assert list_counts(reader).offered == 0


def test_an_offer_may_be_passed_on_where_somebody_else_could_take_it() -> None:
    story = desk()
    session = story.offered()
    (offer,) = list_offers(story.operator.user, query="")
    assert not offer.may_skip
    html = story.client.get("/inbox/mine/").content.decode()
    assert f'id="skip-{session.pk}"' not in html
    story.line.line_operators.create(operator=OperatorFactory(), position=2)
    (offer,) = list_offers(story.operator.user, query="")
    assert offer.may_skip
    html = story.client.get("/inbox/mine/").content.decode()
    assert f'formaction="/inbox/chats/{session.pk}/skip/"' in html


def test_ones_own_list_has_its_parts_in_their_order() -> None:
    story = desk()
    now = timezone.now()
    reader = story.operator.user
    asleep = story.chat(snoozed_until=now + dt.timedelta(hours=2))
    ending = story.chat(state="closing", turn="customer")
    helped = story.chat(operator=OperatorFactory())
    SessionHelper.objects.create(session=helped, operator=story.operator, joined_at=now)
    theirs = story.chat(turn="customer")
    ours = story.chat()
    counts = list_counts(reader)
    page = list_page(reader=reader, filters=Filters("mine"), counts=counts)
    assert shown(page) == [
        ("operator", [ours.pk]), ("customer", [theirs.pk]), ("helping", [helped.pk]),
        ("ending", [ending.pk]), ("snoozed", [asleep.pk]),
    ]  # fmt: skip
    assert [group.count for group in page.groups] == [1, 1, 1, 1, 1]
    assert counts.mine == 5
    html = story.client.get("/inbox/mine/").content.decode()
    assert '<span class="badge badge-accent">helping</span>' in html
    assert '<details class="group-fold" id="fold-snoozed">' in html
    # Somebody else's snoozed or helped chats are not in it.
    assert list_counts(OperatorFactory().user).mine == 0


def test_pages_of_ones_own_list_go_on_where_they_ended_in_every_part() -> None:
    story = desk()
    newest = timezone.now()
    for number in range(PAGE + 20):
        part_of = number % 4
        values: dict[str, Any] = {"started_at": newest - dt.timedelta(minutes=number // 3)}
        if part_of == 1:
            values |= {"turn": "customer"}
        elif part_of == 2:
            values |= {"state": "closing"}
        elif part_of == 3:
            values |= {"snoozed_until": newest + dt.timedelta(days=1)}
        story.chat(**values)
    reader = story.operator.user
    counts = list_counts(reader)
    first = list_page(reader=reader, filters=Filters("mine"), counts=counts)
    second = list_page(reader=reader, filters=Filters("mine"), counts=counts, after=first.after)
    seen = [pk for page in (first, second) for _key, group in shown(page) for pk in group]
    assert len(seen) == len(set(seen)) == PAGE + 20
    assert [key for key, _group in shown(first)] == ["operator", "customer", "ending"]
    assert [key for key, _group in shown(second)] == ["ending", "snoozed"]
    assert [group.is_continued for group in second.groups] == [True, False]


@pytest.mark.parametrize("mark", ["", "x", "1.2", "1.x.3", "1.99999999999999999999.3", "-1.2.3"])
def test_a_mark_that_is_none_of_ours_is_no_mark(mark: str) -> None:
    story = desk()
    session = story.chat()
    html = story.client.get("/inbox/mine/", {"after": mark}).content.decode()
    assert f'id="open-{session.pk}"' in html


def notes(story: Desk, view: ViewName = "waiting") -> dict[int, str]:
    reader = story.operator.user
    page = list_page(reader=reader, filters=Filters(view), counts=list_counts(reader))
    return {item.session.pk: item.note for group in page.groups for item in group.items}


def test_who_waits_is_told_why_and_behind_how_many() -> None:
    story = desk()
    now = timezone.now()
    first, second, third = (
        story.waiting(
            wait_reason="no_operator", no_operator_since=now - dt.timedelta(minutes=minutes)
        )
        for minutes in (9, 7, 7)
    )
    passed = story.waiting(wait_reason="round_over")
    assert notes(story) == {
        first.pk: "nobody is available",
        second.pk: "nobody is available, 1 customer waits longer",
        third.pk: "nobody is available, 2 customers wait longer",
        passed.pk: "everybody let it pass",
    }
    # Those of another line are not before anybody here.
    elsewhere = desk()
    alone = elsewhere.waiting(wait_reason="no_operator", no_operator_since=now)
    assert notes(elsewhere) == {alone.pk: "nobody is available"}


def test_who_waits_for_the_opening_is_told_when_that_is() -> None:
    story = desk()
    session = story.waiting(wait_reason="hours")
    assert notes(story) == {session.pk: "waits for the opening"}
    with time_machine.travel(moment(), tick=False):
        due_at = moment() + dt.timedelta(days=4, hours=-3)
        Timer.objects.create(session=session, kind=TimerKind.OPENING, due_at=due_at)
        assert notes(story) == {session.pk: "waits for the opening, Friday 09:00"}


def test_the_list_of_all_says_in_what_state_each_chat_is() -> None:
    story = desk()
    ana = OperatorFactory(user__first_name="Ana", user__last_name="")
    everybody = story.offered(asked=[story.operator, ana])
    hers = story.chat(operator=ana, state="offered")
    ending = story.chat(operator=ana, state="closing")
    with time_machine.travel(moment(), tick=False):
        due_at = moment(10)
        Timer.objects.create(session=ending, kind=TimerKind.GRACE, due_at=due_at)
        assert notes(story, "all") == {
            everybody.pk: "offered to everybody",
            hers.pk: "offered to Ana",
            ending.pk: "ends at 12:10",
        }


@pytest.mark.parametrize("path", ["/inbox/list/waiting/", "/inbox/list/all/", "/inbox/list/mine/"])
def test_as_many_queries_however_many_chats_of_every_state(path: str) -> None:
    story = desk()
    now = timezone.now()
    ana = OperatorFactory()
    story.line.line_operators.create(operator=ana, position=2)

    def count(number: int) -> int:
        for _ in range(number):
            since = {"wait_reason": "no_operator", "no_operator_since": now}
            story.waiting(**since)
            asleep = story.waiting(wait_reason="hours")
            ending = story.chat(state="closing")
            story.chat(snoozed_until=now + dt.timedelta(hours=1))
            helped = story.chat(operator=ana)
            SessionHelper.objects.create(session=helped, operator=story.operator, joined_at=now)
            for session, kind in ((asleep, TimerKind.OPENING), (ending, TimerKind.GRACE)):
                Timer.objects.create(session=session, kind=kind, due_at=now)
        story.offered(asked=[story.operator, ana])
        story.client.get(path)
        with CaptureQueriesContext(connection) as queries:
            assert part(story.client, "get", path).status_code == 200
        return len(queries)

    few = count(1)
    assert count(6) == few
    assert few <= 17
