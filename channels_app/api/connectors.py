"""`/connectors/`: the connected accounts, and their side of the platform."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.api.serializers import (
    CheckSerializer,
    ConnectBody,
    ConnectorBody,
    ConnectorChange,
    ConnectorFilters,
    ConnectorSerializer,
    EmptyBody,
)
from channels_app.api.views import ApiViewSet, Listing, ListView
from channels_app.models import Connector
from channels_app.services.connectors import (
    connector_check,
    connector_connect,
    connector_create,
    connector_disconnect,
    connector_update,
)

CHANGE = "channels_app.change_connector"


class ConnectorViewSet(ListView, mixins.RetrieveModelMixin, ApiViewSet[Connector]):
    """Connecting, checking and disconnecting call the platform and may take some seconds."""

    serializer_class = ConnectorSerializer
    listings = {"list": Listing(filters=ConnectorFilters, default="id")}
    admin_actions = {
        "create": "channels_app.add_connector",
        "partial_update": CHANGE,
        "connect": CHANGE,
        "check": CHANGE,
        "disconnect": CHANGE,
    }

    def get_queryset(self) -> QuerySet[Connector]:
        # Showing a connector needs no secrets: they stay encrypted in the database.
        return Connector.objects.filter(open_channel__in=self.lines()).defer("secrets")

    @extend_schema(request=ConnectorBody, responses={201: ConnectorSerializer})
    def create(self, request: Request) -> Response:
        """Make a connector of a kind. It is not connected yet, where the kind needs that."""
        values = self.body(ConnectorBody)
        line = self.line_or_error(values["open_channel"])

        def work() -> tuple[int, Any]:
            connector = connector_create(
                open_channel=line,
                kind=values["kind"],
                name=values["name"],
                config=values.get("config", {}),
                now=timezone.now(),
            )
            return 201, self.shown(connector)

        return self.once(work)

    @extend_schema(request=ConnectorChange, responses=ConnectorSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the name, some settings or the line. Secrets not given stay, but a new address
        empties them."""
        connector = self.get_object()
        values = self.body(ConnectorChange, partial=True)
        line = None
        if "open_channel" in values:
            line = self.line_or_error(values["open_channel"])
        changed = connector_update(
            connector=connector,
            name=values.get("name"),
            config=values.get("config"),
            open_channel=line,
            now=timezone.now(),
        )
        return Response(self.shown(changed))

    @extend_schema(request=ConnectBody, responses=ConnectorSerializer)
    @action(detail=True, methods=["post"])
    def connect(self, request: Request, pk: str) -> Response:
        """Tell the platform to deliver to us, or with `polling` begin to ask it."""
        connector = self.get_object()
        values = self.body(ConnectBody)
        connected = connector_connect(
            connector=connector, polling=values["polling"], now=timezone.now()
        )
        return Response(self.shown(connected))

    @extend_schema(request=EmptyBody, responses=CheckSerializer)
    @action(detail=True, methods=["post"])
    def check(self, request: Request, pk: str) -> Response:
        """Ask the platform whether all is well."""
        connector = self.get_object()
        self.body(EmptyBody)
        result = connector_check(connector=connector, now=timezone.now())
        return Response(self.shown(result, CheckSerializer))

    @extend_schema(request=EmptyBody, responses=ConnectorSerializer)
    @action(detail=True, methods=["post"])
    def disconnect(self, request: Request, pk: str) -> Response:
        """Switch it off here and at the platform. Its conversations stay."""
        connector = self.get_object()
        self.body(EmptyBody)
        disconnected = connector_disconnect(connector=connector, now=timezone.now())
        return Response(self.shown(disconnected))
