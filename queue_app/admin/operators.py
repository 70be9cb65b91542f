"""Operators: duty, leave, and how many chats they take at most."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from openlines_project.admin import ModelAdmin, ModelForm, shown
from queue_app.models import Operator
from queue_app.services.operators import (
    operator_duty_set,
    operator_for_user,
    operator_update,
)

DUTY_CHANGED = shown("duty_changed_at", gettext_lazy("Duty changed"))
OPEN_CHATS = shown("open_chats", gettext_lazy("Open chats"))


class OperatorForm(ModelForm[Operator]):
    """The service writes; what it would refuse is said beside the field."""

    class Meta:
        model = Operator
        fields = ("user", "duty", "leave_from", "leave_until", "max_chats")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        start, end = data.get("leave_from"), data.get("leave_until")
        if start and end and end <= start:
            self.add_error("leave_until", _("Choose a time after the beginning of the leave."))
        return data


@admin.register(Operator)
class OperatorAdmin(ModelAdmin[Operator]):
    """One per user who answers. The user is chosen once; the rest may change any time."""

    form = OperatorForm
    list_display = ("name", "duty_word", "leave_from", "leave_until", "load")
    list_filter = ("duty",)
    list_select_related = ("user",)
    search_fields = ("user__username", "user__first_name", "user__last_name")
    ordering = ("user__first_name", "user__last_name", "user__username")
    autocomplete_fields = ("user",)
    fields = (
        "user", "duty", DUTY_CHANGED, "leave_from", "leave_until", "max_chats", OPEN_CHATS,
    )  # fmt: skip
    readonly_fields = (DUTY_CHANGED, OPEN_CHATS)

    @admin.display(description=gettext_lazy("Name"), ordering="user__first_name")
    def name(self, operator: Operator) -> str:
        return operator.name

    @admin.display(description=gettext_lazy("Duty"), ordering="duty")
    def duty_word(self, operator: Operator) -> str:
        return operator.get_duty_display()

    @admin.display(description=gettext_lazy("Open chats"), ordering="open_chats")
    def load(self, operator: Operator) -> str:
        return _("%(open)d of %(most)d") % {
            "open": operator.open_chats,
            "most": operator.max_chats,
        }

    def has_delete_permission(self, request: HttpRequest, obj: Operator | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Operator | None = None) -> list[Any]:
        fixed = ["user"] if obj else []
        return [*super().get_readonly_fields(request, obj), *fixed]

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField[Any] | None:
        if db_field.name == "user":
            kwargs["queryset"] = User.objects.filter(is_active=True)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(
        self, request: HttpRequest, obj: Operator, form: ModelForm[Operator], change: bool
    ) -> None:
        """Through the services: duty and leave move offers, a bare save would not."""
        now = timezone.now()
        wanted = form.cleaned_data
        stored = Operator.objects.get(pk=obj.pk) if change else operator_for_user(obj.user)
        stored = operator_update(
            operator=stored,
            leave_from=wanted["leave_from"],
            leave_until=wanted["leave_until"],
            max_chats=wanted["max_chats"],
            now=now,
        )
        stored = operator_duty_set(operator=stored, duty=wanted["duty"], now=now)
        obj.pk = stored.pk
        obj.refresh_from_db()
