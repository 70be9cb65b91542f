"""`/inbound-events/`: what platforms delivered, and trying again what failed."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.api.permissions import has_right
from channels_app.api.serializers import (
    EmptyBody,
    InboundEventFilters,
    InboundEventSerializer,
    ReceivedSerializer,
)
from channels_app.api.views import ApiViewSet, Listing, ListView
from channels_app.models import InboundEvent
from channels_app.services.intake import event_replay


class InboundEventViewSet(ListView, mixins.RetrieveModelMixin, ApiViewSet[InboundEvent]):
    """For administrators: others see none."""

    serializer_class = InboundEventSerializer
    listings = {"list": Listing(filters=InboundEventFilters)}
    admin_actions = {"replay": "channels_app.change_inboundevent"}

    def get_queryset(self) -> QuerySet[InboundEvent]:
        if not has_right(self.user, "channels_app.view_inboundevent"):
            return InboundEvent.objects.none()
        return InboundEvent.objects.filter(
            connector__open_channel__in=self.lines()
        ).defer("raw")  # megabytes each  # fmt: skip

    @extend_schema(request=EmptyBody, responses=ReceivedSerializer)
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, pk: str) -> Response:
        """Process a pending, dead or ignored event once more. It still takes effect only once."""
        event = self.get_object()
        self.body(EmptyBody)
        received = event_replay(inbound_event=event, now=timezone.now())
        return Response(self.shown(received, ReceivedSerializer))
