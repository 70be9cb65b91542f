"""When a page with a form was handed out, signed: programs send a form sooner than people can."""

from __future__ import annotations

import datetime as dt

from django.core import signing

SALT = "openlines.crm.form.stamp"
MIN_SECONDS = 2
MAX_STAMP_LENGTH = 100


def stamp_make(*, token_id: str, now: dt.datetime) -> str:
    """The stamp of a page handed out at `now`, good for one link."""
    return signing.Signer(salt=SALT).sign(f"{token_id}:{int(now.timestamp())}")


def stamp_seconds(stamp: str, *, token_id: str, now: dt.datetime) -> float | None:
    """How many seconds ago a page was handed out; None for a stamp that is not of this link."""
    if len(stamp) > MAX_STAMP_LENGTH:
        return None
    try:
        link, _colon, moment = signing.Signer(salt=SALT).unsign(stamp).rpartition(":")
    except signing.BadSignature:
        return None
    return now.timestamp() - int(moment) if link == token_id else None
