"""Who acts."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest


def acting_user(request: HttpRequest) -> User:
    """The signed-in person; the administration lets nobody else in."""
    if not isinstance(request.user, User):
        raise TypeError("Nobody is signed in.")
    return request.user
