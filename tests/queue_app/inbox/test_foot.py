"""What stands below the thread in each state, for each reader."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.utils import timezone

from channels_app.models import Conversation
from queue_app.inbox.foot import Foot, session_foot
from queue_app.models import (
    Operator,
    Session,
    SessionHelper,
    SessionState,
    Timer,
    TimerKind,
    WaitReason,
)
from queue_app.services.permits import session_facts
from tests.factories import OperatorFactory, SuperuserFactory, TelegramConnectorFactory, moment
from tests.queue_app.inbox.stories import Desk, desk

pytestmark = pytest.mark.django_db


def foot(session: Session, reader: User) -> Foot:
    facts = session_facts(session=session, user=reader, now=timezone.now())
    return session_foot(session=session, facts=facts)


def mine(story: Desk, session: Session) -> tuple[str, str]:
    """Kind and words, for the operator of the desk."""
    below = foot(session, story.operator.user)
    return below.kind, below.text


def page(story: Desk, session: Session) -> str:
    html: str = story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    return html


def test_ones_own_chat_has_a_field_for_the_customer_and_one_for_colleagues() -> None:
    story = desk()
    session = story.chat()
    assert mine(story, session) == ("composer", "")
    html = page(story, session)
    for name in ("reply", "note"):
        assert f'id="{name}" method="post" action="/inbox/chats/{session.pk}/{name}/"' in html


def test_whoever_helps_may_write_and_is_told_that_he_helps() -> None:
    story = desk()
    hers = story.chat(operator=OperatorFactory(user__first_name="Ana", user__last_name=""))
    assert mine(story, hers) == ("other", "Ana is answering this chat.")
    html = page(story, hers)
    assert 'id="join"' in html
    assert 'id="reply"' not in html
    SessionHelper.objects.create(session=hers, operator=story.operator, joined_at=timezone.now())
    assert mine(story, hers) == ("composer", "")
    html = page(story, hers)
    assert "You help in this chat of Ana." in html
    assert 'id="leave"' in html


def test_an_offer_says_to_whom_and_how_long() -> None:
    story = desk()
    alone = story.offered()
    assert mine(story, alone) == ("take", "This chat is offered to you.")
    due_at = Timer.objects.get(session=alone).due_at
    assert foot(alone, story.operator.user).due_at == due_at
    ana = OperatorFactory(user__first_name="Ana", user__last_name="")
    hers = story.chat(state=SessionState.OFFERED, operator=ana)
    assert mine(story, hers) == ("other", "This chat is offered to Ana.")


def test_an_offer_to_everybody_says_to_how_many() -> None:
    story = desk()
    last: Operator = OperatorFactory()
    session = story.offered(asked=[story.operator, OperatorFactory(), last])
    assert mine(story, session) == ("take", "This chat is offered to 3 people.")
    assert foot(session, story.operator.user).due_at is not None
    # Whoever only sees it may not take it.
    watcher = OperatorFactory()
    assert foot(session, watcher.user).kind == "other"
    session.assignments.filter(operator=last).update(ended_at=timezone.now())
    assert mine(story, session)[1] == "This chat is offered to 2 people."


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (WaitReason.NO_OPERATOR, "Nobody has this chat yet: nobody is available."),
        (WaitReason.ROUND_OVER, "Nobody has this chat yet: everybody let it pass."),
        (WaitReason.LINE_CLOSED, "Nobody has this chat yet: the line is closed."),
        (WaitReason.RESPONSIBLE,
         "This chat waits for the one who answers for the customer."),
        (WaitReason.HOURS, "This chat waits for the opening."),
        (WaitReason.UNROUTED, "Nobody has this chat yet."),
        (WaitReason.ANSWERED_OUTSIDE,
         "Somebody answered in the platform's own app. The chat is offered again when the"
         " customer writes."),
    ],
)  # fmt: skip
def test_each_reason_to_wait_is_told(reason: WaitReason, words: str) -> None:
    story = desk()
    assert mine(story, story.waiting(wait_reason=reason)) == ("take", words)


def test_who_waits_for_the_opening_is_told_when_that_is() -> None:
    story = desk()
    session = story.waiting(wait_reason=WaitReason.HOURS)
    with time_machine.travel(moment(), tick=False):
        due_at = moment() + dt.timedelta(days=4, hours=-3)
        Timer.objects.create(session=session, kind=TimerKind.OPENING, due_at=due_at)
        assert mine(story, session)[1] == "This chat waits for the opening, Friday 09:00."


def test_who_waits_behind_others_is_told_how_many() -> None:
    story = desk()
    now = timezone.now()
    chats = [
        story.waiting(
            wait_reason=WaitReason.NO_OPERATOR,
            no_operator_since=now - dt.timedelta(minutes=minutes),
        )
        for minutes in (9, 5, 5)
    ]
    assert [mine(story, chat)[1] for chat in chats] == [
        "Nobody has this chat yet: nobody is available.",
        "Nobody has this chat yet: nobody is available, 1 customer waits longer.",
        "Nobody has this chat yet: nobody is available, 2 customers wait longer.",
    ]


def test_an_ending_chat_says_when_it_closes() -> None:
    story = desk()
    session = story.chat(state=SessionState.CLOSING)
    assert mine(story, session) == ("ending", "This chat is ending.")
    due_at = timezone.localtime().replace(hour=16, minute=30)
    Timer.objects.create(session=session, kind=TimerKind.GRACE, due_at=due_at)
    assert mine(story, session)[1] == (
        "This chat is ending, it closes at 16:30. If the customer writes, it goes on."
    )
    html = page(story, session)
    assert "it closes at 16:30" in html
    for action in ("accept", "close", "reply"):
        assert f"/inbox/chats/{session.pk}/{action}/" not in html


def ended(story: Desk, reason: str = "operator", **values: Any) -> Session:
    """A chat that closed after the customer's message."""
    session = story.chat(**values)
    session.state, session.close_reason = SessionState.CLOSED, reason
    session.closed_at = timezone.now()
    session.save()
    return session


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("operator", "This chat has ended."),
        ("auto", "This chat has ended."),
        ("spam", "This chat was closed as spam."),
        ("forced", "This chat was stopped."),
    ],
)
def test_a_closed_chat_says_how_it_closed_and_lets_one_write_first(reason: str, words: str) -> None:
    story = desk()
    session = ended(story, reason)
    assert mine(story, session) == ("first", words)
    html = page(story, session)
    assert f'action="/inbox/conversations/{session.conversation_id}/write/"' in html
    assert ('id="spam-undo"' in html) is (reason == "spam")
    assert f'formaction="/inbox/chats/{session.pk}/new/" name="message"' in html


