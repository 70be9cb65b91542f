"""Keys of other programs: made once, stored only as a digest, acting as their user."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils.translation import gettext as _

from channels_app.models import ApiKey, OpenChannel
from channels_app.services.errors import InvalidError

TOKEN_PREFIX = "olk_"  # noqa: S105  what a key begins with, so that leaked ones can be found
LAST_USED_EVERY = dt.timedelta(minutes=1)
# "olk_" and 32 random bytes in base64 are 47 characters; nothing much longer is worth hashing.
TOKEN_MAX_LENGTH = 100


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def api_key_create(
    *,
    user: User,
    name: str,
    scope: str = ApiKey.Scope.WRITE,
    open_channel: OpenChannel | None = None,
) -> tuple[ApiKey, str]:
    """Make a key for `user`. Returns it and its token, which cannot be read again later.

    `open_channel` limits the key to one line. Raises `InvalidError` for an empty name, an unknown
    scope, an inactive user, or the admin scope for somebody who is not staff.
    """
    fields: dict[str, list[str]] = {}
    if not name.strip() or len(name) > 120:
        fields["name"] = [_("Give the key a name of at most 120 characters.")]
    if scope not in ApiKey.Scope.values:
        fields["scope"] = [_("The scope is read, write or admin.")]
    elif scope == ApiKey.Scope.ADMIN and not user.is_staff:
        fields["scope"] = [_("Only a key of a staff user can change settings.")]
    if not user.is_active:
        fields["user"] = [_("This user is not active.")]
    if fields:
        raise InvalidError("invalid", _("The key was not made."), fields=fields)
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        user=user,
        name=name.strip(),
        prefix=token[: len(TOKEN_PREFIX) + 6],
        digest=_digest(token),
        scope=scope,
        open_channel=open_channel,
    )
    return key, token


def api_key_find(*, token: str) -> ApiKey | None:
    """The key of a token, with its user; None when it is unknown, revoked or its user inactive.

    The token has 256 random bits, so looking its digest up in an index gives nothing away.
    """
    if not token.startswith(TOKEN_PREFIX) or len(token) > TOKEN_MAX_LENGTH:
        return None
    return (
        ApiKey.objects.select_related("user")
        .filter(digest=_digest(token), revoked_at__isnull=True, user__is_active=True)
        .first()
    )


def api_key_used(*, api_key: ApiKey, now: dt.datetime) -> bool:
    """Remember that a key was used, at most once a minute. Returns whether it was written."""
    stale_before = now - LAST_USED_EVERY
    if api_key.last_used_at is not None and api_key.last_used_at > stale_before:
        return False
    # Conditional, so that of many requests at once only the first one writes.
    changed = ApiKey.objects.filter(
        Q(last_used_at__isnull=True) | Q(last_used_at__lte=stale_before), pk=api_key.pk
    ).update(last_used_at=now)
    return changed == 1


def api_key_revoke(*, api_key: ApiKey, now: dt.datetime) -> None:
    """Make a key useless from now on. Revoking it again changes nothing."""
    ApiKey.objects.filter(pk=api_key.pk, revoked_at__isnull=True).update(revoked_at=now)
    api_key.refresh_from_db(fields=["revoked_at"])
