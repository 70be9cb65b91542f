"""What the OpenAPI description says beside what it reads from the views themselves."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction, OpenApiParameter
from rest_framework import serializers

from channels_app.api.views import IDEMPOTENCY_HEADER, ApiViewSet


class ErrorSerializer(serializers.Serializer[Any]):
    """A refusal."""

    code = serializers.CharField(help_text="For programs; does not change.")
    detail = serializers.CharField(help_text="A sentence for a person.")
    fields = serializers.DictField(  # type: ignore[assignment]  # the name is the API's
        child=serializers.ListField(child=serializers.CharField()),
        help_text="What is wrong where, by dotted path.",
    )


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the description names our keys."""

    target_class = "channels_app.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "olk_..."}


class ApiSchema(AutoSchema):
    """Adds to each operation its filters, its headers and the shape of its refusals."""

    @property
    def _action(self) -> str:
        return getattr(self.view, "action", None) or ""

    def get_override_parameters(self) -> list[Any]:
        view = self.view
        parameters: list[Any] = []
        if not isinstance(view, ApiViewSet):
            return parameters
        if "{id}" in self.path:
            parameters.append(OpenApiParameter("id", int, OpenApiParameter.PATH))
        listing = view.listings.get(self._action)
        if listing is not None and listing.filters is not None:
            parameters.append(listing.filters)
        if self._action in view.idempotent_actions:
            parameters.append(
                OpenApiParameter(
                    IDEMPOTENCY_HEADER,
                    str,
                    OpenApiParameter.HEADER,
                    description="A repetition with the same key gets the first answer again.",
                )
            )
        return parameters

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        responses: dict[str, Any] = super()._get_response_bodies(direction)
        if isinstance(self.view, ApiViewSet):
            reference = self.resolve_serializer(ErrorSerializer, "response").ref
            content = {"application/json": {"schema": reference}}
            refusals = {"401": "No valid key.", "403": "Not with this key."}
            if self._action in self.view.listings or self.method != "GET":
                refusals["400"] = "Wrong input: see `fields`."
            if "{" in self.path:
                refusals["404"] = "Nothing here that this key may see."
            if self.method != "GET":
                refusals["409"] = "Not at this moment."
            for status, description in sorted(refusals.items()):
                responses.setdefault(status, {"content": content, "description": description})
        return responses
