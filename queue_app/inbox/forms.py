"""Forms of the inbox."""

from __future__ import annotations

import re
import uuid
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from channels_app.services.messages import MAX_FILES, MAX_TEXT

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


class ReplyForm(forms.Form):
    """An answer. `client_key` is made where the draft is, so that it is never sent twice."""

    text = forms.CharField(required=False, max_length=MAX_TEXT, strip=False)
    client_key = forms.CharField(max_length=64)
    attached = FilesField(required=False)

    def clean_client_key(self) -> str:
        key: str = self.cleaned_data["client_key"]
        if not _KEY.fullmatch(key):
            raise forms.ValidationError(_("Load the page again: its form is out of date."))
        return key

    def first_error(self) -> str:
        """The first thing that is wrong, as a sentence."""
        return next(str(error) for errors in self.errors.values() for error in errors)


def new_client_key() -> str:
    """A key for a form that no script fills in."""
    return str(uuid.uuid4())
