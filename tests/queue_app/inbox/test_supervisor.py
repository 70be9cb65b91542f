"""The supervisor's page: whose it is, what it shows, and the duty of others."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from channels_app.models import OpenChannel
from queue_app.inbox.supervisor import Board, board_read
from queue_app.models import (
    NoticeKind,
    Operator,
    Session,
    SessionState,
    Timer,
    TimerKind,
    WaitReason,
)
from queue_app.services.notices import line_notice_begin
from queue_app.services.queues import queue_member_add
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    MessageFactory,
    OpenChannelFactory,
    OperatorFactory,
    SessionFactory,
    UserFactory,
)
from tests.queue_app.inbox.stories import part

pytestmark = pytest.mark.django_db

PAGE = "/inbox/supervisor/"
PART = "/inbox/supervisor/board/"


def grant(user: User, *codenames: str) -> User:
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return User.objects.get(pk=user.pk)


def supervisor(*lines: OpenChannel, everywhere: bool = False) -> tuple[User, Client]:
    """Somebody who supervises the lines in whose queue he stands, or every line."""
    rights = ["supervise_desk", *(["view_all_sessions"] if everywhere else [])]
    user = grant(UserFactory(), *rights)
    OperatorFactory(user=user, duty="off")
    for line in lines:
        queue_member_add(open_channel=line, user=user, now=timezone.now())
    client = Client()
    client.force_login(user)
    return user, client


def ago(minutes: float) -> dt.datetime:
    return timezone.now() - dt.timedelta(minutes=minutes)


def chat(line: OpenChannel, name: str, *, minutes: float = 1, **session: Any) -> Session:
    connector = line.connectors.first() or ConnectorFactory(open_channel=line)
    conversation = ConversationFactory(connector=connector, display_name=name)
    MessageFactory(conversation=conversation, text=f"{name} asks", created_at=ago(minutes))
    made: Session = SessionFactory(conversation=conversation, started_at=ago(minutes), **session)
    return made


def offer(line: OpenChannel, name: str, operator: Operator, *, left_s: float) -> Session:
    made = chat(line, name, operator=operator, state=SessionState.OFFERED)
    due_at = timezone.now() + dt.timedelta(seconds=left_s)
    Timer.objects.create(session=made, kind=TimerKind.RESPONSE, due_at=due_at)
    return made


def read(user: User, line: OpenChannel | None = None) -> Board:
    board = board_read(reader=user, line_id=line.pk if line else None, now=timezone.now())
    assert board is not None
    return board


# --- whose it is ----------------------------------------------------------------------------


def test_without_the_right_it_is_not_there() -> None:
    operator = OperatorFactory()
    OpenChannelFactory(operators=[operator])
    client = Client()
    client.force_login(grant(operator.user, "view_all_sessions", "intercept_session"))
    for path in (PAGE, PART):
        assert client.get(path).status_code == 404
    assert "/inbox/supervisor/" not in client.get("/inbox/mine/").content.decode()
    assert "/inbox/supervisor/" not in client.get("/inbox/me/").content.decode()


def test_a_supervisor_sees_the_lines_he_stands_in_and_no_others() -> None:
    ours, theirs = OpenChannelFactory(name="Ours"), OpenChannelFactory(name="Theirs")
    stranger = OperatorFactory(user__first_name="Stranger")
    OpenChannelFactory(name="Far", operators=[stranger])
    user, client = supervisor(ours)
    chat(ours, "Ana")
    hidden = chat(theirs, "Bia")
    page = client.get(PAGE).content.decode()
    assert "Ana" in page
    assert "Bia" not in page
    assert "Stranger" not in page
    board = read(user)
    assert board.lines == [ours]
    assert (board.figures.open, board.figures.people) == (1, 1)
    assert client.get(PAGE, {"line": theirs.pk}).status_code == 404
    assert client.get(PART, {"line": "x"}).status_code == 404
    assert client.get(f"/inbox/chats/{hidden.pk}/").status_code == 404


def test_with_the_right_to_every_chat_it_is_every_line() -> None:
    first, second = OpenChannelFactory(name="First"), OpenChannelFactory(name="Second")
    archived = OpenChannelFactory(archived_at=timezone.now())
    user, client = supervisor(everywhere=True)
    there = chat(second, "Bia")
    assert read(user).lines == [first, second]
    assert archived not in read(user).lines
    # What stands on the page can be opened.
    page = client.get(PAGE).content.decode()
    assert f"/inbox/chats/{there.pk}/?view=all" in page
    assert client.get(f"/inbox/chats/{there.pk}/").status_code == 200
    assert client.get("/inbox/supervisor/", {"line": first.pk}).status_code == 200
    assert read(user, first).figures.open == 0
    assert "/inbox/supervisor/" in client.get("/inbox/mine/").content.decode()
    assert "/inbox/supervisor/" in client.get("/inbox/me/").content.decode()


def test_who_supervises_no_line_is_told_why_it_is_empty() -> None:
    user, client = supervisor()
    page = client.get(PAGE).content.decode()
    assert "No line is yours to supervise" in page
    assert read(user).team == []
    assert client.get(PART).status_code == 200


# --- what it shows --------------------------------------------------------------------------


def test_the_figures_count_what_they_say() -> None:
    on, paused = OperatorFactory(duty="on"), OperatorFactory(duty="pause")
    line = OpenChannelFactory(operators=[on, paused], response_minutes=5)
    slow = OpenChannelFactory(response_minutes=30)
    user, client = supervisor(line, slow)
    chat(line, "waits long", minutes=9, no_operator_since=ago(9))
    chat(line, "waits a little", minutes=2)
    chat(line, "his turn", minutes=60, operator=on, waiting_since=None)
    chat(line, "late with her", minutes=7, operator=on)
    chat(slow, "not late there", minutes=20)
    chat(line, "over", minutes=99, state=SessionState.CLOSED, closed_at=timezone.now())
    offer(line, "soon", paused, left_s=38)
    figures = read(user).figures
    assert (figures.open, figures.waiting, figures.no_operator, figures.late) == (6, 3, 1, 2)
    assert (figures.on_duty, figures.paused, figures.people) == (1, 1, 3)
    assert (figures.passing, figures.next_due_at) == (1, Timer.objects.get().due_at)
    assert figures.longest is not None
    # The longest wait is that of the other line, within its own target.
    assert (figures.longest.chat.name, figures.longest.is_late) == ("not late there", False)
    only = read(user, line).figures
    assert only.longest is not None
    assert (only.longest.chat.name, only.longest.is_late) == ("waits long", True)
    page = client.get(PAGE, {"line": line.pk}).content.decode()
    assert "target: 5 min" in page
    assert "of 5 open chats" in page


def test_offers_stand_in_the_order_of_their_time() -> None:
    ana, bruno = (OperatorFactory(user__first_name=name) for name in ("Ana", "Bruno"))
    line = OpenChannelFactory(operators=[ana, bruno], response_minutes=5)
    user, client = supervisor(line)
    offer(line, "later", ana, left_s=200)
    first = offer(line, "sooner", bruno, left_s=20)
    everybody = chat(line, "for all", state=SessionState.OFFERED, to_everybody=True)
    Timer.objects.create(
        session=everybody, kind=TimerKind.RESPONSE, due_at=timezone.now() + dt.timedelta(hours=1)
    )
    ended = offer(line, "ended", ana, left_s=5)
    Session.objects.filter(pk=ended.pk).update(state="closed", closed_at=timezone.now())
    board = read(user)
    assert [(row.chat.name, row.chat.holder, row.total_s) for row in board.passing] == [
        ("sooner", "Bruno Silva", 300), ("later", "Ana Silva", 300), ("for all", "", 300),
    ]  # fmt: skip
    # They are not among those who wait: each chat stands once.
    assert board.waiting == []
    page = client.get(PAGE).content.decode()
    assert "everybody" in page
    assert f'data-left="{round(first.timers.get().due_at.timestamp() * 1000)}"' in page


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (WaitReason.NO_OPERATOR, "Nobody is available"),
        (WaitReason.ROUND_OVER, "Everybody let it pass"),
        (WaitReason.HOURS, "Waits for the opening"),
        (WaitReason.LINE_CLOSED, "The line is closed"),
    ],
)
def test_a_waiting_chat_says_why_it_waits(reason: str, words: str) -> None:
    line = OpenChannelFactory(operators=[OperatorFactory()])
    _user, client = supervisor(line)
    chat(line, "Ana", wait_reason=reason)
    assert words in client.get(PAGE).content.decode()


def test_who_waits_longest_stands_first_whoever_has_the_chat() -> None:
    maria = OperatorFactory(user__first_name="Maria")
    line = OpenChannelFactory(operators=[maria], response_minutes=10)
    user, _client = supervisor(line)
    chat(line, "answered", minutes=50, operator=maria, waiting_since=None)
    chat(line, "short", minutes=2)
    chat(line, "with her", minutes=13, operator=maria)
    chat(line, "soon", minutes=7)
    rows = read(user).waiting
    assert [(row.chat.name, row.is_late, row.is_soon) for row in rows] == [
        ("with her", True, False), ("soon", False, True), ("short", False, False),
    ]  # fmt: skip
    assert rows[0].chat.holder == "Maria Silva"
    assert rows[0].wait == "13 min"


def test_the_team_stands_by_its_load_with_all_that_is_known() -> None:
    now = timezone.now()
    full = OperatorFactory(user__first_name="Full", max_chats=2, seen_at=now)
    away = OperatorFactory(
        user__first_name="Away", duty="pause", duty_changed_at=ago(9), leave_from=ago(60),
        leave_until=now + dt.timedelta(minutes=5),
    )  # fmt: skip
    gone = OperatorFactory(user__is_active=False)
    line = OpenChannelFactory(operators=[away, full, gone])
    user, client = supervisor(line)
    chat(line, "one", minutes=4, operator=full)
    chat(line, "two", minutes=3, operator=full)
    line.line_operators.filter(operator=full).update(last_offer_at=ago(3))
    board = read(user)
    found = [
        (member.name, member.chats, member.limit, member.share, member.connected,
         member.on_leave, member.is_full, member.wait)
        for member in board.team
    ]  # fmt: skip
    assert found == [
        ("Full Silva", 2, 2, 100, True, False, True, "4 min"),
        ("Away Silva", 0, 0, 0, False, True, False, ""),
        (user.get_full_name(), 0, 0, 0, False, False, False, ""),
    ]
    assert board.full == ["Full Silva"]
    page = client.get(PAGE).content.decode()
    for words in ("No free place: Full Silva.", "inbox open", "inbox closed", "on leave until",
                  "a customer waits 4 min", "last offer"):  # fmt: skip
        assert words in page, words


def test_of_one_line_its_own_limit_is_shown() -> None:
    operator = OperatorFactory(max_chats=50)
    line = OpenChannelFactory(operators=[operator], max_chats=4)
    other = OpenChannelFactory(operators=[operator])
    user, _client = supervisor(line, other)
    for number in range(3):
        chat(line if number else other, f"c{number}", operator=Operator.objects.get(pk=operator.pk))

    def load(board: Board) -> tuple[int, int]:
        (member,) = [row for row in board.team if row.operator == operator]
        return member.chats, member.limit

    assert load(read(user)) == (3, 50)
    assert load(read(user, line)) == (2, 4)
    assert load(read(user, other)) == (3, 50)


def test_what_is_wrong_with_a_line_stands_on_top() -> None:
    line, other = OpenChannelFactory(name="Repairs"), OpenChannelFactory(name="Sales")
    _user, client = supervisor(line)
    for each in (line, other):
        line_notice_begin(open_channel=each, kind=NoticeKind.ROUNDS_OVER, now=timezone.now())
    page = client.get(PAGE).content.decode()
    assert "A chat on Repairs went through the whole queue" in page
    assert "Sales" not in page


def test_customers_words_are_text() -> None:
    line = OpenChannelFactory(operators=[OperatorFactory()])
    _user, client = supervisor(line)
    chat(line, "<script>alert(1)</script>")
    page = client.get(PAGE).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_busy_desk_costs_as_many_questions_as_a_quiet_one() -> None:
    operators = [OperatorFactory() for _ in range(3)]
    line = OpenChannelFactory(operators=operators)
    _user, client = supervisor(line, everywhere=True)

    def more(count: int) -> None:
        for number in range(count):
            offer(line, f"o{number}", OperatorFactory(), left_s=60)
            chat(line, f"w{number}")
            chat(OpenChannelFactory(operators=[OperatorFactory()]), f"a{number}")

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(PART).status_code == 200
        return len(queries)

    more(2)
    asked()
    few = asked()
    more(8)
    assert asked() == few


def test_the_board_is_not_sent_again_while_nothing_changes() -> None:
    line = OpenChannelFactory(operators=[OperatorFactory()])
    _user, client = supervisor(line)
    chat(line, "Ana", minutes=2.5)
    part(client, "get", PART)  # from now on the reader himself is connected
    first = part(client, "get", PART)
    tag = {"HX-Request": "true", "If-None-Match": first["ETag"]}
    assert client.get(PART, headers=tag).status_code == 304
    chat(line, "Bia")
    assert client.get(PART, headers=tag).status_code == 200


# --- the duty of others ---------------------------------------------------------------------


def test_a_supervisor_sets_the_duty_of_his_lines_people() -> None:
    operator = OperatorFactory(duty="on")
    line = OpenChannelFactory(operators=[operator])
    user, client = supervisor(line)
    path = f"/inbox/supervisor/operators/{operator.pk}/duty/"
    for duty in ("pause", "off", "on"):
        assert part(client, "post", path, duty=duty).status_code == 204
        operator.refresh_from_db()
        assert operator.duty == duty
        assert operator.duty_changed_at is not None
    assert {entry.user for entry in LogEntry.objects.all()} == {user}
    assert LogEntry.objects.count() == 3
    answer = client.post(path, {"duty": "off"}, headers={"Referer": f"http://testserver{PAGE}"})
    assert (answer.status_code, answer["Location"]) == (303, PAGE)


def test_nobody_else_does(client: Client) -> None:
    operator, stranger = OperatorFactory(duty="on"), OperatorFactory(duty="on")
    line = OpenChannelFactory(operators=[operator])
    OpenChannelFactory(operators=[stranger])
    _user, chief = supervisor(line)
    colleague = OperatorFactory()
    OpenChannelFactory(operators=[colleague, operator])
    client.force_login(colleague.user)
    for who, target, status in (
        (chief, stranger, 404), (client, operator, 404), (chief, operator, 400),
    ):  # fmt: skip
        path = f"/inbox/supervisor/operators/{target.pk}/duty/"
        duty = "asleep" if status == 400 else "off"
        assert part(who, "post", path, duty=duty).status_code == status
    assert chief.get(f"/inbox/supervisor/operators/{operator.pk}/duty/").status_code == 405
    assert set(Operator.objects.filter(pk__in=[operator.pk, stranger.pk]).values_list("duty")) == {
        ("on",)
    }
    assert not LogEntry.objects.exists()
