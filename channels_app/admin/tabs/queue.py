"""Queue: how chats find their operator, and what happens when they do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms
from django.http import QueryDict
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_app.admin.duration_field import DurationField
from channels_app.admin.forms import dress_form
from channels_app.admin.tabs.base import StoredLine, TabForm
from channels_app.durations import duration_words
from channels_app.models import Distribution, NoAnswerAction, OpenChannel, TextKind
from channels_app.models.open_channels import MAX_RESPONSE_MINUTES

RESPONSE_CHOICES: Final = (1, 3, 5, 10, 15, 20, 30)
OTHER: Final = "other"
DISTRIBUTION_SENTENCES: Final[Mapping[str, Any]] = {
    Distribution.EVENLY: gettext_lazy(
        "Each new chat goes to the member whose last offer is oldest."
    ),
    Distribution.STRICTLY: gettext_lazy(
        "Always from position 1; the next only when he cannot or does not."
    ),
    Distribution.EVERYBODY: gettext_lazy(
        "All see the offer at the same time; the first to accept gets the chat."
    ),
}
NO_ANSWER_SENTENCES: Final[Mapping[str, Any]] = {
    NoAnswerAction.REQUEUE: gettext_lazy(
        "The queue is asked again from the top, at most 20 times."
    ),
    NoAnswerAction.TEXT: gettext_lazy("Once per chat. It stays open to everybody of the line."),
    NoAnswerAction.FORM: gettext_lazy("The customer gets a link and leaves a phone or an e-mail."),
    NoAnswerAction.NOTHING: gettext_lazy(
        "The chat waits. Everybody of the line sees it and may take it."
    ),
}


def _response_choices() -> list[tuple[str, str]]:
    return [(str(minutes), duration_words(minutes)) for minutes in RESPONSE_CHOICES] + [
        (OTHER, _("another time"))
    ]


class QueueTab(TabForm):
    NAME = "queue"
    LABEL = gettext_lazy("Queue")
    COLUMNS = (
        "distribution", "response_minutes", "response_means", "prefer_last_operator",
        "check_availability", "demand_connection", "away_returns", "max_chats", "place_freed",
        "operator_shown", "transfer_mode", "no_answer_minutes", "no_answer_in_hours",
        "no_answer_action",
    )  # fmt: skip
    TEXTS = (TextKind.NO_ANSWER,)

    response_choice = forms.ChoiceField(
        label=gettext_lazy("Response time"), choices=lazy(_response_choices, list)
    )
    response_other = forms.IntegerField(
        label=gettext_lazy("Minutes"), required=False,
        widget=forms.NumberInput(attrs={"min": 1, "max": MAX_RESPONSE_MINUTES}),
    )  # fmt: skip

    class Meta:
        model = OpenChannel
        fields = (
            "distribution", "response_means", "prefer_last_operator", "check_availability",
            "demand_connection", "away_returns", "max_chats", "place_freed", "operator_shown",
            "transfer_mode", "no_answer_in_hours", "no_answer_action",
        )  # fmt: skip
        widgets = {"distribution": forms.RadioSelect, "no_answer_action": forms.RadioSelect}

    def __init__(self, stored: StoredLine, data: QueryDict | None = None) -> None:
        super().__init__(stored, data)
        minutes = stored.open_channel.response_minutes
        offered = minutes in RESPONSE_CHOICES
        self.fields["no_answer_minutes"] = DurationField(
            label=_("At the latest after"), least=1, most=MAX_RESPONSE_MINUTES, required=False,
            help_text=_(
                "From the start of the chat. Empty: only when every member of the queue has let "
                "it pass."
            ),
        )  # fmt: skip
        self.initial["response_choice"] = str(minutes) if offered else OTHER
        self.initial["response_other"] = None if offered else minutes
        self.initial["no_answer_minutes"] = stored.open_channel.no_answer_minutes
        dress_form(self)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        choice = data.get("response_choice")
        if choice and choice != OTHER:
            self.errors.pop("response_other", None)  # it is not shown then
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

    def names(self, unit: str) -> list[str]:
        if unit == "response_minutes":
            return ["response_choice", "response_other"]
        return super().names(unit)

    def error_take(self, path: str, sentences: Sequence[str]) -> bool:
        place = "response_other" if path == "response_minutes" else path
        return super().error_take(place, sentences)

    @property
    def distribution_options(self) -> list[tuple[Any, Any]]:
        """The ways of distribution, each with its sentence."""
        return _options(self, "distribution", DISTRIBUTION_SENTENCES)

    @property
    def no_answer_options(self) -> list[tuple[Any, Any]]:
        """What can be done when nobody answers, each with its sentence."""
        return _options(self, "no_answer_action", NO_ANSWER_SENTENCES)


def _options(form: QueueTab, name: str, sentences: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    return [(radio, sentences[radio.data["value"]]) for radio in form[name]]
