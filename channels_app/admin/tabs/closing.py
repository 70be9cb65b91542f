"""Closing: how a chat ends, by hand and by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_app.admin.duration_field import DurationField
from channels_app.admin.forms import dress_form
from channels_app.admin.tabs.base import StoredLine, TabForm, TextField
from channels_app.models import OpenChannel, TextKind
from channels_app.models.open_channels import MAX_GRACE_MINUTES, MAX_SILENCE_MINUTES
from channels_app.services.line_rows import MAX_REMINDERS, Row

NUMBERS = range(1, MAX_REMINDERS + 1)


class ClosingTab(TabForm):
    NAME = "closing"
    LABEL = gettext_lazy("Closing")
    COLUMNS = ("ask_before_ending", "grace_minutes", "auto_close_minutes", "ceiling_days")
    TEXTS = (TextKind.ENDING, TextKind.AUTO_CLOSE)

    class Meta:
        model = OpenChannel
        fields = ("ask_before_ending", "ceiling_days")

    def __init__(self, stored: StoredLine, data: QueryDict | None = None) -> None:
        super().__init__(stored, data)
        line = stored.open_channel
        self.fields["grace_minutes"] = DurationField(
            label=_("Time to come back"), least=0, most=MAX_GRACE_MINUTES,
            help_text=_("Who writes within it after the end continues the same chat."),
        )  # fmt: skip
        self.fields["auto_close_minutes"] = DurationField(
            label=_("After this silence"), least=0, most=MAX_SILENCE_MINUTES,
            help_text=_(
                "Counted from our answer. 0 means never. A chat that waits for us is not ended "
                "by it."
            ),
        )  # fmt: skip
        self.initial["grace_minutes"] = line.grace_minutes
        self.initial["auto_close_minutes"] = line.auto_close_minutes
        for number in NUMBERS:
            row = stored.text(TextKind.REMINDER, number)
            minutes, text = f"reminder_{number}_minutes", f"reminder_{number}_text"
            self.fields[minutes] = DurationField(
                label=_("Reminder %(n)d after") % {"n": number}, required=False, least=1,
                most=MAX_SILENCE_MINUTES,
            )  # fmt: skip
            self.fields[text] = TextField(
                TextKind.REMINDER, label=_("Text of reminder %(n)d") % {"n": number}
            )
            self.initial[minutes] = row["minutes"] if row else None
            self.initial[text] = row["text"] if row else ""
        dress_form(self)

    @property
    def units(self) -> list[str]:
        return [*super().units, "reminders"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for number in NUMBERS:
            minutes, text = f"reminder_{number}_minutes", f"reminder_{number}_text"
            if self.errors.get(minutes) or self.errors.get(text):
                continue
            if data.get(text) and data.get(minutes) is None:
                self.add_error(minutes, _("Say after which time it is sent."))
            elif data.get(minutes) is not None and not data.get(text):
                self.add_error(text, _("Write the reminder, or empty its time."))
        self._places = [number for number in NUMBERS if data.get(f"reminder_{number}_text")]
        return data

    def stored_values(self) -> dict[str, Any]:
        rows = (self.stored.text(TextKind.REMINDER, number) for number in NUMBERS)
        reminders = [[row["minutes"], row["text"]] for row in rows if row]
        return super().stored_values() | {"reminders": reminders}

    def values(self) -> dict[str, Any]:
        return super().values() | {
            "reminders": [[minutes, text] for minutes, text in self._given()]
        }

    def text_rows(self) -> Iterator[Row]:
        yield from super().text_rows()
        for position, (minutes, text) in enumerate(self._given(), start=1):
            yield {"kind": TextKind.REMINDER, "position": position, "minutes": minutes,
                   "text": text}  # fmt: skip

    def names(self, unit: str) -> list[str]:
        if unit != "reminders":
            return super().names(unit)
        return [
            name
            for number in NUMBERS
            for field in (f"reminder_{number}_minutes", f"reminder_{number}_text")
            for name in super(ClosingTab, self).names(field)
        ]

    def error_take(self, path: str, sentences: Sequence[str]) -> bool:
        """Reminders are numbered by their order: the second sent may stand in the third place."""
        if not path.startswith(f"service_texts.{TextKind.REMINDER}."):
            return super().error_take(path, sentences)
        position, _dot, part = path.split(".", 2)[2].partition(".")
        number = self._places[int(position) - 1]
        return super().error_take(f"reminder_{number}_{part or 'text'}", sentences)

    @property
    def reminder_fields(self) -> list[dict[str, Any]]:
        """The places for reminders, each with its two fields and whether it is in use."""
        places = []
        for number in NUMBERS:
            minutes, text = self[f"reminder_{number}_minutes"], self[f"reminder_{number}_text"]
            is_used = bool(minutes.errors or text.errors or text.value())
            places.append({"number": number, "minutes": minutes, "text": text, "is_used": is_used})
        return places

    def _given(self) -> Iterator[tuple[int, str]]:
        for number in NUMBERS:
            text = self.cleaned_data.get(f"reminder_{number}_text")
            minutes = self.cleaned_data.get(f"reminder_{number}_minutes")
            if text and minutes is not None:
                yield minutes, text
