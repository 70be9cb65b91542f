"""Texts: what a customer is told at the beginning."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy

from channels_app.admin.tabs.base import TabForm
from channels_app.models import OpenChannel, TextKind


class TextsTab(TabForm):
    NAME = "texts"
    LABEL = gettext_lazy("Texts")
    COLUMNS = ("welcome_when", "consent_url")
    TEXTS = (TextKind.WELCOME, TextKind.CONSENT)

    consent_url = forms.URLField(
        label=gettext_lazy("Page of the consent"), required=False, max_length=200,
        assume_scheme="https",
        help_text=gettext_lazy(
            "Its address stands below the text. The customer's next message is his agreement."
        ),
    )  # fmt: skip

    class Meta:
        model = OpenChannel
        fields = ("welcome_when", "consent_url")
        labels = {"welcome_when": gettext_lazy("Send it")}
        help_texts = {"welcome_when": gettext_lazy("Right after the customer's first message.")}
