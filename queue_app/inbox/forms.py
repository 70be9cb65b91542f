"""Forms of the inbox."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from channels_app.services.messages import MAX_FILES, MAX_TEXT
from queue_app.services.skips import REASON_LENGTH
from queue_app.services.snoozes import SNOOZE_DAYS

MAX_ID = 2**63 - 1
_TARGET = r"^(operator|line)-[1-9][0-9]{0,17}$"
_KEY = re.compile(r"[A-Za-z0-9-]{8,64}")


class SignInForm(AuthenticationForm):
    """Name, password, and whether this device is one's own."""

    keep = forms.BooleanField(required=False)

    error_messages = {
        "invalid_login": _("Name and password don't match."),
        "inactive": _("This account is switched off."),
    }


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files from one input."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        if len(data or []) > MAX_FILES:
            raise forms.ValidationError(_("At most %d files at once.") % MAX_FILES)
        return [super(FilesField, self).clean(file, initial) for file in data or []]


class InboxForm(forms.Form):
    """A form whose refusal is one sentence."""

    def first_error(self) -> str:
        """The first thing that is wrong, as a sentence."""
        return next(str(error) for errors in self.errors.values() for error in errors)


class NoteForm(InboxForm):
    """A text. `client_key` is made where the draft is, so that it is never sent twice."""

    text = forms.CharField(required=False, max_length=MAX_TEXT, strip=False)
    client_key = forms.CharField(max_length=64)

    def clean_client_key(self) -> str:
        key: str = self.cleaned_data["client_key"]
        if not _KEY.fullmatch(key):
            raise forms.ValidationError(_("Load the page again: its form is out of date."))
        return key


class ReplyForm(NoteForm):
    """An answer, with files."""

    attached = FilesField(required=False)


class SkipForm(InboxForm):
    """Passing a chat on, with or without a word why."""

    reason = forms.CharField(required=False, max_length=REASON_LENGTH)


class TransferForm(InboxForm):
    """Handing a chat over: `operator` or `line`, by number, and why.

    `to` names one of the two as a list of both sends it: `operator-12`, `line-3`.
    """

    to = forms.RegexField(_TARGET, required=False)
    operator = forms.IntegerField(required=False, min_value=1, max_value=MAX_ID)
    line = forms.IntegerField(required=False, min_value=1, max_value=MAX_ID)
    reason = forms.CharField(required=False, max_length=MAX_TEXT, strip=False)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        kind, _dash, number = values.get("to", "").partition("-")
        if kind:
            values[kind] = int(number)
        return values


class SnoozeForm(InboxForm):
    """Until when: so many minutes from now, or a moment in the reader's time zone."""

    minutes = forms.IntegerField(required=False, min_value=1, max_value=SNOOZE_DAYS * 24 * 60)
    until = forms.DateTimeField(
        required=False, input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
    )

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and (values["minutes"] is None) == (values["until"] is None):
            raise forms.ValidationError(_("Choose until when."))
        return values

    def moment(self, now: dt.datetime) -> dt.datetime:
        """Until when it is, once the form is valid."""
        minutes = self.cleaned_data["minutes"]
        if minutes is not None:
            return now + dt.timedelta(minutes=minutes)
        until: dt.datetime = self.cleaned_data["until"]
        return until


def new_client_key() -> str:
    """A key for a form that no script fills in."""
    return str(uuid.uuid4())
