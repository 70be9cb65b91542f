"""The shapes of what the desk shows and takes."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from channels_app.api.fields import (
    ChoiceTextField,
    FilterSerializer,
    FlagField,
    IdField,
    QueryIdField,
    StrictSerializer,
    TextField,
    TimeField,
    UserField,
    WholeField,
)
from channels_app.models import Weekday
from channels_app.services.messages import MAX_TEXT
from openlines_project.lib.people import person_name
from queue_app.models import (
    AssignmentOutcome,
    CloseReason,
    DutyState,
    Operator,
    QueueMember,
    SessionState,
    Turn,
    WaitReason,
)
from queue_app.services.presence import is_connected
from queue_app.services.schedules import MAX_SHIFTS
from queue_app.services.skips import REASON_LENGTH

MAX_CAP = 1_000_000
MAX_POSITION = 100_000

# --- operators ----------------------------------------------------------------------------


class ShiftSerializer(StrictSerializer):
    """On duty every week on `weekday` (0 = Monday). `ends` at or before `starts` is a time of the
    next day; the same time is 24 hours."""

    weekday = WholeField(min_value=min(Weekday.values), max_value=max(Weekday.values))
    starts = serializers.TimeField(format="%H:%M:%S", input_formats=["%H:%M", "%H:%M:%S"])
    ends = serializers.TimeField(format="%H:%M:%S", input_formats=["%H:%M", "%H:%M:%S"])


class OperatorSerializer(serializers.Serializer[Any]):
    """What the desk knows of a user who answers customers. `connected`: a page of his inbox was
    heard from in the last 90 seconds. `schedule_zone` empty: the server's."""

    id = serializers.IntegerField()
    user = serializers.IntegerField(source="user_id")
    username = serializers.SerializerMethodField()
    name = serializers.CharField()
    is_active = serializers.SerializerMethodField()
    duty = serializers.ChoiceField(choices=DutyState.choices)
    duty_changed_at = TimeField(allow_null=True)
    connected = serializers.SerializerMethodField()
    seen_at = TimeField(allow_null=True)
    follows_schedule = serializers.BooleanField()
    schedule_zone = serializers.CharField()
    schedule_next_at = TimeField(allow_null=True)
    shifts = ShiftSerializer(many=True)
    leave_from = TimeField(allow_null=True)
    leave_until = TimeField(allow_null=True)
    max_chats = serializers.IntegerField()
    open_chats = serializers.IntegerField()

    def get_username(self, operator: Operator) -> str:
        return operator.user.get_username()

    def get_is_active(self, operator: Operator) -> bool:
        return operator.user.is_active

    def get_connected(self, operator: Operator) -> bool:
        return is_connected(operator, timezone.now())


class OperatorBody(StrictSerializer):
    user = UserField(help_text="Id or user name.")


class OperatorChange(StrictSerializer):
    """What is given is changed; `shifts` replaces all of them."""

    follows_schedule = FlagField(required=False)
    schedule_zone = TextField(max_length=64, allow_blank=True, required=False)
    shifts = ShiftSerializer(many=True, required=False, max_length=MAX_SHIFTS)  # type: ignore[call-arg]
    leave_from = TimeField(allow_null=True, required=False)
    leave_until = TimeField(allow_null=True, required=False)
    max_chats = WholeField(min_value=0, max_value=MAX_CAP, required=False)


class DutyBody(StrictSerializer):
    state = ChoiceTextField(choices=DutyState.choices)


class OperatorFilters(FilterSerializer):
    user = QueryIdField(required=False, source="user_id")
    duty = serializers.ChoiceField(choices=DutyState.choices, required=False)
    open_channel = QueryIdField(required=False, source="lines__open_channel_id")


# --- queue members ------------------------------------------------------------------------


class QueueMemberSerializer(serializers.Serializer[Any]):
    """A place in a queue: a user, or a group that stands for its active users."""

    id = serializers.IntegerField()
    open_channel = serializers.IntegerField(source="open_channel_id")
    position = serializers.IntegerField()
    user = serializers.IntegerField(source="user_id", allow_null=True)
    group = serializers.IntegerField(source="group_id", allow_null=True)
    name = serializers.SerializerMethodField()

    def get_name(self, member: QueueMember) -> str:
        if member.user is not None:
            return person_name(member.user)
        return str(member.group)


