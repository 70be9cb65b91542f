"""How a person stands on our pages: his name, his letters, his colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.auth.models import User

AVATARS = 6


def person_name(user: User | None) -> str:
    """What colleagues call a user; empty for nobody."""
    if user is None:
        return ""
    return user.get_full_name() or user.get_username()


def initials(name: str) -> str:
    """One or two letters for an avatar."""
    words = [word for word in name.split() if word[0].isalnum()] or name.lstrip("@").split()
    letters = [word[0] for word in words]
    return "".join(letters[:1] + letters[1:][-1:]).upper() or "?"


def avatar_number(key: int) -> int:
    """Which of the quiet tints, from 1: the same person always has the same one."""
    return key % AVATARS + 1
