"""What is wrong with a line is told once, and told again when it happens again."""

from __future__ import annotations

import datetime as dt
import smtplib
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core import mail
from pytest_django import Settings

from channels_app.models import OpenChannel
from queue_app.models import (
    LineNotice,
    NoticeKind,
    Operator,
    Session,
    SessionState,
    WaitReason,
)
from queue_app.selectors import line_notices_open
from queue_app.services import notices
from queue_app.services.notices import (
    line_notice_begin,
    line_notice_end,
    line_notices_check,
    line_notices_sweep,
    line_notices_tell,
)
from tests.factories import (
    ConnectorFactory,
    ConversationFactory,
    OpenChannelFactory,
    OperatorFactory,
    SessionFactory,
    SuperuserFactory,
    UserFactory,
    moment,
)
from tests.queue_app.services.conftest import Sent

pytestmark = pytest.mark.django_db


def standing(line: OpenChannel) -> list[str]:
    return [notice.kind for notice in line_notices_open([line])]


def line_of(*people: Operator, **values: Any) -> OpenChannel:
    """A line with a channel."""
    line: OpenChannel = OpenChannelFactory(operators=list(people), **values)
    ConnectorFactory(open_channel=line)
    return line


def customer_waits(line: OpenChannel) -> None:
    SessionFactory(
        conversation=ConversationFactory(connector=line.connectors.get()),
        wait_reason=WaitReason.NO_OPERATOR,
        no_operator_since=moment(),
    )


# --- beginning and ending -------------------------------------------------------------------


def test_a_notice_begins_once(sent: Sent, django_capture_on_commit_callbacks: Any) -> None:
    line = OpenChannelFactory()
    with django_capture_on_commit_callbacks(execute=True):
        assert line_notice_begin(open_channel=line, kind=NoticeKind.ROUNDS_OVER, now=moment())
        assert not line_notice_begin(open_channel=line, kind=NoticeKind.ROUNDS_OVER, now=moment(1))
    (notice,) = LineNotice.objects.all()
    assert (notice.began_at, notice.ended_at, notice.told_at) == (moment(), None, None)
    assert sent == [("line_notices_sweep",)]


def test_two_who_see_it_at_once_begin_one(monkeypatch: pytest.MonkeyPatch) -> None:
    line = OpenChannelFactory()
    line_notice_begin(open_channel=line, kind=NoticeKind.QUEUE_EMPTY, now=moment())
    # The second has looked before the first wrote.
    monkeypatch.setattr("django.db.models.query.QuerySet.exists", lambda _rows: False)
    line_notice_begin(open_channel=line, kind=NoticeKind.QUEUE_EMPTY, now=moment(1))
    assert [notice.began_at for notice in LineNotice.objects.all()] == [moment()]


def test_it_ends_and_may_begin_again() -> None:
    line = OpenChannelFactory()
    kind = NoticeKind.QUEUE_EMPTY
    assert not line_notice_end(open_channel=line, kind=kind, now=moment())
    line_notice_begin(open_channel=line, kind=kind, now=moment())
    assert line_notice_end(open_channel=line, kind=kind, now=moment(5))
    assert standing(line) == []
    assert line_notice_begin(open_channel=line, kind=kind, now=moment(9))
    assert [(row.began_at, row.ended_at) for row in LineNotice.objects.order_by("pk")] == [
        (moment(), moment(5)),
        (moment(9), None),
    ]


# --- what is wrong --------------------------------------------------------------------------


def test_a_queue_without_people_is_empty() -> None:
    line = line_of()
    assert line_notices_check(now=moment()) == 1
    assert standing(line) == ["queue_empty"]
    assert line_notices_check(now=moment(1)) == 0


def test_people_whose_accounts_are_off_are_nobody() -> None:
    operator = OperatorFactory()
    line = line_of(operator)
    line_notices_check(now=moment())
    assert standing(line) == []
    operator.user.is_active = False
    operator.user.save()
    line_notices_check(now=moment(1))
    assert standing(line) == ["queue_empty"]
    operator.user.is_active = True
    operator.user.save()
    line_notices_check(now=moment(2))
    assert standing(line) == []


@pytest.mark.parametrize(
    "values", [{"is_active": False}, {"archived_at": moment()}], ids=["inactive", "archived"]
)
def test_a_line_that_does_not_work_lacks_nobody(values: dict[str, Any]) -> None:
    line = line_of(**values)
    line_notices_check(now=moment())
    assert standing(line) == []


