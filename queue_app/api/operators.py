"""`/operators/`: who answers customers, their duty, weekly times and leave."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.api.permissions import has_right
from channels_app.api.views import Listing, ListView
from queue_app.api.serializers import (
    DutyBody,
    OperatorBody,
    OperatorChange,
    OperatorFilters,
    OperatorSerializer,
)
from queue_app.api.views import DeskViewSet, user_or_error
from queue_app.models import LineOperator, Operator
from queue_app.services.operators import (
    operator_duty_set,
    operator_for_user,
    operator_update,
)
from queue_app.services.schedules import Shift, operator_schedule_set, operator_shifts


class OperatorViewSet(ListView, mixins.RetrieveModelMixin, DeskViewSet[Operator]):
    """A key sees its own user and his colleagues on the lines it sees."""

    serializer_class = OperatorSerializer
    listings = {"list": Listing(filters=OperatorFilters, default="id")}
    admin_actions = {
        "create": "queue_app.add_operator",
        "partial_update": "queue_app.change_operator",
    }

    def get_queryset(self) -> QuerySet[Operator]:
        operators = Operator.objects.select_related("user").prefetch_related("shifts")
        is_limited = self.key.open_channel_id is not None
        if has_right(self.user, "queue_app.view_operator") and not is_limited:
            return operators
        colleagues = LineOperator.objects.filter(open_channel__in=self.lines())
        return operators.filter(Q(user=self.user) | Q(pk__in=colleagues.values("operator_id")))

    @extend_schema(
        request=OperatorBody, responses={200: OperatorSerializer, 201: OperatorSerializer}
    )
    def create(self, request: Request) -> Response:
        """Make a user an operator, off duty. 200 when he is one already."""
        self.every_line_or_error()
        user = user_or_error(self.body(OperatorBody)["user"])

        def work() -> tuple[int, Any]:
            is_new = not Operator.objects.filter(user=user).exists()
            return 201 if is_new else 200, self.shown(operator_for_user(user))

        return self.once(work)

    @extend_schema(request=OperatorChange, responses=OperatorSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the weekly times, whether they count, the leave and the cap over all lines."""
        operator, now = self.get_object(), timezone.now()
        self.every_line_or_error()
        given = self.body(OperatorChange)
        if "shifts" in given:
            shifts = [Shift(**shift) for shift in given["shifts"]]
        else:
            shifts = operator_shifts(operator)

        def wanted(name: str) -> Any:
            return given.get(name, getattr(operator, name))

        with transaction.atomic():  # all of the body or nothing of it
            operator_schedule_set(
                operator=operator,
                follows_schedule=wanted("follows_schedule"),
                schedule_zone=wanted("schedule_zone"),
                shifts=shifts,
                now=now,
            )
            operator_update(
                operator=operator,
                leave_from=wanted("leave_from"),
                leave_until=wanted("leave_until"),
                max_chats=wanted("max_chats"),
                now=now,
            )
        return Response(self.shown(self.get_object()))

    @extend_schema(request=DutyBody, responses=OperatorSerializer)
    @action(detail=True, methods=["post"])
    def duty(self, request: Request, pk: str) -> Response:
        """Go on duty, pause or go off duty: for oneself, or for others with the right to change
        operators."""
        operator = self.get_object()
        state = self.body(DutyBody)["state"]
        is_own = operator.user_id == self.user.pk
        if not is_own and not has_right(self.user, "queue_app.change_operator"):
            raise PermissionDenied(_("This is another operator's duty."), code="permission")
        changed = operator_duty_set(
            operator=operator, duty=state, now=timezone.now(), actor=self.user
        )
        return Response(self.shown(changed))
