from __future__ import annotations

import datetime as dt
import re

import pytest
from django.utils import timezone

from channels_app.models import Conversation, Message
from channels_app.services.conversations import conversation_system_message
from queue_app.inbox.thread import PAGE, Row, thread_delta, thread_page
from queue_app.models import Operator, Session, SessionState
from queue_app.services.events import EventKind, event_write
from tests.factories import ConversationFactory, MessageFactory, OperatorFactory, SessionFactory
from tests.queue_app.inbox.stories import desk, part

pytestmark = pytest.mark.django_db


def noted(
    session: Session,
    kind: EventKind,
    at: dt.datetime,
    operator: Operator | None = None,
    **data: object,
) -> None:
    event_write(
        session=session, conversation=session.conversation, kind=kind, now=at,
        operator_id=operator.pk if operator else None, data=data,
    )  # fmt: skip
    session.save(update_fields=["event_seq"])


def said(rows: list[Row]) -> list[str]:
    """The rows in short: texts of messages, words of events."""
    short = []
    for row in rows:
        if row.message:
            short.append(row.message.message.text)
        elif row.event:
            short.append(re.sub(r"<.*?>", "", row.event.text))
        elif row.kind == "new":
            short.append("--")
    return short


def test_events_stand_between_the_messages_of_their_moment() -> None:
    story = desk()
    start = timezone.now() - dt.timedelta(minutes=10)
    session = SessionFactory(
        conversation=ConversationFactory(connector__open_channel=story.line),
        operator=story.operator,
    )
    MessageFactory(conversation=session.conversation, text="Hello?", created_at=start)
    noted(session, "started", start)
    noted(session, "offered", start, story.operator)
    later = start + dt.timedelta(minutes=1)
    noted(session, "accepted", later, story.operator)
    MessageFactory(
        conversation=session.conversation, direction="out", text="Hi!", created_at=later,
        author=story.operator.user, state="sent",
    )  # fmt: skip
    rows = thread_page(session=session, reader=story.operator.user).rows
    assert said(rows) == [
        "Hello?",
        f"Chat {session.pk} began",
        "Offered to you",
        "Accepted by you",
        "Hi!",
    ]


def test_a_chat_that_was_passed_on_says_from_whom_and_why() -> None:
    story = desk()
    session = story.chat()
    igor = OperatorFactory(user__first_name="Igor", user__last_name="Lima")
    now = timezone.now()
    noted(session, "expired", now, igor, waited_s=301.2)
    noted(session, "offered", now, story.operator)
    rows = thread_page(session=session, reader=story.operator.user).rows
    assert said(rows)[1:] == ["Passed from Igor Lima to you: not accepted within 5 min"]


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        # by a person, with the time to come back and without
        ([("ended", True, "operator"), ("closed", False, "operator")],
         ["Chat ended by you", "Chat closed"]),
        ([("closed", True, "operator")], ["Chat ended by you"]),
        # by itself
        ([("ended", False, "auto"), ("closed", False, "auto")],
         ["Chat ended by itself", "Chat closed"]),
        ([("closed", False, "auto")], ["Chat ended by itself"]),
        # an answer from outside in between
        ([("ended", True, "operator"), ("answered_outside", False, ""),
          ("closed", False, "operator")], ["Chat ended by you", "Chat closed"]),
        ([("ended", True, "operator"), ("resumed", False, "")],
         ["Chat ended by you", "The customer wrote in time: the chat goes on"]),
    ],
)  # fmt: skip
def test_the_end_of_a_chat_in_words(
    steps: list[tuple[EventKind, bool, str]], words: list[str]
) -> None:
    story = desk()
    session = story.chat()
    for kind, by_hand, reason in steps:
        event_write(
            session=session, conversation=session.conversation, kind=kind, now=timezone.now(),
            actor=story.operator.user if by_hand else None, operator_id=story.operator.pk,
            data={"reason": reason},
        )  # fmt: skip
    rows = thread_page(session=session, reader=story.operator.user).rows
    assert said(rows)[1:] == words


