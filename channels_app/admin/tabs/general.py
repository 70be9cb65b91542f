"""General: what the line is called, its language, its place in the world."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

import phonenumbers
from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_app.admin.forms import dress_form
from channels_app.admin.tabs.base import StoredLine, TabForm
from channels_app.models import OpenChannel


class GeneralTab(TabForm):
    NAME = "general"
    LABEL = gettext_lazy("General")
    COLUMNS = ("name", "public_name", "is_active", "language", "time_zone", "default_country")

    class Meta:
        model = OpenChannel
        fields = ("name", "public_name", "is_active", "language", "default_country")

    def __init__(self, stored: StoredLine, data: QueryDict | None = None) -> None:
        super().__init__(stored, data)
        current = stored.open_channel.time_zone
        self.initial["time_zone"] = current
        self.fields["time_zone"] = forms.ChoiceField(
            label=_("Time zone"),
            help_text=_("Of the working hours, and of the times in texts and on this page."),
            choices=_with_current(_time_zones(), current),
        )
        self.fields["default_country"].widget.attrs["autocapitalize"] = "characters"
        dress_form(self)

    def clean_default_country(self) -> str:
        country = str(self.cleaned_data["default_country"]).strip().upper()
        if country and country not in phonenumbers.SUPPORTED_REGIONS:
            raise forms.ValidationError(
                _("There is no country “%(code)s”. Use its two letters, such as BR."),
                params={"code": country},
            )
        return country


def _time_zones() -> list[tuple[str, str]]:
    """The zones people choose from: places, and UTC. The rest are old names of the same."""
    places = sorted(name for name in available_timezones() if "/" in name and name[:3] != "Etc")
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in places)]


def _with_current(choices: list[tuple[str, str]], current: str) -> list[tuple[str, Any]]:
    known = {value for value, _label in choices}
    return choices if not current or current in known else [(current, current), *choices]
