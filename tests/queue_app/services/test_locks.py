"""The desk's locks."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from queue_app.models import LineQueue
from queue_app.services.locks import SessionGoneError, line_lock, session_lock
from tests.factories import OpenChannelFactory, SessionFactory

pytestmark = pytest.mark.django_db


def test_a_session_comes_with_its_conversation_fresh_from_the_database() -> None:
    session = SessionFactory()
    type(session).objects.filter(pk=session.pk).update(unread=7)
    with transaction.atomic():
        conversation, locked = session_lock(session.pk)
    assert (conversation, locked) == (session.conversation, session)
    assert locked.unread == 7
    assert locked.conversation is conversation


def test_the_conversation_is_locked_before_the_session() -> None:
    session = SessionFactory()
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        session_lock(session.pk)
    statements = [query["sql"] for query in queries if "SELECT" in query["sql"]]
    assert len(statements) == 3
    assert 'FROM "channels_app_conversation"' in statements[1]
    assert 'FROM "queue_app_session"' in statements[2]
    if connection.vendor == "postgresql":
        # A plain FOR UPDATE would stand in the way of every insert that names the row.
        assert all("FOR NO KEY UPDATE" in statement for statement in statements[1:])


def test_a_session_that_is_not_there_is_told() -> None:
    with pytest.raises(SessionGoneError), transaction.atomic():
        session_lock(4711)


def test_each_lock_of_a_line_gives_the_next_number() -> None:
    first, second = OpenChannelFactory(), OpenChannelFactory()
    with transaction.atomic():
        assert [line_lock(first.pk) for _ in range(3)] == [1, 2, 3]
        assert line_lock(second.pk) == 1
    assert LineQueue.objects.get(open_channel=first).turn == 3


def test_a_line_without_its_row_gets_one() -> None:
    line = OpenChannelFactory()
    LineQueue.objects.all().delete()
    with transaction.atomic():
        assert line_lock(line.pk) == 1
    assert LineQueue.objects.get(open_channel=line).turn == 1


def test_a_number_of_a_transaction_that_failed_is_given_again() -> None:
    line = OpenChannelFactory()
    with transaction.atomic():
        line_lock(line.pk)
        transaction.set_rollback(True)
    with transaction.atomic():
        assert line_lock(line.pk) == 1
