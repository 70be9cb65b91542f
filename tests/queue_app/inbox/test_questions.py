"""What is asked before something is done, in the dialog and on a page."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone

from queue_app.inbox.views.questions import ACTS, snooze_choices
from queue_app.models import Session
from tests.factories import OpenChannelFactory, OperatorFactory, SuperuserFactory
from tests.queue_app.inbox.stories import desk, part

pytestmark = pytest.mark.django_db
SAO_PAULO = ZoneInfo("America/Sao_Paulo")


def chosen(now: dt.datetime) -> list[tuple[str, str]]:
    with timezone.override(SAO_PAULO), time_machine.travel(now, tick=False):
        return [(choice.label, choice.value) for choice in snooze_choices(now)]


def test_times_to_snooze_until_are_of_the_readers_clock() -> None:
    # Wednesday 14:20 in São Paulo.
    assert chosen(dt.datetime(2026, 3, 4, 17, 20, tzinfo=dt.UTC)) == [
        ("In an hour", "2026-03-04T15:20"),
        ("This evening", "2026-03-04T18:00"),
        ("Tomorrow", "2026-03-05T09:00"),
        ("Next week", "2026-03-09T09:00"),
    ]


def test_there_is_no_evening_late_in_the_day_and_no_next_week_on_a_sunday() -> None:
    # Sunday 22:30 in São Paulo, where it is Monday in UTC.
    assert chosen(dt.datetime(2026, 3, 9, 1, 30, tzinfo=dt.UTC)) == [
        ("In an hour", "2026-03-08T23:30"),
        ("Tomorrow", "2026-03-09T09:00"),
    ]


def test_a_chosen_time_is_sent_and_understood_in_the_readers_zone() -> None:
    story = desk()
    session = story.chat()
    story.client.cookies["tz"] = "America/Sao_Paulo"
    path = f"/inbox/chats/{session.pk}"
    html = part(story.client, "get", f"{path}/ask/snooze/").content.decode()
    values = re.findall(r'name="until" value="([^"]+)"', html)
    assert len(values) >= 2
    response = part(story.client, "post", f"{path}/snooze/", until=values[-1])
    assert response.status_code == 204
    session.refresh_from_db()
    assert session.snoozed_until is not None
    local = session.snoozed_until.astimezone(SAO_PAULO)
    assert f"{local:%Y-%m-%dT%H:%M}" == values[-1]


@pytest.mark.parametrize("act", sorted(ACTS))
def test_each_question_is_a_part_for_a_script_and_a_page_without_one(act: str) -> None:
    story = desk()
    story.client.force_login(SuperuserFactory())
    session = story.chat(operator=None) if act != "snooze" else desk().chat()
    if act in {"snooze", "skip"}:
        story = desk()
        story.line.line_operators.create(operator=OperatorFactory(), position=2)
        session = story.chat()
    path = f"/inbox/chats/{session.pk}/ask/{act}/"
    fragment = part(story.client, "get", path).content.decode()
    whole = story.client.get(path).content.decode()
    address = f'action="/inbox/chats/{session.pk}/{act}/"'
    for html in (fragment, whole):
        assert address in html
        assert "csrfmiddlewaretoken" in html
        assert f'href="/inbox/chats/{session.pk}/" data-close' in html
    assert "<html" not in fragment
    assert '<main class="page"' in whole


def test_what_may_not_be_done_is_not_asked() -> None:
    story = desk()
    hers = story.chat(operator=OperatorFactory())
    before = Session.objects.values()
    response = part(story.client, "get", f"/inbox/chats/{hers.pk}/ask/close/")
    assert (response.status_code, response["X-Error-Code"]) == (403, "not_yours")
    assert story.client.get(f"/inbox/chats/{hers.pk}/ask/dance/").status_code == 404
    assert list(Session.objects.values()) == list(before)


def test_the_sender_of_spam_may_be_blocked_with_it_and_it_can_be_undone() -> None:
    story = desk()
    session = story.chat()
    path = f"/inbox/chats/{session.pk}/ask/spam/"
    html = part(story.client, "get", path).content.decode()
    assert 'type="checkbox" name="block"' in html
    assert f'data-undo="/inbox/chats/{session.pk}/spam-undo/"' in html
    session.conversation.blocked_at = timezone.now()
    session.conversation.save()
    assert 'name="block"' not in part(story.client, "get", path).content.decode()


def test_a_transfer_lists_colleagues_with_their_load_and_lines() -> None:
    story = desk()
    story.line.max_chats = 2
    story.line.save()
    ana = OperatorFactory(user__first_name="Ana", user__last_name="Lopes", duty="pause")
    full = OperatorFactory(user__first_name="Bo", user__last_name="Silva", duty="on")
    away = OperatorFactory(
        user__first_name="Cy", user__last_name="Tan", max_chats=1000,
        leave_until=timezone.now() + dt.timedelta(days=1),
    )  # fmt: skip
    story.line.line_operators.create(operator=ana, position=2, open_chats=1)
    story.line.line_operators.create(operator=full, position=3, open_chats=2)
    other_line = OpenChannelFactory(name="Repairs")
    session = story.chat()
    path = f"/inbox/chats/{session.pk}/transfer/"
    html = part(story.client, "get", path).content.decode()
    rows = {
        name: re.sub(r"<[^>]+>|\s+", " ", row)
        for name, row in re.findall(r'<label class="target[^"]*" data-find="([^"]+)">(.*?)</label>',
                                    html, re.DOTALL)
    }  # fmt: skip
    assert "paused · 1 of 2 chats" in rows["Ana Lopes"]
    assert "2 of 2 chats" in rows["Bo Silva"]
    assert "on leave" in rows["Cy Tan"]
    assert f'value="operator-{full.pk}" required disabled' in html
    assert f'value="line-{other_line.pk}"' in html
    assert html.index("On this line") < html.index("Ana Lopes") < html.index("Not on this line")
    assert html.index("Not on this line") < html.index(f'value="operator-{away.pk}"')
    assert '<main class="page"' in story.client.get(path).content.decode()


def test_one_choice_names_a_colleague_or_a_line() -> None:
    story = desk()
    ana = OperatorFactory()
    story.line.line_operators.create(operator=ana, position=2)
    session = story.chat()
    path = f"/inbox/chats/{session.pk}/transfer/"
    for wrong in ("operator-0", "line-x", "group-1", "operator-" + "9" * 19):
        response = part(story.client, "post", path, to=wrong)
        assert response.status_code == 400, wrong
    session.refresh_from_db()
    assert session.operator == story.operator
    assert part(story.client, "post", path, to=f"operator-{ana.pk}").status_code == 204
    session.refresh_from_db()
    assert session.operator == ana
