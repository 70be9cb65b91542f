"""The texts an arrival sets going, and the agreement to them: once, and in their order."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from channels_app.models import Connector, Conversation, Message, ServiceText
from channels_app.services.open_channels import open_channel_update
from queue_app.models import Session, SessionText
from queue_app.services.arrivals import arrival_make, closed_tell, consent_record
from queue_app.services.locks import session_lock
from tests.factories import moment
from tests.flows.setting_story import texts_of
from tests.queue_app.desk_story import customer_writes, kinds, line_with
from tests.queue_app.services.acts import all_rows, person

pytestmark = pytest.mark.django_db

WEEK = [{"weekday": day, "opens": "09:00", "closes": "18:00"} for day in range(5)]
HOURS: dict[str, Any] = {"has_hours": True, "work_intervals": WEEK, "closed_action": "text"}
NIGHT, NEXT_NIGHT = 8 * 60, 32 * 60
ALL = texts_of(welcome="Welcome", consent="Consent", closed="Closed")
PAGE: dict[str, Any] = {"consent_url": "https://shop.example/p"}


def line_of(**changes: Any) -> Connector:
    connector = line_with(person("Ana"))
    connector.open_channel = open_channel_update(
        open_channel=connector.open_channel, changes=changes, now=moment()
    )
    return connector


def ours() -> list[str]:
    rows = Message.objects.filter(author_kind="system").order_by("seq")
    return [row.text.splitlines()[0] for row in rows]


@transaction.atomic
def told(session: Session, minute: int) -> None:
    conversation, session = session_lock(session.pk)
    closed_tell(session=session, conversation=conversation, now=moment(minute))


@pytest.mark.parametrize("is_new", [True, False])
def test_an_arrival_that_is_made_twice_is_made_once(is_new: bool) -> None:
    connector = line_of(service_texts=ALL, **PAGE, **HOURS)
    session = customer_writes(connector, "u1", now=moment(NIGHT))
    assert ours() == ["Welcome", "Consent", "Closed"]
    with transaction.atomic():
        conversation, session = session_lock(session.pk)
        before = all_rows()
        arrival_make(
            session=session, conversation=conversation, now=moment(NIGHT, 1), events=[],
            is_new_conversation=is_new,
        )  # fmt: skip
    assert all_rows() == before
    assert SessionText.objects.count() == 3


def test_a_text_is_an_event_and_no_answer() -> None:
    session = customer_writes(line_of(service_texts=ALL, **PAGE), "u1", now=moment())
    assert kinds(session) == ["started", "text", "text", "offered"]
    assert (session.first_reply_at, session.turn, session.told_at) == (None, "operator", None)
    assert session.born_out_of_hours is False


def test_born_out_of_hours_is_written_down_also_where_nothing_is_told() -> None:
    connector = line_of(**{**HOURS, "closed_action": "nothing"})
    session = customer_writes(connector, "u1", now=moment(NIGHT))
    assert (session.born_out_of_hours, session.told_at, ours()) == (True, None, [])


def test_closing_is_told_when_a_wait_begins_and_only_out_of_hours() -> None:
    connector = line_of(service_texts=ALL, **PAGE, **HOURS)
    session = customer_writes(connector, "u1", now=moment())
    told(session, 1)
    assert ours() == ["Welcome", "Consent"]
    told(session, NIGHT)
    told(session, NIGHT + 1)
    assert ours() == ["Welcome", "Consent", "Closed"]
    session.refresh_from_db()
    assert session.told_at == moment(NIGHT)
    # Another night, and nobody has answered: nothing. Once somebody has, it is told again.
    told(session, NEXT_NIGHT)
    assert ours() == ["Welcome", "Consent", "Closed"]
    Session.objects.update(told_at=None)
    told(session, NIGHT + 2)
    assert ours().count("Closed") == 1
    told(session, NEXT_NIGHT)
    assert ours().count("Closed") == 2


def test_an_inactive_line_tells_nothing() -> None:
    connector = line_of(service_texts=ALL, is_active=False, **PAGE, **HOURS)
    session = customer_writes(connector, "u1", now=moment(NIGHT))
    told(session, NIGHT + 1)
    assert ours() == []


def test_the_message_that_asked_for_consent_is_no_agreement_and_the_next_one_is() -> None:
    session = customer_writes(line_of(service_texts=ALL, **PAGE), "u1", now=moment())
    conversation = Conversation.objects.get()
    with transaction.atomic():
        consent_record(conversation=conversation, now=moment())
    conversation.refresh_from_db()
    assert conversation.consented_at is None
    with transaction.atomic():
        consent_record(conversation=conversation, now=moment(1))
    conversation.refresh_from_db()
    assert conversation.consented_at == moment(1)
    assert kinds(session).count("consented") == 1


def test_an_agreement_is_recorded_without_an_open_chat_too() -> None:
    customer_writes(line_of(service_texts=ALL, **PAGE), "u1", now=moment())
    Session.objects.update(closed_at=moment(1), state="closed")
    conversation = Conversation.objects.get()
    with transaction.atomic():
        consent_record(conversation=conversation, now=moment(2))
    conversation.refresh_from_db()
    assert conversation.consented_at == moment(2)


@pytest.mark.parametrize(("status", "is_asked"), [("connected", True), ("broken", False)])
def test_who_was_not_asked_for_his_consent_does_not_give_it_by_writing_on(
    status: str, is_asked: bool
) -> None:
    connector = line_with(consent_url="https://example.com/privacy")
    ServiceText.objects.create(
        open_channel=connector.open_channel, kind="consent", text="Write on if you agree."
    )
    connector.status = status
    connector.save()
    session = customer_writes(connector, "u1", now=moment())
    assert SessionText.objects.get().skipped == ("" if is_asked else "connector_off")
    assert Message.objects.filter(direction="out").exists() == is_asked
    customer_writes(connector, "u1", now=moment(1))
    conversation = Conversation.objects.get()
    assert conversation.consent_asked_at == (moment() if is_asked else None)
    assert conversation.consented_at == (moment(1) if is_asked else None)
    assert ("consented" in kinds(session)) == is_asked
