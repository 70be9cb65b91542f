"""The shapes of what the post office shows and takes. Writing shapes are separate and strict."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from channels_app.api.fields import (
    FilterSerializer,
    FlagField,
    IdField,
    KeptField,
    ObjectField,
    QueryIdField,
    StrictSerializer,
    TextField,
    TimeField,
)
from channels_app.api.permissions import has_right
from channels_app.drivers.base import CheckResult
from channels_app.models import Attachment, Connector, EventState, Message
from channels_app.services.connectors import webhook_url
from channels_app.services.media import link_url, signed_file_url
from openlines_project.lib.people import person_name
from openlines_project.lib.text import neutral_name

# --- connectors ---------------------------------------------------------------------------


class ConnectorSerializer(serializers.Serializer[Any]):
    """A connected account. Secrets are never shown, and `config` only to who may see settings."""

    id = serializers.IntegerField()
    open_channel = serializers.IntegerField(source="open_channel_id")
    kind = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    status = serializers.CharField()
    public_id = serializers.CharField()
    webhook_url = serializers.SerializerMethodField()
    config = serializers.SerializerMethodField()
    account_id = serializers.CharField(allow_null=True)
    account_name = serializers.CharField(allow_blank=True)
    is_polling = serializers.BooleanField()
    notice = KeptField(allow_blank=True)
    last_error = KeptField(allow_blank=True)
    last_error_at = TimeField(allow_null=True)
    last_event_at = TimeField(allow_null=True)
    last_sent_at = TimeField(allow_null=True)
    created_at = TimeField()

    def get_webhook_url(self, connector: Connector) -> str:
        """The public address; without one, the address this request came to."""
        found = webhook_url(connector)
        return found or self.context["request"].build_absolute_uri(
            f"/webhooks/{connector.public_id}/"
        )

    @extend_schema_field({"type": "object", "nullable": True, "additionalProperties": {}})
    def get_config(self, connector: Connector) -> dict[str, Any] | None:
        user: User = self.context["request"].user
        return connector.config if has_right(user, "channels_app.view_connector") else None


class ConnectorBody(StrictSerializer):
    """A new connector. `config` holds the settings of its kind, the secret ones too."""

    open_channel = IdField()
    kind = TextField(max_length=32)
    name = TextField(max_length=120, required=False, allow_blank=True, default="")
    config = ObjectField(required=False)


class ConnectorChange(StrictSerializer):
    """A change of a connector. A secret that is missing or empty stays as it is."""

    open_channel = IdField(required=False)
    name = TextField(max_length=120, required=False, allow_blank=True)
    config = ObjectField(required=False)


class ConnectBody(StrictSerializer):
    polling = FlagField(required=False, default=False, help_text="We ask the platform for news.")


class EmptyBody(StrictSerializer):
    """No body, or an empty object."""


class CheckSerializer(serializers.Serializer[CheckResult]):
    """What the platform answered to "check now"."""

    ok = serializers.SerializerMethodField()
    account_id = serializers.SerializerMethodField()
    account_name = serializers.SerializerMethodField()
    problems = serializers.ListField(child=serializers.CharField())
    facts = serializers.SerializerMethodField()

    def get_ok(self, result: CheckResult) -> bool:
        return not result.problems

    def get_account_id(self, result: CheckResult) -> str:
        return result.account.account_id if result.account else ""

    def get_account_name(self, result: CheckResult) -> str:
        return result.account.name if result.account else ""

    def get_facts(self, result: CheckResult) -> dict[str, str]:
        return {str(name): str(value) for name, value in result.facts}


class ConnectorFilters(FilterSerializer):
    open_channel = QueryIdField(required=False, source="open_channel_id")
    kind = serializers.CharField(required=False, max_length=32)


# --- inbound events -----------------------------------------------------------------------


class InboundEventSerializer(serializers.Serializer[Any]):
    """One delivered event. What it held is not shown."""

    id = serializers.IntegerField()
    connector = serializers.IntegerField(source="connector_id")
    conversation = serializers.IntegerField(source="conversation_id", allow_null=True)
    key = serializers.CharField()
    state = serializers.ChoiceField(choices=EventState.choices)
    error = KeptField(allow_blank=True)
    attempts = serializers.IntegerField()
    received_at = TimeField()
    pending_at = TimeField(allow_null=True)
    done_at = TimeField(allow_null=True)


class ReceivedSerializer(serializers.Serializer[Any]):
    """What became of a replayed event."""

    outcome = serializers.CharField()
    conversation = serializers.IntegerField(source="conversation_id", allow_null=True)
    message = serializers.IntegerField(source="message_id", allow_null=True)


class InboundEventFilters(FilterSerializer):
    state = serializers.ChoiceField(choices=EventState.choices, required=False)
    connector = QueryIdField(required=False, source="connector_id")


# --- conversations and messages -----------------------------------------------------------


class ConversationSerializer(serializers.Serializer[Any]):
    """The endless thread with one person on one connector."""

    id = serializers.IntegerField()
    connector = serializers.IntegerField(source="connector_id")
    external_user_id = serializers.CharField(allow_blank=True)
    external_chat_id = serializers.CharField()
    external_thread = serializers.CharField(allow_blank=True)
    contact = serializers.IntegerField(source="contact_id", allow_null=True)
    display_name = serializers.CharField(allow_blank=True)
    last_message_at = TimeField(allow_null=True)
    unreachable_at = TimeField(allow_null=True)
    created_at = TimeField()
    changed_at = TimeField()


class ConversationFilters(FilterSerializer):
    connector = QueryIdField(required=False, source="connector_id")
    external_chat_id = serializers.CharField(required=False, max_length=200, trim_whitespace=False)
    open_channel = QueryIdField(required=False, source="connector__open_channel_id")


class AttachmentSerializer(serializers.Serializer[Any]):
    """A file or card of a message; only what applies to its type is there."""

    type = serializers.CharField()
    name = serializers.CharField(required=False)
    content_type = serializers.CharField(required=False)
    size = serializers.IntegerField(required=False, help_text="Bytes.")
    duration = serializers.IntegerField(required=False, help_text="Seconds.")
    state = serializers.CharField()
    url = serializers.URLField(required=False, help_text="Valid for a limited time.")
    latitude = serializers.FloatField(required=False)
    longitude = serializers.FloatField(required=False)
    phone = serializers.CharField(required=False)

    def to_representation(self, instance: Attachment) -> dict[str, Any]:
        if instance.storage_key:
            url = self.context["request"].build_absolute_uri(signed_file_url(instance))
        else:
            url = link_url(instance)
        shown = {
            "type": instance.type,
            "name": neutral_name(instance.name),
            "content_type": instance.content_type,
            "size": instance.size,
            "duration": instance.duration,
            "state": instance.state,
            "url": url,
            "latitude": instance.latitude,
            "longitude": instance.longitude,
            "phone": instance.phone,
        }
        return {name: value for name, value in shown.items() if value not in (None, "")}


class AuthorSerializer(serializers.Serializer[Any]):
    """Who wrote: `customer`, `operator`, `outside` (in the platform's own app) or `system`."""

    kind = serializers.ChoiceField(choices=["customer", "operator", "outside", "system"])
    user = serializers.IntegerField(allow_null=True)
    name = serializers.CharField(allow_blank=True)


class MessageSerializer(serializers.Serializer[Any]):
    """One message. `seq` orders the messages of a conversation."""

    id = serializers.IntegerField()
    conversation = serializers.IntegerField(source="conversation_id")
    seq = serializers.IntegerField()
    direction = serializers.CharField()
    kind = serializers.CharField()
    text = serializers.CharField(allow_blank=True)
    attachments = AttachmentSerializer(many=True)
    buttons = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))
    external_id = serializers.CharField(allow_null=True)
    sent_at = TimeField(allow_null=True)
    created_at = TimeField()
    edited_at = TimeField(allow_null=True)
    deleted_at = TimeField(allow_null=True)
    state = serializers.CharField()
    error = KeptField(source="error_text", allow_blank=True)
    author = serializers.SerializerMethodField()
    reply_to = serializers.SerializerMethodField()

    @extend_schema_field(AuthorSerializer)
    def get_author(self, message: Message) -> dict[str, Any]:
        if message.author is not None:
            name = person_name(message.author)
            return {"kind": "operator", "user": message.author_id, "name": name}
        if message.direction == "in":
            name = message.conversation.display_name
            return {"kind": "customer", "user": None, "name": neutral_name(name)}
        kind = "outside" if message.author_kind == "outside" else "system"
        return {"kind": kind, "user": None, "name": ""}

    def get_reply_to(self, message: Message) -> str | None:
        """The platform's id of the message that this one answers."""
        return message.reply_to_external_id or None
