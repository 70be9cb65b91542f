"""The lists an administrator edits: statuses and sources of leads, custom fields."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from crm_app.models import CustomField, LeadSource, LeadStatus
from crm_app.services.custom_fields import custom_field_key
from openlines_project.admin import ModelAdmin, ModelForm


@admin.register(LeadStatus)
class LeadStatusAdmin(ModelAdmin[LeadStatus]):
    """In the order of the work. One that leads have is not deleted: the database refuses."""

    list_display = ("__str__", "stage", "position")
    fields = ("name", "stage", "position")
    ordering = ("position", "pk")

    def get_readonly_fields(self, request: HttpRequest, obj: LeadStatus | None = None) -> Any:
        """Another stage would open or close the leads that have it, without their history."""
        return ("stage",) if obj is not None and obj.leads.exists() else ()


@admin.register(LeadSource)
class LeadSourceAdmin(ModelAdmin[LeadSource]):
    """Those the product made are found by a key of their own, whatever they are called."""

    list_display = ("__str__", "key", "position")
    fields = ("name", "position")
    search_fields = ("name",)
    ordering = ("position", "pk")

    def has_delete_permission(self, request: HttpRequest, obj: LeadSource | None = None) -> bool:
        if obj is not None and obj.key == LeadSource.OPEN_CHANNEL:
            return False
        return super().has_delete_permission(request, obj)


@admin.register(CustomField)
class CustomFieldAdmin(ModelAdmin[CustomField]):
    """A field keeps its record and kind: the values that are there would mean something else."""

    list_display = ("label", "record", "kind", "position")
    list_filter = ("record",)
    fields = ("record", "label", "kind", "choices", "position")
    ordering = ("record", "position", "pk")

    def get_readonly_fields(self, request: HttpRequest, obj: CustomField | None = None) -> Any:
        return ("record", "kind") if obj is not None else ()

    def save_model(
        self, request: HttpRequest, obj: CustomField, form: ModelForm[CustomField], change: bool
    ) -> None:
        obj.key = obj.key or custom_field_key(obj)
        super().save_model(request, obj, form, change)

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> Any:
        return ("label",)
