"""Strict pieces of request bodies: the type a field says, no unknown names, UTC times."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from openlines_project.lib.kept import kept_sentence

MAX_ID = 2**63 - 1


class TextField(serializers.CharField):
    """A JSON string; numbers are not turned into text."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class KeptField(serializers.CharField):
    """What went wrong, kept in English, in the language of the request."""

    def to_representation(self, value: str) -> str:
        return kept_sentence(value)


class WholeField(serializers.IntegerField):
    """A JSON integer; neither `"5"` nor `5.0` nor `true`."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return int(data)


class ClockField(serializers.TimeField):
    """A time of the clock, "09:00"."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%H:%M", input_formats=["%H:%M"], **kwargs)

    def to_internal_value(self, data: Any) -> dt.time:
        if not isinstance(data, str):
            self.fail("invalid", format="hh:mm")
        return cast(dt.time, super().to_internal_value(data))


class DayField(serializers.DateField):
    """A date, "2026-12-24"."""

    def to_internal_value(self, data: Any) -> dt.date:
        if not isinstance(data, str):
            self.fail("invalid", format="YYYY-MM-DD")
        return cast(dt.date, super().to_internal_value(data))


class FlagField(serializers.BooleanField):
    """`true` or `false`, and no other word for them."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class IdField(WholeField):
    """The id of one of our objects in a body."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=MAX_ID, **kwargs)


class QueryIdField(serializers.IntegerField):
    """The id of one of our objects in a query string."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=MAX_ID, **kwargs)


class ChoiceTextField(serializers.ChoiceField):
    """One of the named words, in exactly this writing."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return str(super().to_internal_value(data))


@extend_schema_field({"type": "object", "additionalProperties": {}})
class ObjectField(serializers.Field[dict[str, Any], Any, dict[str, Any], Any]):
    """A JSON object whose contents somebody else checks."""

    default_error_messages = {"invalid": _("Not a JSON object.")}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("invalid")
        return data

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        return value


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "string"}]})
class UserField(serializers.Field[int | str, Any, int | str, Any]):
    """A user, by id or by user name."""

    default_error_messages = {"invalid": _("Give the id or the name of a user.")}

    def to_internal_value(self, data: Any) -> int | str:
        is_name = isinstance(data, str) and 0 < len(data) <= 150
        is_id = isinstance(data, int) and not isinstance(data, bool) and 0 < data <= MAX_ID
        if not (is_name or is_id):
            self.fail("invalid")
        return cast(int | str, data)

    def to_representation(self, value: int | str) -> int | str:
        return value


class TimeField(serializers.DateTimeField):
    """A time in UTC, ISO 8601 with Z, whatever zone the reader's page is shown in."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=dt.UTC, **kwargs)


class StrictSerializer(serializers.Serializer[Any]):
    """A request body: a name that is not listed is refused, not silently dropped."""

    unknown_message = _("There is no such field.")

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        if unknown:
            # At most a few: the names are the caller's and may be many.
            raise ValidationError({name[:100]: [self.unknown_message] for name in unknown[:20]})
        return super().to_internal_value(data)


class FilterSerializer(StrictSerializer):
    """The filters of a list: names from an allow-list, `source` says what they compare."""

    unknown_message = _("There is no such filter.")
