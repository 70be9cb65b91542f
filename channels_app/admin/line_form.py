"""The page of a line as one form: its tabs, what they change, and a second editor's changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.http import QueryDict
from django.utils.functional import cached_property

from channels_app.admin.duration_field import DurationWidget
from channels_app.admin.line_words import unit_in_words, unit_label
from channels_app.admin.tabs import TAB_FORMS, TabForm
from channels_app.admin.tabs.base import StoredLine
from channels_app.admin.tabs.hours import HoursTab
from channels_app.models import OpenChannel, TextKind
from channels_app.services.line_rows import LISTS, Row


class SeenForm(forms.Form):
    """What the page showed when it was opened: the settings' version, and every unit's value."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    seen = forms.JSONField(widget=forms.HiddenInput, required=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """One thing to mend: on which tab, at which part, what it is called, and what is wrong."""

    tab: str
    tab_label: Any
    part: str
    label: Any
    sentence: str


class LineForm:
    """All settings of one line. `data` is what a page sent.

    It never saves: `changes` goes to the service. Only what the person changed is written, and a
    second editor can be told what the first one changed.
    """

    def __init__(self, open_channel: OpenChannel, data: QueryDict | None = None) -> None:
        self.open_channel = open_channel
        self.data = data
        self.stored = StoredLine(open_channel)
        self.tabs: dict[str, TabForm] = {form.NAME: form(self.stored, data) for form in TAB_FORMS}
        self.page = SeenForm(
            data, initial={"version": open_channel.version, "seen": self.stored_values}
        )
        # What is wrong and belongs to no field of the page.
        self.general_errors: list[str] = []

    @property
    def hours(self) -> HoursTab:
        """The tab with the lists of hours."""
        return cast(HoursTab, self.tabs[HoursTab.NAME])

    def is_valid(self) -> bool:
        # All of them, so that everything wrong is told at once.
        right = [form.is_valid() for form in (self.page, *self.tabs.values())]
        return all(right)

    @property
    def expected_version(self) -> int:
        """The version the page was made from. Only after `is_valid()`."""
        version: int = self.page.cleaned_data["version"]
        return version

    @cached_property
    def stored_values(self) -> dict[str, Any]:
        """Every unit as it is stored."""
        return {unit: value for form in self.tabs.values()
                for unit, value in form.stored_values().items()}  # fmt: skip

    @cached_property
    def values(self) -> dict[str, Any]:
        """Every unit as the page sent it. Only after `is_valid()`."""
        return {unit: value for form in self.tabs.values() for unit, value in form.values().items()}

    @property
    def seen(self) -> Mapping[str, Any]:
        """Every unit as the page showed it when it was opened."""
        seen = self.page.cleaned_data.get("seen") if self.page.is_valid() else None
        return seen if isinstance(seen, dict) else {}

    @property
    def changed(self) -> list[str]:
        """The units the person changed. Only after `is_valid()`."""
        seen = self.seen
        return [unit for unit, value in self.values.items() if value != seen.get(unit)]

    @property
    def unsaved(self) -> list[str]:
        """The units the person changed, also wrongly. Only after `is_valid()`, true or not."""
        if self.data is None:
            return []
        units = [unit for form in self.tabs.values() for unit in form.units]
        return [unit for unit in units if unit not in self.values or unit in self.changed]

    @property
    def changes(self) -> dict[str, Any]:
        """What the person changed, as the service takes it. Only after `is_valid()`."""
        changed = self.changed
        lists = {name: rows for form in self.tabs.values() for name, rows in form.lists().items()}
        lists["service_texts"] = self._texts()
        found = {unit: self.values[unit] for unit in changed if not _is_text(unit)}
        if any(_is_text(unit) for unit in changed):
            found["service_texts"] = None
        return {name: lists[name] if name in LISTS else value for name, value in found.items()}

    def _texts(self) -> list[Row]:
        """The list of texts: those of the page, and the stored ones of kinds that it has not."""
        shown = {kind for form in self.tabs.values() for kind in form.TEXTS} | {TextKind.REMINDER}
        rows = [row for form in self.tabs.values() for row in form.text_rows()]
        kept = [row for row in self.stored.lists["service_texts"] if row["kind"] not in shown]
        return rows + kept

    def errors_take(self, fields: Mapping[str, Sequence[str]]) -> None:
        """Put what a service refused beside the fields it names."""
        for path, sentences in fields.items():
            taken = any(form.error_take(path, sentences) for form in self.tabs.values())
            if not taken:
                self.general_errors += sentences

    @property
    def wrong(self) -> list[Wrong]:
        """Everything that is wrong, in the order of the page."""
        return list(self._wrong())

    def _wrong(self) -> Iterator[Wrong]:
        if self.data is None:
            return
        for form in self.tabs.values():
            for part, label, sentence in form.wrong():
                yield Wrong(
                    tab=form.NAME, tab_label=form.LABEL, part=part, label=label, sentence=sentence
                )

    # --- a second editor ------------------------------------------------------------------

    def changed_meanwhile(self) -> list[tuple[str, str]]:
        """What somebody else changed since the page was opened: label, and its value now."""
        seen = self.seen
        return [
            (unit_label(unit), unit_in_words(unit, value))
            for unit, value in self.stored_values.items()
            if unit in seen and seen[unit] != value
        ]

    def merged(self) -> LineForm:
        """The page on top of what is stored now: the person's changes, else the stored values.

        Only after `is_valid()`. Its data carry the present version, so that it can be saved.
        """
        data = self.data.copy() if self.data is not None else QueryDict(mutable=True)
        fresh = LineForm(self.open_channel)
        kept = fresh.sent()
        for form in self.tabs.values():
            for unit in form.units:
                if unit not in self.changed:
                    for name in form.names(unit):
                        data.pop(name, None)
                        if name in kept:
                            data.setlist(name, kept[name])
        for name in ("version", "seen"):
            data[name] = str(fresh.page[name].value())
        again = LineForm(self.open_channel, data)
        again.is_valid()
        return again

    def sent(self) -> dict[str, list[str]]:
        """What a browser would send of the settings as they are stored, by the fields' names."""
        found: dict[str, list[str]] = {}
        for form in self.tabs.values():
            for bound in form:
                found |= _field_sent(bound)
            found |= form.rows_sent()
        return found


def _is_text(unit: str) -> bool:
    return unit == "reminders" or unit.startswith("text_")


def _field_sent(bound: forms.BoundField) -> dict[str, list[str]]:
    widget, value = bound.field.widget, bound.value()
    if isinstance(widget, forms.CheckboxInput):
        return {bound.html_name: ["on"]} if value else {}
    if isinstance(widget, DurationWidget):
        parts = zip(widget.names(bound.html_name), widget.decompress(value), strict=True)
        return {name: [_raw(part)] for name, part in parts}
    return {bound.html_name: [_raw(value)]}


def _raw(value: Any) -> str:
    return "" if value is None else str(value)
