"""Forms: their fields and their texts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from crm_app.models import CrmForm, CrmFormField
from crm_app.services.forms import crm_form_save, form_field_key
from openlines_project.admin import ModelAdmin, ModelForm, TabularInline, shown

CONSENT_VERSION = shown("consent_version", gettext_lazy("Version of the consent"))


class FieldInline(TabularInline[CrmFormField, CrmForm]):
    """The fields in the order customers see them."""

    model = CrmFormField
    extra = 0
    fields = ("position", "kind", "label", "help_text", "choices", "is_required")
    ordering = ("position", "pk")


@admin.register(CrmForm)
class CrmFormAdmin(ModelAdmin[CrmForm]):
    """One page per form. What was sent has a list of its own."""

    list_display = ("name", "language", "is_active", "is_default", "sent")
    list_filter = ("is_active", "language")
    search_fields = ("name", "title")
    inlines = (FieldInline,)
    readonly_fields = (CONSENT_VERSION,)
    fieldsets = (
        (None, {"fields": ("name", "is_active", "is_default", "language")}),
        (gettext_lazy("What the customer reads"), {"fields": ("title", "intro", "thanks_text")}),
        (gettext_lazy("What is needed"), {"fields": ("needs_contact", "default_country")}),
        (
            gettext_lazy("Consent"),
            {"fields": ("asks_consent", "consent_text", "privacy_url", CONSENT_VERSION)},
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[CrmForm]:
        return super().get_queryset(request).annotate(sent_count=Count("submissions"))

    @admin.display(description=gettext_lazy("Sent"), ordering="sent_count")
    def sent(self, form: Any) -> int:
        count: int = form.sent_count
        return count

    def has_delete_permission(self, request: HttpRequest, obj: CrmForm | None = None) -> bool:
        """The default form is what the automatic actions send: another one goes first."""
        if obj is not None and obj.is_default:
            return False
        return super().has_delete_permission(request, obj)

    def save_model(
        self, request: HttpRequest, obj: CrmForm, form: ModelForm[CrmForm], change: bool
    ) -> None:
        crm_form_save(form=obj)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """A new field gets its key here: people name fields, programs need a name that stays."""
        for field in formset.save(commit=False):
            field.key = field.key or form_field_key(field)
            field.save()
        for field in formset.deleted_objects:
            field.delete()
        formset.save_m2m()
