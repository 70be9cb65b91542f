"""`/queue-members/`: the ordered queues of the lines."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.api.views import Listing, ListView
from channels_app.services.errors import ConflictError
from queue_app.api.serializers import (
    QueueMemberBody,
    QueueMemberChange,
    QueueMemberFilters,
    QueueMemberSerializer,
)
from queue_app.api.views import DeskViewSet, user_or_error
from queue_app.models import QueueMember
from queue_app.services.queues import queue_member_add, queue_member_remove


class QueueMemberViewSet(ListView, mixins.RetrieveModelMixin, DeskViewSet[QueueMember]):
    """The order of the list is the order of the queue."""

    serializer_class = QueueMemberSerializer
    listings = {
        "list": Listing(
            filters=QueueMemberFilters,
            orderings={
                "position": ("open_channel_id", "position", "pk"),
                "-position": ("-open_channel_id", "-position", "-pk"),
            },
            default="position",
        )
    }
    admin_actions = {
        "create": "queue_app.add_queuemember",
        "partial_update": "queue_app.change_queuemember",
        "destroy": "queue_app.delete_queuemember",
    }

    def get_queryset(self) -> QuerySet[QueueMember]:
        return QueueMember.objects.select_related("user", "group", "open_channel").filter(
            open_channel__in=self.lines()
        )

    @extend_schema(request=QueueMemberBody, responses={201: QueueMemberSerializer})
    def create(self, request: Request) -> Response:
        """Put a user or a group into the queue of a line: at the end, or at a position from 1."""
        values = self.body(QueueMemberBody)
        line = self.line_or_error(values["open_channel"])
        user, group = values.get("user"), values.get("group")
        if (user is None) == (group is None):
            raise ValidationError({"user": [_("Give either a user or a group.")]})
        member_user = user_or_error(user) if user is not None else None
        member_group = _group_or_error(group) if group is not None else None

        def work() -> tuple[int, Any]:
            # Adding somebody again would move him, which is not what making one promises.
            present = QueueMember.objects.filter(
                open_channel=line, user=member_user, group=member_group
            )
            if present.exists():
                raise ConflictError("already_member", _("This member is in the queue already."))
            member = queue_member_add(
                open_channel=line,
                user=member_user,
                group=member_group,
                position=values.get("position"),
                now=timezone.now(),
            )
            return 201, self.shown(member)

        return self.once(work)

    @extend_schema(request=QueueMemberChange, responses=QueueMemberSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Move a member to another position, 1 being the first; the others close up."""
        member = self.get_object()
        position = self.body(QueueMemberChange)["position"]
        moved = queue_member_add(
            open_channel=member.open_channel,
            user=member.user,
            group=member.group,
            position=position,
            now=timezone.now(),
        )
        return Response(self.shown(moved))

    @extend_schema(responses={204: OpenApiResponse(description="Removed.")})
    def destroy(self, request: Request, pk: str) -> Response:
        """Take a member out of the queue. Chats he holds stay with him."""
        queue_member_remove(queue_member=self.get_object(), now=timezone.now())
        return Response(status=204)


def _group_or_error(pk: int) -> Group:
    group = Group.objects.filter(pk=pk).first()
    if group is None:
        raise ValidationError({"group": [_("There is no such group.")]})
    return group