class QueueMemberBody(StrictSerializer):
    """A new place: of a user or of a group, at the end unless a position is given."""

    open_channel = IdField()
    user = UserField(required=False, allow_null=True, help_text="Id or user name.")
    group = IdField(required=False, allow_null=True)
    position = WholeField(min_value=1, max_value=MAX_POSITION, required=False)


class QueueMemberChange(StrictSerializer):
    position = WholeField(min_value=1, max_value=MAX_POSITION)


class QueueMemberFilters(FilterSerializer):
    open_channel = QueryIdField(required=False, source="open_channel_id")


# --- sessions -----------------------------------------------------------------------------


class SessionSerializer(serializers.Serializer[Any]):
    """One episode of service in a conversation."""

    id = serializers.IntegerField()
    conversation = serializers.IntegerField(source="conversation_id")
    open_channel = serializers.IntegerField(source="open_channel_id")
    state = serializers.ChoiceField(choices=SessionState.choices)
    wait_reason = serializers.ChoiceField(choices=WaitReason.choices, allow_blank=True)
    operator = serializers.IntegerField(source="operator_id", allow_null=True)
    turn = serializers.ChoiceField(choices=Turn.choices)
    round = serializers.IntegerField()
    unread = serializers.IntegerField()
    is_first = serializers.BooleanField()
    parent = serializers.IntegerField(  # type: ignore[assignment]  # the name is the API's
        source="parent_id", allow_null=True, help_text="The session it was taken up from."
    )
    version = serializers.IntegerField()
    started_at = TimeField()
    waiting_since = TimeField(allow_null=True)
    offered_at = TimeField(allow_null=True)
    accepted_at = TimeField(allow_null=True)
    first_reply_at = TimeField(allow_null=True)
    snoozed_until = TimeField(allow_null=True)
    closed_at = TimeField(allow_null=True)
    close_reason = serializers.ChoiceField(choices=CloseReason.choices, allow_blank=True)


class SessionFilters(FilterSerializer):
    conversation = QueryIdField(required=False, source="conversation_id")
    state = serializers.ChoiceField(choices=SessionState.choices, required=False)
    open_channel = QueryIdField(required=False, source="open_channel_id")
    operator = QueryIdField(required=False, source="operator_id")


class ReplyBody(StrictSerializer):
    text = TextField(max_length=MAX_TEXT)


class NoteBody(StrictSerializer):
    text = TextField(max_length=MAX_TEXT)


class SkipBody(StrictSerializer):
    reason = TextField(max_length=REASON_LENGTH, required=False, allow_blank=True)


class TransferBody(StrictSerializer):
    """Where to: an operator, by the id of `/operators/`, or an open channel. Exactly one."""

    operator = IdField(required=False, allow_null=True)
    open_channel = IdField(required=False, allow_null=True)
    reason = TextField(
        max_length=MAX_TEXT, required=False, allow_blank=True,
        help_text="Stands in the thread as a private note.",
    )  # fmt: skip


class SpamBody(StrictSerializer):
    block = FlagField(
        required=False, help_text="Whether nothing more is heard of the sender. Default: false."
    )


class SnoozeBody(StrictSerializer):
    until = TimeField(help_text="A moment within the next 90 days.")


class NewSessionBody(StrictSerializer):
    message = IdField(
        required=False, allow_null=True, help_text="From which message of the conversation."
    )


class SessionEventSerializer(serializers.Serializer[Any]):
    """One step of a session. `data` depends on the kind."""

    seq = serializers.IntegerField()
    kind = serializers.CharField()
    at = TimeField()
    actor = serializers.IntegerField(source="actor_id", allow_null=True)
    operator = serializers.IntegerField(source="operator_id", allow_null=True)
    data = serializers.DictField()  # type: ignore[assignment]  # the name is the API's


class AssignmentSerializer(serializers.Serializer[Any]):
    """One operator's turn with a session. `turn` is the line's counter and orders its offers; there
    is none when somebody took a waiting session by hand."""

    id = serializers.IntegerField()
    operator = serializers.IntegerField(source="operator_id")
    turn = serializers.IntegerField(allow_null=True)
    round = serializers.IntegerField()
    offered_at = TimeField()
    ended_at = TimeField(allow_null=True)
    outcome = serializers.ChoiceField(choices=AssignmentOutcome.choices, allow_blank=True)
