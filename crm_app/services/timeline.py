"""The history: adding to it, keeping its references up to date, notes and calls of people."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from crm_app.models import Contact, EntryKind, Lead, TimelineEntry
from openlines_project.lib.errors import InvalidError
from openlines_project.lib.text import clean_text

NOTE_LENGTH = 10_000
# A transcript of this length is searched; what comes after it is not.
SEARCH_LENGTH = 500_000


def timeline_add(
    *,
    contact: Contact,
    kind: EntryKind,
    source: str,
    source_key: str | None,
    now: dt.datetime,
    lead: Lead | None = None,
    title: str = "",
    text: str = "",
    author: User | None = None,
    occurred_at: dt.datetime | None = None,
) -> TimelineEntry:
    """Put a reference into a contact's history; one that is there keeps its place.

    `source` names who shows it (`crm_app.timeline.renderer_register`), `source_key` the thing,
    such as a session's number. A second call with the same two changes the first entry's contact
    and, when there is one, its lead: a chat becomes a lead's when the lead is made. Of the entry
    that is given back only the number and these two are then as they are stored.
    """
    entry = TimelineEntry(
        contact=contact,
        lead=lead,
        kind=kind,
        source=source,
        source_key=source_key,
        title=clean_text(title, max_length=300),
        text=clean_text(text, max_length=NOTE_LENGTH),
        author=author,
        occurred_at=occurred_at or now,
        search_text=search_form(text) if source_key is None else "",
    )
    # One statement, because it runs with every first message. Without a key nothing conflicts.
    TimelineEntry.objects.bulk_create(
        [entry],
        update_conflicts=True,
        unique_fields=["source", "source_key"],
        update_fields=["contact"] if lead is None else ["contact", "lead"],
    )
    return entry


def timeline_search_text_set(*, source: str, source_key: str, text: str) -> bool:
    """Give an entry the words it is found by, once the thing is over. False: there is none."""
    return bool(
        TimelineEntry.objects.filter(source=source, source_key=source_key).update(
            search_text=search_form(text)
        )
    )


def timeline_move(*, source: str, source_keys: list[str], contact: Contact) -> int:
    """Give entries to another contact, for who splits a card; how many there were."""
    entries = TimelineEntry.objects.filter(source=source, source_key__in=source_keys)
    return entries.update(contact=contact, lead=None)


def note_add(
    *, contact: Contact, text: str, author: User, now: dt.datetime, lead: Lead | None = None
) -> TimelineEntry:
    """Write a note into a contact's history. Raises `InvalidError` for one without words."""
    return _by_hand(EntryKind.NOTE, contact, text, author, now, lead)


def call_add(
    *,
    contact: Contact,
    text: str,
    author: User,
    now: dt.datetime,
    occurred_at: dt.datetime | None = None,
    lead: Lead | None = None,
) -> TimelineEntry:
    """Write down a call: what was said, and when if not just now. Raises `InvalidError`."""
    return _by_hand(EntryKind.CALL, contact, text, author, now, lead, occurred_at)


def _by_hand(
    kind: EntryKind,
    contact: Contact,
    text: str,
    author: User,
    now: dt.datetime,
    lead: Lead | None,
    occurred_at: dt.datetime | None = None,
) -> TimelineEntry:
    wrong = ""
    if not text.strip():
        wrong = _("Write something.")
    elif len(text) > NOTE_LENGTH:
        wrong = _("At most %(most)d characters.") % {"most": NOTE_LENGTH}
    if wrong:
        raise InvalidError("invalid", wrong, fields={"text": [wrong]})
    return timeline_add(
        contact=contact, lead=lead, kind=kind, source="hand", source_key=None, author=author,
        text=text.strip(), occurred_at=occurred_at, now=now,
    )  # fmt: skip


def search_form(text: str) -> str:
    """Words as they are searched: in lower case, whatever the alphabet."""
    return clean_text(text, max_length=SEARCH_LENGTH).casefold()
