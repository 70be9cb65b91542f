"""What a key may do: its scope, and for settings the rights of its user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from channels_app.models import ApiKey

if TYPE_CHECKING:
    # REST framework's own views import this module: it is named in the settings.
    from rest_framework.views import APIView

    from channels_app.api.views import ApiViewSet

RANK = {ApiKey.Scope.READ: 0, ApiKey.Scope.WRITE: 1, ApiKey.Scope.ADMIN: 2}


def has_right(user: User, right: str) -> bool:
    """Whether the user may do this in the admin: staff with the model permission."""
    return user.is_staff and user.has_perm(right)


class HasKey(BasePermission):
    """Any valid key."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, ApiKey)


class KeyScope(HasKey):
    """A read key reads, a write key works with conversations and sessions, an admin key changes
    settings when its user may do so in the admin. A view lists the latter in `admin_actions`."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Raises `PermissionDenied` with code `scope` or `permission`, which say what is wrong."""
        if not super().has_permission(request, view):
            return False
        key = cast(ApiKey, request.auth)
        if request.method in SAFE_METHODS:
            return True
        viewset = cast("ApiViewSet[Any]", view)
        right = viewset.admin_actions.get(viewset.action or "")
        needed = ApiKey.Scope.WRITE if right is None else ApiKey.Scope.ADMIN
        if RANK[ApiKey.Scope(key.scope)] < RANK[needed]:
            raise PermissionDenied(
                _("This needs a key with the scope “%(scope)s”.") % {"scope": needed.value},
                code="scope",
            )
        if right is not None and not has_right(cast(User, request.user), right):
            raise PermissionDenied(_("The user of this key may not do this."), code="permission")
        return True


class SchemaReader(BasePermission):
    """The description of the API is for signed-in staff and for keys."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if isinstance(request.auth, ApiKey):
            return True
        return bool(request.user and request.user.is_authenticated and request.user.is_staff)