def test_nobody_writes_first_to_a_blocked_sender() -> None:
    story = desk()
    session = ended(story, conversation={"blocked_at": timezone.now(), "ignored_count": 2})
    assert mine(story, session)[0] == "closed"
    html = page(story, session)
    assert "This sender is blocked: what he writes does not come in." in html
    assert "2 messages were kept out." in html
    assert 'id="unblock"' in html
    assert 'id="reply"' not in html
    assert 'id="note"' in html


def test_nobody_writes_first_beside_an_open_chat() -> None:
    story = desk()
    session = ended(story)
    follower = Session.objects.create(
        conversation=session.conversation, open_channel=story.line, state="waiting",
        turn="operator", started_at=timezone.now(),
    )  # fmt: skip
    assert mine(story, session)[0] == "closed"
    assert f'href="/inbox/chats/{follower.pk}/">To the open chat' in page(story, session)


def test_where_nothing_can_be_sent_it_is_said_why_and_a_note_still_goes() -> None:
    story = desk()
    session = story.chat(connector=TelegramConnectorFactory(open_channel=story.line))
    Conversation.objects.filter(pk=session.conversation_id).update(unreachable_at=timezone.now())
    session.conversation.refresh_from_db()
    kind, words = mine(story, session)
    assert (kind, words[:28]) == ("refused", "The customer has blocked us.")
    html = page(story, session)
    assert 'id="reply"' not in html
    assert 'id="note"' in html


def test_a_snoozed_chat_says_until_when_and_may_be_woken() -> None:
    story = desk()
    with time_machine.travel(moment(), tick=False):
        session = story.chat(snoozed_until=moment() + dt.timedelta(days=1))
        story.client.force_login(story.operator.user)
        html = page(story, session)
    assert "Snoozed until Tuesday 12:00." in html
    assert 'id="wake"' in html


def test_whoever_may_take_chats_over_is_offered_that() -> None:
    story = desk()
    hers = story.chat(operator=OperatorFactory())
    assert 'id="intercept"' not in page(story, hers)
    story.client.force_login(SuperuserFactory())
    assert 'id="intercept"' in page(story, hers)
