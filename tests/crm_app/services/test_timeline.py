"""The history: references that stay one, notes, search, and how entries look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from crm_app import timeline
from crm_app.models import EntryKind, TimelineEntry
from crm_app.services.leads import lead_create, lead_junk
from crm_app.services.timeline import (
    call_add,
    note_add,
    timeline_add,
    timeline_search_text_set,
)
from crm_app.timeline import Rendered, entries_export, entries_render, renderer_register
from crm_app.timeline_search import timeline_search
from openlines_project.lib.errors import InvalidError
from tests.factories import UserFactory, moment
from tests.factories.crm import ContactFactory, LeadFactory

pytestmark = pytest.mark.django_db


def session(contact: Any, key: str = "17", **options: Any) -> TimelineEntry:
    return timeline_add(
        contact=contact,
        kind=EntryKind.SESSION,
        source="session",
        source_key=key,
        now=moment(),
        **options,
    )


def test_a_session_is_one_entry_and_becomes_the_leads_when_there_is_one() -> None:
    lead = LeadFactory()
    entry = session(lead.contact)
    assert session(lead.contact).pk == entry.pk
    assert session(lead.contact, lead=lead).pk == entry.pk
    entry.refresh_from_db()
    assert (entry.lead, entry.contact) == (lead, lead.contact)
    # It is not taken from the lead by who does not know of it, and follows its contact.
    other = ContactFactory()
    session(other)
    entry.refresh_from_db()
    assert (entry.lead, entry.contact) == (lead, other)
    assert TimelineEntry.objects.count() == 1


def test_the_history_has_the_newest_first() -> None:
    contact = ContactFactory()
    for key, minute in (("1", 5), ("2", 9), ("3", 1)):
        session(contact, key, occurred_at=moment(minute))
    assert list(contact.timeline.values_list("source_key", flat=True)) == ["2", "1", "3"]


def test_people_write_notes_and_calls() -> None:
    contact, user = ContactFactory(), UserFactory()
    note = note_add(contact=contact, text=" Likes oak ", author=user, now=moment())
    call = call_add(
        contact=contact, text="Wants an offer", author=user, now=moment(9), occurred_at=moment(2)
    )
    assert (note.kind, note.text, note.author) == ("note", "Likes oak", user)
    assert (call.kind, call.occurred_at) == ("call", moment(2))
    assert call.source_key is None


@pytest.mark.parametrize("text", ["", " \n", "x" * 10_001])
def test_a_note_without_words_or_with_too_many_is_refused(text: str) -> None:
    with pytest.raises(InvalidError) as refusal:
        note_add(contact=ContactFactory(), text=text, author=UserFactory(), now=moment())
    assert set(refusal.value.fields) == {"text"}
    assert not TimelineEntry.objects.exists()


def test_entries_are_found_by_all_their_words_in_any_case_and_alphabet() -> None:
    contact, user = ContactFactory(), UserFactory()
    oak = note_add(contact=contact, text="Likes OAK and Straße", author=user, now=moment())
    table = note_add(contact=contact, text="Ждёт стол из дуба", author=user, now=moment())
    chat = session(contact)
    assert timeline_search_text_set(source="session", source_key="17", text="A table of oak")
    assert not timeline_search_text_set(source="session", source_key="99", text="x")

    def found(words: str) -> set[TimelineEntry]:
        return set(timeline_search(contact.timeline.all(), words))

    assert found("oak") == {oak, chat}
    assert found("Oak likes") == {oak}
    assert found("СТОЛ ждёт") == {table}
    assert found("strasse") == {oak}
    assert found("oak beech") == set()
    assert found("") == set()
    for hostile in ("%", "_", "'; DROP TABLE", "!&|():*", "\\"):
        assert found(hostile) == set()
    other = ContactFactory()
    assert not timeline_search(other.timeline.all(), "oak").exists()


# --- how entries look ---------------------------------------------------------------------


@pytest.fixture
def _own_renderers() -> Iterator[None]:
    before = dict(timeline._renderers)
    yield
    timeline._renderers.clear()
    timeline._renderers.update(before)


@pytest.mark.usefixtures("_own_renderers")
def test_who_knows_a_thing_says_how_it_looks_once_for_a_page() -> None:
    contact, reader = ContactFactory(), UserFactory()
    asked: list[Any] = []

    def render(entries: Sequence[TimelineEntry], user: Any) -> dict[int, Rendered]:
        asked.append(([entry.source_key for entry in entries], user))
        return {
            entry.pk: Rendered(title=f"Chat {entry.source_key}", lines=[("Paulo", "Hi")])
            for entry in entries
            if entry.source_key != "2"
        }

    renderer_register(
        "session", render=render, export=lambda entries: {entry.pk: ["Hi"] for entry in entries}
    )
    entries = [session(contact, "1"), session(contact, "2", title="A chat"), session(contact, "3")]
    shown = entries_render(entries, reader)
    assert [one.title for one in shown] == ["Chat 1", "A chat", "Chat 3"]
    assert asked == [(["1", "2", "3"], reader)]
    exported = entries_export(entries)
    assert [row["content"] for row in exported] == [["Hi"]] * 3
    assert exported[0]["at"] == moment().isoformat()


def test_what_the_crm_puts_there_is_said_in_words() -> None:
    contact, user = ContactFactory(), UserFactory()
    lead = lead_create(contact=contact, now=moment(1)).lead
    lead_junk(lead=lead, actor=user, now=moment(2))
    note_add(contact=contact, text="Likes oak", author=user, now=moment(3))
    shown = entries_render(list(contact.timeline.all()), user)
    assert [one.title for one in shown] == ["Note", "Lead marked as junk", "Lead opened"]
    assert shown[0].lines == [("", "Likes oak")]
