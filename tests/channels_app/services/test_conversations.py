"""Changes of a conversation outside the intake's hot path."""

from __future__ import annotations

import pytest
from django.db import transaction

from channels_app.drivers.base import Person
from channels_app.models import Conversation, Message
from channels_app.services.conversations import (
    conversation_lock,
    conversation_person_update,
    conversation_reachability,
    conversation_system_message,
    conversation_touch,
    person_columns,
)
from tests.factories import ConversationFactory, MessageFactory, moment

pytestmark = pytest.mark.django_db


@pytest.fixture
def chat() -> Conversation:
    chat: Conversation = ConversationFactory()
    return chat


def test_a_visible_change_raises_the_version_and_its_time(chat: Conversation) -> None:
    assert conversation_touch(conversation=chat, now=moment(1)) == 1
    assert conversation_touch(conversation=chat, now=moment(2)) == 2
    chat.refresh_from_db()
    assert (chat.version, chat.changed_at) == (2, moment(2))


def test_a_change_rings_the_bell_after_the_commit_only(
    chat: Conversation, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: object
) -> None:
    from openlines_project.lib import live

    rung: list[tuple[int, int]] = []
    monkeypatch.setattr(live, "ring", lambda *hint: rung.append(hint))
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        with transaction.atomic():
            conversation_touch(conversation=chat, now=moment())
        assert rung == []
    assert rung == [(chat.pk, 1)]


def test_an_event_in_the_thread_is_numbered_and_is_not_its_newest_message(
    chat: Conversation,
) -> None:
    MessageFactory(conversation=chat, text="Good morning")
    note = conversation_system_message(
        conversation=conversation_lock(chat.pk), kind="gap", now=moment(), once_key="gap:7"
    )
    assert note is not None
    chat.refresh_from_db()
    assert (note.seq, note.version) == (chat.last_seq, chat.version) == (2, 2)
    assert (chat.last_text, chat.last_direction) == ("Good morning", "in")
    again = conversation_system_message(
        conversation=conversation_lock(chat.pk), kind="gap", now=moment(), once_key="gap:7"
    )
    assert again is None
    assert Message.objects.count() == 2


def test_a_person_is_cleaned_and_cut() -> None:
    person = Person(external_id="7", name="A\x00na " + "x" * 300, phone="+55", username="\ud800")
    user_id, name, profile = person_columns(person)
    assert (user_id, len(name), name[:5]) == ("7", 200, "A�na ")
    assert profile == {"phone": "+55", "username": "�"}
    assert person_columns(None) == ("", "", {})


def test_what_is_known_of_a_person_stays_when_the_platform_is_silent(chat: Conversation) -> None:
    conversation_person_update(
        conversation=chat, user=Person(external_id="7", name="Ana", email="a@example.com"),
        reply_context={"thread": "1"},
    )  # fmt: skip
    conversation_person_update(conversation=chat, user=Person(external_id="7"), reply_context={})
    conversation_person_update(conversation=chat, user=None, reply_context={})
    chat.refresh_from_db()
    assert (chat.external_user_id, chat.display_name) == ("7", "Ana")
    assert (chat.profile, chat.reply_context) == ({"email": "a@example.com"}, {"thread": "1"})


def test_nothing_new_of_a_person_writes_nothing(
    chat: Conversation, django_assert_num_queries: object
) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        conversation_person_update(
            conversation=chat, user=Person(external_id=chat.external_user_id), reply_context={}
        )


def test_reachability_is_told_when_it_changes(chat: Conversation) -> None:
    from channels_app.signals import reachability_changed

    told: list[bool] = []

    def on_change(reachable: bool, **_values: object) -> None:
        told.append(reachable)

    reachability_changed.connect(on_change)
    try:
        for reachable in (True, False, False, True, True):
            locked = conversation_lock(chat.pk)
            conversation_reachability(conversation=locked, reachable=reachable, now=moment())
    finally:
        reachability_changed.disconnect(on_change)
    assert told == [False, True]
    kinds = Message.objects.order_by("seq").values_list("kind", flat=True)
    assert list(kinds) == ["blocked", "unblocked"]
