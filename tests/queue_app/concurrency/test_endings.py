"""Ending at once: sweeps, the operator and the customer meet on one chat, and it ends once."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from channels_app.models import Conversation, Message
from channels_app.services.messages import message_queue
from channels_app.services.receipts import message_state_forward
from queue_app.models import Operator, Session, SessionEvent, SessionText
from queue_app.services import texts, timers
from queue_app.services.endings import session_end
from queue_app.services.locks import session_lock
from queue_app.services.replies import session_reply
from queue_app.services.texts import service_text_send
from queue_app.services.timers import timers_sweep
from tests.factories import OperatorFactory, ServiceTextFactory
from tests.queue_app.concurrency.crowd import HeldThread, all_at_once, meet, raised
from tests.queue_app.desk_story import books_check, customer_receive, customer_writes, line_with

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

MINUTE = dt.timedelta(minutes=1)


def silent_chats(ana: Operator, count: int, now: dt.datetime) -> list[Session]:
    """Chats that were answered, on a line with both closing texts; an hour later they end."""
    connector = line_with(ana, auto_close_minutes=60, grace_minutes=10)
    for kind in ("ending", "auto_close"):
        ServiceTextFactory(open_channel=connector.open_channel, kind=kind, text=kind)
    sessions = []
    for number in range(count):
        session = customer_writes(connector, f"u{number}", now=now)
        message = session_reply(
            session_id=session.pk, user=ana.user, text="Yes", client_key="key-00000001", now=now
        )
        with transaction.atomic():
            message_state_forward(message=message, state="sent", now=now)
        sessions.append(session)
    return sessions


def told(session: Session) -> list[str]:
    rows = Message.objects.filter(conversation=session.conversation_id, author_kind="system")
    return list(rows.order_by("seq").values_list("text", flat=True))


def happened(session: Session, kind: str) -> int:
    return SessionEvent.objects.filter(session=session, kind=kind).count()


def test_three_sweeps_at_once_end_and_close_each_chat_once() -> None:
    now = timezone.now()
    sessions = silent_chats(OperatorFactory(), 30, now)
    for due, state in ((now + 60 * MINUTE, "closing"), (now + 70 * MINUTE, "closed")):
        sweep = partial(timers_sweep, now=due, limit=10)
        handled = all_at_once([sweep] * 3)
        assert raised(handled) == []
        # What one had in its hands the others have skipped: the next tick finds the rest.
        assert sum(handled) + timers_sweep(now=due) == len(sessions)
        assert set(Session.objects.values_list("state", flat=True)) == {state}
        books_check()
    for session in sessions:
        assert told(session) == ["auto_close"]
        assert (happened(session, "ended"), happened(session, "closed")) == (1, 1)


def test_the_operator_and_the_clock_at_once_say_one_goodbye() -> None:
    ana = OperatorFactory()
    now = timezone.now()
    due = now + 60 * MINUTE
    for session in silent_chats(ana, 12, now):
        end = partial(session_end, session_id=session.pk, actor=ana.user, now=due)
        assert raised(all_at_once([end, partial(timers_sweep, now=due)])) == []
        timers_sweep(now=due)
        assert told(session) in (["ending"], ["auto_close"])
        assert happened(session, "ended") == 1
    books_check()


def test_the_customer_and_the_clock_at_once_close_it_or_let_it_go_on() -> None:
    """His message is in the chat that goes on, or in a new one: never in a closed one."""
    ana = OperatorFactory()
    now = timezone.now()
    sessions = silent_chats(ana, 12, now)
    for number, session in enumerate(sessions):
        session_end(session_id=session.pk, actor=ana.user, now=now)
        connector = session.conversation.connector
        due = now + 10 * MINUTE
        write = partial(customer_receive, connector, f"u{number}", now=due)
        assert raised(all_at_once([write, partial(timers_sweep, now=due)])) == []
        timers_sweep(now=due)
        newest = Session.objects.filter(conversation=session.conversation_id).latest("pk")
        session.refresh_from_db()
        assert newest.unread == 1
        if newest == session:
            assert (session.state, session.operator) == ("active", ana)
        else:
            assert (session.state, newest.state) == ("closed", "offered")
        assert told(session) == ["ending"]
    books_check()


# --- what it hangs on ---------------------------------------------------------------------


def end_while_the_clock_ends_it(monkeypatch: pytest.MonkeyPatch) -> Session:
    """The operator's end stops before it queues its text; meanwhile the sweep comes by."""
    ana = OperatorFactory()
    now = timezone.now()
    (session,) = silent_chats(ana, 1, now)
    due = now + 60 * MINUTE
    held = HeldThread(partial(session_end, session_id=session.pk, actor=ana.user, now=due))

    def queue(**values: Any) -> list[Message]:
        held.hold()
        return message_queue(**values)

    monkeypatch.setattr(texts, "message_queue", queue)
    # The sweep waits instead of passing by, so that they do meet.
    monkeypatch.setattr(timers, "_is_free", lambda _session_id: True)
    meet(held, partial(timers_sweep, now=due))
    return session


def test_the_second_to_end_it_finds_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    session = end_while_the_clock_ends_it(monkeypatch)
    assert (told(session), happened(session, "ended")) == (["ending"], 1)
    books_check()


def test_without_the_lock_both_would_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: both have seen an active chat; the database refuses one of them."""

    def unlocked(session_id: int) -> tuple[Conversation, Session]:
        session = Session.objects.select_related(
            "operator__user", "open_channel", "conversation__connector__open_channel"
        ).get(pk=session_id)
        return session.conversation, session

    monkeypatch.setattr("queue_app.services.endings.session_lock", unlocked)
    monkeypatch.setattr(timers, "session_lock", unlocked)
    with pytest.raises(IntegrityError):
        end_while_the_clock_ends_it(monkeypatch)


def send_at_once(count: int) -> list[str]:
    """The same text of one chat from several threads. Returns what the customer is sent."""
    now = timezone.now()
    session = customer_writes(line_with(), "u1", now=now)

    def send() -> None:
        with transaction.atomic():
            conversation, locked = session_lock(session.pk)
            service_text_send(
                session=locked, conversation=conversation, kind="ending", text="Goodbye", now=now
            )
            Session.objects.filter(pk=session.pk).update(event_seq=locked.event_seq)

    assert raised(all_at_once([send] * count)) == []
    return told(session)


def test_a_text_goes_once_whoever_sends_it() -> None:
    assert send_at_once(4) == ["Goodbye"]
    assert SessionText.objects.count() == 1


def test_without_the_unique_row_it_would_go_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    monkeypatch.setattr(
        texts, "_ONCE",
        "INSERT INTO queue_app_sessiontext (session_id, kind, occurrence, at)"
        " SELECT %s, %s, %s || gen_random_uuid(), %s RETURNING id",
    )  # fmt: skip
    assert send_at_once(4) == ["Goodbye"] * 4
