"""The shapes of a line and its settings: columns, and lists that are replaced whole."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import serializers

from channels_app.api.fields import (
    ChoiceTextField,
    ClockField,
    DayField,
    FilterSerializer,
    FlagField,
    StrictSerializer,
    TextField,
    TimeField,
    WholeField,
)
from channels_app.models import (
    AwayReturns,
    ClosedAction,
    Distribution,
    NoAnswerAction,
    OperatorShown,
    PlaceFreed,
    ResponseMeans,
    TextKind,
    TransferMode,
    WelcomeWhen,
)
from channels_app.models.open_channels import (
    MAX_CEILING_DAYS,
    MAX_GRACE_MINUTES,
    MAX_RESPONSE_MINUTES,
    MAX_SILENCE_MINUTES,
)
from channels_app.services.line_rows import LISTS, MAX_REMINDERS, MAX_TEXT

MAX_CHATS = 1_000_000


class WorkIntervalBody(StrictSerializer):
    """Open from `opens` to `closes`; a closing that is not later is on the following day."""

    weekday = WholeField(min_value=0, max_value=6, help_text="0 is Monday.")
    opens = ClockField()
    closes = ClockField()


class HolidayBody(StrictSerializer):
    """A day without working time, once or every year."""

    date = DayField()
    every_year = FlagField(required=False, default=False)
    name = TextField(max_length=100, required=False, allow_blank=True, default="")


class HoursExceptionBody(StrictSerializer):
    """Other hours on one date; without times it is closed."""

    date = DayField()
    opens = ClockField(required=False, allow_null=True, default=None)
    closes = ClockField(required=False, allow_null=True, default=None)


class ServiceTextBody(StrictSerializer):
    """An automatic text; a kind that is not in the list is not sent.

    Reminders are numbered by `position` and have `minutes`; no other text has either.
    """

    kind = ChoiceTextField(choices=TextKind.choices)
    position = WholeField(min_value=0, max_value=MAX_REMINDERS, required=False, default=0)
    minutes = WholeField(
        min_value=1, max_value=MAX_SILENCE_MINUTES, required=False, allow_null=True, default=None
    )
    text = TextField(max_length=MAX_TEXT)


class OpenChannelBody(StrictSerializer):
    """The settings of a line that can be given."""

    name = TextField(max_length=120, required=False, help_text="Proposed when it is missing.")
    public_name = TextField(max_length=120, required=False, allow_blank=True)
    is_active = FlagField(required=False)
    language = ChoiceTextField(choices=settings.LANGUAGES, required=False)
    time_zone = TextField(max_length=64, required=False)
    default_country = TextField(max_length=2, required=False, allow_blank=True)
    distribution = ChoiceTextField(choices=Distribution.choices, required=False)
    response_minutes = WholeField(min_value=1, max_value=MAX_RESPONSE_MINUTES, required=False)
    response_means = ChoiceTextField(choices=ResponseMeans.choices, required=False)
    check_availability = FlagField(required=False)
    demand_connection = FlagField(required=False)
    away_returns = ChoiceTextField(choices=AwayReturns.choices, required=False)
    prefer_last_operator = FlagField(required=False)
    max_chats = WholeField(min_value=0, max_value=MAX_CHATS, required=False)
    place_freed = ChoiceTextField(choices=PlaceFreed.choices, required=False)
    transfer_mode = ChoiceTextField(choices=TransferMode.choices, required=False)
    operator_shown = ChoiceTextField(choices=OperatorShown.choices, required=False)
    ask_before_ending = FlagField(required=False)
    no_answer_action = ChoiceTextField(choices=NoAnswerAction.choices, required=False)
    no_answer_minutes = WholeField(
        min_value=1, max_value=MAX_RESPONSE_MINUTES, required=False, allow_null=True
    )
    no_answer_in_hours = FlagField(required=False)
    has_hours = FlagField(required=False)
    holiday_country = TextField(max_length=2, required=False, allow_blank=True)
    holiday_subdivision = TextField(max_length=10, required=False, allow_blank=True)
    closed_action = ChoiceTextField(choices=ClosedAction.choices, required=False)
    distribute_closed = FlagField(required=False)
    welcome_when = ChoiceTextField(choices=WelcomeWhen.choices, required=False)
    consent_url = TextField(max_length=200, required=False, allow_blank=True)
    auto_close_minutes = WholeField(min_value=0, max_value=MAX_SILENCE_MINUTES, required=False)
    grace_minutes = WholeField(min_value=0, max_value=MAX_GRACE_MINUTES, required=False)
    ceiling_days = WholeField(min_value=1, max_value=MAX_CEILING_DAYS, required=False)
    work_intervals = WorkIntervalBody(
        many=True, required=False, max_length=LISTS["work_intervals"].most
    )
    holidays = HolidayBody(many=True, required=False, max_length=LISTS["holidays"].most)
    hours_exceptions = HoursExceptionBody(
        many=True, required=False, max_length=LISTS["hours_exceptions"].most
    )
    service_texts = ServiceTextBody(
        many=True, required=False, max_length=LISTS["service_texts"].most
    )


class CloneBody(StrictSerializer):
    name = TextField(max_length=120, required=False, help_text="Proposed when it is missing.")


class OpenChannelSerializer(serializers.Serializer[Any]):
    """A line with all its settings."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    public_name = serializers.CharField(allow_blank=True)
    is_active = serializers.BooleanField()
    language = serializers.CharField()
    time_zone = serializers.CharField()
    default_country = serializers.CharField(allow_blank=True)
    distribution = serializers.ChoiceField(choices=Distribution.choices)
    response_minutes = serializers.IntegerField()
    response_means = serializers.ChoiceField(choices=ResponseMeans.choices)
    check_availability = serializers.BooleanField()
    demand_connection = serializers.BooleanField()
    away_returns = serializers.ChoiceField(choices=AwayReturns.choices)
    prefer_last_operator = serializers.BooleanField()
    max_chats = serializers.IntegerField()
    place_freed = serializers.ChoiceField(choices=PlaceFreed.choices)
    transfer_mode = serializers.ChoiceField(choices=TransferMode.choices)
    operator_shown = serializers.ChoiceField(choices=OperatorShown.choices)
    ask_before_ending = serializers.BooleanField()
    no_answer_action = serializers.ChoiceField(choices=NoAnswerAction.choices)
    no_answer_minutes = serializers.IntegerField(allow_null=True)
    no_answer_in_hours = serializers.BooleanField()
    has_hours = serializers.BooleanField()
    holiday_country = serializers.CharField(allow_blank=True)
    holiday_subdivision = serializers.CharField(allow_blank=True)
    closed_action = serializers.ChoiceField(choices=ClosedAction.choices)
    distribute_closed = serializers.BooleanField()
    welcome_when = serializers.ChoiceField(choices=WelcomeWhen.choices)
    consent_url = serializers.CharField(allow_blank=True)
    auto_close_minutes = serializers.IntegerField()
    grace_minutes = serializers.IntegerField()
    ceiling_days = serializers.IntegerField()
    work_intervals = WorkIntervalBody(many=True)
    holidays = HolidayBody(many=True)
    hours_exceptions = HoursExceptionBody(many=True)
    service_texts = ServiceTextBody(many=True)
    version = serializers.IntegerField(help_text="Send it as If-Match with a change.")
    archived_at = TimeField(allow_null=True)
    created_at = TimeField()


class OpenChannelFilters(FilterSerializer):
    is_active = serializers.BooleanField(required=False)