@pytest.mark.parametrize(
    ("kind", "skipped", "words"),
    [
        ("ending", "", []),
        ("ending", "window", ["Closing text not sent: the time to answer is over"]),
        ("auto_close", "unreachable", ["Closing text not sent: the customer has blocked us"]),
        ("reminder", "line_closed", ["Reminder not sent: the line is closed"]),
        ("welcome", "connector_off", ["Welcome not sent: the channel is not connected"]),
        ("welcome", "standby", ["Welcome not sent: another program answers this chat"]),
        ("later", "whatever", ["Automatic text not sent: whatever"]),
    ],
)
def test_a_text_that_was_not_sent_says_why(kind: str, skipped: str, words: list[str]) -> None:
    story = desk()
    session = story.chat()
    event_write(
        session=session, conversation=session.conversation, kind="text", now=timezone.now(),
        data={"kind": kind, "occurrence": "", "skipped": skipped},
    )  # fmt: skip
    assert said(thread_page(session=session, reader=story.operator.user).rows)[1:] == words


def test_a_chat_closed_after_the_longest_wait_says_so() -> None:
    story = desk()
    session = story.chat()
    now = timezone.now()
    conversation_system_message(
        conversation=session.conversation, kind="ceiling", now=now, data={"days": 30}
    )
    rows = thread_page(session=session, reader=story.operator.user).rows
    assert said(rows)[1:] == ["The customer waited 30 days for an answer."]


def test_names_in_events_are_no_markup() -> None:
    story = desk()
    session = story.chat()
    sly = OperatorFactory(user__first_name="<b>Eve</b>", user__last_name="")
    noted(session, "accepted", timezone.now(), sly)
    row = thread_page(session=session, reader=story.operator.user).rows[-1]
    assert row.event is not None
    assert "<b>&lt;b&gt;Eve&lt;/b&gt;</b>" in row.event.text


def test_the_order_of_messages_is_that_of_their_numbers() -> None:
    story = desk()
    session = story.chat(text="one")
    first = Message.objects.get()
    MessageFactory(
        conversation=session.conversation, text="two",
        created_at=first.created_at - dt.timedelta(seconds=5),
    )  # fmt: skip
    assert said(thread_page(session=session, reader=story.operator.user).rows) == ["one", "two"]


def test_new_messages_are_marked_from_the_first_unread_one() -> None:
    story = desk()
    session = story.chat(text="one", unread=2)
    for text in ("two", "three"):
        MessageFactory(conversation=session.conversation, text=text)
    rows = thread_page(session=session, reader=story.operator.user, mark_new=True).rows
    assert said(rows) == ["one", "--", "two", "three"]


def test_long_threads_come_in_pages_without_gaps_or_doubles() -> None:
    story = desk()
    session = story.chat(text="message 0")
    for number in range(1, PAGE + 10):
        MessageFactory(conversation=session.conversation, text=f"message {number}")
    newest = thread_page(session=session, reader=story.operator.user)
    before = thread_page(session=session, reader=story.operator.user, before_seq=newest.earlier_seq)
    assert before.earlier_seq is None
    assert said(before.rows + newest.rows) == [f"message {n}" for n in range(PAGE + 10)]


def test_a_delta_brings_what_changed_after_a_version() -> None:
    story = desk()
    session = story.chat(text="one")
    version = session.conversation.version
    MessageFactory(conversation=session.conversation, text="two")
    rows = thread_delta(session=session, reader=story.operator.user, since=version)
    assert said(rows) == ["two"]


def test_a_thread_that_did_not_change_is_not_sent_again() -> None:
    story = desk()
    session = story.chat()
    path = f"/inbox/chats/{session.pk}/thread/"
    first = part(story.client, "get", path, since=0)
    assert (first.status_code, "Good morning" in first.content.decode()) == (200, True)
    headers = {"HX-Request": "true", "If-None-Match": first["ETag"]}
    assert story.client.get(path, headers=headers).status_code == 304
    MessageFactory(conversation=session.conversation, text="More")
    assert story.client.get(path, headers=headers).status_code == 200


