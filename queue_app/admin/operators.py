"""Operators: duty, weekly times, leave, and how many chats they take at most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from openlines_project.admin import ModelAdmin, ModelForm, TabularInline, select_widget, shown
from queue_app.models import LineOperator, Operator, OperatorShift
from queue_app.services.operators import (
    operator_aliases_set,
    operator_duty_set,
    operator_for_user,
    operator_update,
)
from queue_app.services.presence import is_connected
from queue_app.services.schedules import MAX_SHIFTS, Shift, operator_schedule_set

DUTY_CHANGED = shown("duty_changed_at", gettext_lazy("Duty changed"))
OPEN_CHATS = shown("open_chats", gettext_lazy("Open chats"))
SCHEDULE_NEXT = shown("schedule_next_at", gettext_lazy("Schedule changes next"))


def _time_zones(current: str) -> list[tuple[str, str]]:
    """The server's zone, UTC and places; and the stored one, should it have another name."""
    names = {name for name in available_timezones() if "/" in name and name[:3] != "Etc"}
    names |= {current} - {"", "UTC"}
    places = [(name, name.replace("_", " ")) for name in sorted(names)]
    return [("", _("The server's")), ("UTC", "UTC"), *places]


class OperatorForm(ModelForm[Operator]):
    """The service writes; what it would refuse is said beside the field."""

    class Meta:
        model = Operator
        fields = (
            "user", "duty", "follows_schedule", "schedule_zone", "leave_from", "leave_until",
            "max_chats",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "schedule_zone" in self.fields:  # who may only look has no fields
            choices = _time_zones(self.instance.schedule_zone)
            self.fields["schedule_zone"] = forms.ChoiceField(
                label=_("Time zone"), required=False, choices=choices,
                widget=select_widget(choices),
            )  # fmt: skip
        if "duty" in self.fields:
            # Compared with what the page showed: he may have pressed his own button since, and
            # only what was changed here is to be set.
            self.fields["duty"].show_hidden_initial = True

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        start, end = data.get("leave_from"), data.get("leave_until")
        if start and end and end <= start:
            self.add_error("leave_until", _("Choose a time after the beginning of the leave."))
        return data


if TYPE_CHECKING:
    _FormSet = forms.BaseInlineFormSet[OperatorShift, Operator, ModelForm[OperatorShift]]
    _AliasFormSet = forms.BaseInlineFormSet[LineOperator, Operator, ModelForm[LineOperator]]
else:
    _FormSet = _AliasFormSet = forms.BaseInlineFormSet


class ShiftFormSet(_FormSet):
    """The weekly times. It writes nothing: the service takes them all together."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        if self.instance.follows_schedule and not self.shifts:
            raise forms.ValidationError(_("Add a shift, or switch the schedule off."))

    @property
    def shifts(self) -> list[Shift]:
        """What is left of the rows. Only after `is_valid()`."""
        kept = [form.cleaned_data for form in self.forms if form not in self.deleted_forms]
        return [Shift(row["weekday"], row["starts"], row["ends"]) for row in kept if row]


class ShiftInline(TabularInline[OperatorShift, Operator]):
    model = OperatorShift
    formset = ShiftFormSet
    extra = 0
    max_num = MAX_SHIFTS
    verbose_name_plural = gettext_lazy(
        "Shifts of the week. One that ends before it begins ends on the next day."
    )


class AliasFormSet(_AliasFormSet):
    """What each line's customers call him. It writes nothing: the service does."""

    @property
    def aliases(self) -> dict[int, str]:
        """The changed names by the id of their row. Only after `is_valid()`."""
        return {
            form.instance.pk: form.cleaned_data["alias_name"]
            for form in self.forms
            if form.has_changed()
        }


class AliasInline(TabularInline[LineOperator, Operator]):
    model = LineOperator
    formset = AliasFormSet
    fields = ("open_channel", "alias_name")
    readonly_fields = ("open_channel",)
    extra = 0
    can_delete = False
    verbose_name_plural = gettext_lazy(
        "What customers call him, on lines that show a name of their own"
    )

    def has_add_permission(self, request: HttpRequest, obj: Operator | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[LineOperator]:
        rows = super().get_queryset(request).filter(position__isnull=False)
        return rows.select_related("open_channel")


@admin.register(Operator)
class OperatorAdmin(ModelAdmin[Operator]):
    """One per user who answers. The user is chosen once; the rest may change any time."""

    form = OperatorForm
    list_display = (
        "name", "duty_word", "connected", "follows_schedule", "leave_from", "leave_until", "load",
    )  # fmt: skip
    list_filter = ("duty", "follows_schedule")
    list_select_related = ("user",)
    search_fields = ("user__username", "user__first_name", "user__last_name")
    ordering = ("user__first_name", "user__last_name", "user__username")
    autocomplete_fields = ("user",)
    fields = (
        "user", "duty", DUTY_CHANGED, "connected", "follows_schedule", "schedule_zone",
        SCHEDULE_NEXT, "leave_from", "leave_until", "max_chats", OPEN_CHATS,
    )  # fmt: skip
    readonly_fields = (DUTY_CHANGED, "connected", SCHEDULE_NEXT, OPEN_CHATS)
    inlines = (ShiftInline, AliasInline)

    @admin.display(description=gettext_lazy("Name"), ordering="user__first_name")
    def name(self, operator: Operator) -> str:
        return operator.name

    @admin.display(description=gettext_lazy("Duty"), ordering="duty")
    def duty_word(self, operator: Operator) -> str:
        return operator.get_duty_display()

    @admin.display(description=gettext_lazy("Inbox open"), boolean=True)
    def connected(self, operator: Operator) -> bool:
        return is_connected(operator, timezone.now())

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
        """Through the services: duty and leave move offers, a bare save would not. What else is
        in the form is saved in `save_related`, where the shifts are known."""
        stored = Operator.objects.get(pk=obj.pk) if change else operator_for_user(obj.user)
        obj.pk = stored.pk

    def save_related(
        self,
        request: HttpRequest,
        form: ModelForm[Operator],
        formsets: Sequence[ShiftFormSet | AliasFormSet],
        change: bool,
    ) -> None:
        now, wanted = timezone.now(), form.cleaned_data
        operator = Operator.objects.get(pk=form.instance.pk)
        shifts = []
        for formset in formsets:
            formset.save(commit=False)  # for the page's history: what was added and removed
            if isinstance(formset, AliasFormSet):
                operator_aliases_set(operator=operator, aliases=formset.aliases)
            else:
                shifts += formset.shifts
        operator_schedule_set(
            operator=operator,
            follows_schedule=wanted["follows_schedule"],
            schedule_zone=wanted["schedule_zone"],
            shifts=shifts,
            now=now,
        )
        operator_update(
            operator=operator,
            leave_from=wanted["leave_from"],
            leave_until=wanted["leave_until"],
            max_chats=wanted["max_chats"],
            now=now,
        )
        if "duty" in form.changed_data:
            operator_duty_set(operator=operator, duty=wanted["duty"], now=now)
        form.instance.refresh_from_db()
