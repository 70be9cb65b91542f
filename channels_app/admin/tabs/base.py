"""What the tabs of a line's page have in common.

A tab speaks of *units*: what counts as one change on the page. Most are a column; an automatic
text is one, and so is each list of hours. A unit's value is plain, as JSON has it, so that the
page can carry what it showed when it was opened.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy

from channels_app.admin.duration_field import DurationWidget
from channels_app.admin.forms import dress_form
from channels_app.models import OpenChannel, TextKind
from channels_app.placeholders import PLACEHOLDERS, WITHOUT_OPERATOR
from channels_app.services.line_rows import MAX_TEXT, Row, rows_stored
from openlines_project.admin import ModelForm

# What each text is called where it is written; the model's words name it among others.
TEXT_LABELS: Mapping[str, Any] = {
    TextKind.WELCOME: gettext_lazy("Welcome text"),
    TextKind.CONSENT: gettext_lazy("Consent text"),
    TextKind.CLOSED: gettext_lazy("Out-of-hours text"),
    TextKind.NO_ANSWER: gettext_lazy("Text when nobody answers"),
    TextKind.ENDING: gettext_lazy("Closing text"),
    TextKind.AUTO_CLOSE: gettext_lazy("Text when it ends by itself"),
    TextKind.REMINDER: gettext_lazy("Reminder"),
}


PLACEHOLDER_WORDS: Mapping[str, Any] = {
    "customer": gettext_lazy("the customer's name"),
    "operator": gettext_lazy("the operator's name, as customers see it"),
    "line": gettext_lazy("the public name of the line"),
    "opens_at": gettext_lazy("when the line opens next"),
    "session": gettext_lazy("the number of the chat"),
}


@dataclass(frozen=True)
class StoredLine:
    """A line and its lists as they are stored."""

    open_channel: OpenChannel

    @cached_property
    def lists(self) -> dict[str, list[Row]]:
        return rows_stored(self.open_channel)

    def text(self, kind: str, position: int = 0) -> Row | None:
        """One automatic text, None when it is not sent."""
        for row in self.lists["service_texts"]:
            if (row["kind"], row["position"]) == (kind, position):
                return row
        return None


class TextField(forms.CharField):
    """An automatic text: empty means that it is not sent."""

    def __init__(self, kind: str, **kwargs: Any) -> None:
        self.kind = kind
        kwargs = {"label": TEXT_LABELS[kind], "widget": forms.Textarea(attrs={"rows": 3})} | kwargs
        super().__init__(required=False, max_length=MAX_TEXT, **kwargs)

    @property
    def placeholders(self) -> list[tuple[str, Any]]:
        """What may stand in it, with what it stands for: all but those that are empty there."""
        without = {"operator"} if self.kind in WITHOUT_OPERATOR else set()
        return [(name, PLACEHOLDER_WORDS[name]) for name in PLACEHOLDERS if name not in without]

    def clean(self, value: Any) -> str:
        """Browsers send two characters for the end of a line; they count and are kept as one."""
        return str(super().clean(str(value or "").replace("\r\n", "\n")))


class TabForm(ModelForm[OpenChannel]):
    """One tab. It never saves: its values go to the service; `instance` is a copy it may spoil.

    `COLUMNS` are the columns it sets, `TEXTS` the kinds of text it has a field for.
    """

    NAME: ClassVar[str]
    LABEL: ClassVar[Any]
    COLUMNS: ClassVar[Sequence[str]] = ()
    TEXTS: ClassVar[Sequence[str]] = ()

    def __init__(self, stored: StoredLine, data: QueryDict | None = None) -> None:
        self.stored = stored
        super().__init__(data, instance=copy.copy(stored.open_channel))
        for kind in self.TEXTS:
            row = stored.text(kind)
            self.fields[f"text_{kind}"] = TextField(kind)
            self.initial[f"text_{kind}"] = row["text"] if row else ""
        dress_form(self)

    @property
    def units(self) -> list[str]:
        """The units of this tab, in the order of the page."""
        return [*self.COLUMNS, *(f"text_{kind}" for kind in self.TEXTS)]

    def stored_values(self) -> dict[str, Any]:
        """The units as they are stored."""
        line = self.stored.open_channel
        texts = {f"text_{kind}": self.initial[f"text_{kind}"] for kind in self.TEXTS}
        return {name: getattr(line, name) for name in self.COLUMNS} | texts

    def values(self) -> dict[str, Any]:
        """The units as the page sent them. Only after `is_valid()`."""
        return {name: self.cleaned_data[name] for name in self.units if name in self.cleaned_data}

    def text_rows(self) -> Iterator[Row]:
        """The automatic texts of this tab as rows of the line's list. Only after `is_valid()`."""
        for kind in self.TEXTS:
            if text := self.cleaned_data[f"text_{kind}"]:
                yield {"kind": kind, "position": 0, "minutes": None, "text": text}

    def lists(self) -> dict[str, list[Row]]:
        """The other lists of this tab as the page sent them, as the service takes them."""
        return {}

    def rows_sent(self) -> dict[str, list[str]]:
        """What a browser would send of the stored lists."""
        return {}

    def names(self, unit: str) -> list[str]:
        """The names under which a browser sends a unit."""
        widget = self.fields[unit].widget
        return widget.names(unit) if isinstance(widget, DurationWidget) else [unit]

    def error_take(self, path: str, sentences: Sequence[str]) -> bool:
        """Put what a service refused beside its field. False when the path is not of this tab."""
        name = path
        if path.startswith("service_texts."):
            name = f"text_{path.split('.')[1]}"
        if name not in self.fields:
            return False
        for sentence in sentences:
            self.add_error(name, sentence)
        return True

    def wrong(self) -> Iterator[tuple[str, Any, str]]:
        """What is wrong: the id of the part to go to, its name in words, the sentence."""
        for name, errors in self.errors.items():
            field = self[name] if name in self.fields else None
            part, label = (field.id_for_label, field.label) if field else ("", "")
            for error in errors:
                yield part, label, str(error)
