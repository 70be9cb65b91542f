"""The visitor's token: who writes, signed by us, kept by his browser and sent in a header.

A token names one visitor of one connector. It is never in a cookie nor in an address, so neither
a foreign page nor a log can hand it on.
"""

import secrets

from django.core import signing

SALT = "openlines.widget.visitor"
TOKEN_DAYS = 180
MAX_AGE_SECONDS = TOKEN_DAYS * 24 * 3600
# A real token is about 110 characters; nothing longer is worth a signature check.
MAX_TOKEN_LENGTH = 400


class TokenError(Exception):
    """The token is missing, forged, too old, or of another connector."""


def visitor_id_new() -> str:
    """A visitor nobody can guess: 128 random bits, 22 characters."""
    return secrets.token_urlsafe(16)


def token_make(*, public_id: str, visitor_id: str) -> str:
    """A token for one visitor of the connector `public_id`, good for `TOKEN_DAYS`."""
    return signing.dumps([public_id, visitor_id], salt=SALT)


def token_read(token: str, *, public_id: str) -> str:
    """The visitor id in a token. Raises `TokenError`."""
    if not token or len(token) > MAX_TOKEN_LENGTH:
        raise TokenError
    try:
        value = signing.loads(token, salt=SALT, max_age=MAX_AGE_SECONDS)
    except (signing.BadSignature, ValueError):
        raise TokenError from None
    match value:
        case [str(connector), str(visitor_id)] if connector == public_id:
            return visitor_id
        case _:
            raise TokenError
