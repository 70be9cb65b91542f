"""How entries of the history look: asked of whoever knows what they refer to.

An app above registers itself in `AppConfig.ready()`; nothing here imports it:

    renderer_register("session", render=session_entry_render, export=session_entry_export)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from crm_app.models import FormSubmission, TimelineEntry


@dataclass(frozen=True, slots=True)
class Rendered:
    """An entry as a page shows it: plain texts, which the page escapes.

    `lines` are who (or what) and the words, `is_live` says that more may come, `url` is where
    the thing itself is, for those who may see it.
    """

    title: str
    lines: Sequence[tuple[str, str]] = ()
    is_live: bool = False
    url: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


Render = Callable[[Sequence[TimelineEntry], Any], Mapping[int, Rendered]]
Export = Callable[[Sequence[TimelineEntry]], Mapping[int, Any]]

_renderers: dict[str, tuple[Render, Export]] = {}


def renderer_register(source: str, *, render: Render, export: Export) -> None:
    """Say how entries of a source look.

    `render` gets entries and the user who reads, and gives by their primary keys what he may
    see: whoever may not is given a title without lines. `export` gives JSON values of everything.
    Both are asked once for a page of entries. Registering a source again replaces it.
    """
    _renderers[source] = (render, export)


def entries_render(entries: Sequence[TimelineEntry], user: Any) -> list[Rendered]:
    """A page of entries, in its order. One nobody can show has its own title and text."""
    found: dict[int, Rendered] = {}
    for source, mine in _by_source(entries).items():
        if source in _renderers:
            found.update(_renderers[source][0](mine, user))
    return [found.get(entry.pk) or _plain(entry) for entry in entries]


def entries_export(entries: Sequence[TimelineEntry]) -> list[dict[str, Any]]:
    """Entries as JSON values, whole."""
    found: dict[int, Any] = {}
    for source, mine in _by_source(entries).items():
        if source in _renderers:
            found.update(_renderers[source][1](mine))
    return [
        {
            "kind": entry.kind,
            "at": entry.occurred_at.isoformat(),
            "title": entry.title,
            "text": entry.text,
            "source": entry.source,
            "content": found.get(entry.pk),
        }
        for entry in entries
    ]


def _by_source(entries: Sequence[TimelineEntry]) -> dict[str, list[TimelineEntry]]:
    grouped: dict[str, list[TimelineEntry]] = {}
    for entry in entries:
        grouped.setdefault(entry.source, []).append(entry)
    return grouped


def _plain(entry: TimelineEntry) -> Rendered:
    title = entry.title or entry.get_kind_display()
    return Rendered(title=title, lines=[("", entry.text)] if entry.text else [])


# --- what the CRM itself puts there -------------------------------------------------------


def _lead_render(entries: Sequence[TimelineEntry], _user: Any) -> dict[int, Rendered]:
    words = {
        "opened": _("Lead opened"),
        "new": _("Lead is new again"),
        "in_work": _("Lead is in work"),
        "converted": _("Lead converted"),
        "junk": _("Lead marked as junk"),
    }
    return {
        entry.pk: Rendered(
            title=words.get(entry.title, entry.title),
            lines=[("", entry.text)] if entry.text else [],
        )
        for entry in entries
    }


def _card_render(entries: Sequence[TimelineEntry], _user: Any) -> dict[int, Rendered]:
    words = {"merged": _("Cards merged"), "split": _("Card split")}
    return {
        entry.pk: Rendered(
            title=words.get(entry.title, entry.title),
            lines=[("", entry.text)] if entry.text else [],
        )
        for entry in entries
    }


def _form_render(entries: Sequence[TimelineEntry], _user: Any) -> dict[int, Rendered]:
    keys = {int(entry.source_key or 0): entry.pk for entry in entries}
    return {
        keys[submission.pk]: Rendered(
            title=_("Form sent"),
            lines=[
                (submission.labels.get(key, key), str(value))
                for key, value in submission.data.items()
            ],
        )
        for submission in FormSubmission.objects.filter(pk__in=keys)
    }


def _form_export(entries: Sequence[TimelineEntry]) -> dict[int, Any]:
    keys = {int(entry.source_key or 0): entry.pk for entry in entries}
    return {
        keys[submission.pk]: {"data": submission.data, "consent": submission.consent_text}
        for submission in FormSubmission.objects.filter(pk__in=keys)
    }


def _nothing_more(_entries: Sequence[TimelineEntry]) -> dict[int, Any]:
    return {}


def own_renderers_register() -> None:
    """Register what the CRM puts into the history by itself."""
    renderer_register("lead", render=_lead_render, export=_nothing_more)
    renderer_register("card", render=_card_render, export=_nothing_more)
    renderer_register("form", render=_form_render, export=_form_export)
