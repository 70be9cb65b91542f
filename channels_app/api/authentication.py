"""Who calls: `Authorization: Bearer olk_...`, a key that acts as its user."""

from __future__ import annotations

import logging

from django.contrib.auth.models import User
from django.db import DatabaseError
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from channels_app.models import ApiKey
from channels_app.services.api_keys import api_key_find, api_key_used

logger = logging.getLogger(__name__)

REALM = 'Bearer realm="api"'


class ApiKeyAuthentication(BaseAuthentication):
    """Reads the key from the header; `request.auth` is the `ApiKey`, `request.user` its user."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        """None without a bearer header. Raises `AuthenticationFailed` for a key that is no good:
        one sentence for all reasons, so that a guess learns nothing."""
        scheme, _blank, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        key = api_key_find(token=token.strip())
        if key is None:
            raise AuthenticationFailed(_("This API key is not valid."))
        try:
            api_key_used(api_key=key, now=timezone.now())
        except DatabaseError:
            # Only a note for the administrator: reading goes on when nothing can be written.
            logger.warning("The last use of an API key could not be written down.")
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        return REALM
