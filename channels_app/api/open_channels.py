"""`/open-channels/`: the lines and their settings."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.api.errors import VersionRequired, VersionStale
from channels_app.api.line_serializers import (
    CloneBody,
    OpenChannelBody,
    OpenChannelFilters,
    OpenChannelSerializer,
)
from channels_app.api.schema import ErrorSerializer
from channels_app.api.serializers import EmptyBody
from channels_app.api.views import ApiViewSet, Listing, ListView
from channels_app.models import OpenChannel
from channels_app.services.errors import ConflictError
from channels_app.services.line_rows import LISTS
from channels_app.services.open_channels import (
    open_channel_archive,
    open_channel_clone,
    open_channel_create,
    open_channel_update,
)

_VERSION = re.compile(r'("?)([0-9]{1,9})\1')


class OpenChannelViewSet(ListView, mixins.RetrieveModelMixin, ApiViewSet[OpenChannel]):
    """A line cannot be deleted, it is archived."""

    serializer_class = OpenChannelSerializer
    listings = {"list": Listing(filters=OpenChannelFilters, default="id")}
    admin_actions = {
        "create": "channels_app.add_openchannel",
        "partial_update": "channels_app.change_openchannel",
        "archive": "channels_app.change_openchannel",
        "clone": "channels_app.add_openchannel",
    }
    idempotent_actions = frozenset({"create", "clone"})

    def get_queryset(self) -> QuerySet[OpenChannel]:
        return self.lines().prefetch_related(*LISTS)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._answer(self.get_object())

    @extend_schema(request=OpenChannelBody, responses={201: OpenChannelSerializer})
    def create(self, request: Request) -> Response:
        """Make a line; without a name one is proposed."""
        self.every_line_or_error()
        values = self.body(OpenChannelBody)

        def work() -> tuple[int, Any]:
            line = open_channel_create(now=timezone.now(), **values)
            return 201, self.shown(line)

        return self.once(work)

    @extend_schema(
        request=OpenChannelBody,
        parameters=[
            OpenApiParameter(
                "If-Match", str, OpenApiParameter.HEADER, required=True,
                description="The `version` you read.",
            )
        ],
        responses={
            200: OpenChannelSerializer,
            412: OpenApiResponse(ErrorSerializer, "Changed meanwhile."),
            428: OpenApiResponse(ErrorSerializer, "If-Match is missing."),
        },
    )  # fmt: skip
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change some settings; a list that is given replaces the old one. `If-Match` names the
        version that the change was made from, so that the second of two editors does not
        overwrite the first."""
        line = self.get_object()
        expected = self._expected_version()
        if expected != line.version:
            raise VersionStale
        changes = self.body(OpenChannelBody, partial=True)
        try:
            changed = open_channel_update(
                open_channel=line, changes=changes, now=timezone.now(), expected_version=expected
            )
        except ConflictError as error:
            if error.code == VersionStale.default_code:
                raise VersionStale from error
            raise
        return self._answer(changed)

    @extend_schema(request=CloneBody, responses={201: OpenChannelSerializer})
    @action(detail=True, methods=["post"])
    def clone(self, request: Request, pk: str) -> Response:
        """Make a line with the settings and the queue of this one, without its channels."""
        line = self.get_object()
        self.every_line_or_error()
        values = self.body(CloneBody)

        def work() -> tuple[int, Any]:
            copy = open_channel_clone(open_channel=line, now=timezone.now(), **values)
            return 201, self.shown(copy)

        return self.once(work)

    @extend_schema(request=EmptyBody, responses={200: OpenChannelSerializer})
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, pk: str) -> Response:
        """Take the line out of use and disconnect its channels. Its history stays."""
        line = self.get_object()
        self.body(EmptyBody)
        return self._answer(open_channel_archive(open_channel=line, now=timezone.now()))

    def _answer(self, line: OpenChannel) -> Response:
        return Response(self.shown(line), headers={"ETag": f'"{line.version}"'})

    def _expected_version(self) -> int:
        header = self.request.headers.get("If-Match")
        if header is None:
            raise VersionRequired
        match = _VERSION.fullmatch(header.strip())
        if match is None:
            raise ValidationError({"If-Match": [_("Give the version as a whole number.")]})
        return int(match[2])
