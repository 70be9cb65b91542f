"""A repeated request with the same `Idempotency-Key` gets the first answer and changes nothing.

The record is inserted first, in the transaction of the effect. Its unique constraint makes a
second request with the same key wait until the first has committed (then its answer is given
again) or was rolled back (then the second does the work). Refused requests leave no record, so
they can be corrected and sent again with the same key.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, OperationalError, transaction
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from channels_app.models import ApiKey, IdempotencyRecord
from channels_app.services.errors import ConflictError
from openlines_project.lib.db import LOCK_TIMEOUT, sqlstate

KEEP = dt.timedelta(hours=24)
KEY_MAX_LENGTH = 200
CLEAN_BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a request is answered: HTTP status, JSON body, and whether it is a repetition."""

    status: int
    body: Any
    replayed: bool = False


def request_digest(*, method: str, path: str, body: Any) -> str:
    """The fingerprint of a request: the same for the same JSON, whatever its spacing.

    Keyed with our secret, because a body may hold a password.
    """
    text = json.dumps([method, path, body], sort_keys=True, separators=(",", ":"))
    return salted_hmac("openlines.idempotency", text, algorithm="sha256").hexdigest()


def idempotent_run(
    *,
    api_key: ApiKey,
    key: str,
    digest: str,
    now: dt.datetime,
    work: Callable[[], tuple[int, Any]],
) -> Answer:
    """Run `work` once for this key and give its answer to every repetition.

    `work` returns the status and the JSON body; what it raises rolls everything back and goes
    on to the caller. Raises `ConflictError`: `idempotency_conflict` when the key was used for
    another request, `in_progress` when the first one is still being worked on.
    """
    with transaction.atomic():
        record = _record_insert(api_key=api_key, key=key, digest=digest, now=now)
        if record is None:
            return _answer_again(api_key=api_key, key=key, digest=digest)
        status, body = work()
        IdempotencyRecord.objects.filter(pk=record.pk).update(status=status, body=body)
    return Answer(status=status, body=body)


def _record_insert(
    *, api_key: ApiKey, key: str, digest: str, now: dt.datetime
) -> IdempotencyRecord | None:
    """Take the key for this transaction; None when it was taken before."""
    try:
        with transaction.atomic():
            return IdempotencyRecord.objects.create(
                api_key=api_key, key=key, request_hash=digest, created_at=now
            )
    except IntegrityError:
        return None
    except OperationalError as error:
        # PostgreSQL waited for the first request's transaction as long as it may.
        if sqlstate(error) == LOCK_TIMEOUT:
            raise _in_progress() from error
        raise


def _answer_again(*, api_key: ApiKey, key: str, digest: str) -> Answer:
    record = IdempotencyRecord.objects.filter(api_key=api_key, key=key).first()
    if record is None or record.status is None:
        # It was removed just now, by the hourly clean or with its key.
        raise _in_progress()
    if record.request_hash != digest:
        raise ConflictError(
            "idempotency_conflict",
            _("This Idempotency-Key was used for another request."),
        )
    return Answer(status=record.status, body=record.body, replayed=True)


def _in_progress() -> ConflictError:
    return ConflictError(
        "in_progress", _("The first request with this Idempotency-Key is still running.")
    )


def idempotency_clean(*, now: dt.datetime) -> int:
    """Remove answers older than 24 hours, a batch per transaction. Returns how many."""
    removed = 0
    while True:
        old = list(
            IdempotencyRecord.objects.filter(created_at__lt=now - KEEP)
            .order_by("created_at")
            .values_list("pk", flat=True)[:CLEAN_BATCH]
        )
        if not old:
            return removed
        count, _by_model = IdempotencyRecord.objects.filter(pk__in=old).delete()
        removed += count
