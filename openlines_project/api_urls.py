"""The addresses of the API: `/api/v1/`, its description, and the page that shows it."""

from __future__ import annotations

from django.urls import include, path, re_path
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.views import SpectacularAPIView
from rest_framework.authentication import SessionAuthentication
from rest_framework.routers import SimpleRouter
from rest_framework.viewsets import ViewSetMixin

from channels_app.api.authentication import ApiKeyAuthentication
from channels_app.api.connectors import ConnectorViewSet
from channels_app.api.docs import docs_page
from channels_app.api.inbound_events import InboundEventViewSet
from channels_app.api.open_channels import OpenChannelViewSet
from channels_app.api.permissions import SchemaReader
from channels_app.api.views import NothingHere
from queue_app.api.conversations import ConversationViewSet, MessageViewSet
from queue_app.api.operators import OperatorViewSet
from queue_app.api.queue_members import QueueMemberViewSet
from queue_app.api.sessions import SessionViewSet
from queue_app.selectors import open_channels_visible_to

# Who belongs to a line is known to the desk, which the post office may not ask: it is told here.
for viewset in (OpenChannelViewSet, ConnectorViewSet, InboundEventViewSet):
    viewset.lines_visible_to = staticmethod(open_channels_visible_to)

RESOURCES: dict[str, type[ViewSetMixin]] = {
    "open-channels": OpenChannelViewSet,
    "connectors": ConnectorViewSet,
    "operators": OperatorViewSet,
    "queue-members": QueueMemberViewSet,
    "conversations": ConversationViewSet,
    "messages": MessageViewSet,
    "sessions": SessionViewSet,
    "inbound-events": InboundEventViewSet,
}

router = SimpleRouter()
for name, resource in RESOURCES.items():
    router.register(name, resource, basename=name)

schema_view = SpectacularAPIView.as_view(
    authentication_classes=[ApiKeyAuthentication, SessionAuthentication],
    permission_classes=[SchemaReader],
    renderer_classes=[OpenApiJsonRenderer, OpenApiYamlRenderer],
)

urlpatterns = [
    path("v1/", include((router.urls, "api"))),
    re_path(r"^v1/.*$", NothingHere.as_view()),
    path("schema/", schema_view, name="api-schema"),
    path("docs/", docs_page, name="api-docs"),
]
