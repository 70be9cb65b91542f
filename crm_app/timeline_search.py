"""Finding entries of the history by words: full text on PostgreSQL, LIKE on SQLite."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import BooleanField, F, Func, QuerySet, Value

from crm_app.models import TimelineEntry
from crm_app.services.timeline import search_form

MAX_WORDS = 20


class Matches(Func):
    """Whether a text has all words of another one. The index has this very expression."""

    template = "(to_tsvector('simple', %(expressions)s))"
    arg_joiner = ") @@ plainto_tsquery('simple', "
    output_field = BooleanField()


def timeline_search(entries: QuerySet[TimelineEntry], words: str) -> QuerySet[TimelineEntry]:
    """Those entries that have all the words, in any order; without words none.

    On PostgreSQL whole words count; on SQLite parts of words do as well, because it cannot tell.
    """
    wanted = search_form(words).split()[:MAX_WORDS]
    if not wanted:
        return entries.none()
    if connection.vendor == "postgresql":
        condition: Any = Matches(F("search_text"), Value(" ".join(wanted)))
        return entries.filter(condition)
    for word in wanted:
        entries = entries.filter(search_text__contains=word)
    return entries