@pytest.mark.parametrize(("status", "told"), [(None, False), ("disabled", False), ("broken", True)])
def test_a_line_without_channels_needs_no_queue(status: str | None, told: bool) -> None:
    line = OpenChannelFactory()
    if status is not None:
        ConnectorFactory(open_channel=line, status=status)
    line_notices_check(now=moment())
    assert standing(line) == (["queue_empty"] if told else [])


@pytest.mark.parametrize("checks", [True, False])
@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("duty", ["on", "pause", "off"])
def test_nobody_on_duty_is_told_when_somebody_waits_for_that(
    checks: bool, waits: bool, duty: str
) -> None:
    line = line_of(OperatorFactory(duty=duty), check_availability=checks)
    if waits:
        customer_waits(line)
    line_notices_check(now=moment())
    wrong = checks and waits and duty != "on"
    assert standing(line) == (["nobody_on_duty"] if wrong else [])


@pytest.mark.parametrize(
    ("leave_from", "leave_until", "away"),
    [
        (moment(-10), None, True),
        (moment(-10), moment(10), True),
        (None, moment(10), True),
        (moment(-10), moment(0), False),
        (moment(1), moment(10), False),
        (None, None, False),
    ],
)
def test_who_is_on_leave_is_not_on_duty(
    leave_from: dt.datetime | None, leave_until: dt.datetime | None, away: bool
) -> None:
    operator = OperatorFactory(duty="on", leave_from=leave_from, leave_until=leave_until)
    line = line_of(operator, check_availability=True)
    customer_waits(line)
    line_notices_check(now=moment())
    assert standing(line) == (["nobody_on_duty"] if away else [])


def test_it_is_over_when_somebody_comes() -> None:
    away, group = OperatorFactory(duty="off"), OperatorFactory(duty="off")
    line = line_of(away, group, check_availability=True)
    customer_waits(line)
    line_notices_check(now=moment())
    Operator.objects.filter(pk=group.pk).update(duty="on")
    assert line_notices_check(now=moment(4)) == 1
    (notice,) = LineNotice.objects.all()
    assert (notice.kind, notice.ended_at) == ("nobody_on_duty", moment(4))


def test_endless_rounds_are_over_when_no_chat_rests_there() -> None:
    line, other = line_of(OperatorFactory()), line_of(OperatorFactory())
    for each in (line, other):
        line_notice_begin(open_channel=each, kind=NoticeKind.ROUNDS_OVER, now=moment())
    session = SessionFactory(
        conversation__connector=line.connectors.get(), wait_reason=WaitReason.ROUND_OVER
    )
    assert line_notices_check(now=moment(1)) == 1
    assert (standing(line), standing(other)) == (["rounds_over"], [])
    taken = {"state": SessionState.ACTIVE, "operator": OperatorFactory()}
    Session.objects.filter(pk=session.pk).update(**taken)
    assert line_notices_check(now=moment(2)) == 1
    assert standing(line) == []


def test_many_lines_cost_as_many_questions_as_one(django_assert_num_queries: Any) -> None:
    for _number in range(3):
        line_of(OperatorFactory())
    with django_assert_num_queries(3):
        line_notices_check(now=moment())


# --- telling --------------------------------------------------------------------------------


@pytest.fixture
def notice() -> LineNotice:
    line = OpenChannelFactory(name="Online shop")
    line_notice_begin(open_channel=line, kind=NoticeKind.QUEUE_EMPTY, now=moment())
    return LineNotice.objects.get()


