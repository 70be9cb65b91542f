"""Repeated jobs (celery beat) in the theme's dress."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django_celery_beat.admin import (
    ClockedScheduleAdmin as PlainClockedScheduleAdmin,
)
from django_celery_beat.admin import (
    CrontabScheduleAdmin as PlainCrontabScheduleAdmin,
)
from django_celery_beat.admin import PeriodicTaskAdmin as PlainPeriodicTaskAdmin
from django_celery_beat.admin import PeriodicTaskForm as PlainPeriodicTaskForm
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

from openlines_project.admin import ModelAdmin, select_widget, text_widget

for _model in (PeriodicTask, ClockedSchedule, CrontabSchedule, IntervalSchedule, SolarSchedule):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


class PeriodicTaskForm(PlainPeriodicTaskForm):  # type: ignore[misc]
    """The package's form with the theme's fields."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = list(self.fields["regtask"].widget.choices)
        self.fields["regtask"].widget = select_widget(choices)
        self.fields["task"].widget = text_widget()


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(PlainPeriodicTaskAdmin, ModelAdmin[Any]):  # type: ignore[misc]
    """What beat wakes and how often."""

    form = PeriodicTaskForm
    # The package's own page has an inline script, which our policy refuses.
    change_form_template = None
    date_hierarchy = None

    def get_actions(self, request: HttpRequest) -> Any:
        """The package lets everybody who sees the list switch jobs off and run them."""
        found = super().get_actions(request)
        if self.has_change_permission(request):
            return found
        return {name: action for name, action in found.items() if name not in (self.actions or ())}


class ScheduleAdmin(ModelAdmin[Any]):
    """A schedule; which jobs use it is on their own page."""


@admin.register(ClockedSchedule)
class ClockedScheduleAdmin(PlainClockedScheduleAdmin, ScheduleAdmin):  # type: ignore[misc]
    inlines = ()


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(PlainCrontabScheduleAdmin, ScheduleAdmin):  # type: ignore[misc]
    inlines = ()


@admin.register(SolarSchedule)
class SolarScheduleAdmin(ScheduleAdmin):
    pass


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(ScheduleAdmin):
    pass
