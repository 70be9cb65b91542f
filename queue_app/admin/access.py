"""Users, groups and sign-in attempts, in the theme's dress."""

from __future__ import annotations

from typing import Any

from axes.admin import AccessAttemptAdmin as PlainAccessAttemptAdmin
from axes.admin import AccessFailureLogAdmin as PlainAccessFailureLogAdmin
from axes.admin import AccessLogAdmin as PlainAccessLogAdmin
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as PlainGroupAdmin
from django.contrib.auth.admin import UserAdmin as PlainUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest

from openlines_project.admin import (
    AdminPasswordChangeForm,
    ModelAdmin,
    UserChangeForm,
    UserCreationForm,
)
from queue_app.models import Operator

# Who may set these may make himself anybody.
SUPERUSER_ONLY = ("is_superuser", "is_staff", "groups", "user_permissions")


def _may_reach(request: HttpRequest, user: User | None) -> bool:
    """Whether a person may touch this account: with another one's password he would be him."""
    if user is None or request.user.is_superuser or user.pk == request.user.pk:
        return True
    return not (user.is_superuser or user.is_staff)


for _model in (User, Group, AccessAttempt, AccessLog, AccessFailureLog):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


@admin.register(User)
class UserAdmin(PlainUserAdmin, ModelAdmin[User]):  # type: ignore[type-arg]
    """Users. Rights are given by superusers only; staff is changed by superusers only."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    warn_unsaved_form = False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return _may_reach(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        # Chats and messages name their operator for good: he is switched off, not deleted.
        if obj is not None and Operator.objects.filter(user=obj).exists():
            return False
        return _may_reach(request, obj) and super().has_delete_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else (*fields, *SUPERUSER_ONLY)


@admin.register(Group)
class GroupAdmin(PlainGroupAdmin, ModelAdmin[Group]):
    """Groups: sets of rights, and places in queues. Changed by superusers only."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser)


@admin.register(AccessAttempt)
class AccessAttemptAdmin(PlainAccessAttemptAdmin, ModelAdmin[Any]):  # type: ignore[misc]
    """Failed sign-ins; deleting one lets the person try again at once."""

    date_hierarchy = None

    def get_actions(self, request: HttpRequest) -> Any:
        """The package lets everybody who sees the list remove attempts."""
        found = super().get_actions(request)
        if self.has_delete_permission(request):
            return found
        return {name: action for name, action in found.items() if name not in (self.actions or ())}


@admin.register(AccessLog)
class AccessLogAdmin(PlainAccessLogAdmin, ModelAdmin[Any]):  # type: ignore[misc]
    """Sign-ins."""

    date_hierarchy = None


@admin.register(AccessFailureLog)
class AccessFailureLogAdmin(PlainAccessFailureLogAdmin, ModelAdmin[Any]):  # type: ignore[misc]
    """Every failed sign-in."""

    date_hierarchy = None