def test_the_administrators_are_told_once(notice: LineNotice, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://desk.example.com"
    admin = SuperuserFactory()
    assert line_notices_tell(now=moment(1)) == 1
    assert line_notices_tell(now=moment(2)) == 0
    (letter,) = mail.outbox
    assert letter.to == [admin.email]
    assert letter.subject == "Open Lines: Online shop: the queue is empty"
    assert "Add an operator or a group." in letter.body
    path = f"/admin/channels_app/openchannel/{notice.open_channel_id}/change/"
    assert f"https://desk.example.com{path}" in letter.body
    notice.refresh_from_db()
    assert notice.told_at == moment(1)


def grant(user: Any, *codenames: str) -> Any:
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return user


def test_who_is_told_and_who_is_not(notice: LineNotice) -> None:
    member = OperatorFactory()
    OpenChannel.objects.filter(pk=notice.open_channel_id).update(name="x")
    line = line_of(member)
    chief = SuperuserFactory(email="chief@example.com")
    SuperuserFactory(email="")
    SuperuserFactory(is_active=False)
    editor = grant(UserFactory(email="editor@example.com"), "change_openchannel")
    by_group = UserFactory(email="group@example.com")
    group = Group.objects.create(name="Editors")
    group.permissions.add(Permission.objects.get(codename="change_openchannel"))
    by_group.groups.add(group)
    grant(UserFactory(), "supervise_desk", "view_openchannel")
    line_notices_tell(now=moment())
    settings_people = {chief.email, editor.email, by_group.email}
    assert set(mail.outbox[0].to) == settings_people
    # Endless rounds are the supervisors' business too: of the line, or of every line.
    grant(member.user, "supervise_desk")
    everywhere = grant(UserFactory(), "supervise_desk", "view_all_sessions")
    grant(UserFactory(), "view_all_sessions")
    line_notice_begin(open_channel=line, kind=NoticeKind.ROUNDS_OVER, now=moment(1))
    line_notices_tell(now=moment(1))
    assert set(mail.outbox[1].to) == settings_people | {member.user.email, everywhere.email}


def test_a_mail_server_that_is_away_is_tried_again(
    notice: LineNotice, monkeypatch: pytest.MonkeyPatch
) -> None:
    SuperuserFactory()

    def refuse(_message: Any) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as away:
        away.setattr("django.core.mail.EmailMessage.send", refuse)
        assert line_notices_tell(now=moment(1)) == 0
    notice.refresh_from_db()
    assert notice.told_at is None
    assert line_notices_tell(now=moment(2)) == 1
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    ("error", "tries"), [(OSError(), 1), (smtplib.SMTPRecipientsRefused({}), 2), (ValueError(), 2)]
)
def test_what_is_wrong_with_one_letter_keeps_no_other(
    notice: LineNotice, error: Exception, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    SuperuserFactory()
    line_notice_begin(open_channel=OpenChannelFactory(), kind=NoticeKind.QUEUE_EMPTY, now=moment(1))
    tried = []

    def send(message: Any) -> None:
        tried.append(message.subject)
        raise error

    monkeypatch.setattr("django.core.mail.EmailMessage.send", send)
    assert line_notices_tell(now=moment(2)) == 0
    assert len(tried) == tries
    assert not LineNotice.objects.filter(told_at__isnull=False).exists()


def test_of_two_workers_one_sends(notice: LineNotice, monkeypatch: pytest.MonkeyPatch) -> None:
    SuperuserFactory()
    build = notices._message

    def meanwhile(row: LineNotice) -> Any:
        monkeypatch.setattr(notices, "_message", build)
        assert line_notices_tell(now=moment(1)) == 1  # the other worker, in the same moment
        return build(row)

    monkeypatch.setattr(notices, "_message", meanwhile)
    assert line_notices_tell(now=moment(1, 1)) == 0
    assert len(mail.outbox) == 1
    notice.refresh_from_db()
    assert notice.told_at == moment(1)


def test_without_an_address_it_waits_for_one(notice: LineNotice) -> None:
    assert line_notices_tell(now=moment(1)) == 0
    notice.refresh_from_db()
    assert notice.told_at is None
    SuperuserFactory()
    assert line_notices_tell(now=moment(2)) == 1


def test_what_is_over_is_not_told(notice: LineNotice) -> None:
    SuperuserFactory()
    line_notice_end(open_channel=notice.open_channel, kind=notice.kind, now=moment(1))
    assert line_notices_tell(now=moment(2)) == 0
    assert mail.outbox == []


def test_the_letter_speaks_the_language_of_the_line(notice: LineNotice) -> None:
    SuperuserFactory()
    OpenChannel.objects.update(language="pt-br", name="Loja\r\nBcc: evil@example.com")
    line_notices_tell(now=moment(1))
    (letter,) = mail.outbox
    # A name with a line break is no header of its own.
    assert letter.subject.startswith("Open Lines: Loja Bcc: evil@example.com")
    assert letter.recipients() == letter.to


def test_the_sweep_looks_and_tells() -> None:
    SuperuserFactory()
    line_of(name="Repairs")
    line_notices_sweep(now=moment())
    line_notices_sweep(now=moment(1))
    assert [letter.subject for letter in mail.outbox] == ["Open Lines: Repairs: the queue is empty"]