def test_an_ended_chat_is_shown_up_to_its_end() -> None:
    story = desk()
    session = story.chat(text="long ago")
    end = timezone.now()
    Session.objects.filter(pk=session.pk).update(state=SessionState.CLOSED, closed_at=end)
    MessageFactory(
        conversation=session.conversation, text="much later",
        created_at=end + dt.timedelta(hours=1),
    )  # fmt: skip
    follower = SessionFactory(
        conversation=session.conversation, operator=story.operator,
        started_at=end + dt.timedelta(hours=1),
    )  # fmt: skip
    html = story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    assert "long ago" in html.partition('id="rows-of-thread"')[2]
    assert "much later" not in html.partition('id="rows-of-thread"')[2]
    assert "You read earlier messages." in html
    assert f'href="/inbox/chats/{follower.pk}/?' in html


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("queued", "Sending"),
        ("sending", "Sending"),
        ("sent", "Sent"),
        ("delivered", "Delivered"),
        ("read", "Read"),
    ],
)
def test_each_state_of_our_message_has_its_tick(state: str, expected: str) -> None:
    story = desk()
    session = story.chat()
    MessageFactory(
        conversation=session.conversation, direction="out", state=state,
        author=story.operator.user,
    )  # fmt: skip
    html = story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    assert re.findall(r'class="icon tick[^>]*aria-label="([^"]*)"', html) == [expected]


def test_what_went_wrong_is_said_with_what_to_do() -> None:
    story = desk()
    session = story.chat()
    common = {"conversation": session.conversation, "direction": "out"}
    failed = MessageFactory(state="failed", error_text="The file is too big.", **common)
    unknown = MessageFactory(state="unknown", **common)
    html = story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    assert "Not delivered. The file is too big." in html
    assert "It may have arrived; check before you resend." in html
    for message in (failed, unknown):
        assert f"/inbox/messages/{message.pk}/resend/" in html
        assert f"/inbox/messages/{message.pk}/discard/" in html


def test_days_are_the_readers_own() -> None:
    story = desk()
    session = story.chat()
    late = timezone.now().replace(hour=1, minute=30)
    Message.objects.update(created_at=late - dt.timedelta(days=400))
    story.client.cookies["tz"] = "America/Sao_Paulo"
    html = story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    expected = (late - dt.timedelta(days=401)).date()
    assert f'id="d{expected.isoformat()}"' in html
    assert "22:30" in html


def test_a_senseless_time_zone_is_ignored() -> None:
    story = desk()
    for zone in ("../../etc/passwd", "Mars/Olympus", "", "a" * 5000):
        story.client.cookies["tz"] = zone
        assert story.client.get("/inbox/mine/").status_code == 200


def test_what_a_customer_filled_in_stands_in_the_thread() -> None:
    story = desk()
    session = story.chat()
    MessageFactory(
        conversation=session.conversation, direction="system", kind="form", text="",
        data={"fields": [{"label": "Name", "value": "<b>Ana</b>"},
                         {"label": "Phone", "value": "+55 11 98321 4471"}]},
    )  # fmt: skip
    html = story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    assert "The customer filled in the form." in html
    assert '<dt>Name</dt><dd dir="auto">&lt;b&gt;Ana&lt;/b&gt;</dd>' in html
    assert '<dt>Phone</dt><dd dir="auto">+55 11 98321 4471</dd>' in html


def test_a_private_note_says_that_it_is_one() -> None:
    story = desk()
    session = story.chat()
    MessageFactory(
        conversation=session.conversation, direction="note", text="Offer a new top",
        author=story.operator.user,
    )  # fmt: skip
    html = story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    assert re.search(r'class="msg msg-note"[^>]*>.*?Private note · ', html)


@pytest.mark.parametrize(("age", "is_shown"), [(2, True), (9, True), (11, False)])
def test_a_customer_is_shown_as_writing_for_ten_seconds(age: int, is_shown: bool) -> None:
    story = desk()
    session = story.chat()
    typed = timezone.now() - dt.timedelta(seconds=age)
    Conversation.objects.update(typing_at=typed)
    page = story.client.get(f"/inbox/chats/{session.pk}/").content.decode()
    alone = part(story.client, "get", f"/inbox/chats/{session.pk}/writing/").content.decode()
    for html in (page, alone):
        until = re.search(r'id="chat-writing" data-part( data-until="(\d+)"| hidden)', html)
        assert until is not None
        assert (until[2] is not None) is is_shown
        if is_shown:
            assert int(until[2]) == round((typed.timestamp() + 10) * 1000)
    assert ('is writing…</span><span class="conv-text"' in page) is is_shown
