"""Places: taken and given back by conditional updates."""

from __future__ import annotations

import pytest

from queue_app.models import LineOperator
from queue_app.services.places import place_free, place_take
from tests.factories import OpenChannelFactory, OperatorFactory, SessionFactory
from tests.queue_app.desk_story import books_check, everything

pytestmark = pytest.mark.django_db


def test_a_place_is_counted_on_the_line_and_over_all() -> None:
    ana = OperatorFactory()
    line = OpenChannelFactory(operators=[ana])
    other = OpenChannelFactory(operators=[ana])
    assert place_take(operator_id=ana.pk, open_channel_id=line.pk)
    assert place_take(operator_id=ana.pk, open_channel_id=other.pk)
    ana.refresh_from_db()
    assert ana.open_chats == 2
    assert set(LineOperator.objects.values_list("open_channel", "open_chats")) == {
        (line.pk, 1),
        (other.pk, 1),
    }


def test_a_full_operator_gets_no_place_and_nothing_changes() -> None:
    ana = OperatorFactory(max_chats=1)
    line = OpenChannelFactory(operators=[ana])
    assert place_take(operator_id=ana.pk, open_channel_id=line.pk)
    before = everything()
    assert not place_take(operator_id=ana.pk, open_channel_id=line.pk)
    assert everything() == before


def test_a_hand_over_that_no_limit_stops_is_counted_all_the_same() -> None:
    ana = OperatorFactory(max_chats=0)
    line = OpenChannelFactory(operators=[ana])
    assert place_take(operator_id=ana.pk, open_channel_id=line.pk, limited=False)
    ana.refresh_from_db()
    assert (ana.open_chats, LineOperator.objects.get().open_chats) == (1, 1)


def test_somebody_outside_the_queue_gets_a_row_without_a_place_in_it() -> None:
    ana = OperatorFactory()
    line = OpenChannelFactory()
    assert place_take(operator_id=ana.pk, open_channel_id=line.pk)
    row = LineOperator.objects.get()
    assert (row.operator, row.position, row.open_chats) == (ana, None, 1)


def test_freeing_gives_both_counts_back() -> None:
    ana = OperatorFactory()
    session = SessionFactory(operator=ana)
    books_check()
    place_free(session=session)
    ana.refresh_from_db()
    assert (ana.open_chats, LineOperator.objects.get().open_chats) == (0, 0)


def test_a_session_nobody_holds_frees_nothing() -> None:
    SessionFactory(operator=OperatorFactory())
    before = everything()
    place_free(session=SessionFactory(operator=None))
    assert everything()[4:] == before[4:]
