"""The settings of an open channel as a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import available_timezones

import phonenumbers
from django import forms
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from channels_app.models import Distribution, OpenChannel
from channels_app.models.open_channels import MAX_RESPONSE_MINUTES
from openlines_project.admin import ModelForm

RESPONSE_CHOICES: Final = (1, 3, 5, 10, 15, 20, 30)
OTHER: Final = "other"
# What the page sets, in its order.
GENERAL: Final = (
    "name", "public_name", "is_active", "language", "time_zone", "default_country",
)  # fmt: skip
QUEUE: Final = ("distribution", "response_minutes", "check_availability", "max_chats")
SETTINGS: Final = (*GENERAL, *QUEUE)
DISTRIBUTION_SENTENCES: Final = {
    Distribution.EVENLY: gettext_lazy(
        "Each new chat goes to the member whose last offer is oldest."
    ),
    Distribution.STRICTLY: gettext_lazy(
        "Always from position 1; the next only when he cannot or does not."
    ),
}


def minutes_in_words(minutes: int) -> str:
    """5 -> "5 minutes"."""
    return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}


def _response_choices() -> list[tuple[str, str]]:
    return [(str(minutes), minutes_in_words(minutes)) for minutes in RESPONSE_CHOICES] + [
        (OTHER, _("another time"))
    ]


def _time_zones() -> list[tuple[str, str]]:
    """The zones people choose from: places, and UTC. The rest are old names of the same."""
    places = sorted(name for name in available_timezones() if "/" in name and name[:3] != "Etc")
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in places)]


class OpenChannelForm(ModelForm[OpenChannel]):
    """All settings of one line.

    It never saves: `changes` goes to the service, and `instance` is a copy it may spoil. `seen`
    carries what the page showed when it was opened, so that only what the person changed is
    written, and a second editor can be told what the first one changed. `version` is the
    settings' version at that moment.
    """

    time_zone = forms.ChoiceField(label=gettext_lazy("Time zone"))
    response_choice = forms.ChoiceField(
        label=gettext_lazy("Response time"), choices=lazy(_response_choices, list)
    )
    response_other = forms.IntegerField(
        label=gettext_lazy("Minutes"), required=False,
        widget=forms.NumberInput(attrs={"min": 1, "max": MAX_RESPONSE_MINUTES}),
    )  # fmt: skip
    version = forms.IntegerField(widget=forms.HiddenInput)
    seen = forms.JSONField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = OpenChannel
        fields = (
            *GENERAL, "distribution", "check_availability", "max_chats",
        )  # fmt: skip
        widgets = {"distribution": forms.RadioSelect}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"] = forms.ChoiceField(
            label=_("Time zone"), choices=_with_current(_time_zones(), self.instance.time_zone)
        )
        minutes = self.instance.response_minutes
        offered = minutes in RESPONSE_CHOICES
        self.initial = {
            **self.initial,
            "response_choice": str(minutes) if offered else OTHER,
            "response_other": None if offered else minutes,
            "version": self.instance.version,
            "seen": settings_values(self.instance),
        }
        for field in self.fields.values():
            _dress(field)
        self.fields["default_country"].widget.attrs["autocapitalize"] = "characters"

    def clean_default_country(self) -> str:
        country = str(self.cleaned_data["default_country"]).strip().upper()
        if country and country not in phonenumbers.SUPPORTED_REGIONS:
            raise forms.ValidationError(
                _("There is no country “%(code)s”. Use its two letters, such as BR."),
                params={"code": country},
            )
        return country

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        choice = data.get("response_choice")
        if choice and choice != OTHER:
            data["response_minutes"] = int(choice)
        elif choice == OTHER and "response_other" not in self.errors:
            minutes = data.get("response_other")
            if minutes is None or not 1 <= minutes <= MAX_RESPONSE_MINUTES:
                self.add_error(
                    "response_other",
                    _("The response time is from 1 minute to 12 hours (720 minutes)."),
                )
            else:
                data["response_minutes"] = minutes
        return data

    @property
    def changes(self) -> dict[str, Any]:
        """What the person changed, by field. Only after `is_valid()`."""
        seen = self._seen
        return {
            name: self.cleaned_data[name]
            for name in SETTINGS
            if name in self.cleaned_data and self.cleaned_data[name] != seen.get(name)
        }

    def changed_meanwhile(self, current: OpenChannel) -> list[tuple[str, str]]:
        """What somebody else changed since the page was opened: label, and its value now."""
        seen = self._seen
        return [
            (setting_label(name), setting_in_words(current, name))
            for name, value in settings_values(current).items()
            if name in seen and seen[name] != value
        ]

    def errors_take(self, fields: Mapping[str, Any]) -> None:
        """Put what a service refused beside the fields it names."""
        for name, sentences in fields.items():
            place = {"response_minutes": "response_other"}.get(name, name)
            for sentence in sentences:
                self.add_error(place if place in self.fields else None, sentence)

    @property
    def _seen(self) -> Mapping[str, Any]:
        seen = self.cleaned_data.get("seen")
        return seen if isinstance(seen, dict) else {}


class OpenChannelAddForm(ModelForm[OpenChannel]):
    """A new line is a name; everything else has a default and is set on its page."""

    class Meta:
        model = OpenChannel
        fields = ("name",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self.fields["name"])


def settings_values(open_channel: OpenChannel) -> dict[str, Any]:
    """The settings as plain values, by field."""
    return {name: getattr(open_channel, name) for name in SETTINGS}


def setting_label(name: str) -> str:
    """What the page calls a setting."""
    label = str(getattr(OpenChannel._meta.get_field(name), "verbose_name", name))
    return label[:1].upper() + label[1:]


def setting_in_words(open_channel: OpenChannel, name: str) -> str:
    """A setting's value as the page shows it."""
    value = getattr(open_channel, name)
    if name == "response_minutes":
        return minutes_in_words(value)
    if isinstance(value, bool):
        return _("on") if value else _("off")
    display = getattr(open_channel, f"get_{name}_display", None)
    return str(display() if display else value) or _("empty")


def _with_current(choices: list[tuple[str, str]], current: str) -> list[tuple[str, str]]:
    known = {value for value, _label in choices}
    return choices if not current or current in known else [(current, current), *choices]


def _dress(field: forms.Field) -> None:
    """Give a field's widget the class of the design's component."""
    widget = field.widget
    if isinstance(widget, forms.CheckboxInput):
        widget.attrs |= {"class": "switch", "role": "switch"}
    elif isinstance(widget, forms.RadioSelect | forms.HiddenInput):
        pass
    elif isinstance(widget, forms.Select):
        widget.attrs["class"] = "select"
    elif isinstance(widget, forms.Textarea):
        widget.attrs["class"] = "textarea"
        widget.attrs.setdefault("rows", 3)
    elif isinstance(widget, forms.NumberInput):
        widget.attrs["class"] = "input input-short num"
    else:
        widget.attrs["class"] = "input"


def dress_form(form: forms.BaseForm) -> None:
    """Dress every field of a form that another module made, such as a driver's."""
    for field in form.fields.values():
        _dress(field)
