"""What every resource is built on: lists with allow-listed filters, strict bodies, idempotency."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar, cast

from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import mixins
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from channels_app.api.errors import LengthRequired
from channels_app.api.fields import FilterSerializer, StrictSerializer
from channels_app.api.permissions import HasKey, has_right
from channels_app.models import ApiKey, OpenChannel
from channels_app.services.idempotency import KEY_MAX_LENGTH, idempotent_run, request_digest
from openlines_project.lib.pagination import PARAMETERS

M = TypeVar("M", bound=Model)
R = TypeVar("R", bound=Model)

IDEMPOTENCY_HEADER = "Idempotency-Key"
_KEY = re.compile(rf"[\x21-\x7e]{{1,{KEY_MAX_LENGTH}}}")

BY_ID: Mapping[str, Sequence[str]] = {"id": ("pk",), "-id": ("-pk",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """How a list may be filtered and ordered."""

    filters: type[FilterSerializer] | None = None
    orderings: Mapping[str, Sequence[str]] = field(default_factory=lambda: BY_ID)
    default: str = "-id"


class ApiViewSet(GenericViewSet[M]):
    """A resource. Subclasses say what a key sees (`get_queryset`) and translate to services.

    `lines_visible_to` is given by the composition, because who belongs to a line is known to the
    desk only. `admin_actions` names the actions that change settings, each with the permission
    its user needs; all other writing actions need the scope `write`. `listings` has the filters
    and orders of each action that lists.
    """

    lines_visible_to: ClassVar[staticmethod[[User], QuerySet[OpenChannel]]]
    admin_actions: ClassVar[Mapping[str, str]] = {}
    listings: ClassVar[Mapping[str, Listing]] = {"list": Listing()}
    idempotent_actions: ClassVar[frozenset[str]] = frozenset({"create"})
    # More digits than any id has: such an address is nobody's.
    lookup_value_regex = r"[0-9]{1,18}"
    http_method_names = ["get", "head", "post", "patch", "delete"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Raises `LengthRequired` for a body that would be taken for none."""
        super().initial(request, *args, **kwargs)
        if "Transfer-Encoding" in request.headers and not request.headers.get("Content-Length"):
            raise LengthRequired

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """What customers wrote stays in no cache on the way."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response

    # --- who asks ---

    @property
    def user(self) -> User:
        """The user the key acts as."""
        return cast(User, self.request.user)

    @property
    def key(self) -> ApiKey:
        """The key of the request."""
        return cast(ApiKey, self.request.auth)

    def lines(self) -> QuerySet[OpenChannel]:
        """The lines this key may see: those of its user's queues, for those who may see the
        settings all of them; of these only the line it is limited to."""
        if has_right(self.user, "channels_app.view_openchannel"):
            lines = OpenChannel.objects.all()
        else:
            lines = self.lines_visible_to(self.user)
        if self.key.open_channel_id is not None:
            lines = lines.filter(pk=self.key.open_channel_id)
        return lines

    def line_or_error(self, line_id: int) -> OpenChannel:
        """A line named in a body. Raises `ValidationError` for one the key does not see."""
        line = self.lines().filter(pk=line_id).first()
        if line is None:
            raise ValidationError({"open_channel": [_("There is no such open channel.")]})
        return line

    def every_line_or_error(self) -> None:
        """Raises `PermissionDenied` for a key of one line: this concerns them all."""
        if self.key.open_channel_id is not None:
            raise PermissionDenied(_("This key is for one open channel only."), code="scope")

    # --- reading ---

    @property
    def listing(self) -> Listing:
        return self.listings[self.action]

    @property
    def orderings(self) -> Mapping[str, Sequence[str]]:
        return self.listing.orderings

    @property
    def default_ordering(self) -> str:
        return self.listing.default

    def get_object(self) -> M:
        """The object of the address among those the key sees; anything else is a 404."""
        return get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])

    def filtered(self, queryset: QuerySet[R]) -> QuerySet[R]:
        """The rows that the filters leave. Raises `ValidationError` for an unknown filter."""
        given = self.request.query_params
        repeated = {name for name in given if len(given.getlist(name)) > 1}
        if repeated:
            raise ValidationError({name[:100]: [_("Give this once.")] for name in sorted(repeated)})
        values = {name: value for name, value in given.items() if name not in PARAMETERS}
        serializer = (self.listing.filters or FilterSerializer)(data=values)
        serializer.is_valid(raise_exception=True)
        return queryset.filter(**serializer.validated_data)

    def page(self, queryset: QuerySet[R]) -> Response:
        """One page of a list, filtered, in the shape of the action's serializer."""
        filtered: Any = self.filtered(queryset)
        rows = self.paginate_queryset(filtered)
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)

    # --- writing ---

    def body(self, serializer_class: type[StrictSerializer], *, partial: bool = False) -> Any:
        """The checked body of the request. Raises `ValidationError`."""
        serializer = serializer_class(data=self.request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def shown(self, instance: Any, serializer_class: type[Serializer[Any]] | None = None) -> Any:
        """An object as plain JSON values, in the shape of the resource."""
        made = (serializer_class or self.get_serializer_class())(
            instance, context=self.get_serializer_context()
        )
        return json.loads(JSONRenderer().render(made.data))

    def idempotency_key(self) -> str | None:
        """The request's `Idempotency-Key`. Raises `ValidationError` for one we cannot keep."""
        key = self.request.headers.get(IDEMPOTENCY_HEADER)
        if key is not None and not _KEY.fullmatch(key):
            message = _("Use 1 to 200 visible ASCII characters.")
            raise ValidationError({IDEMPOTENCY_HEADER: [message]})
        return key

    def once(self, work: Callable[[], tuple[int, Any]]) -> Response:
        """Do the work of a creating request, or give the first answer again when the request
        carries an `Idempotency-Key` that was seen before. `work` gives status and JSON body."""
        key = self.idempotency_key()
        if key is None:
            status, body = work()
            return Response(body, status=status)
        digest = request_digest(
            method=str(self.request.method), path=self.request.path, body=self.request.data
        )
        answer = idempotent_run(
            api_key=self.key, key=key, digest=digest, now=timezone.now(), work=work
        )
        headers = {"Idempotency-Replayed": "true"} if answer.replayed else None
        return Response(answer.body, status=answer.status, headers=headers)


class ListView(mixins.ListModelMixin):
    """GET of the collection, as a page."""

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        view = cast(ApiViewSet[Any], self)
        return view.page(view.get_queryset())


class NothingHere(APIView):
    """Any other address under the API: a 404 in the API's own shape."""

    schema = None
    permission_classes = [HasKey]

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        raise NotFound(_("There is nothing at this address. Addresses end with a slash."))

    post = put = patch = delete = get
